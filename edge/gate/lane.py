"""A lane's transition table: one person at one reader, from the first sign of them to the outcome.

Every code that is taken up ends in a decision with reasons and a record; what the door then did
is written by the door's table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from edge.gate.admission import Known, code_denies, decide
from edge.gate.events import CodeRefused, CodeSeen, Identify, Signal
from edge.gate.reasons import Alarm, Device, Reason
from edge.gate.rules import CODE_DEVICES
from edge.gate.screening import Verdict, combined, concluded, last_reading, steady_reading
from edge.gate.state import DoorState, LaneState, Refusal, Session
from edge.gate.table import Row, Table, on, stay
from edge.gate.triggers import DoorTrigger, LaneTrigger
from edge.gate.work import LaneWork
from feed.record import Decision, Reading
from identity.credential import Credential

S = LaneState
T = LaneTrigger

# presentations remembered as answered: more than a tracker keeps alive at a time
_REMEMBERED = 8
# people who were refused as warm and wait for an attendant at one reader
_MOST_REFUSALS = 16
_REASON_OF = {
    Device.CAMERA: Reason.CAMERA_FAULT,
    Device.DECODER: Reason.CAMERA_FAULT,
    Device.THERMOMETER: Reason.SENSOR_FAULT,
    Device.DOOR: Reason.DOOR_FAULT,
}


# --- guards ---------------------------------------------------------------------------------


def code_answered(lane: LaneWork) -> bool:
    """This presentation was taken up already, or this lane reads no codes."""
    event = lane.work.event
    assert isinstance(event, CodeSeen | CodeRefused)
    return event.presentation in lane.lane.done or not lane.lane_rules.needs_code


def code_repeated(lane: LaneWork) -> bool:
    """Whoever this is was let in a moment ago: not a second entry."""
    event = lane.work.event
    assert isinstance(event, CodeSeen)
    return any(
        canonical == event.credential.canonical and lane.work.now < until_s
        for canonical, until_s in lane.lane.recent
    )


def code_changed(lane: LaneWork) -> bool:
    """Another code than the one this person showed."""
    event = lane.work.event
    assert isinstance(event, CodeSeen)
    known = lane.session.credential
    return known is not None and known.canonical != event.credential.canonical


def same_code(lane: LaneWork) -> bool:
    """The person's own code once more."""
    return lane.session.credential is not None and not code_changed(lane)


def face_wanted(lane: LaneWork) -> bool:
    """The code asks for a temperature, and one can be had."""
    event = lane.work.event
    assert isinstance(event, CodeSeen)
    return (
        lane.lane_rules.needs_temperature
        and not code_denies(lane.work.rules, event.credential)
        and not lane.faults & {Device.THERMOMETER, Device.DOOR}
        and not _found_normal(lane, event.credential.canonical)
    )


def sensor_given_up(lane: LaneWork) -> bool:
    """The thermometer is at fault, and people are let in without."""
    return Device.THERMOMETER in lane.faults and lane.work.rules.admits(Device.THERMOMETER)


def camera_given_up(lane: LaneWork) -> bool:
    """Camera or decoder is at fault, and people are let in without."""
    return bool(lane.faults & CODE_DEVICES) and lane.work.rules.admits(Device.CAMERA)


def face_starts(lane: LaneWork) -> bool:
    """A face that was not measured yet begins a session here."""
    rules = lane.lane_rules
    return lane.lane.fresh_face and (
        rules.starts_by_face or (rules.needs_temperature and camera_given_up(lane))
    )


def closed(lane: LaneWork) -> bool:
    """Out of hours, or by order, nobody comes in; the way out is open always."""
    return lane.work.state.closed is not None and lane.lane_rules.direction == "in"


def code_while_closed(lane: LaneWork) -> bool:
    event = lane.work.event
    assert isinstance(event, CodeSeen)
    return _closed_for(lane, event.credential) is not None


def face_while_closed(lane: LaneWork) -> bool:
    """No code is to come that could open the gate all the same."""
    return closed(lane) and face_starts(lane) and not code_missing(lane)


