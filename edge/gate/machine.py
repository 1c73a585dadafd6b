"""The gate's machine: `step(rules, state, event, now)` gives the next state and the effects.

The law of this file: pure. No clock, no I/O, no threads, no logging. An event that can't be (an
unknown reader, a write that was never asked for) raises ValueError and changes nothing; anything
else that can happen at a gate has its row in the tables of edge.gate.lane and edge.gate.door.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edge.gate import events as ev
from edge.gate.door import DOOR_TABLE
from edge.gate.hours import Closure, Order
from edge.gate.lane import ENTER, LANE_TABLE, interrupt
from edge.gate.reasons import Alarm, Device, Reason
from edge.gate.rules import Rules
from edge.gate.screening import Verdict, observe, steady_reading
from edge.gate.state import DoorPart, DoorState, GateState, Lane, LaneState, Refusal
from edge.gate.triggers import DoorTrigger, LaneTrigger
from edge.gate.work import LaneWork, Work
from feed.record import Detail, Draft, Happening, Kind, Reading

# rounds of CHECK after an event; each moves a lane on, and a way has fewer states than this
_MOST_CHECKS = 16
# readings that leave time to mend what is measured
_HINTS = {Verdict.LOW: Reason.TEMPERATURE_LOW, Verdict.NOT_A_FACE: Reason.NOT_A_FACE}
# states in which the door serves somebody's grant
_SERVING = frozenset({DoorState.RELEASED, DoorState.PASSING, DoorState.HELD_OPEN})


def initial(rules: Rules) -> GateState:
    """A gate that was just started: secured, nobody there, nothing at fault."""
    return GateState(door=DoorPart(), lanes=tuple(Lane(name=lane.name) for lane in rules.lanes))


def start(
    rules: Rules, state: GateState, now: float, **detail: Detail
) -> tuple[GateState, tuple[ev.Effect, ...]]:
    """The first effects: the door secured, every reader told what to show, the start recorded."""
    work = Work(rules, state, now, ev.Tick())
    work.effects.append(ev.Secure())
    for lane in state.lanes:
        ENTER[lane.state](LaneWork(work, lane.name))
    work.tell()
    work.happening(Kind.GATE, "started", detail=detail)
    return work.state, tuple(work.effects)


def stop(
    rules: Rules, state: GateState, now: float, why: str
) -> tuple[GateState, tuple[ev.Effect, ...]]:
    """The last effects: whoever is on their way gets an answer in the records, and the stop too."""
    work = Work(rules, state, now, ev.Tick())
    if work.door.state is DoorState.RELEASED:
        work.outcome(work.door.request, "not_passed", Reason.INTERRUPTED)
    for name in [lane.name for lane in state.lanes]:
        interrupt(LaneWork(work, name))
    work.tell()
    work.happening(Kind.GATE, "stopped", detail={"why": why})
    return work.state, tuple(work.effects)


def step(
    rules: Rules, state: GateState, event: ev.Event, now: float
) -> tuple[GateState, tuple[ev.Effect, ...]]:
    """What follows from an event at `now` (monotonic seconds, never before the last one's)."""
    work = Work(rules, state, now, ev.Tick())
    _fire_due(work)
    work.event = event
    _take(work, event)
    _settle(work)
    work.tell()
    return work.state, tuple(work.effects)


# --- events ---------------------------------------------------------------------------------


def _take(work: Work, event: ev.Event) -> None:
    match event:
        case ev.CodeSeen():
            _lane(work, event.reader, LaneTrigger.CODE)
        case ev.CodeRefused():
            _lane(work, event.reader, LaneTrigger.REFUSED)
        case ev.Identified() | ev.NotIdentified():
            _take_person(work, event)
        case ev.Sample() | ev.SecondaryReading():
            _take_temperature(work, event)
        case ev.Durable() | ev.NotDurable():
            _take_written(work, event)
        case ev.Faulted() | ev.Recovered():
            _take_health(work, event)
        case ev.Noted():
            work.happening(event.kind, event.name, reader=event.reader, detail=event.detail)
        case ev.Hours() | ev.Ordered():
            _take_opening(work, event)
        case ev.Tick():
            pass
        case _:
            _take_of_door(work, event)


def _take_of_door(
    work: Work, event: ev.Contact | ev.ExitPressed | ev.FireInput | ev.FireReset
) -> None:
    match event:
        case ev.Contact():
            _take_contact(work, is_open=event.is_open)
        case ev.ExitPressed():
            _door(work, DoorTrigger.EXIT)
        case ev.FireInput():
            _take_fire(work, active=event.active)
        case ev.FireReset():
            _take_fire_reset(work)


def _take_opening(work: Work, event: ev.Hours | ev.Ordered) -> None:
    if isinstance(event, ev.Hours):
        _take_hours(work, event.closure)
    else:
        _take_order(work, event)


def _take_hours(work: Work, closure: Closure | None) -> None:
    """A record at each change, so that refusals explain themselves; not for a closure whose end
    was only told anew.
    """
    before = work.state.closure
    work.state = replace(work.state, closure=closure)
    if (before is None) == (closure is None):
        return
    if closure is None:
        work.happening(Kind.GATE, "opened")
    else:
        work.happening(Kind.GATE, "closed", detail={"opens_at": closure.opens_at})
    _lanes_of(work, None, LaneTrigger.OPENING)


def _take_order(work: Work, event: ev.Ordered) -> None:
    """A record of each order and of its end, and none where only its end was told anew."""
    before, order = work.state.order, event.order
    work.state = replace(work.state, order=order)
    if order is not None and (before is None or before.command != order.command):
        work.happening(Kind.GATE, "closed_by_order", detail=_of_order(order, event.detail))
    elif order is None and before is not None:
        work.happening(Kind.GATE, "reopened", detail=event.detail)
    if (before is None) != (order is None):
        _lanes_of(work, None, LaneTrigger.OPENING)


def _of_order(order: Order, detail: Mapping[str, Detail] | None) -> dict[str, Detail]:
    said: dict[str, Detail] = {
        "command": order.command,
        "since": order.since,
        "reason": order.reason,
        "until": order.until,
        "by": order.by,
    }
    return {name: one for name, one in said.items() if one is not None} | dict(detail or {})


def _take_person(work: Work, event: ev.Identified | ev.NotIdentified) -> None:
    lane = work.state.lane(event.reader)
    if lane.session.presentation == event.presentation and not lane.session.unidentified:
        failed = isinstance(event, ev.NotIdentified)
        LaneWork(work, lane.name).learn(person=event.person, unidentified=failed)


def _take_temperature(work: Work, event: ev.Sample | ev.SecondaryReading) -> None:
    if isinstance(event, ev.Sample):
        _take_sample(work, event)
    else:
        _take_secondary(work, event)


def _take_sample(work: Work, event: ev.Sample) -> None:
    lane = LaneWork(work, work.state.lane(event.reader).name)
    was_present = lane.lane.scene.present
    scene = observe(
        work.rules.screening,
        lane.lane.scene,
        event.object_c,
        event.ambient_c,
        now=work.now,
        settling_s=event.settling_s,
        code_in_view=lane.session.credential is not None,
    )
    lane.set(scene=scene)
    if not scene.present:
        lane.set(fresh_face=True)
        if was_present:
            _lane(work, lane.name, LaneTrigger.ABSENT)
        return
    _lane(work, lane.name, LaneTrigger.PRESENT)
    if lane.lane.state is LaneState.MEASURING:
        _take_window(work, lane)


def _take_window(work: Work, lane: LaneWork) -> None:
    reading = steady_reading(work.rules.screening, lane.lane.scene, lane.lane_rules.calibration)
    if reading is None:
        return
    if reading.verdict in _HINTS:
        # neither is healthy: there is time left to come closer, take off the hat, put away the cup
        lane.show(ev.Signal.COME_CLOSER, _HINTS[Verdict(reading.verdict)])
        return
    _lane(work, lane.name, LaneTrigger.READING)


def _take_secondary(work: Work, event: ev.SecondaryReading) -> None:
    """An attendant's value: a record that names the refusal; a normal one opens the next time."""
    lane = LaneWork(work, work.state.lane(event.reader).name)
    refusal = waiting_refusal(lane.lane, event.seq, work.now)
    if refusal is None:
        detail: dict[str, Detail] = {"why": "nobody waits for it", "value_c": event.value_c}
        work.happening(Kind.AUDIT, "secondary_refused", reader=lane.name, detail=detail)
        return
    rules = work.rules.screening
    normal = event.value_c < rules.limit_c
    work.write(
        Draft(
            kind=Kind.CHECK,
            reader=lane.name,
            direction=lane.lane_rules.direction,
            reading=Reading(
                verdict=Verdict.NORMAL if normal else Verdict.HIGH,
                estimate_c=round(event.value_c, 2),
            ),
            event=Happening(name="secondary", detail={"limit_c": rules.limit_c}),
        ),
        ref=refusal.request,
    )
    done = replace(refusal, normal=normal, until_s=work.now + rules.secondary_s)
    others = (one for one in lane.lane.refusals if one.request != refusal.request)
    lane.set(refusals=(*others, done) if normal and refusal.canonical else tuple(others))


def waiting_refusal(lane: Lane, seq: int | None, now: float) -> Refusal | None:
    """Whose secondary measurement is meant: that of record `seq`, or the newest refusal's."""
    waiting = [one for one in lane.refusals if not one.normal and now < one.until_s]
    if seq is not None:
        waiting = [one for one in waiting if one.seq == seq]
    return waiting[-1] if waiting else None


def _take_health(work: Work, event: ev.Faulted | ev.Recovered) -> None:
    if isinstance(event, ev.Faulted):
        _take_fault(work, event)
    else:
        _take_recovery(work, event)


def _take_fault(work: Work, event: ev.Faulted) -> None:
    if event.reader is not None:
        work.state.lane(event.reader)
    faults = dict(work.state.faults)
    key = (event.device, event.reader)
    if faults.get(key) == event.cause:
        return
    faults[key] = event.cause
    work.state = replace(work.state, faults=tuple(faults.items()))
    work.alarm(
        Alarm.DEVICE_FAULT,
        event.reader,
        device=event.device,
        cause=event.cause,
        detail=event.detail,
    )
    if event.device is Device.DOOR:
        _door(work, DoorTrigger.FAULT)
    _lanes_of(work, event.reader, LaneTrigger.FAULT)


def _take_recovery(work: Work, event: ev.Recovered) -> None:
    faults = dict(work.state.faults)
    if faults.pop((event.device, event.reader), None) is None:
        return
    work.state = replace(work.state, faults=tuple(faults.items()))
    work.alarm(Alarm.DEVICE_FAULT, event.reader, raised=False, device=event.device)
    if event.device is Device.DOOR:
        _door(work, DoorTrigger.RECOVERED)
    _lanes_of(work, event.reader, LaneTrigger.RECOVERED)


def _take_contact(work: Work, *, is_open: bool) -> None:
    was_open = work.door.is_open
    work.set_door(is_open=is_open)
    if is_open == was_open or (was_open is None and not is_open):
        return
    if was_open is None and work.door.state is DoorState.SECURED:
        _door(work, DoorTrigger.FOUND_OPEN)
    else:
        _door(work, DoorTrigger.OPENED if is_open else DoorTrigger.CLOSED)


def _take_fire(work: Work, *, active: bool) -> None:
    work.set_door(fire_input=active)
    if active:
        _door(work, DoorTrigger.FIRE)
    elif work.rules.fire_reset == "automatic":
        _door(work, DoorTrigger.FIRE_OVER)


def _take_fire_reset(work: Work) -> None:
    if work.door.fire_input:
        work.happening(
            Kind.AUDIT, "fire_reset_refused", detail={"why": "the fire input is still active"}
        )
    else:
        _door(work, DoorTrigger.FIRE_OVER)


def _take_written(work: Work, event: ev.Durable | ev.NotDurable) -> None:
    if not 0 < event.request < work.state.next_request:
        raise ValueError(f"no record was asked for under request {event.request}")
    durable = isinstance(event, ev.Durable)
    if isinstance(event, ev.Durable):
        _note_seq(work, event)
    if durable and event.request in work.state.late:
        work.state = replace(work.state, late=work.state.late - {event.request})
        if not work.state.late:
            work.alarm(Alarm.RECORD_NOT_DURABLE, raised=False)
    for lane in work.state.lanes:
        if lane.session.request == event.request:
            trigger = LaneTrigger.DURABLE if durable else LaneTrigger.NOT_DURABLE
            _lane(work, lane.name, trigger)


def _note_seq(work: Work, event: ev.Durable) -> None:
    for lane in work.state.lanes:
        if any(refusal.request == event.request for refusal in lane.refusals):
            refusals = tuple(
                replace(refusal, seq=event.seq) if refusal.request == event.request else refusal
                for refusal in lane.refusals
            )
            work.state = work.state.with_lane(replace(lane, refusals=refusals))


# --- running the tables ---------------------------------------------------------------------


def _fire_due(work: Work) -> None:
    """Deadlines that are over come before the event, whenever the tick arrives."""
    door = work.door
    if door.deadline_s is not None and door.deadline_s <= work.now:
        work.set_door(deadline_s=None)
        _door(work, DoorTrigger.TIMEOUT)
    for name in [lane.name for lane in work.state.lanes]:
        lane = work.state.lane(name)
        if lane.deadline_s is not None and lane.deadline_s <= work.now:
            work.state = work.state.with_lane(replace(lane, deadline_s=None))
            _lane(work, name, LaneTrigger.TIMEOUT)
    _settle(work)


def _settle(work: Work) -> None:
    """Move on every lane whose wait is over, until none moves."""
    for _ in range(_MOST_CHECKS):
        before = work.state
        for lane in work.state.lanes:
            _lane(work, lane.name, LaneTrigger.CHECK)
        if work.state == before:
            return
    raise AssertionError("the lanes' CHECK rows go round in a circle")


def _lane(work: Work, name: str, trigger: LaneTrigger) -> None:
    lane = LaneWork(work, name)
    row = LANE_TABLE.find(lane.lane.state, trigger, lane)
    for action in row.actions:
        action(lane)
    if row.target is not None:
        lane.set(state=row.target)
        ENTER[row.target](lane)
    while work.pending:
        _door(work, work.pending.pop(0))


def _door(work: Work, trigger: DoorTrigger) -> None:
    before = work.door
    row = DOOR_TABLE.find(before.state, trigger, work)
    for action in row.actions:
        action(work)
    if row.target is None or row.target is before.state:
        return
    work.set_door(state=row.target)
    if row.target is DoorState.FIRE:
        _lanes_of(work, None, LaneTrigger.FIRE)
    elif before.state is DoorState.FIRE:
        _lanes_of(work, None, LaneTrigger.FIRE_OVER)
    elif before.lane is not None and before.state in _SERVING:
        if row.target is DoorState.PASSING:
            _lane(work, before.lane, LaneTrigger.DOOR_OPENED)
        elif row.target is not DoorState.HELD_OPEN:
            _lane(work, before.lane, LaneTrigger.GRANT_OVER)


def _lanes_of(work: Work, reader: str | None, trigger: LaneTrigger) -> None:
    for lane in work.state.lanes:
        if reader is None or lane.name == reader:
            _lane(work, lane.name, trigger)
