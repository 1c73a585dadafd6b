"""The questions: where someone was, beside whom, who was at a place.

Each takes a connection and answers with frozen data (hub.trace.answers) that says how complete it
is. Who may ask, and the audit, are the caller's (hub.audit).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from hub.derive import people as groups
from hub.derive.visits import counts
from hub.store.schema import passages
from hub.store.sql import given, wanted
from hub.trace import completeness, fetch, lookup
from hub.trace.answers import (
    MINUTE_MS,
    Attendance,
    Contact,
    Contacts,
    Meeting,
    Period,
    Place,
    Presence,
    Stay,
    Visits,
    Who,
)

MOST_CONTACTS = 1_000


@dataclass(frozen=True, slots=True)
class Where:
    """Only visits at this site, and only those that used this gate on the way in or out."""

    place: Place | None = None
    gate: int | None = None

    def takes(self, row: Any) -> bool:
        return (self.place is None or row.site == self.place.id) and (
            self.gate is None or self.gate in {row.in_gate, row.out_gate}
        )


ANYWHERE = Where()


def visits_of(
    connection: Connection, who: Sequence[Who], period: Period, where: Where = ANYWHERE
) -> Visits:
    """Where these people were within the period, in the order of time."""
    heads = {one.id: one for one in who}
    longest_ms = lookup.longest_ms(connection)
    rows = [
        row for row in fetch.of_people(connection, heads, period, longest_ms) if where.takes(row)
    ]
    places = lookup.places(connection, {row.site for row in rows})
    stays = _stays(connection, rows, places)
    here = {row.site: places[row.site] for row in rows}
    if where.place is not None:
        here[where.place.id] = where.place
    return Visits(
        asked=tuple(who),
        period=period,
        stays=tuple(stays),
        completeness=completeness.of(
            connection,
            here,
            period,
            assumed_ends=sum(one.assumed for one in stays),
            unmatched_exits=_unmatched_exits(connection, heads, period, stays, where),
        ),
    )


def contacts_of(
    connection: Connection,
    who: Sequence[Who],
    period: Period,
    where: Where = ANYWHERE,
    *,
    hops: int = 1,
    min_minutes: float = 0.0,
    same_gate_minutes: float | None = None,
    most: int = MOST_CONTACTS,
) -> Contacts:
    """Who was at a site together with these people within the period, ranked.

    Hop 2 are those who were with one of hop 1 after that one's first contact began, and so on:
    what is passed on goes forward in time. `min_minutes` is of all overlaps of two people together.
    With `same_gate_minutes` only those meetings count where both used one gate within so many
    minutes. Of each hop the `most` longest are followed and told.
    """
    return _Tracing(
        connection, who, period, where, hops, min_minutes, same_gate_minutes, most
    ).answer()


def at_place(
    connection: Connection, place: Place, period: Period, *, gate: int | None = None
) -> Presence:
    """Everyone who was at the site within the window, longest first."""
    where = Where(place, gate)
    window = (place.id, period.from_ms, period.to_ms)
    rows = [
        row for row in fetch.at_places(connection, [window], {place.id: place}) if where.takes(row)
    ]
    stays: defaultdict[int, list[Stay]] = defaultdict(list)
    for stay in _stays(connection, rows, {place.id: place}):
        stays[stay.who.id].append(stay)
    people = [_attendance(those, period) for those in stays.values()]
    people.sort(key=lambda one: (-one.ms, one.from_ms, one.who.token))
    return Presence(
        place=place,
        period=period,
        people=tuple(people),
        completeness=completeness.of(
            connection,
            {place.id: place},
            period,
            assumed_ends=sum(stay.assumed for stay in chain.from_iterable(stays.values())),
        ),
    )


def _attendance(stays: Sequence[Stay], period: Period) -> Attendance:
    spans = [(max(one.in_ms, period.from_ms), min(one.out_ms, period.to_ms)) for one in stays]
    return Attendance(
        who=stays[0].who,
        ms=sum(high - low for low, high in spans),
        from_ms=min(low for low, _ in spans),
        to_ms=max(high for _, high in spans),
        stays=tuple(stays),
        assumed=any(one.assumed for one in stays),
    )


# --- contacts -------------------------------------------------------------------------------


class _Tracing:
    """One call of contacts_of."""

    def __init__(
        self,
        connection: Connection,
        who: Sequence[Who],
        period: Period,
        where: Where,
        hops: int,
        min_minutes: float,
        same_gate_minutes: float | None,
        most: int,
    ) -> None:
        self._connection = connection
        self._asked = tuple(who)
        self._period = period
        self._where = where
        self._hops = hops
        self._least_ms = max(1.0, min_minutes * MINUTE_MS)
        self._gate_ms = None if same_gate_minutes is None else same_gate_minutes * MINUTE_MS
        self._most = most
        self._places: dict[int, Place] = {}
        self._longest_ms = lookup.longest_ms(connection)
        self._heads: dict[int, int] = {}  # ids of tokens to who stands for them
        self._hop = {one.id: 0 for one in who}
        self._since = dict.fromkeys(self._hop, period.from_ms)  # when one may have caught it
        self._edges: dict[tuple[int, int], _Edge] = {}
        self._assumed: set[tuple[int, int]] = set()
        self._sites: set[int] = set()
        self._truncated = False

    def answer(self) -> Contacts:
        frontier = dict(self._since)
        for hop in range(1, self._hops + 1):
            if not frontier:
                break
            frontier = self._next(frontier, hop)
        whos = lookup.whos(self._connection, self._hop.keys())
        contacts = sorted(self._contacts(whos), key=_rank)
        return Contacts(
            asked=self._asked,
            period=self._period,
            contacts=tuple(contacts),
            meetings=tuple(self._meetings(whos)),
            completeness=completeness.of(
                self._connection,
                {site: self._places[site] for site in sorted(self._sites)},
                self._period,
                assumed_ends=len(self._assumed),
                truncated=self._truncated,
            ),
        )

    def _next(self, frontier: Mapping[int, int], hop: int) -> dict[int, int]:
        """One hop further: whom it reaches, or reaches earlier than was known."""
        reached: dict[int, int] = {}
        every = ((pair, _Edge.of(overlaps)) for pair, overlaps in self._overlaps(frontier))
        found = {pair: edge for pair, edge in every if edge.ms >= self._least_ms}
        kept = self._longest(found)
        for (via, other), edge in found.items():
            if other not in kept:
                continue
            self._edges[via, other] = edge
            since = edge.from_ms
            if since < self._since.get(other, self._period.to_ms):
                self._since[other] = since
                reached[other] = since
                self._hop.setdefault(other, hop)
        return reached

    def _longest(self, found: Mapping[tuple[int, int], _Edge]) -> set[int]:
        """Whom of this hop to keep: all, but for the limit."""
        total: defaultdict[int, int] = defaultdict(int)
        for (_, other), edge in found.items():
            total[other] += edge.ms
        new = sorted(
            (one for one in total if one not in self._hop), key=lambda one: (-total[one], one)
        )
        self._truncated = self._truncated or len(new) > self._most
        return (total.keys() & self._hop.keys()) | set(new[: self._most])

    def _overlaps(
        self, frontier: Mapping[int, int]
    ) -> Iterator[tuple[tuple[int, int], list[_Overlap]]]:
        earliest = Period(min(frontier.values()), self._period.to_ms)
        rows = fetch.of_people(self._connection, frontier, earliest, self._longest_ms)
        own = [row for row in rows if self._where.takes(row)]
        self._learn(row.person for row in own)
        spans = []
        for row in own:
            low = max(row.in_ms, frontier[self._heads[row.person]])
            high = min(row.out_ms, self._period.to_ms)
            if low < high:
                spans.append((row, low, high))
        self._sites |= {row.site for row, *_ in spans}
        self._places |= lookup.places(self._connection, self._sites - self._places.keys())
        windows = fetch.joined((row.site, low, high) for row, low, high in spans)
        beside = defaultdict(list)
        others = fetch.at_places(self._connection, windows, self._places)
        self._learn(row.person for row in others)
        for row in others:
            if self._where.takes(row):
                beside[row.site].append(row)
        found: defaultdict[tuple[int, int], list[_Overlap]] = defaultdict(list)
        for site, those in beside.items():
            here = [span for span in spans if span[0].site == site]
            self._meet(found, self._places[site], here, sorted(those, key=_begin))
        yield from found.items()

    def _meet(
        self,
        found: dict[tuple[int, int], list[_Overlap]],
        place: Place,
        spans: Iterable[tuple[Any, int, int]],
        others: Sequence[Any],
    ) -> None:
        """Who of `others`, by their entries, was at the place with those of `spans`."""
        begins = [row.in_ms for row in others]
        # tuples of plain values: this loop is where the time of a trace goes
        plain = [
            (self._heads[row.person], row.in_ms, row.out_ms, row.assumed, row) for row in others
        ]
        for row, low, high in spans:
            via, assumed = self._heads[row.person], row.assumed
            # who came more than the longest stay before has left
            first = bisect_left(begins, low - place.longest_ms)
            for who, in_ms, out_ms, open_end, other in plain[first : bisect_left(begins, high)]:
                begin, end = max(low, in_ms), min(high, out_ms)
                if begin >= end or who == via or not self._same_gate(row, other):
                    continue
                if assumed or open_end:
                    self._assumed.update(
                        (one.stream, one.seq) for one in (row, other) if one.assumed
                    )
                found[via, who].append(_Overlap(place.id, begin, end, assumed or open_end))

    def _same_gate(self, one: Any, other: Any) -> bool:
        return self._gate_ms is None or _near(one, other, self._gate_ms)

    def _learn(self, ids: Iterable[int]) -> None:
        new = set(ids) - self._heads.keys()
        if new:
            self._heads |= groups.roots(self._connection, new)

    def _contacts(self, whos: Mapping[int, Who]) -> Iterator[Contact]:
        by_who: defaultdict[int, list[tuple[int, _Edge]]] = defaultdict(list)
        for (via, who), edge in self._edges.items():
            # of the hops before, so that minutes are told once
            if self._hop[via] < self._hop[who]:
                by_who[who].append((via, edge))
        for who, those in by_who.items():
            edges = [edge for _, edge in those]
            sites = sorted({one.site for edge in edges for one in edge.overlaps})
            yield Contact(
                who=whos[who],
                hop=self._hop[who],
                ms=sum(one.ms for one in edges),
                from_ms=min(one.from_ms for one in edges),
                to_ms=max(one.to_ms for one in edges),
                via=tuple(whos[via] for via in sorted({via for via, _ in those})),
                places=tuple(self._places[site] for site in sites),
                meetings=sum(len(one.overlaps) for one in edges),
                assumed=any(one.assumed for one in edges),
            )

    def _meetings(self, whos: Mapping[int, Who]) -> Iterator[Meeting]:
        for (via, who), edge in sorted(self._edges.items()):
            for one in sorted(edge.overlaps, key=lambda one: (one.from_ms, one.site)):
                yield Meeting(
                    via=whos[via],
                    who=whos[who],
                    place=self._places[one.site],
                    from_ms=one.from_ms,
                    to_ms=one.to_ms,
                    assumed=one.assumed,
                    same_gate=self._gate_ms is not None,
                )


_begin = attrgetter("in_ms")


class _Overlap(NamedTuple):
    site: int
    from_ms: int
    to_ms: int
    assumed: bool

    @property
    def ms(self) -> int:
        return self.to_ms - self.from_ms


class _Edge(NamedTuple):
    """All meetings of two people, and what they come to."""

    ms: int
    from_ms: int
    to_ms: int
    assumed: bool
    overlaps: list[_Overlap]

    @classmethod
    def of(cls, overlaps: list[_Overlap]) -> _Edge:
        _, begins, ends, assumed = zip(*overlaps, strict=True)
        return cls(sum(ends) - sum(begins), min(begins), max(ends), any(assumed), overlaps)


def _rank(one: Contact) -> tuple[Any, ...]:
    return (one.hop, -one.ms, one.from_ms, one.who.token)


def _near(one: Any, other: Any, within_ms: float) -> bool:
    """Whether both used one gate within so long."""
    return any(
        gate == other_gate and abs(at_ms - other_ms) <= within_ms
        for gate, at_ms in _uses(one)
        for other_gate, other_ms in _uses(other)
    )


def _uses(row: Any) -> Iterator[tuple[int, int]]:
    yield row.in_gate, row.in_ms
    if row.out_gate is not None:
        yield row.out_gate, row.out_ms


# --------------------------------------------------------------------------------------------


def _stays(connection: Connection, rows: Sequence[Any], places: Mapping[int, Place]) -> list[Stay]:
    heads = groups.roots(connection, {row.person for row in rows})
    whos = lookup.whos(connection, set(heads.values()))
    names = lookup.gate_names(connection, {row.site for row in rows})
    return [
        Stay(
            who=whos[heads[row.person]],
            place=places[row.site],
            in_ms=row.in_ms,
            out_ms=row.out_ms,
            in_gate=names[row.in_gate],
            out_gate=None if row.out_gate is None else names[row.out_gate],
            assumed=row.assumed,
            at_known=row.at_known,
        )
        for row in sorted(rows, key=lambda row: (row.in_ms, row.stream, row.seq))
    ]


def _unmatched_exits(
    connection: Connection,
    heads: Iterable[int],
    period: Period,
    stays: Iterable[Stay],
    where: Where,
) -> int:
    members = groups.roots(connection, heads)
    person = given(connection, "person")
    query = select(passages).join_from(
        person,
        passages,
        (passages.c.person == person.c.person)
        & (passages.c.at_ms >= period.from_ms)
        & (passages.c.at_ms < period.to_ms)
        & (passages.c.direction == "out"),
    )
    ends = {(one.place.id, one.out_ms) for one in stays if not one.assumed}
    return sum(
        1
        for row in connection.execute(query, wanted(connection, zip(members), "person"))
        if counts(row.direction, row.outcome, granted=row.granted)
        and (where.place is None or where.place.id == row.site)
        and (where.gate is None or where.gate == row.gate)
        and (row.site, row.at_ms) not in ends
    )
