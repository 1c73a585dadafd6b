"""Whether the hub does its work: the store answers, the broker is heard, the derivation follows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from hub.store.letters import DROPPED
from hub.store.schema import dead_letters, derived, hub, islands, streams

# Records that are stored and not yet in visits: a follower at work is behind by a batch or two
_MOST_BEHIND = 50_000

Broker = Callable[[], str | None]
"""Why the broker can't be heard now; None while it can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`broker` is "connected", "not watched here" (the HTTP interface alone) or what is wrong.
    `behind` are records that are stored and not yet derived.
    """

    ok: bool
    store: str
    broker: str
    behind: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """The store in numbers. `upto` are records up to which streams are whole, `holes` the places
    where later ones are here already.
    """

    streams: int
    upto: int
    holes: int
    duplicates: int
    dead_letters: int
    behind: int


def health(engine: Engine, broker: Broker | None) -> Health:
    """Look now. Never raises for a store that is away."""
    said = "not watched here" if broker is None else (broker() or "connected")
    heard = broker is None or said == "connected"
    try:
        with engine.connect() as connection:
            behind = totals(connection).behind
    except SQLAlchemyError as error:
        trouble = str(getattr(error, "orig", None) or error).partition("\n")[0]
        return Health(ok=False, store=trouble, broker=said, behind=None)
    follows = behind <= _MOST_BEHIND
    store = "reachable"
    return Health(ok=heard and follows, store=store, broker=said, behind=behind)


def totals(connection: Connection) -> Totals:
    """Count; quick at any size, as no table of records is read through."""
    number, upto, duplicates = connection.execute(
        select(
            func.count(),
            func.coalesce(func.sum(streams.c.upto), 0),
            func.coalesce(func.sum(streams.c.duplicates), 0),
        ).select_from(streams)
    ).one()
    done = connection.scalar(select(func.coalesce(func.sum(derived.c.upto), 0)))
    return Totals(
        streams=int(number),
        upto=int(upto),
        holes=int(connection.scalar(select(func.count()).select_from(islands)) or 0),
        duplicates=int(duplicates),
        dead_letters=_letters(connection),
        behind=max(int(upto) - int(done or 0), 0),
    )


def _letters(connection: Connection) -> int:
    """Those that are kept, and those that no longer are."""
    kept = connection.scalar(select(func.count()).select_from(dead_letters)) or 0
    dropped = connection.scalar(select(hub.c.value).where(hub.c.name == DROPPED))
    return int(kept) + int(dropped or 0)
