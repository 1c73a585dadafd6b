"""A doorway: a leaf with a closer, its lock, and the people of a world who walk through, or don't.

Pure but for the requests that tests and scripts make from other threads: `step` is told the time
and whether the lock is released, and works out the leaf, the exit button and the fire panel.
"""

from __future__ import annotations

import math
import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from edge.drivers.sim.world import Visit, World
from edge.gate.reasons import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How people and the leaf move, in seconds.

    A person pulls `reaction_s` after the lock clicks, though gone from the reader for up to
    `linger_s`; the leaf is open for `walk_s` (its closing included), or for `hold_s` when held.
    Who follows on another's grant catches the leaf `gap_s` after it fell to, and walks too.
    """

    reaction_s: tuple[float, float] = (0.3, 0.7)
    linger_s: float = 2.0
    walk_s: float = 2.5
    hold_s: float = 20.0
    gap_s: float = 0.4


Span = tuple[float, float]  # the leaf is open from .. until, monotonic seconds


@dataclass(frozen=True, slots=True)
class _Person:
    """Someone who waits for the lock to click."""

    key: tuple[str, float]  # reader, arrival
    since_s: float
    passing: str
    reaction_s: float


@dataclass(slots=True)
class _Requests:
    """What was asked for since the last step."""

    exit_s: float = 0.0
    forced_s: float = 0.0
    fire: bool | None = None
    jammed: bool | None = None


@dataclass(slots=True)
class _Memory:
    """What the doorway remembers between steps."""

    released_s: float | None = None  # since when the lock is released
    spans: tuple[Span, ...] = ()
    seen: dict[str, tuple[Visit, float]] = field(default_factory=dict)  # reader -> who, when last
    passed: dict[str, float] = field(default_factory=dict)  # reader -> arrival of who passed last
    exit_until_s: float = -math.inf
    leaver_until_s: float = -math.inf  # someone inside pressed the button and waits for the click


class Doorway:
    """One doorway of a world. After each `step`: `leaf_open`, `contact_open` (what the contact
    reads: the same unless it is stuck), `exit_pressed`, `fire_active`.

    `invited(reader)` says whether the green lamp is lit there: who sees none does not push. None
    where there is no lamp to see; then whoever came first pushes.
    """

    def __init__(
        self,
        world: World,
        readers: Sequence[str],
        *,
        invited: Callable[[str], bool | None] = lambda _: None,
        habits: Habits | None = None,
    ) -> None:
        self.world = world
        self.readers = tuple(readers)
        self.habits = habits or Habits()
        self.leaf_open = False
        self.contact_open = False
        self.exit_pressed = False
        self.fire_active = False
        self.jammed = False
        self.on_request: Callable[[], None] = lambda: None
        self._invited = invited
        self._memory = _Memory()
        self._asked = _Requests()
        self._lock = threading.Lock()
        self._fire_switch = False
        self._jam_switch = False

    # --- what tests and scripts may do, from any thread ---------------------------------------

    def press_exit(self, hold_s: float = 0.3) -> None:
        """Someone inside presses the exit button, and walks out when the lock clicks."""
        self._ask(_Requests(exit_s=hold_s))

    def force(self, open_s: float = 2.5) -> None:
        """Someone breaks the door open, locked or not."""
        self._ask(_Requests(forced_s=open_s))

    def set_fire(self, *, active: bool) -> None:
        """The fire panel asks for release, or ends it."""
        self._ask(_Requests(fire=active))

    def set_jammed(self, *, jammed: bool) -> None:
        """Something keeps the leaf where it is."""
        self._ask(_Requests(jammed=jammed))

    def _ask(self, asked: _Requests) -> None:
        with self._lock:
            self._asked = _Requests(
                exit_s=max(self._asked.exit_s, asked.exit_s),
                forced_s=max(self._asked.forced_s, asked.forced_s),
                fire=self._asked.fire if asked.fire is None else asked.fire,
                jammed=self._asked.jammed if asked.jammed is None else asked.jammed,
            )
        self.on_request()

    # --- time ---------------------------------------------------------------------------------

    @property
    def busy(self) -> bool:
        """Whether something moves or may move soon: step often."""
        return self._memory.released_s is not None or bool(self._memory.spans)

    def step(self, now_s: float, *, released: bool) -> None:
        """Move on to `now_s` (monotonic); `released` is what the lock does."""
        fault = self.world.fault(Device.DOOR, None, now_s)
        with self._lock:
            asked, self._asked = self._asked, _Requests()
        self._switches(now_s, asked, fault)
        memory = self._memory
        if not released:
            memory.released_s = None
        elif memory.released_s is None:
            memory.released_s = now_s
        self._look(now_s)
        memory.spans = tuple(span for span in memory.spans if span[1] > now_s)
        if asked.forced_s and not self.jammed:
            memory.spans = ((now_s, now_s + asked.forced_s),)
        elif released and not memory.spans and not self.jammed:
            self._push(now_s)
        if not self.jammed:
            open_now = any(start_s <= now_s for start_s, _ in memory.spans)
            self.leaf_open = open_now or fault == "forced"
        if fault != "contact_stuck":
            self.contact_open = self.leaf_open

    def _switches(self, now_s: float, asked: _Requests, fault: str | None) -> None:
        memory = self._memory
        if asked.exit_s:
            memory.exit_until_s = now_s + asked.exit_s
        if asked.fire is not None:
            self._fire_switch = asked.fire
        if asked.jammed is not None:
            self._jam_switch = asked.jammed
        self.fire_active = self._fire_switch or fault == "fire"
        self.jammed = self._jam_switch or fault == "jammed"
        pressed = now_s < memory.exit_until_s or fault == "exit_pressed"
        if pressed and not self.exit_pressed:
            memory.leaver_until_s = now_s + self.habits.linger_s
        self.exit_pressed = pressed

    def _look(self, now_s: float) -> None:
        """Who stands before the readers, or stood there just now."""
        for reader in self.readers:
            visit = self.world.at(reader, now_s)
            if visit is not None:
                self._memory.seen[reader] = (visit, now_s)

    def _push(self, now_s: float) -> None:
        """Whoever waits and heard the click pushes the leaf open."""
        heard_s = self._memory.released_s
        people = self._waiting(now_s)
        if heard_s is None or not people:
            return
        person = min(people, key=lambda one: one.since_s)
        if now_s < max(heard_s, person.since_s) + person.reaction_s:
            return
        reader, arrived_s = person.key
        if reader:
            self._memory.passed[reader] = arrived_s
        else:
            self._memory.leaver_until_s = -math.inf
        self._memory.spans = self._spans(person.passing, now_s)

    def _waiting(self, now_s: float) -> list[_Person]:
        people = []
        if now_s < self._memory.leaver_until_s:
            reaction_s = self.habits.reaction_s[0]
            people.append(_Person(("", 0.0), -math.inf, "passes", reaction_s))
        for reader, (visit, last_s) in self._memory.seen.items():
            gone = now_s - last_s > self.habits.linger_s
            passed = self._memory.passed.get(reader) == visit.at_s
            if gone or passed or visit.passing == "stays" or self._invited(reader) is False:
                continue
            rng = random.Random(f"{reader}/{visit.at_s}")
            since_s = self.world.epoch_s + visit.at_s
            reaction_s = rng.uniform(*self.habits.reaction_s)
            people.append(_Person((reader, visit.at_s), since_s, visit.passing, reaction_s))
        return people

    def _spans(self, passing: str, now_s: float) -> tuple[Span, ...]:
        habits = self.habits
        open_s = habits.hold_s if passing == "holds_door" else habits.walk_s
        first = (now_s, now_s + open_s)
        if passing != "tailgated":
            return (first,)
        again_s = first[1] + habits.gap_s
        return (first, (again_s, again_s + habits.walk_s))
