"""Plans of sites: a picture of each, and where its gates are on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select

from hub.pictures import Picture
from hub.store.schema import gate_pins, gates, site_plans
from hub.store.sql import upsert

Pin = tuple[float, float]  # fractions of the picture's width and height, from its upper left corner


@dataclass(frozen=True, slots=True)
class Plan:
    """A site's plan: the SHA-256 of its picture, and the picture's size in pixels."""

    digest: str
    width: int
    height: int


def plan_pictures(connection: Connection) -> dict[int, Plan]:
    """The plan of each site that has one, by the site's id; without the pictures."""
    query = select(site_plans.c.site, site_plans.c.digest, site_plans.c.width, site_plans.c.height)
    return {row[0]: Plan(*row[1:]) for row in connection.execute(query)}


def pins(connection: Connection) -> dict[int, Pin]:
    """Where gates are pinned, by the gate's id."""
    query = select(gate_pins.c.gate, gate_pins.c.x, gate_pins.c.y)
    return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def picture(connection: Connection, site: int) -> tuple[str, bytes] | None:
    """The digest and the WebP of a site's plan."""
    query = select(site_plans.c.digest, site_plans.c.picture).where(site_plans.c.site == site)
    row = connection.execute(query).first()
    return None if row is None else (row[0], bytes(row[1]))


def set_picture(
    connection: Connection, site: int, picture: Picture, *, who: str, at_ms: int
) -> None:
    """A plan in the place of the one before. Pins stay: it is mostly the same plan, newer."""
    row = {
        "site": site, "digest": hashlib.sha256(picture.content).hexdigest(),
        "width": picture.width, "height": picture.height, "who": who, "at_ms": at_ms,
        "picture": picture.content,
    }  # fmt: skip
    upsert(connection, site_plans, [row])


def set_pins(connection: Connection, site: int, wanted: Mapping[int, Pin]) -> None:
    """Exactly these gates of the site are pinned. Each is of the site, each fraction 0 to 1."""
    own = select(gates.c.id).where(gates.c.site == site)
    connection.execute(delete(gate_pins).where(gate_pins.c.gate.in_(own)))
    rows = [{"gate": gate, "x": x, "y": y} for gate, (x, y) in wanted.items()]
    if rows:
        connection.execute(insert(gate_pins), rows)


def remove(connection: Connection, site: int) -> None:
    """Neither picture nor pins any more."""
    set_pins(connection, site, {})
    connection.execute(delete(site_plans).where(site_plans.c.site == site))
