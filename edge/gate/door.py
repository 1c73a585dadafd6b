"""The door's transition table: one grant, one opening; exit and fire served before all else."""

from __future__ import annotations

from collections.abc import Callable

from edge.gate.events import Release, Secure
from edge.gate.reasons import Alarm, Device, Reason
from edge.gate.state import DoorState
from edge.gate.table import Row, Table, on, stay
from edge.gate.triggers import DoorTrigger
from edge.gate.work import Work
from feed.record import Kind, OutcomeResult

S = DoorState
T = DoorTrigger


# --- guards ---------------------------------------------------------------------------------


def just_passed(work: Work) -> bool:
    """Somebody went through a moment ago: this is a second person on one grant."""
    passed_s = work.door.passed_s
    return passed_s is not None and work.now - passed_s <= work.rules.second_opening_s


def stands_open(work: Work) -> bool:
    return work.door.is_open is True


def out_of_order(work: Work) -> bool:
    return Device.DOOR in work.state.faulty(None)


def no_contact(work: Work) -> bool:
    return not work.rules.contact_fitted


# --- actions --------------------------------------------------------------------------------


def release(work: Work) -> None:
    work.effects.append(Release())


def secure(work: Work) -> None:
    work.effects.append(Secure())


def wait_open(work: Work) -> None:
    work.set_door(deadline_s=work.now + work.rules.open_s)


def wait_closed(work: Work) -> None:
    work.set_door(deadline_s=work.now + work.rules.held_open_s)


def forget_grant(work: Work) -> None:
    work.set_door(lane=None, request=None, reasons=(), deadline_s=None)


def note_passed(work: Work) -> None:
    work.set_door(passed_s=work.now)


def note_exit(work: Work) -> None:
    request = work.happening(Kind.DOOR, "exit_pressed")
    if work.door.lane is None:
        work.set_door(request=request)


def intrude(name: Alarm) -> Callable[[Work], None]:
    """An action for a door that was opened without a grant."""

    def raise_intrusion(work: Work) -> None:
        work.set_door(intrusion=name)
        work.alarm(name)

    raise_intrusion.__name__ = f"alarm_{name}"
    return raise_intrusion


def clear_intrusion(work: Work) -> None:
    work.alarm(work.door.intrusion, raised=False)


def outcome(result: OutcomeResult, *reasons: Reason) -> Callable[[Work], None]:
    """An action that writes an outcome of the grant at hand."""

    def write_outcome(work: Work) -> None:
        work.outcome(work.door.request, result, *reasons)

    write_outcome.__name__ = f"outcome_{result}"
    return write_outcome


def alarm(name: Alarm, *, raised: bool = True) -> Callable[[Work], None]:
    """An action that raises or clears an alarm."""

    def raise_alarm(work: Work) -> None:
        work.alarm(name, raised=raised)

    raise_alarm.__name__ = f"alarm_{name}" if raised else f"alarm_{name}_cleared"
    return raise_alarm


# --- the table ------------------------------------------------------------------------------

# fmt: off
_NOT_FIRE = [state for state in S if state is not S.FIRE]
_NOT_FIRE_OR_FAULT = [state for state in _NOT_FIRE if state is not S.FAULTED]

_rows: list[Row[S, T, Work]] = [
    # fire first: it is served from everywhere
    *on(S.RELEASED, T.FIRE, S.FIRE,
        outcome("opened", Reason.FIRE_RELEASE), forget_grant, release, alarm(Alarm.FIRE)),
    *on(_NOT_FIRE, T.FIRE, S.FIRE, forget_grant, release, alarm(Alarm.FIRE)),
    *on(S.FIRE, T.FIRE_OVER, S.FAULTED,
        forget_grant, secure, alarm(Alarm.FIRE, raised=False), guard=out_of_order),
    *on(S.FIRE, T.FIRE_OVER, S.PASSING,
        forget_grant, secure, alarm(Alarm.FIRE, raised=False), wait_closed, guard=stands_open),
    *on(S.FIRE, T.FIRE_OVER, S.SECURED, forget_grant, secure, alarm(Alarm.FIRE, raised=False)),
    # the relay is gone: what was granted is withheld, what was open stays as the contact says
    *on(S.RELEASED, T.FAULT, S.FAULTED,
        outcome("withheld", Reason.DOOR_FAULT), forget_grant, secure),
    *on(_NOT_FIRE_OR_FAULT, T.FAULT, S.FAULTED, forget_grant, secure),
    *on(S.FAULTED, T.RECOVERED, S.PASSING, secure, wait_closed, guard=stands_open),
    *on(S.FAULTED, T.RECOVERED, S.SECURED, secure),
    # grants and the exit button
    *on(S.SECURED, T.GRANT, S.RELEASED, release, wait_open, outcome("opened"), guard=no_contact),
    *on(S.SECURED, T.GRANT, S.RELEASED, release, wait_open),
    *on(S.SECURED, T.EXIT, S.RELEASED, note_exit, release, wait_open),
    *on(S.RELEASED, T.EXIT, S.RELEASED, note_exit, wait_open),
    *on([S.PASSING, S.HELD_OPEN, S.FORCED, S.FIRE], T.EXIT, None, note_exit),
    # the way through: the lock falls in as soon as the door is open
    *on(S.RELEASED, T.OPENED, S.PASSING, secure, wait_closed, outcome("opened")),
    *on(S.RELEASED, T.TIMEOUT, S.SECURED, secure, forget_grant, guard=no_contact),
    *on(S.RELEASED, T.TIMEOUT, S.SECURED, secure, outcome("not_passed"), forget_grant),
    *on(S.PASSING, T.CLOSED, S.SECURED, outcome("passed"), forget_grant, note_passed),
    *on(S.PASSING, T.TIMEOUT, S.HELD_OPEN, outcome("held_open"), alarm(Alarm.DOOR_HELD_OPEN)),
    *on(S.HELD_OPEN, T.CLOSED, S.SECURED,
        outcome("passed"), forget_grant, alarm(Alarm.DOOR_HELD_OPEN, raised=False), note_passed),
    # opened without a grant; a door that stood open when the gate started is given time first
    *on(S.SECURED, T.FOUND_OPEN, S.PASSING, wait_closed),
    *on(S.SECURED, T.OPENED, S.FORCED, intrude(Alarm.SECOND_OPENING), guard=just_passed),
    *on(S.SECURED, T.OPENED, S.FORCED, intrude(Alarm.DOOR_FORCED)),
    *on(S.FORCED, T.CLOSED, S.SECURED, clear_intrusion),
]
# fmt: on

DOOR_TABLE: Table[S, T, Work] = Table(S, T, [*_rows, *stay(S, T, _rows)])
