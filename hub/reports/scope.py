"""Of which park and site a report is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from hub.store.schema import sites


class ScopeError(LookupError):
    """A park or site that is not there, or that is not the only one. One line."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Everywhere, one park, or one site of a park."""

    park: str | None = None
    site: str | None = None


def find_scope(connection: Connection, park: str | None, site: str | None) -> Scope:
    """What a person named: a park, a site by its name or as park/site. Raises ScopeError.

    A report of nothing for a name that is mistyped would read as if nobody had come.
    """
    parks = connection.execute(select(sites.c.park).distinct().order_by(sites.c.park)).scalars()
    if park is not None and park not in (known := list(parks)):
        raise ScopeError(f"park {park}: no such park; there are {', '.join(known[:8]) or 'none'}")
    if site is None:
        return Scope(park)
    before, slash, name = site.rpartition("/")
    query = select(sites.c.park).where(sites.c.site == name).order_by(sites.c.park)
    for one in (park, before if slash else None):
        if one is not None:
            query = query.where(sites.c.park == one)
    found = list(connection.execute(query).scalars())
    if not found:
        where = f" in park {park}" if park is not None else ""
        raise ScopeError(f"site {site}: no such site{where}; write park/site")
    if len(found) > 1:
        several = ", ".join(f"{one}/{name}" for one in found[:5])
        raise ScopeError(f"site {site}: there are several: {several}")
    return Scope(found[0], name)