def fresh_face(lane: LaneWork) -> bool:
    return lane.lane.fresh_face


def round_wanted(lane: LaneWork) -> bool:
    """A high reading is measured again before it denies."""
    return concluded(lane.work.rules.screening, _rounds_now(lane)) is None


def warm_and_gone(lane: LaneWork) -> bool:
    """Whoever was measured as high left before the next round, and no code will say who it was."""
    return bool(lane.session.rounds) and not lane.lane_rules.needs_code


def code_known(lane: LaneWork) -> bool:
    return lane.session.credential is not None


def sensor_given_up_code_missing(lane: LaneWork) -> bool:
    return sensor_given_up(lane) and code_missing(lane)


def code_missing(lane: LaneWork) -> bool:
    """A code is still to be waited for."""
    return lane.lane_rules.needs_code and not code_known(lane) and not camera_given_up(lane)


def nobody_there(lane: LaneWork) -> bool:
    return not lane.lane.scene.present


def identified(lane: LaneWork) -> bool:
    return lane.session.settled


def broken(lane: LaneWork) -> bool:
    """A device that this lane can't do without is at fault."""
    return bool(_breaking(lane))


def sound(lane: LaneWork) -> bool:
    return not broken(lane)


def refusal_certain(lane: LaneWork) -> bool:
    """The answer is no whatever the door does."""
    return _decision(lane).result == "denied"


def door_free(lane: LaneWork) -> bool:
    door = lane.work.door
    return door.state is DoorState.SECURED and door.reserved in {None, lane.name}


def granted(lane: LaneWork) -> bool:
    decision = lane.session.decision
    return decision is not None and decision.result == "granted"


def granted_and_free(lane: LaneWork) -> bool:
    return granted(lane) and door_free(lane)


def granted_undurable(lane: LaneWork) -> bool:
    """The operator lets people in although the record can't be written yet."""
    return granted_and_free(lane) and lane.work.rules.admits(Device.RECORDER)


def fire_entry_settled(lane: LaneWork) -> bool:
    return code_known(lane) and identified(lane) and lane.session.request is None


def fire_entry_pending(lane: LaneWork) -> bool:
    return code_known(lane) and lane.session.request is None


# --- actions --------------------------------------------------------------------------------


def take_code(lane: LaneWork) -> None:
    """Take this credential up, and have its token taken beside all else."""
    event = lane.work.event
    assert isinstance(event, CodeSeen)
    _answered(lane, event.presentation)
    lane.learn(
        presentation=event.presentation,
        credential=event.credential,
        secondary=_found_normal(lane, event.credential.canonical),
        face_until_s=lane.work.now + lane.work.rules.temperature_wait_s,
    )
    lane.work.effects.append(
        Identify(reader=lane.name, presentation=event.presentation, credential=event.credential)
    )


def take_refused(lane: LaneWork) -> None:
    event = lane.work.event
    assert isinstance(event, CodeRefused)
    _answered(lane, event.presentation)
    lane.learn(presentation=event.presentation, refused=event.reason)


def answer_code(lane: LaneWork) -> None:
    event = lane.work.event
    assert isinstance(event, CodeSeen)
    _answered(lane, event.presentation)


def note_changed(lane: LaneWork) -> None:
    lane.learn(changed=True)


def note_closed(lane: LaneWork) -> None:
    """Refused already, though the gate may open before that is written."""
    lane.learn(closed=_closed_for(lane, lane.session.credential))
    lane.set(fresh_face=False)


def note_timed_out(lane: LaneWork) -> None:
    lane.learn(timed_out=True)
    note_rounds(lane)


def note_unidentified(lane: LaneWork) -> None:
    lane.learn(unidentified=True)


def keep_round(lane: LaneWork) -> None:
    """One more round is wanted after this one."""
    lane.learn(rounds=_rounds_now(lane))


def note_reading(lane: LaneWork) -> None:
    lane.learn(reading=concluded(lane.work.rules.screening, _rounds_now(lane)), rounds=())
    lane.set(fresh_face=False)


