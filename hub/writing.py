"""Transactions of those who write beside ingest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

_ROWS_AT_ONCE = 1_000


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


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str],
) -> None:
    """Insert the rows; of those whose key is there, set the columns of `update`."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement: Any = insert(table)
    if update:
        changed = {name: statement.excluded[name] for name in update}
        statement = statement.on_conflict_do_update(index_elements=list(key), set_=changed)
    else:
        statement = statement.on_conflict_do_nothing(index_elements=list(key))
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        connection.execute(statement, list(rows[start : start + _ROWS_AT_ONCE]))
