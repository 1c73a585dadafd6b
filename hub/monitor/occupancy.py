"""How many are inside, by site: counts from visits, no persons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, case, func, select

from hub.store.schema import people, sites, visits


class Heads(NamedTuple):
    """People inside a site, each once whatever tokens they used; `assumed` of their visits end by
    the longest stay alone.
    """

    inside: int = 0
    assumed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """People with a visit under way at a moment. `assumed` of them have not been seen to leave:
    they count until the site's longest stay is over.
    """

    park: str
    site: str
    site_name: str | None
    inside: int
    assumed: int


def occupancy(connection: Connection, at_ms: int, *, park: str | None = None) -> list[Inside]:
    """Every registered site, and the others where someone is; in order of names."""
    heads = inside(connection, at_ms)
    query = select(
        sites.c.id, sites.c.park, sites.c.site, sites.c.name, sites.c.registered
    ).order_by(sites.c.park, sites.c.site)
    if park is not None:
        query = query.where(sites.c.park == park)
    return [
        Inside(
            park=row.park,
            site=row.site,
            site_name=row.name,
            **heads.get(row.id, Heads())._asdict(),
        )
        for row in connection.execute(query)
        if row.registered or row.id in heads
    ]


def inside(connection: Connection, at_ms: int) -> Mapping[int, Heads]:
    """How many are inside at a moment, by site id; sites with nobody are left out."""
    # no visit is longer than what the visits of any site were cut at: bounds the index's range
    longest_min = connection.scalar(select(func.max(sites.c.derived_stay_min))) or 0
    head = case((people.c.same_as == 0, people.c.id), else_=people.c.same_as)
    query = (
        select(
            visits.c.site,
            func.count(func.distinct(head)),
            func.sum(case((visits.c.assumed, 1), else_=0)),
        )
        .join(people, people.c.id == visits.c.person)
        # by site first: the index is on (site, in_ms)
        .where(
            visits.c.site.in_(select(sites.c.id)),
            visits.c.in_ms > at_ms - longest_min * 60_000,
            visits.c.in_ms <= at_ms,
            visits.c.out_ms > at_ms,
        )
        .group_by(visits.c.site)
    )
    return {site: Heads(int(count), int(some)) for site, count, some in connection.execute(query)}
