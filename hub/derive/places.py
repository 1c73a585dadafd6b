"""Sites and gates by the names in records; those that nobody registered are noted as seen."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, bindparam, select

from hub.store.schema import gates, sites
from hub.store.sql import insert_new

Place = tuple[str, str, str]  # park, site, gate
_IN_ONE_QUERY = 5_000


def ids(tx: Connection, places: Iterable[Place]) -> dict[Place, tuple[int, int]]:
    """Site and gate of each place; those that are new are added as not registered."""
    wanted = set(places)
    found = _known(tx, wanted)
    new = sorted(wanted - found.keys())
    if new:
        insert_new(tx, sites, [{"park": park, "site": site} for park, site, _ in new])
        keys = _sites(tx, {site for _, site, _ in new})
        insert_new(
            tx, gates, [{"site": keys[park, site], "gate": gate} for park, site, gate in new]
        )
        found |= _known(tx, set(new))
    return found


def _sites(tx: Connection, names: Collection[str]) -> dict[tuple[str, str], int]:
    query = select(sites.c.id, sites.c.park, sites.c.site).where(
        sites.c.site.in_(bindparam("names", expanding=True))
    )
    found = {}
    every = sorted(names)
    for start in range(0, len(every), _IN_ONE_QUERY):
        for key, park, site in tx.execute(query, {"names": every[start : start + _IN_ONE_QUERY]}):
            found[park, site] = key
    return found


def _known(tx: Connection, places: set[Place]) -> dict[Place, tuple[int, int]]:
    of_sites = {key: place for place, key in _sites(tx, {site for _, site, _ in places}).items()}
    query = select(gates.c.id, gates.c.site, gates.c.gate).where(
        gates.c.site.in_(bindparam("keys", expanding=True))
    )
    found = {}
    every = sorted(of_sites)
    for start in range(0, len(every), _IN_ONE_QUERY):
        for key, site, gate in tx.execute(query, {"keys": every[start : start + _IN_ONE_QUERY]}):
            place = (*of_sites[site], gate)
            if place in places:
                found[place] = (site, key)
    return found
