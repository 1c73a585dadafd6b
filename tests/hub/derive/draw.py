"""Random parks: people, gates without a synchronised clock, keys that change, missing exits."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from hypothesis import strategies as st

from feed.record import Record
from feed.topics import GateTopics
from tests.hub.derive.parks import MINUTE, START, Gate, token

PLACES = [("s1", "g1"), ("s1", "g2"), ("s2", "g1")]
RESULTS = [
    (), ("passed",), ("opened",), ("opened", "passed"), ("opened", "held_open", "passed"),
    ("not_passed",), ("withheld",),
]  # fmt: skip


@dataclass(frozen=True)
class Event:
    minute: int
    gate: int
    what: str
    person: int = 0
    results: tuple[str, ...] = ()
    new_key: str = "k1"
    off_min: int = 0


_event = st.builds(
    Event,
    minute=st.integers(0, 2_000),
    gate=st.integers(0, len(PLACES) - 1),
    what=st.sampled_from(["in", "in", "in", "out", "out", "denied", "boot", "unsynced", "clock"]),
    person=st.integers(0, 3),
    results=st.sampled_from([*RESULTS, ("opened", "passed"), ("opened", "passed")]),
    new_key=st.sampled_from(["k1", "k1", "k2", "both"]),
    off_min=st.integers(-3_000, 3_000),
)


def gates() -> list[Gate]:
    return [
        Gate(f"stream-{number}", GateTopics("park", site, gate), boot=f"stream-{number}-boot-0")
        for number, (site, gate) in enumerate(PLACES)
    ]


@st.composite
def parks(draw: st.DrawFn, most: int = 16) -> list[Record]:
    """All records of a park, as its gates wrote them."""
    return written(draw(st.lists(_event, max_size=most)))


def crowded(seed: int) -> list[Record]:
    """A day and a half in which everyone comes and goes many times, and some leave unseen."""
    rnd = random.Random(seed)
    return written(
        Event(
            minute=rnd.randrange(2_000),
            gate=rnd.randrange(len(PLACES)),
            what=rnd.choice(["in", "in", "out"]),
            person=rnd.randrange(10),
            results=rnd.choice([("passed",), ("opened", "passed"), ("opened",), ()]),
        )
        for _ in range(250)
    )


def written(events: Iterable[Event]) -> list[Record]:
    """What the gates wrote of these events."""
    here = gates()
    second = 0
    for event in sorted(events, key=lambda one: one.minute):
        second += 7
        at = START + event.minute * MINUTE + timedelta(seconds=second)
        gate = here[event.gate]
        name = f"p{event.person}"
        if event.what == "boot":
            gate.reboot(at, synced=True)
        elif event.what == "unsynced":
            gate.reboot(at, timedelta(minutes=event.off_min), synced=False)
        elif event.what == "clock":
            gate.set_clock(at)
        else:
            now = token(f"{name}-k2", "k2") if event.new_key != "k1" else token(f"{name}-k1")
            gate.passes(
                now,
                "in" if event.what == "denied" else event.what,
                at,
                *(event.results if event.what != "denied" else ()),
                granted=event.what != "denied",
                before=token(f"{name}-k1") if event.new_key == "both" else None,
            )
    return [record for gate in here for record in gate.records]
