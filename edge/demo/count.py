"""What the demo counts: people as the world has them, and what the gates made of them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from edge.drivers.sim.world import RandomCrowd, World
from edge.gate import events as ev
from feed.record import Draft


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to show: somebody's decision, or what the door then did."""

    gate: str
    reader: str
    kind: str
    person: str = ""
    scheme: str = ""
    temperature_c: float | None = None
    result: str = ""
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the records are: on the gates' disks, with an independent subscriber, at the hub
    (None without one), and how many its receipts had confirmed when the gates closed.
    """

    recorded: int
    received: int
    stored: int | None = None
    confirmed: int | None = None

    @property
    def lost(self) -> int:
        return self.recorded - min(
            self.received, self.recorded if self.stored is None else self.stored
        )


@dataclass
class Count:
    """Figures of all gates; fed from their threads. Once it is `over`, nobody counts as seen."""

    world: World
    over: bool = False
    decoded: set[tuple[str, float]] = field(default_factory=set)
    granted: int = 0
    denied: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    alarms: Counter[str] = field(default_factory=Counter)
    admitted: dict[str, list[str]] = field(default_factory=dict)  # token: in, out, in
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def saw(self, event: ev.Event) -> None:
        """An event on its way into a gate."""
        if isinstance(event, ev.CodeSeen | ev.CodeRefused) and not self.over:
            visit = self.world.at(event.reader, time.monotonic())
            if visit is not None:
                with self._lock:
                    self.decoded.add((event.reader, visit.at_s))

    def stepped(self, gate: str, effects: tuple[ev.Effect, ...]) -> list[Line]:
        """What a gate's step asked for: the lines it gives."""
        lines = []
        for effect in effects:
            if isinstance(effect, ev.Write):
                line = self._take(gate, effect.draft)
                if line is not None:
                    lines.append(line)
        return lines

    def someone(self) -> str | None:
        """The token of one who came by: the first who came in and left, else who came in."""
        with self._lock:
            every = list(self.admitted.items())
        left = [token for token, ways in every if ways[:2] == ["in", "out"]]
        inside = [token for token, ways in every if ways[0] == "in"]
        return next(iter([*left, *inside]), None)

    def _take(self, gate: str, draft: Draft) -> Line | None:
        with self._lock:
            if draft.decision is not None:
                return self._decision(gate, draft)
            if draft.outcome is not None:
                self.outcomes[draft.outcome.result] += 1
                return Line(
                    gate,
                    draft.reader or "exit",
                    "door",
                    result=draft.outcome.result,
                    reasons=draft.outcome.reasons,
                )
            if draft.kind == "alarm" and draft.event is not None:
                state = str((draft.event.detail or {}).get("state"))
                self.alarms[f"{draft.event.name} {state}"] += 1
                return Line(
                    gate, draft.reader or "", "alarm", result=draft.event.name, reasons=(state,)
                )
        return None

    def _decision(self, gate: str, draft: Draft) -> Line:
        decision, person, reading = draft.decision, draft.person, draft.reading
        assert decision is not None
        if decision.result == "granted":
            self.granted += 1
        else:
            self.denied.update(str(reason) for reason in decision.reasons)
        token = person.token.v if person is not None and person.token is not None else ""
        if token and decision.result == "granted":
            self.admitted.setdefault(token, []).append(draft.direction or "in")
        return Line(
            gate,
            draft.reader or "",
            "person",
            person=token,
            scheme=person.scheme if person is not None else "",
            temperature_c=None if reading is None else reading.estimate_c,
            result=decision.result,
            reasons=decision.reasons,
        )


def presented(crowd: RandomCrowd, readers: list[str], seconds: float) -> int:
    """How many people held a code up in the first `seconds` of the demo."""
    last = int(seconds // crowd.every_s)
    visits = [crowd.visit(reader, number) for reader in readers for number in range(last + 1)]
    return sum(1 for visit in visits if visit.code and visit.at_s + visit.code_from_s < seconds)


def figures(count: Count, *, shown: int, kept: Kept) -> dict[str, Any]:
    """The summary, for programs."""
    return {
        "presented": shown,
        "decoded": len(count.decoded),
        "granted": count.granted,
        "denied": dict(sorted(count.denied.items())),
        "door": dict(sorted(count.outcomes.items())),
        "alarms": dict(sorted(count.alarms.items())),
        "recorded": kept.recorded,
        "received": kept.received,
        "lost": kept.lost,
        "stored": kept.stored,
        "confirmed": kept.confirmed,
    }
