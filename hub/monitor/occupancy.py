"""How many are inside, by site: counts from visits, no persons."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, case, func, select

from hub.store.schema import sites, visits

DEFAULT_LONGEST_STAY_MIN = 16 * 60


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
    longest = connection.scalar(select(func.max(sites.c.longest_stay_min))) or 0
    bound_ms = max(longest, DEFAULT_LONGEST_STAY_MIN) * 60_000
    within = (
        select(
            visits.c.site,
            func.count(func.distinct(visits.c.person)).label("inside"),
            func.sum(case((visits.c.assumed, 1), else_=0)).label("assumed"),
        )
        .where(
            # no visit is longer: the range of the index is bounded
            visits.c.site.in_(select(sites.c.id)),
            visits.c.in_ms > at_ms - bound_ms,
            visits.c.in_ms <= at_ms,
            visits.c.out_ms > at_ms,
        )
        .group_by(visits.c.site)
        .subquery()
    )
    query = (
        select(sites.c.park, sites.c.site, sites.c.name, within.c.inside, within.c.assumed)
        .join(within, within.c.site == sites.c.id, isouter=True)
        .where(sites.c.registered | within.c.inside.is_not(None))
        .order_by(sites.c.park, sites.c.site)
    )
    if park is not None:
        query = query.where(sites.c.park == park)
    return [
        Inside(
            park=row.park,
            site=row.site,
            site_name=row.name,
            inside=int(row.inside or 0),
            assumed=int(row.assumed or 0),
        )
        for row in connection.execute(query)
    ]
