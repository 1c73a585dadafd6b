"""What a gate tells of itself: its state on the feed, and the line in `systemctl status`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from edge.gate.events import Effect, Write
from edge.gate.rules import Rules
from edge.gate.state import DoorState, GateState
from edge.mqtt.publisher import Health
from feed.messages import Fault, ReaderSummary, Summary

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


def summarise(rules: Rules, state: GateState, counts: Counts) -> Summary:
    """The gate's part of the retained state; holds nothing of any person."""
    return Summary(
        phase=state.door.state,
        door=_door(state),
        lock="released" if state.door.state in _RELEASED else "secured",
        fire=state.door.state is DoorState.FIRE,
        granted=counts.granted,
        denied=counts.denied,
        readers=tuple(
            ReaderSummary(
                name=lane.name, direction=rules.lane(lane.name).direction, phase=lane.state
            )
            for lane in state.lanes
        ),
        faults=tuple(
            Fault(device=device, cause=cause, reader=reader)
            for (device, reader), cause in state.faults
        ),
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
    return f"{wrong}door {state.door.state}; {readers}; {outbox}; {broker}"
