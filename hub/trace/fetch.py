"""Rows of visits by person and by place. The only queries that grow with the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import Connection, select

from hub.derive import people as groups
from hub.store.schema import visits
from hub.store.sql import given, wanted
from hub.trace.answers import Period, Place

Window = tuple[int, int, int]  # site, from ms, to ms


def of_people(
    connection: Connection, heads: Collection[int], period: Period, longest_ms: int
) -> list[Any]:
    """Visits of these people that overlap the period, in the order of time.

    A visit has no index on its end: what began more than the longest stay before is over.
    """
    members = groups.roots(connection, heads)
    person = given(connection, "person")
    query = select(visits).join_from(
        person,
        visits,
        (visits.c.person == person.c.person)
        & (visits.c.in_ms >= period.from_ms - longest_ms)
        & (visits.c.in_ms < period.to_ms)
        & (visits.c.out_ms > period.from_ms),
    )
    rows = connection.execute(query, wanted(connection, zip(members), "person"))
    return sorted(rows, key=lambda row: (row.in_ms, row.stream, row.seq))


def at_places(
    connection: Connection, windows: Iterable[Window], places: dict[int, Place]
) -> Sequence[Any]:
    """Visits at sites that overlap windows there; windows of one site may not overlap."""
    names = ("site", "low", "begin", "high")
    window = given(connection, *names)
    query = select(visits).join_from(
        window,
        visits,
        (visits.c.site == window.c.site)
        & (visits.c.in_ms >= window.c.begin)
        & (visits.c.in_ms < window.c.high)
        & (visits.c.out_ms > window.c.low),
    )
    rows = [(site, low, low - places[site].longest_ms, high) for site, low, high in windows]
    return connection.execute(query, wanted(connection, rows, *names)).all()


def joined(windows: Iterable[Window]) -> list[Window]:
    """The same, with those of a site that touch made one."""
    found: list[Window] = []
    for site, low, high in sorted(windows):
        if found and found[-1][0] == site and low <= found[-1][2]:
            found[-1] = (site, found[-1][1], max(high, found[-1][2]))
        else:
            found.append((site, low, high))
    return found
