"""One step in the making: the state so far, and the effects asked for. Lives for one `step`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from edge.gate.events import Effect, Event, Show, Signal, Write
from edge.gate.reasons import Alarm, Device, Reason
from edge.gate.rules import LaneRules, Rules
from edge.gate.state import DoorPart, DoorState, GateState, Lane, Session, Word
from edge.gate.triggers import DoorTrigger
from feed.record import Decision, Detail, Draft, Happening, Kind, Outcome, OutcomeResult, Person

# green above all: nobody else is invited through a door that stands open
_CAN_WAIT = frozenset({Signal.READY, Signal.CLOSED, Signal.WAIT, Signal.GRANTED, Signal.FAULT})


@dataclass(slots=True)
class Work:
    """The gate's part of a step; `now` is monotonic seconds."""

    rules: Rules
    state: GateState
    now: float
    event: Event
    effects: list[Effect] = field(default_factory=list)
    pending: list[DoorTrigger] = field(default_factory=list)

    @property
    def door(self) -> DoorPart:
        return self.state.door

    def set_door(self, **parts: Any) -> None:
        self.state = replace(self.state, door=replace(self.state.door, **parts))

    def write(self, draft: Draft, *, ref: int | None = None) -> int:
        """Ask for a record; returns its request number."""
        request = self.state.next_request
        self.state = replace(self.state, next_request=request + 1)
        self.effects.append(Write(request=request, draft=draft, ref_request=ref))
        return request

    def outcome(self, request: int | None, result: OutcomeResult, *reasons: Reason) -> None:
        """What the door did about the decision written as `request`; nothing without one."""
        if request is None:
            return
        lane = self.door.lane
        lane_rules = None if lane is None else self.rules.lane(lane)
        self.outcome_of(lane_rules, request, result, *self.door.reasons, *reasons)

    def outcome_of(
        self, lane: LaneRules | None, request: int, result: OutcomeResult, *reasons: Reason
    ) -> None:
        draft = Draft(
            kind=Kind.OUTCOME,
            reader=lane.name if lane else None,
            direction=lane.direction if lane else None,
            outcome=Outcome(result=result, reasons=reasons),
        )
        self.write(draft, ref=request)

    def happening(
        self,
        kind: Kind,
        name: str,
        *,
        reader: str | None = None,
        detail: Mapping[str, Detail] | None = None,
    ) -> int:
        """Ask for a record of something that happened."""
        event = Happening(name=name, detail=detail or None)
        direction = None if reader is None else self.rules.lane(reader).direction
        return self.write(Draft(kind=kind, reader=reader, direction=direction, event=event))

    def alarm(
        self, alarm: Alarm, reader: str | None = None, *, raised: bool = True, **detail: Detail
    ) -> None:
        """Raise an alarm, or clear it."""
        state = "raised" if raised else "cleared"
        self.happening(Kind.ALARM, alarm, reader=reader, detail={"state": state, **detail})

    def tell(self) -> None:
        """The end of a step: what each reader has to show now, where it is something else."""
        for lane in self.state.lanes:
            word = self._word(lane)
            if word is not None and word != lane.shown:
                self.state = self.state.with_lane(replace(lane, shown=word))
                self.effects.append(Show(reader=lane.name, signal=word[0], reasons=word[1]))

    def _word(self, lane: Lane) -> Word | None:
        """A door that stands open is told of before all that can wait for it to be shut."""
        stands_open = self.door.state in {DoorState.HELD_OPEN, DoorState.FORCED}
        if stands_open and lane.wants is not None and lane.wants[0] in _CAN_WAIT:
            return Signal.CLOSE_DOOR, ()
        return lane.wants


@dataclass(slots=True)
class LaneWork:
    """One lane's part of a step."""

    work: Work
    name: str

    @property
    def lane(self) -> Lane:
        return self.work.state.lane(self.name)

    @property
    def session(self) -> Session:
        return self.lane.session

    @property
    def lane_rules(self) -> LaneRules:
        return self.work.rules.lane(self.name)

    def set(self, **parts: Any) -> None:
        self.work.state = self.work.state.with_lane(replace(self.lane, **parts))

    def learn(self, **parts: Any) -> None:
        """Note something about the person."""
        self.set(session=replace(self.session, **parts))

    def wait(self, seconds: float | None) -> None:
        """Give the present state until then."""
        self.set(deadline_s=None if seconds is None else self.work.now + seconds)

    def show(self, signal: Signal, *reasons: Reason) -> None:
        """Tell the person; the last word of a step is what they see (`Work.tell`)."""
        self.set(wants=(signal, reasons))

    @property
    def faults(self) -> frozenset[Device]:
        """Devices at fault now, or given up on for this person."""
        return self.work.state.faulty(self.name) | self.session.faults

    def write_passage(self, decision: Decision) -> int:
        """Ask for the record of a decision."""
        session = self.session
        credential = session.credential
        return self.work.write(
            Draft(
                kind=Kind.PASSAGE,
                reader=self.name,
                direction=self.lane_rules.direction,
                person=self._person(),
                reading=session.reading,
                declaration=None if credential is None else credential.declaration,
                decision=decision,
            )
        )

    def _person(self) -> Person | None:
        session = self.session
        if session.person is None and session.credential is not None:
            credential = session.credential
            return Person(
                scheme=credential.scheme,
                category=credential.category,
                flags=credential.flags or None,
            )
        return session.person