def note_last_reading(lane: LaneWork) -> None:
    """Time is up: what the samples say, or nothing. A round that was high before stands."""
    if lane.session.rounds:
        note_rounds(lane)
    else:
        rules = lane.work.rules.screening
        reading = last_reading(rules, lane.lane.scene, lane.lane_rules.calibration)
        lane.learn(reading=reading, timed_out=reading is None)
    lane.set(fresh_face=False)


def note_rounds(lane: LaneWork) -> None:
    """No further round will come: those that were made say what is said."""
    rounds = lane.session.rounds
    if rounds:
        lane.learn(reading=combined(lane.work.rules.screening, rounds), rounds=())


def forget_reading(lane: LaneWork) -> None:
    lane.learn(reading=None, rounds=(), timed_out=False)


def forget_session(lane: LaneWork) -> None:
    lane.set(session=Session())


def give_up_devices(lane: LaneWork) -> None:
    """From here on this person is judged by the faults of this moment."""
    lane.learn(faults=lane.faults)


def decide_and_write(lane: LaneWork) -> None:
    """The decision, and its record; a grant reserves the door."""
    decision = _decision(lane)
    request = lane.write_passage(decision)
    lane.learn(decision=decision, request=request)
    if decision.result == "granted":
        lane.work.set_door(reserved=lane.name)
    elif Reason.SECONDARY_CHECK in decision.reasons:
        _await_attendant(lane, request)


def note_blocked(lane: LaneWork) -> None:
    """Why the door could not be had in time."""
    lane.learn(blocked=Reason.DOOR_OPEN if lane.work.door.is_open else Reason.DOOR_BUSY)


def claim_door(lane: LaneWork) -> None:
    """This lane's grant opens the door."""
    lane.work.set_door(lane=lane.name, request=lane.session.request, reserved=None)
    lane.work.pending.append(DoorTrigger.GRANT)


def flag_undurable(lane: LaneWork) -> None:
    lane.work.set_door(reasons=(Reason.RECORD_NOT_DURABLE,))


def unreserve(lane: LaneWork) -> None:
    if lane.work.door.reserved == lane.name:
        lane.work.set_door(reserved=None)


def alarm_undurable(lane: LaneWork) -> None:
    request = lane.session.request
    assert request is not None
    lane.work.state = replace(lane.work.state, late=lane.work.state.late | {request})
    lane.work.alarm(Alarm.RECORD_NOT_DURABLE, lane.name)


def withhold(reason: Reason | None = None) -> Callable[[LaneWork], None]:
    """An action: what was granted is not given, because of `reason` or the door."""

    def withheld(lane: LaneWork) -> None:
        if not granted(lane):
            return
        why = reason or (Reason.DOOR_FAULT if Device.DOOR in lane.faults else Reason.DOOR_BUSY)
        assert lane.session.request is not None
        lane.work.outcome_of(lane.lane_rules, lane.session.request, "withheld", why)
        lane.learn(blocked=why)

    withheld.__name__ = "outcome_withheld"
    return withheld


def let_out_by_fire(lane: LaneWork) -> None:
    """The door stands released by fire while a grant was on its way to the disk."""
    if granted(lane) and lane.session.request is not None:
        lane.work.outcome_of(lane.lane_rules, lane.session.request, "opened", Reason.FIRE_RELEASE)
    lane.set(session=Session())


def write_fire_entry(lane: LaneWork) -> None:
    """Whoever shows a code during a fire is recorded; the door is released anyway."""
    decision = Decision(result="granted", reasons=(Reason.FIRE_RELEASE,))
    request = lane.write_passage(decision)
    lane.work.outcome_of(lane.lane_rules, request, "opened", Reason.FIRE_RELEASE)
    lane.set(session=Session(), deadline_s=None)


def wait_identity(lane: LaneWork) -> None:
    lane.wait(lane.work.rules.identify_s)


