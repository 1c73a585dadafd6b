"""The questions: where someone was, beside whom, who was at a place.

Each takes a connection and answers with frozen data (hub.trace.answers) that says how complete it
is. Who may ask, and the audit, are the caller's (hub.audit).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from operator import itemgetter
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
    Meetings,
    Period,
    Place,
    Presence,
    Stay,
    Visits,
    Who,
)

MOST_CONTACTS = 1_000
NEAR_MINUTES = 15.0  # what "by the same gate" means where a question does not say


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
    members = groups.roots(connection, heads)
    rows = [
        row for row in fetch.of_people(connection, members, period, longest_ms) if where.takes(row)
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
        self._only_near = same_gate_minutes is not None
        minutes = NEAR_MINUTES if same_gate_minutes is None else same_gate_minutes
        self._gate_ms = minutes * MINUTE_MS
        self._most = most
        place = where.place
        self._places: dict[int, Place] = {place.id: place} if place else {}
        self._longest_ms = lookup.longest_ms(connection)
        self._heads: dict[int, int] = {}  # ids of tokens to who stands for them
        self._hop = {one.id: 0 for one in who}
        self._since = dict.fromkeys(self._hop, period.from_ms)  # when one may have caught it
        self._edges: dict[tuple[int, int], _Edge] = {}
        self._assumed: set[tuple[int, ...]] = set()
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
            meetings=Meetings(partial(_meetings, self._edges, whos, self._places, self._gate_ms)),
            completeness=completeness.of(
                self._connection,
                self._places,
                self._period,
                assumed_ends=len(self._assumed),
                truncated=self._truncated,
            ),
        )

    def _next(self, frontier: Mapping[int, int], hop: int) -> dict[int, int]:
        """One hop further: whom it reaches, or reaches earlier than was known."""
        reached: dict[int, int] = {}
        every = ((pair, _Edge.of(those)) for pair, those in self._overlaps(frontier).items())
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

    def _overlaps(self, frontier: Mapping[int, int]) -> dict[tuple[int, int], list[_Overlap]]:
        members = groups.roots(self._connection, frontier)
        self._heads |= members
        earliest = Period(min(frontier.values()), self._period.to_ms)
        own = fetch.of_people(self._connection, members, earliest, self._longest_ms, brief=True)
        spans: defaultdict[int, list[_Span]] = defaultdict(list)
        for row in self._taken(own):
            via = members[row[2]]
            low, high = max(row[0], frontier[via]), min(row[1], self._period.to_ms)
            if low < high:
                spans[row[3]].append((low, high, via, row))
        new = spans.keys() - self._places.keys()
        if new:
            self._places |= lookup.places(self._connection, new)
        windows = fetch.joined(
            (site, low, high) for site, those in spans.items() for low, high, *_ in those
        )
        others = fetch.at_places(self._connection, windows, self._places, brief=True)
        self._learn({row[2] for row in others})
        beside: defaultdict[int, list[_Brief]] = defaultdict(list)
        for row in self._taken(others):
            beside[row[3]].append(row)
        found: defaultdict[tuple[int, int], list[_Overlap]] = defaultdict(list)
        for site, those in beside.items():
            self._meet(found, self._places[site], spans[site], sorted(those, key=_begin))
        return found

    def _taken(self, rows: Sequence[_Brief]) -> Iterable[_Brief]:
        if self._where == ANYWHERE:
            return rows
        return (row for row in rows if self._where.takes(row))

    def _meet(
        self,
        found: dict[tuple[int, int], list[_Overlap]],
        place: Place,
        spans: Iterable[_Span],
        others: Sequence[_Brief],
    ) -> None:
        """Who of `others`, by their entries, was at the place with those of `spans`."""
        site, heads, only_near, within_ms = place.id, self._heads, self._only_near, self._gate_ms
        begins = [row[0] for row in others]
        # this loop is where the time of a trace of many people goes
        for low, high, via, mine in spans:
            # who came more than the longest stay before has left
            first = bisect_left(begins, low - place.longest_ms)
            for other in others[first : bisect_left(begins, high)]:
                in_ms, out_ms, person, _, _, out_gate = other
                begin = max(low, in_ms)
                end = min(high, out_ms)
                who = heads[person]
                if begin >= end or who == via:
                    continue
                if only_near and not _near(mine, other, within_ms):
                    continue
                assumed = out_gate is None or mine[5] is None
                if assumed:
                    # by whom, where and when: of two that begin at once one is over at once
                    self._assumed.update(
                        one[2:4] + one[:1] for one in (mine, other) if one[5] is None
                    )
                found[via, who].append((begin, end, site, assumed, mine, other))

    def _learn(self, ids: Collection[int]) -> None:
        new = ids - self._heads.keys()
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
            sites = sorted({site for edge in edges for site in edge.sites})
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


def _meetings(
    edges: Mapping[tuple[int, int], _Edge],
    whos: Mapping[int, Who],
    places: Mapping[int, Place],
    within_ms: float,
) -> Iterator[Meeting]:
    for (via, who), edge in sorted(edges.items()):
        for from_ms, to_ms, site, assumed, mine, other in sorted(edge.overlaps, key=_when):
            near = _near(mine, other, within_ms)
            yield Meeting(whos[via], whos[who], places[site], from_ms, to_ms, assumed, near)


_begin = itemgetter(0)
_when = itemgetter(0, 2)  # and where, so that the order is always the same

_Brief = Any  # a row of fetch.BRIEF: in_ms, out_ms, person, site, in_gate, out_gate
_Span = tuple[int, int, int, _Brief]  # from ms, to ms, who, their visit
# from ms, to ms, site, assumed, and the visits
_Overlap = tuple[int, int, int, bool, _Brief, _Brief]


class _Edge(NamedTuple):
    """All meetings of two people, and what they come to."""

    ms: int
    from_ms: int
    to_ms: int
    assumed: bool
    sites: set[int]
    overlaps: list[_Overlap]

    @classmethod
    def of(cls, overlaps: list[_Overlap]) -> _Edge:
        begins, ends, sites, assumed, _, _ = zip(*overlaps, strict=True)
        ms = sum(ends) - sum(begins)
        return cls(ms, min(begins), max(ends), any(assumed), set(sites), overlaps)


def _rank(one: Contact) -> tuple[Any, ...]:
    return (one.hop, -one.ms, one.from_ms, one.who.token)


def _near(one: _Brief, other: _Brief, within_ms: float) -> bool:
    """Whether both used one gate within so long."""
    in_ms, out_ms, _, _, in_gate, out_gate = one
    other_in_ms, other_out_ms, _, _, other_in_gate, other_out_gate = other
    if in_gate == other_in_gate and abs(in_ms - other_in_ms) <= within_ms:
        return True
    if in_gate == other_out_gate and abs(in_ms - other_out_ms) <= within_ms:
        return True
    if out_gate is None:
        return False
    return bool(
        (out_gate == other_in_gate and abs(out_ms - other_in_ms) <= within_ms)
        or (out_gate == other_out_gate and abs(out_ms - other_out_ms) <= within_ms)
    )


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
            assumed=bool(row.assumed),
            at_known=bool(row.at_known),
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
