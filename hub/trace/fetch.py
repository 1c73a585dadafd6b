"""Rows of visits by person and by place. The only queries that grow with the store."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, select

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
    query = _of_people(connection.dialect.name)
    values = wanted(connection, zip(members), "person")
    values |= {"begin": period.from_ms - longest_ms, "low": period.from_ms, "high": period.to_ms}
    return sorted(
        connection.execute(query, values), key=lambda row: (row.in_ms, row.stream, row.seq)
    )


@cache
def _of_people(dialect: str) -> Any:
    person = given(dialect, "person")
    return select(visits).join_from(
        person,
        visits,
        (visits.c.person == person.c.person)
        & (visits.c.in_ms >= bindparam("begin", type_=BigInteger))
        & (visits.c.in_ms < bindparam("high", type_=BigInteger))
        & (visits.c.out_ms > bindparam("low", type_=BigInteger)),
    )


def at_places(
    connection: Connection, windows: Iterable[Window], places: dict[int, Place]
) -> Sequence[Any]:
    """Visits at sites that overlap windows there; windows of one site may not overlap."""
    rows = [(site, low, low - places[site].longest_ms, high) for site, low, high in windows]
    query = _at_places(connection.dialect.name)
    return connection.execute(query, wanted(connection, rows, *_WINDOW)).all()


_WINDOW = ("site", "low", "begin", "high")


@cache
def _at_places(dialect: str) -> Any:
    window = given(dialect, *_WINDOW)
    return select(visits).join_from(
        window,
        visits,
        (visits.c.site == window.c.site)
        & (visits.c.in_ms >= window.c.begin)
        & (visits.c.in_ms < window.c.high)
        & (visits.c.out_ms > window.c.low),
    )


def joined(windows: Iterable[Window]) -> list[Window]:
    """The same, with those of a site that touch made one."""
    found: list[Window] = []
    for site, low, high in sorted(windows):
        if found and found[-1][0] == site and low <= found[-1][2]:
            found[-1] = (site, found[-1][1], max(high, found[-1][2]))
        else:
            found.append((site, low, high))
    return found