def remember_entry(lane: LaneWork) -> None:
    """From now on the same code is a repeat for a while."""
    now, credential = lane.work.now, lane.session.credential
    if credential is not None:
        # a normal value of an attendant's opens once
        kept_refusals = (r for r in lane.lane.refusals if r.canonical != credential.canonical)
        lane.set(refusals=tuple(kept_refusals))
    if credential is None or lane.work.rules.repeat_s <= 0:
        return
    kept = [item for item in lane.lane.recent if item[1] > now and item[0] != credential.canonical]
    kept.append((credential.canonical, now + lane.work.rules.repeat_s))
    lane.set(recent=tuple(kept))


def remember_unseen_entry(lane: LaneWork) -> None:
    """Without a contact a grant counts as used."""
    if not lane.work.rules.contact_fitted:
        remember_entry(lane)


def show_repeated(lane: LaneWork) -> None:
    lane.show(Signal.WAIT, Reason.CODE_REPEATED)


def show_wait(lane: LaneWork) -> None:
    lane.show(Signal.WAIT)


# --- what each state shows, and how long it lasts -------------------------------------------


def _enter_idle(lane: LaneWork) -> None:
    lane.set(session=Session())
    lane.wait(None)
    lane.show(Signal.CLOSED if closed(lane) else Signal.READY)


def _enter_code_seen(lane: LaneWork) -> None:
    lane.set(deadline_s=lane.session.face_until_s)
    lane.show(Signal.COME_CLOSER)


def _enter_measuring(lane: LaneWork) -> None:
    lane.set(scene=lane.lane.scene.cleared())
    lane.wait(lane.work.rules.measuring_s)
    lane.show(Signal.HOLD_STILL)


def _enter_pausing(lane: LaneWork) -> None:
    lane.wait(lane.work.rules.screening.repeat_pause_s)
    lane.show(Signal.HOLD_STILL, Reason.TEMPERATURE_REPEATED)


def _enter_code_wanted(lane: LaneWork) -> None:
    lane.wait(lane.work.rules.code_wait_s)
    lane.show(Signal.SHOW_CODE)


def _enter_identifying(lane: LaneWork) -> None:
    wait_identity(lane)
    lane.show(Signal.BUSY)


def _enter_waiting(lane: LaneWork) -> None:
    lane.wait(lane.work.rules.door_wait_s)
    lane.show(Signal.WAIT)


def _enter_recording(lane: LaneWork) -> None:
    lane.wait(lane.work.rules.record_s)
    lane.show(Signal.BUSY)


def _enter_granted(lane: LaneWork) -> None:
    lane.wait(None)
    lane.show(Signal.GRANTED, *_shown_reasons(lane))


def _enter_denied(lane: LaneWork) -> None:
    lane.wait(lane.work.rules.denied_s)
    lane.show(Signal.DENIED, *_shown_reasons(lane))


def _enter_cooling_down(lane: LaneWork) -> None:
    lane.wait(lane.work.rules.cool_down_s)


def _enter_faulted(lane: LaneWork) -> None:
    lane.set(session=Session())
    lane.wait(None)
    lane.show(Signal.FAULT, *sorted({_REASON_OF[device] for device in _breaking(lane)}))


def _enter_fire(lane: LaneWork) -> None:
    lane.wait(None if lane.session.settled else lane.work.rules.identify_s)
    lane.show(Signal.FIRE)


ENTER: Mapping[LaneState, Callable[[LaneWork], None]] = {
    S.IDLE: _enter_idle,
    S.CODE_SEEN: _enter_code_seen,
    S.MEASURING: _enter_measuring,
    S.PAUSING: _enter_pausing,
    S.CODE_WANTED: _enter_code_wanted,
    S.IDENTIFYING: _enter_identifying,
    S.WAITING: _enter_waiting,
    S.RECORDING: _enter_recording,
    S.GRANTED: _enter_granted,
    S.PASSING: _enter_granted,
    S.DENIED: _enter_denied,
    S.COOLING_DOWN: _enter_cooling_down,
    S.FAULTED: _enter_faulted,
    S.FIRE: _enter_fire,
}


