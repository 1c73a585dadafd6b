"""Connections to the hub's store for questions and derived tables, by SQLAlchemy.

A store is named by a URL (`postgresql://user@host/name`) or by the path of an SQLite file.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url

BUSY_S = 5.0  # a writer that holds the lock for a moment


def connect(store: str | Path, *, read_only: bool = False) -> Engine:
    """An engine for a URL or a file; nothing is opened yet. Raises sqlalchemy.exc.ArgumentError.

    `read_only` makes no file where there is none, and refuses to write one that is there.
    """
    text = str(store)
    if "://" not in text:
        name = f"{Path(text).absolute().as_uri()}?mode=ro&uri=true" if read_only else None
        engine = create_engine(
            f"sqlite:///{name or Path(text).absolute()}", connect_args={"timeout": BUSY_S}
        )
        event.listen(engine, "connect", _as_the_reader if read_only else _sqlite_as_the_writer_does)
        event.listen(engine, "begin", _begin)
        return engine
    url = make_url(text)
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(url, pool_pre_ping=True)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that has SQLite's write lock from its first moment.

    A transaction that reads first and then writes is refused at once, without waiting, where
    another writer came between (SQLITE_BUSY_SNAPSHOT); one that begins by writing waits its turn.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("DELETE FROM hub WHERE name = ''")
        yield connection


def _sqlite_as_the_writer_does(connection: Any, _record: Any) -> None:
    # sqlite3's own idea of when a transaction begins is switched off: _begin says it
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _as_the_reader(connection: Any, _record: Any) -> None:
    connection.isolation_level = None


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
