"""How many are inside, and who: now and at any past moment."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

from sqlalchemy import Connection, select

from hub.collation import vietnamese
from hub.derive import people as groups
from hub.derive.meaning import OPENED_BY_BUTTON
from hub.derive.visits import WENT_THROUGH
from hub.store.schema import anonymous, passages
from hub.trace import completeness, fetch, lookup
from hub.trace.answers import Count, Inside, Muster, Occupancy, Period, Place

# presses of the button by which somebody may have left; None: no outcome came
_MAYBE_OUT = WENT_THROUGH | {None}


def occupancy(connection: Connection, at_ms: int, place: Place | None = None) -> Occupancy:
    """How many are inside each site, or one, at that moment."""
    places = {place.id: place} if place else lookup.places(connection)
    rows = _inside(connection, places, at_ms)
    heads = groups.roots(connection, {row.person for row in rows})
    inside = Counter(site for site, _ in {(row.site, heads[row.person]) for row in rows})
    counts = []
    for key, here in sorted(places.items(), key=lambda one: one[1].path):
        period = Period(at_ms - here.longest_ms, at_ms + 1)
        nobodies = _nobodies(connection, key, period)
        counts.append(
            Count(
                place=here,
                inside=inside[key],
                unidentified=nobodies["in"] - nobodies["out"],
                button_exits=_openings(connection, key, period)[OPENED_BY_BUTTON],
            )
        )
    longest_ms = max((here.longest_ms for here in places.values()), default=0)
    period = Period(at_ms - longest_ms, at_ms + 1)
    return Occupancy(
        at_ms=at_ms,
        counts=tuple(counts),
        completeness=completeness.of(
            connection, places, period, assumed_ends=sum(row.assumed for row in rows)
        ),
    )


def muster(connection: Connection, place: Place, at_ms: int) -> Muster:
    """Who is inside the site at that moment, by name, and how far that can be wrong."""
    rows = _inside(connection, {place.id: place}, at_ms)
    heads = groups.roots(connection, {row.person for row in rows})
    whos = lookup.whos(connection, set(heads.values()))
    names = lookup.gate_names(connection, [place.id])
    sure = _sure(connection, rows)
    people = {
        heads[row.person]: Inside(
            who=whos[heads[row.person]],
            since_ms=row.in_ms,
            gate=names[row.in_gate],
            sure=(row.stream, row.seq) in sure,
        )
        for row in rows
    }
    period = Period(at_ms - place.longest_ms, at_ms + 1)
    openings = _openings(connection, place.id, period)
    nobodies = _nobodies(connection, place.id, period)
    return Muster(
        place=place,
        at_ms=at_ms,
        inside=tuple(
            sorted(people.values(), key=lambda one: (vietnamese(one.who.label), one.since_ms))
        ),
        anonymous_exits=openings[OPENED_BY_BUTTON],
        openings=openings.total() - openings[OPENED_BY_BUTTON],
        unused_grants=nobodies["unused"],
        unidentified_in=nobodies["in"],
        unidentified_out=nobodies["out"],
        completeness=completeness.of(
            connection,
            {place.id: place},
            period,
            assumed_ends=_assumed(connection, place, at_ms),
        ),
    )


def _inside(connection: Connection, places: dict[int, Place], at_ms: int) -> list[Any]:
    windows = [(site, at_ms, at_ms + 1) for site in places]
    return [row for row in fetch.at_places(connection, windows, places) if row.in_ms <= at_ms]


def _assumed(connection: Connection, place: Place, at_ms: int) -> int:
    """Visits that ended by the longest stay alone within it: those people may be inside still."""
    window = (place.id, at_ms - place.longest_ms, at_ms)
    rows = fetch.at_places(connection, [window], {place.id: place})
    return sum(
        1
        for row in rows
        if row.assumed and row.out_ms <= at_ms and row.out_ms - row.in_ms >= place.longest_ms
    )


def _sure(connection: Connection, rows: list[Any]) -> set[tuple[int, int]]:
    found = set()
    by_stream = defaultdict(list)
    for row in rows:
        by_stream[row.stream].append(row.seq)
    for stream, seqs in by_stream.items():
        query = select(passages.c.seq).where(
            passages.c.stream == stream,
            passages.c.seq.in_(seqs),
            passages.c.outcome.in_(sorted(WENT_THROUGH)),
        )
        found |= {(stream, seq) for seq in connection.execute(query).scalars()}
    return found


def _openings(connection: Connection, site: int, period: Period) -> Counter[str]:
    query = select(anonymous.c.name, anonymous.c.outcome).where(
        anonymous.c.site == site,
        anonymous.c.at_ms >= period.from_ms,
        anonymous.c.at_ms < period.to_ms,
    )
    return Counter(
        name
        for name, outcome in connection.execute(query)
        if name != OPENED_BY_BUTTON or outcome in _MAYBE_OUT
    )


def _nobodies(connection: Connection, site: int, period: Period) -> Counter[str]:
    """Passages without a person, by direction; and grants that nobody used."""
    query = select(
        passages.c.direction, passages.c.person, passages.c.granted, passages.c.outcome
    ).where(
        passages.c.site == site,
        passages.c.at_ms >= period.from_ms,
        passages.c.at_ms < period.to_ms,
    )
    found: Counter[str] = Counter()
    for row in connection.execute(query):
        if row.granted and row.outcome == "not_passed":
            found["unused"] += 1
        elif row.person is None and (row.outcome in WENT_THROUGH or row.granted):
            found[row.direction or "in"] += 1
    return found