def interrupt(lane: LaneWork) -> None:
    """The gate stops: an undecided code is refused, a grant that did not open is withheld."""
    if lane.lane.state is S.RECORDING:
        withhold(Reason.INTERRUPTED)(lane)
    elif lane.lane.state in _UNDECIDED and (code_known(lane) or lane.session.refused):
        lane.write_passage(Decision(result="denied", reasons=(Reason.INTERRUPTED,)))
    lane.show(Signal.OFF)


# --- helpers --------------------------------------------------------------------------------


def _answered(lane: LaneWork, presentation: str) -> None:
    lane.set(done=(*lane.lane.done, presentation)[-_REMEMBERED:])


def _breaking(lane: LaneWork) -> frozenset[Device]:
    rules, lane_rules = lane.work.rules, lane.lane_rules
    needed = {Device.DOOR}
    if lane_rules.needs_code and not rules.admits(Device.CAMERA):
        needed |= CODE_DEVICES
    if lane_rules.needs_temperature and not rules.admits(Device.THERMOMETER):
        needed.add(Device.THERMOMETER)
    return lane.work.state.faulty(lane.name) & needed


def _decision(lane: LaneWork) -> Decision:
    session = lane.session
    known = Known(
        credential=session.credential,
        refused=session.refused,
        reading=session.reading,
        faults=lane.faults,
        timed_out=session.timed_out,
        changed=session.changed,
        unidentified=session.unidentified,
        blocked=session.blocked,
        secondary=session.secondary,
        closed=_refused_as_closed(lane),
    )
    return decide(lane.work.rules, lane.lane_rules, known)


def _refused_as_closed(lane: LaneWork) -> Reason | None:
    """By the moment at which the decision falls: no entry in the records is of a closed gate."""
    session = lane.session
    if session.refused is not None or session.closed is not None:
        return session.closed
    return _closed_for(lane, session.credential)


def _closed_for(lane: LaneWork, known: Credential | None) -> Reason | None:
    """Why whoever shows this does not come in now. Nobody is exempt from an order."""
    if not closed(lane):
        return None
    if lane.work.state.order is not None:
        return Reason.CLOSED_BY_ORDER
    always = known is not None and lane.work.rules.lets_in_always(known)
    return None if always else Reason.OUT_OF_HOURS


def _rounds_now(lane: LaneWork) -> tuple[Reading, ...]:
    """The rounds of before and the steady reading of now."""
    reading = steady_reading(
        lane.work.rules.screening, lane.lane.scene, lane.lane_rules.calibration
    )
    if reading is None or reading.verdict in {Verdict.LOW, Verdict.NOT_A_FACE}:
        return lane.session.rounds
    return (*lane.session.rounds, reading)


def _found_normal(lane: LaneWork, canonical: str) -> bool:
    """Whether an attendant's thermometer found this person normal a while ago."""
    return any(
        refusal.normal and refusal.canonical == canonical and lane.work.now < refusal.until_s
        for refusal in lane.lane.refusals
    )


def _await_attendant(lane: LaneWork, request: int) -> None:
    now, credential = lane.work.now, lane.session.credential
    refusal = Refusal(
        request=request,
        until_s=now + lane.work.rules.screening.secondary_s,
        canonical=None if credential is None else credential.canonical,
    )
    kept = [one for one in lane.lane.refusals if one.until_s > now]
    lane.set(refusals=(*kept, refusal)[-_MOST_REFUSALS:])


def _shown_reasons(lane: LaneWork) -> tuple[Reason, ...]:
    session = lane.session
    if session.decision is None:
        return ()
    if session.decision.result == "granted" and session.blocked is not None:
        return (session.blocked,)
    return tuple(Reason(reason) for reason in session.decision.reasons)


# --- the table ------------------------------------------------------------------------------

# fmt: off
_UNDECIDED = [S.CODE_SEEN, S.MEASURING, S.PAUSING, S.CODE_WANTED, S.IDENTIFYING, S.WAITING]
_BEFORE_SENSOR = [S.MEASURING, S.PAUSING]
_OTHERS = [S.IDLE, S.DENIED, S.COOLING_DOWN, S.FAULTED, S.GRANTED, S.PASSING]

