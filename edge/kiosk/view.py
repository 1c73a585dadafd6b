"""What a reader's screen shows, from the machine's state. Pure: no clock, no I/O, no text.

`view_of` gives one View for every state that the machine can be in. A View holds nothing of a
person but what `Shown` allows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from edge.gate.events import Signal
from edge.gate.hours import Closure
from edge.gate.reasons import Reason
from edge.gate.rules import Rules
from edge.gate.state import DoorState, GateState, Lane, LaneState
from feed.messages import CloseReason


class Screen(StrEnum):
    """One thing at a time. SILENT is the page's own: the daemon can't say that it is silent."""

    STARTING = "starting"
    SHOW_CODE = "show_code"
    SHOW_FACE = "show_face"
    CODE_WANTED = "code_wanted"
    CHECKING = "checking"
    COME_CLOSER = "come_closer"
    HAT_OFF = "hat_off"
    HOT_THING = "hot_thing"
    HOLD_STILL = "hold_still"
    MEASURE_AGAIN = "measure_again"
    WELCOME = "welcome"
    GOODBYE = "goodbye"
    PASS = "pass"  # noqa: S105 - somebody passes
    REFUSED = "refused"
    REPEATED = "repeated"
    WAIT = "wait"
    CLOSE_DOOR = "close_door"
    CLOSED = "closed"
    OUT_OF_ORDER = "out_of_order"
    EVACUATE = "evacuate"
    SILENT = "silent"


# The signal that lamps and buzzer give beside each screen (edge.drivers.signals.patterns).
SIGNALS: Mapping[Screen, frozenset[Signal]] = {
    Screen.STARTING: frozenset({Signal.OFF}),
    Screen.SHOW_CODE: frozenset({Signal.READY}),
    Screen.SHOW_FACE: frozenset({Signal.READY}),
    Screen.CODE_WANTED: frozenset({Signal.SHOW_CODE}),
    Screen.CHECKING: frozenset({Signal.BUSY}),
    Screen.COME_CLOSER: frozenset({Signal.COME_CLOSER}),
    Screen.HAT_OFF: frozenset({Signal.COME_CLOSER}),
    Screen.HOT_THING: frozenset({Signal.COME_CLOSER}),
    Screen.HOLD_STILL: frozenset({Signal.HOLD_STILL}),
    Screen.MEASURE_AGAIN: frozenset({Signal.HOLD_STILL}),
    Screen.WELCOME: frozenset({Signal.GRANTED}),
    Screen.GOODBYE: frozenset({Signal.GRANTED}),
    Screen.PASS: frozenset({Signal.GRANTED}),
    Screen.REFUSED: frozenset({Signal.DENIED}),
    Screen.REPEATED: frozenset({Signal.WAIT}),
    Screen.WAIT: frozenset({Signal.WAIT}),
    Screen.CLOSE_DOOR: frozenset({Signal.CLOSE_DOOR}),
    # by the timetable, by order, or because the daemon is being stopped
    Screen.CLOSED: frozenset({Signal.CLOSED, Signal.OFF}),
    Screen.OUT_OF_ORDER: frozenset({Signal.FAULT}),
    Screen.EVACUATE: frozenset({Signal.FIRE}),
    # the daemon tells of a gate thread that hangs; once it ended itself, nobody does
    Screen.SILENT: frozenset({Signal.FAULT, Signal.OFF}),
}

# Of several reasons the one that helps most: what somebody can mend now comes before what only
# explains. Reasons that are not named come after these, in the order of the decision.
_FIRST = (
    Reason.SECONDARY_CHECK,
    Reason.RECORD_NOT_DURABLE,
    Reason.INTERRUPTED,
    Reason.DOOR_FAULT,
    Reason.DOOR_OPEN,
    Reason.DOOR_BUSY,
    Reason.IDENTITY_FAULT,
)
_OF_CLOSED = frozenset({Reason.OUT_OF_HOURS, Reason.CLOSED_BY_ORDER})
_LAST = (Reason.AMBIENT_OUT_OF_RANGE, Reason.TEMPERATURE_REPEATED)

_PLAIN: Mapping[Signal, Screen] = {
    Signal.BUSY: Screen.CHECKING,
    Signal.SHOW_CODE: Screen.CODE_WANTED,
    Signal.CLOSE_DOOR: Screen.CLOSE_DOOR,
    Signal.FIRE: Screen.EVACUATE,
    Signal.CLOSED: Screen.CLOSED,
    Signal.OFF: Screen.CLOSED,
}
_WITH_REASON: Mapping[Signal, Screen] = {
    Signal.DENIED: Screen.REFUSED,
    Signal.FAULT: Screen.OUT_OF_ORDER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What of a person the screen may show, to them and to whoever stands behind them."""

    name: bool = False
    temperature: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One screen. `until_s` is the monotonic second its ring is full, `of_s` what it lasts whole;
    `temperature_c` is °C; `reason` is why, where there is a why; `closure` until when the gate is
    closed, where it is, and `ordered` why, where it is by order.
    """

    screen: Screen
    reason: Reason | None = None
    until_s: float | None = None
    of_s: float | None = None
    name: str | None = None
    temperature_c: float | None = None
    closure: Closure | None = None
    ordered: CloseReason | None = None


def view_of(rules: Rules, state: GateState, reader: str, shown: Shown = Shown()) -> View:
    """The view of a reader's screen. Raises ValueError for an unknown reader."""
    lane = state.lane(reader)
    if state.door.state is DoorState.FIRE:
        return View(screen=Screen.EVACUATE)
    if lane.shown is None:
        return View(screen=Screen.STARTING)
    signal, reasons = lane.shown
    if signal is Signal.HOLD_STILL:
        return _measuring(rules, lane, reasons)
    if signal is Signal.GRANTED:
        return _granted(rules, lane, shown)
    if signal in _WITH_REASON:
        return _with_reason(state, signal, reasons)
    view = View(screen=_screen_of(rules, lane, signal, reasons))
    return _closed(state, view) if signal is Signal.CLOSED else view


