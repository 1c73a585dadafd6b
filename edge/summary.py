"""What a gate tells of itself: its state on the feed, and the line in `systemctl status`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, NamedTuple

from edge.gate.events import Effect, Write
from edge.gate.hours import Order
from edge.gate.rules import Rules
from edge.gate.state import DoorState, GateState, Lane
from edge.mqtt.publisher import Health
from feed.messages import Fault, OrderSummary, ReaderSummary, Summary

_RELEASED = frozenset({DoorState.RELEASED, DoorState.FIRE})


@dataclass(frozen=True, slots=True)
class Counts:
    """Decisions since the daemon started."""

    granted: int = 0
    denied: int = 0

    def after(self, effects: tuple[Effect, ...]) -> Counts:
        """The counts after the decisions among these effects."""
        counts = self
        for effect in effects:
            if isinstance(effect, Write) and effect.draft.decision is not None:
                result = effect.draft.decision.result
                counts = replace(counts, **{result: getattr(counts, result) + 1})
        return counts


class ReaderFigures(NamedTuple):
    """Of a reader: the rolling median of accepted estimates, over how many people, its drift, and
    the air at its thermometer when it last measured somebody; °C.
    """

    median_c: float | None = None
    people: int = 0
    drift_c: float | None = None
    ambient_c: float | None = None


Figures = Callable[[str], ReaderFigures]
"""By the reader's name."""


def summarise(
    rules: Rules, state: GateState, counts: Counts, figures: Figures = lambda _: ReaderFigures()
) -> Summary:
    """The gate's part of the retained state; holds nothing of any person."""
    return Summary(
        phase=state.door.state,
        door=_door(state),
        lock="released" if state.door.state in _RELEASED else "secured",
        fire=state.door.state is DoorState.FIRE,
        closed=True if state.closed is not None else None,
        order=None if state.order is None else _order(state.order),
        granted=counts.granted,
        denied=counts.denied,
        readers=tuple(_reader(rules, lane, figures) for lane in state.lanes),
        faults=tuple(
            Fault(device=device, cause=cause, reader=reader)
            for (device, reader), cause in state.faults
        ),
    )


def _order(order: Order) -> OrderSummary:
    return OrderSummary(
        since=datetime.fromisoformat(order.since),
        reason=order.reason,
        until=None if order.until is None else datetime.fromisoformat(order.until),
        by=order.by,
    )


def _reader(rules: Rules, lane: Lane, figures: Figures) -> ReaderSummary:
    told = figures(lane.name)
    return ReaderSummary(
        name=lane.name,
        direction=rules.lane(lane.name).direction,
        phase=lane.state,
        ambient_c=told.ambient_c,
        median_c=told.median_c,
        median_of=None if told.median_c is None else told.people,
        drift_c=told.drift_c,
    )


def _door(state: GateState) -> Literal["open", "closed", "unknown"]:
    if state.door.is_open is None:
        return "unknown"
    return "open" if state.door.is_open else "closed"


def status_line(state: GateState, health: Health) -> str:
    """One line for the person on call: what is wrong first."""
    faults = ", ".join(f"{device} {cause}" for (device, _), cause in state.faults)
    broker = "broker connected" if health.connected else f"broker away ({health.last_error})"
    age_s = health.oldest_unconfirmed_age_s
    outbox = "outbox empty" if age_s is None else f"oldest unconfirmed record {age_s:.0f} s old"
    wrong = f"FAULT {faults}; " if faults else ""
    readers = ", ".join(f"{lane.name} {lane.state}" for lane in state.lanes)
    return f"{wrong}{_closed(state)}door {state.door.state}; {readers}; {outbox}; {broker}"


def _closed(state: GateState) -> str:
    if state.order is not None:
        return f"closed by order since {state.order.since}; "
    return "" if state.closure is None else f"closed until {state.closure.opens_at}; "