_rows: list[Row[S, T, LaneWork]] = [
    # fire: whoever is on their way is let out, and recorded
    *on(_UNDECIDED, T.FIRE, S.FIRE),
    *on(S.RECORDING, T.FIRE, S.FIRE, let_out_by_fire, unreserve),
    *on(_OTHERS, T.FIRE, S.FIRE, forget_session),
    *on(S.FIRE, T.CODE, None, guard=code_answered),
    *on(S.FIRE, T.CODE, None, guard=fire_entry_pending),
    *on(S.FIRE, T.CODE, None, forget_session, take_code, wait_identity),
    *on(S.FIRE, T.CHECK, None, write_fire_entry, guard=fire_entry_settled),
    *on(S.FIRE, T.TIMEOUT, None, note_unidentified),
    *on(S.FIRE, T.FIRE_OVER, S.COOLING_DOWN, write_fire_entry, guard=fire_entry_pending),
    *on(S.FIRE, T.FIRE_OVER, S.COOLING_DOWN),
    # somebody comes
    *on([S.IDLE, S.FAULTED], T.CODE, None, guard=code_answered),
    *on([S.IDLE, S.FAULTED], T.CODE, S.COOLING_DOWN,
        answer_code, show_repeated, guard=code_repeated),
    *on([S.IDLE, S.FAULTED], T.CODE, S.IDENTIFYING,
        take_code, note_closed, guard=code_while_closed),
    *on([S.IDLE, S.FAULTED], T.CODE, S.CODE_SEEN, take_code, guard=face_wanted),
    *on([S.IDLE, S.FAULTED], T.CODE, S.IDENTIFYING, take_code, give_up_devices),
    *on([S.IDLE, S.FAULTED], T.REFUSED, None, guard=code_answered),
    *on([S.IDLE, S.FAULTED], T.REFUSED, S.WAITING, take_refused),
    *on(S.IDLE, T.PRESENT, S.IDENTIFYING, note_closed, guard=face_while_closed),
    *on(S.IDLE, T.PRESENT, None, guard=closed),
    *on(S.IDLE, T.PRESENT, S.MEASURING, guard=face_starts),
    *on(S.IDLE, T.OPENING, S.IDLE),
    *on(S.IDLE, T.FAULT, S.FAULTED, guard=broken),
    *on(S.FAULTED, T.FAULT, S.FAULTED),
    *on(S.FAULTED, T.RECOVERED, S.IDLE, guard=sound),
    *on(S.FAULTED, T.RECOVERED, S.FAULTED),
    # the code is known, the face is waited for
    # who comes next keeps their turn: their code is taken up when this answer was shown
    *on(S.CODE_SEEN, T.CODE, S.IDENTIFYING, note_changed, guard=code_changed),
    *on(S.CODE_SEEN, T.PRESENT, S.MEASURING),
    *on(S.CODE_SEEN, T.FAULT, S.IDENTIFYING, note_rounds, give_up_devices, guard=sensor_given_up),
    *on(S.CODE_SEEN, T.TIMEOUT, S.IDENTIFYING, give_up_devices, note_timed_out),
    # the face is measured
    *on(_BEFORE_SENSOR, T.CODE, None, guard=code_answered),
    *on(_BEFORE_SENSOR, T.CODE, S.IDENTIFYING, answer_code, note_changed, guard=code_changed),
    *on(_BEFORE_SENSOR, T.CODE, None, answer_code, guard=same_code),
    *on(_BEFORE_SENSOR, T.CODE, None, answer_code, show_repeated, guard=code_repeated),
    *on(_BEFORE_SENSOR, T.CODE, None, take_code),
    *on(S.MEASURING, T.READING, S.PAUSING, keep_round, guard=round_wanted),
    *on(S.MEASURING, T.READING, S.CODE_WANTED, note_reading, guard=code_missing),
    *on(S.MEASURING, T.READING, S.IDENTIFYING, note_reading, give_up_devices),
    *on(_BEFORE_SENSOR, T.ABSENT, S.CODE_SEEN, guard=code_known),
    *on(_BEFORE_SENSOR, T.ABSENT, S.IDENTIFYING,
        note_rounds, give_up_devices, guard=warm_and_gone),
    *on(_BEFORE_SENSOR, T.ABSENT, S.IDLE),
    *on(_BEFORE_SENSOR, T.FAULT, S.CODE_WANTED, note_rounds, guard=sensor_given_up_code_missing),
    *on(_BEFORE_SENSOR, T.FAULT, S.IDENTIFYING,
        note_rounds, give_up_devices, guard=sensor_given_up),
    *on(S.PAUSING, T.TIMEOUT, S.MEASURING),
    *on(S.MEASURING, T.TIMEOUT, S.CODE_WANTED, note_last_reading, guard=code_missing),
    *on(S.MEASURING, T.TIMEOUT, S.IDENTIFYING, note_last_reading, give_up_devices),
    # the face is known, the code is waited for
    *on(S.CODE_WANTED, T.CODE, None, guard=code_answered),
    *on(S.CODE_WANTED, T.CODE, S.COOLING_DOWN, answer_code, show_repeated, guard=code_repeated),
    *on(S.CODE_WANTED, T.CODE, S.IDENTIFYING, take_code, give_up_devices),
    *on(S.CODE_WANTED, T.REFUSED, None, guard=code_answered),
    *on(S.CODE_WANTED, T.REFUSED, S.WAITING, take_refused),
    *on(S.CODE_WANTED, T.PRESENT, S.MEASURING, forget_reading, guard=fresh_face),
    *on(S.CODE_WANTED, T.FAULT, S.IDENTIFYING, give_up_devices, guard=camera_given_up),
    *on(S.CODE_WANTED, T.TIMEOUT, S.IDLE, guard=nobody_there),
    *on(S.CODE_WANTED, T.TIMEOUT, S.IDENTIFYING, give_up_devices, note_timed_out),
    # who it is, then the door, then the record
    *on(S.IDENTIFYING, T.CHECK, S.WAITING, guard=identified),
    *on(S.IDENTIFYING, T.TIMEOUT, S.WAITING, note_unidentified),
    *on(S.WAITING, T.CHECK, S.RECORDING, decide_and_write, guard=refusal_certain),
    *on(S.WAITING, T.CHECK, S.RECORDING, decide_and_write, guard=door_free),
    *on(S.WAITING, T.TIMEOUT, S.RECORDING, note_blocked, decide_and_write),
    *on(S.RECORDING, T.DURABLE, S.GRANTED, claim_door, guard=granted_and_free),
    *on(S.RECORDING, T.DURABLE, S.DENIED, withhold(), unreserve),
    *on(S.RECORDING, [T.NOT_DURABLE, T.TIMEOUT], S.GRANTED,
        alarm_undurable, flag_undurable, claim_door, guard=granted_undurable),
    *on(S.RECORDING, [T.NOT_DURABLE, T.TIMEOUT], S.DENIED,
        alarm_undurable, withhold(Reason.RECORD_NOT_DURABLE), unreserve),
    # the door's part
    *on(S.GRANTED, T.DOOR_OPENED, S.PASSING, remember_entry),
    *on(S.GRANTED, T.GRANT_OVER, S.COOLING_DOWN, remember_unseen_entry, show_wait),
    *on(S.PASSING, T.GRANT_OVER, S.COOLING_DOWN, show_wait),
    # the next one
    *on(S.DENIED, T.TIMEOUT, S.COOLING_DOWN),
    *on(S.COOLING_DOWN, T.TIMEOUT, S.FAULTED, guard=broken),
    *on(S.COOLING_DOWN, T.TIMEOUT, S.IDLE),
]
# fmt: on

LANE_TABLE: Table[S, T, LaneWork] = Table(S, T, [*_rows, *stay(S, T, _rows)])