def _screen_of(rules: Rules, lane: Lane, signal: Signal, reasons: tuple[Reason, ...]) -> Screen:
    if signal is Signal.COME_CLOSER:
        return _closer(reasons)
    if signal in _PLAIN:
        return _PLAIN[signal]
    if signal is Signal.WAIT:
        return Screen.REPEATED if Reason.CODE_REPEATED in reasons else Screen.WAIT
    return Screen.SHOW_FACE if rules.lane(lane.name).starts_by_face else Screen.SHOW_CODE


def _with_reason(state: GateState, signal: Signal, reasons: tuple[Reason, ...]) -> View:
    why = weightiest(reasons)
    view = View(screen=_WITH_REASON[signal], reason=why)
    return _closed(state, view) if why in _OF_CLOSED else view


def _closed(state: GateState, view: View) -> View:
    order = state.order
    ordered = None if order is None else order.reason or CloseReason.OTHER
    return replace(view, closure=state.closed, ordered=ordered)


def weightiest(reasons: tuple[Reason, ...]) -> Reason | None:
    """The one reason that is told of several."""
    for reason in _FIRST:
        if reason in reasons:
            return reason
    return next((r for r in reasons if r not in _LAST), reasons[0] if reasons else None)


def _closer(reasons: tuple[Reason, ...]) -> Screen:
    if Reason.TEMPERATURE_LOW in reasons:
        return Screen.HAT_OFF
    return Screen.HOT_THING if Reason.NOT_A_FACE in reasons else Screen.COME_CLOSER


def _measuring(rules: Rules, lane: Lane, reasons: tuple[Reason, ...]) -> View:
    again = bool(lane.session.rounds) or Reason.TEMPERATURE_REPEATED in reasons
    pausing = lane.state is LaneState.PAUSING
    return View(
        screen=Screen.MEASURE_AGAIN if again else Screen.HOLD_STILL,
        until_s=lane.deadline_s,
        of_s=rules.screening.repeat_pause_s if pausing else rules.measuring_s,
    )


def _granted(rules: Rules, lane: Lane, shown: Shown) -> View:
    if lane.state is LaneState.PASSING:
        return View(screen=Screen.PASS)
    session = lane.session
    holder = None if session.credential is None else session.credential.holder
    reading = session.reading
    return View(
        screen=Screen.WELCOME if rules.lane(lane.name).direction == "in" else Screen.GOODBYE,
        name=holder.name if shown.name and holder is not None else None,
        temperature_c=reading.estimate_c if shown.temperature and reading is not None else None,
    )
