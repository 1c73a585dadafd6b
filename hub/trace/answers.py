"""What questions are answered with. Plain frozen data; times are ms since 1970 in UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, overload

MINUTE_MS = 60_000
SHORT = 8  # characters of a token that tell it from others well enough to read


@dataclass(frozen=True, slots=True)
class Period:
    """From `from_ms`, included, to `to_ms`, excluded."""

    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True)
class Who:
    """A person: one token or several that are linked.

    `id` is the smallest of the hub's ids of the tokens, `token` its value. `name` and `holder`
    stand in the roster, where it knows the person.
    """

    id: int
    token: str
    kid: str
    scope: str
    tokens: tuple[str, ...] = ()
    name: str | None = None
    holder: str | None = None
    category: str | None = None

    @property
    def label(self) -> str:
        """The name, else the token in short."""
        return self.name or self.token[:SHORT]


@dataclass(frozen=True, slots=True)
class Place:
    """A site. `name` is the registry's."""

    id: int
    park: str
    site: str
    name: str | None = None
    longest_ms: int = 0  # no visit there is longer

    @property
    def path(self) -> str:
        """Unique, and as --site takes it."""
        return f"{self.park}/{self.site}"


@dataclass(frozen=True, slots=True)
class Stay:
    """A visit of `who`, whole, also where it reaches beyond the period.

    `out_gate` is None where the end is assumed: seen by no gate.
    """

    who: Who
    place: Place
    in_ms: int
    out_ms: int
    in_gate: str
    out_gate: str | None
    assumed: bool
    at_known: bool


@dataclass(frozen=True, slots=True)
class Offline:
    """A gate that was not heard. `to_ms` is None while it lasts."""

    place: Place
    gate: str
    from_ms: int
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Records that the answer lacks, by their numbers, and when they were written if known.

    `why`: `missing` (on the way, asked for again), `lost` (the gate says they never come),
    `at_gate` (the gate has them and could not send them yet), `not_derived` (stored, and not made
    into visits yet).
    """

    place: Place
    gate: str
    stream: str
    first: int
    last: int
    why: str
    from_ms: int | None
    to_ms: int | None


@dataclass(frozen=True, slots=True)
class Completeness:
    """What an answer may lack, at the sites and in the period that it is about.

    `unheard`: gates that are registered and were never heard at all. `unsynced`: passages whose
    gate never knew the time, arrived since the period began. `assumed_ends`: visits of the answer
    whose end no gate saw. `unidentified`: people who were let in or out without a code that tells
    one from another. `unknown_outcomes`: people who were let through of whom no record says
    whether they went. `unmatched_exits`: exits of the people asked about without an entry before.
    `truncated`: there was more than the limit.
    """

    offline: tuple[Offline, ...] = ()
    unheard: tuple[tuple[Place, str], ...] = ()
    gaps: tuple[Gap, ...] = ()
    unsynced: int = 0
    assumed_ends: int = 0
    unidentified: int = 0
    unknown_outcomes: int = 0
    unmatched_exits: int = 0
    truncated: bool = False

    @property
    def complete(self) -> bool:
        """Nothing is known that could be missing."""
        return self == Completeness()


@dataclass(frozen=True, slots=True)
class Visits:
    """Answer to: where was this person?"""

    asked: tuple[Who, ...]
    period: Period
    stays: tuple[Stay, ...]
    completeness: Completeness


class Meeting(NamedTuple):
    """Two people at a site at one time. `via` was there with `who`; `ms` is for how long.

    `same_gate`: both used one gate, in or out, within the minutes asked for, else within 15.
    """

    via: Who
    who: Who
    place: Place
    from_ms: int
    to_ms: int
    assumed: bool  # an end that no gate saw bears on it
    same_gate: bool

    @property
    def ms(self) -> int:
        return self.to_ms - self.from_ms


class Meetings(Sequence[Meeting]):
    """Made when they are first looked at: to rank contacts takes none, and there are many."""

    def __init__(self, make: Callable[[], Iterable[Meeting]]) -> None:
        self._make = make

    @cached_property
    def _made(self) -> tuple[Meeting, ...]:
        return tuple(self._make())

    @overload
    def __getitem__(self, at: int) -> Meeting: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Meeting, ...]: ...
    def __getitem__(self, at: int | slice) -> Meeting | tuple[Meeting, ...]:
        return self._made[at]

    def __len__(self) -> int:
        return len(self._made)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Meetings) and self._made == other._made

    def __hash__(self) -> int:
        return hash(self._made)


@dataclass(frozen=True, slots=True)
class Contact:
    """Someone who was with the person asked about (hop 1), or with such a one later (hop 2 ...).

    `ms` sums the overlaps with those of the hop before; `from_ms` is when the first began.
    """

    who: Who
    hop: int
    ms: int
    from_ms: int
    to_ms: int
    via: tuple[Who, ...]
    places: tuple[Place, ...]
    meetings: int
    assumed: bool

    @property
    def minutes(self) -> float:
        return self.ms / MINUTE_MS


@dataclass(frozen=True, slots=True)
class Contacts:
    """Answer to: beside whom? Ranked: nearest hop first, then longest."""

    asked: tuple[Who, ...]
    period: Period
    contacts: tuple[Contact, ...]
    meetings: Meetings
    completeness: Completeness


@dataclass(frozen=True, slots=True)
class Attendance:
    """One who was at the place in the window, and for how long within it."""

    who: Who
    ms: int
    from_ms: int
    to_ms: int
    stays: tuple[Stay, ...]
    assumed: bool

    @property
    def minutes(self) -> float:
        return self.ms / MINUTE_MS


@dataclass(frozen=True, slots=True)
class Presence:
    """Answer to: who was there then? Longest first."""

    place: Place
    period: Period
    people: tuple[Attendance, ...]
    completeness: Completeness


@dataclass(frozen=True, slots=True)
class Count:
    """People inside a site at a moment. Of `inside`, `assumed` have left unseen if at all later."""

    place: Place
    inside: int
    unidentified: int  # net: let in without a telling code less let out so, since the longest stay
    button_exits: int  # presses of the exit button by which somebody may have left, since then


@dataclass(frozen=True, slots=True)
class Occupancy:
    """Answer to: how many are inside? Nothing of a person."""

    at_ms: int
    counts: tuple[Count, ...]
    completeness: Completeness


@dataclass(frozen=True, slots=True)
class Inside:
    """One who is inside as far as gates saw. `sure`: an outcome says that they came in."""

    who: Who
    since_ms: int
    gate: str
    sure: bool


@dataclass(frozen=True, slots=True)
class Muster:
    """Answer to: who is inside, for an evacuation, and how far can the list be wrong?

    Counted since the earliest entry that could still be inside: `anonymous_exits` (by the button),
    `openings` (a forced door, a second person on one grant, a fire release), `unused_grants`
    (let in, and the door says nobody passed), `unidentified_in` and `unidentified_out` (codes that
    tell no one from another). `offline` are gates that are silent now.
    """

    place: Place
    at_ms: int
    inside: tuple[Inside, ...]
    anonymous_exits: int
    openings: int
    unused_grants: int
    unidentified_in: int
    unidentified_out: int
    completeness: Completeness
