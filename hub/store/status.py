"""What a store holds, as plain data: for `edge-hub status`, beside running hubs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import SQLAlchemyError

from hub.standing import Standing
from hub.store.base import StoreError
from hub.store.engine import connect
from hub.store.gathering import standings_of_rows
from hub.store.migrations import check_ready
from hub.store.schema import alarms, dead_letters, hub, islands, records, streams


def read_status(store: str | Path) -> dict[str, Any]:
    """Of a URL or a file, as of one moment. Raises StoreError."""
    if isinstance(store, Path) and not store.exists():
        raise StoreError(f"{store}: no such file; name the store with --store")
    engine = connect(store, read_only=True)
    try:
        with engine.connect() as db:
            if db.dialect.name == "postgresql":
                db = db.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901
            check_ready(db, str(store))
            return _status(db)
    except SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise StoreError(f"{store}: {cause}") from error
    finally:
        engine.dispose()


def _status(db: Connection) -> dict[str, Any]:
    known = [*_standings(db)]
    names = {one.key: one.stream for one in known}
    return {
        "epoch": db.scalar(select(hub.c.value).where(hub.c.name == "epoch")),
        "records": db.scalar(select(func.count()).select_from(records)),
        "streams": [
            {
                "stream": one.stream,
                "park": one.place.park,
                "site": one.place.site,
                "gate": one.place.gate,
                "upto": one.upto,
                "head": one.head,
                "gaps": [list(hole) for hole in one.holes()],
                "duplicates": one.duplicates,
                "purged_upto": one.purged_upto,
            }
            for one in known
        ],
        "alarms": [
            {
                "at_ms": row.at_ms,
                "name": row.name,
                "stream": names.get(row.stream),
                "seq": row.seq or None,
                "detail": row.detail,
            }
            for row in db.execute(select(alarms).order_by(alarms.c.id))
        ],
        "dead_letters": [
            {
                "id": row.id,
                "first_ms": row.first_ms,
                "topic": row.topic,
                "stream": names.get(row.stream),
                "seq": row.seq,
                "reason": row.reason,
                "deliveries": row.deliveries,
            }
            for row in db.execute(_LETTERS)
        ],
    }


_LETTERS = select(*(one for one in dead_letters.c if one.name != "raw")).order_by(dead_letters.c.id)


def _standings(db: Connection) -> list[Standing]:
    rows = db.execute(
        select(
            streams.c.id, streams.c.stream, streams.c.park, streams.c.site, streams.c.gate,
            streams.c.upto, streams.c.head, streams.c.duplicates, streams.c.purged_upto,
        ).order_by(streams.c.id)
    ).all()  # fmt: skip
    spans = db.execute(select(islands).order_by(islands.c.stream, islands.c.first)).all()
    return [*standings_of_rows(rows, spans)]
