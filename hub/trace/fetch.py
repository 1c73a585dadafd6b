"""Rows of visits by person and by place. The only queries that grow with the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, select

from hub.store.schema import visits
from hub.store.sql import Prepared, given, wanted
from hub.trace.answers import Period, Place

Window = tuple[int, int, int]  # site, from ms, to ms

# all that a meeting is made of; index visits_site holds it, so that no row is looked up for it.
# A visit without an out_gate is one whose end is assumed
BRIEF = (
    visits.c.in_ms, visits.c.out_ms, visits.c.person, visits.c.site, visits.c.in_gate,
    visits.c.out_gate,
)  # fmt: skip
_WINDOW = ("site", "low", "begin", "high")


def of_people(
    connection: Connection,
    members: Iterable[int],
    period: Period,
    longest_ms: int,
    *,
    brief: bool = False,
) -> Sequence[Any]:
    """Visits of these (hub.derive.people.roots) that overlap the period, in the order of time.

    A visit has no index on its end: what began more than the longest stay before is over.
    """
    values = wanted(connection, zip(members), "person")
    values |= {"begin": period.from_ms - longest_ms, "low": period.from_ms, "high": period.to_ms}
    rows = (_OF_PEOPLE_BRIEF if brief else _OF_PEOPLE).rows(connection, values)
    return rows if brief else sorted(rows, key=lambda row: (row.in_ms, row.stream, row.seq))


def at_places(
    connection: Connection,
    windows: Iterable[Window],
    places: Mapping[int, Place],
    *,
    brief: bool = False,
) -> Sequence[Any]:
    """Visits that overlap windows at sites, each once; windows of one site may not overlap."""
    rows: list[tuple[int, int, int, int]] = []
    ended: dict[int, int] = {}
    for site, low, high in sorted(windows):
        begin = low - places[site].longest_ms
        # what began before the last window's end and lasts until here was in that one
        rows.append((site, low, max(begin, ended.get(site, begin)), high))
        ended[site] = high
    query = _AT_PLACES_BRIEF if brief else _AT_PLACES
    return query.rows(connection, wanted(connection, rows, *_WINDOW))


def _of_people(*columns: Any) -> Callable[[str], Any]:
    def build(dialect: str) -> Any:
        person = given(dialect, "person")
        return select(*columns).join_from(
            person,
            visits,
            (visits.c.person == person.c.person)
            & (visits.c.in_ms >= bindparam("begin", type_=BigInteger))
            & (visits.c.in_ms < bindparam("high", type_=BigInteger))
            & (visits.c.out_ms > bindparam("low", type_=BigInteger)),
        )

    return build


def _at_places(*columns: Any) -> Callable[[str], Any]:
    def build(dialect: str) -> Any:
        window = given(dialect, *_WINDOW)
        return select(*columns).join_from(
            window,
            visits,
            (visits.c.site == window.c.site)
            & (visits.c.in_ms >= window.c.begin)
            & (visits.c.in_ms < window.c.high)
            & (visits.c.out_ms > window.c.low),
        )

    return build


_OF_PEOPLE, _OF_PEOPLE_BRIEF = Prepared(_of_people(visits)), Prepared(_of_people(*BRIEF))
_AT_PLACES, _AT_PLACES_BRIEF = Prepared(_at_places(visits)), Prepared(_at_places(*BRIEF))


def joined(windows: Iterable[Window]) -> list[Window]:
    """The same, with those of a site that touch made one."""
    found: list[Window] = []
    for site, low, high in sorted(windows):
        if found and found[-1][0] == site and low <= found[-1][2]:
            found[-1] = (site, found[-1][1], max(high, found[-1][2]))
        else:
            found.append((site, low, high))
    return found
