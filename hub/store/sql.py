"""What SQLite and PostgreSQL say differently, and what keeps statements few: many keys in one."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import CTE, BigInteger, Connection, Table, column, text
from sqlalchemy.dialects import postgresql, sqlite

Row = dict[str, Any]


def upsert(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all of the same columns; where a primary key is there already, replace it."""
    if not rows:
        return
    insert = _insert(tx, table)
    keys = [one.name for one in table.primary_key]
    others = {name: insert.excluded[name] for name in rows[0] if name not in keys}
    tx.execute(insert.on_conflict_do_update(index_elements=keys, set_=others), list(rows))


def insert_new(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all of the same columns; those that are there already stay as they are."""
    if rows:
        tx.execute(_insert(tx, table).on_conflict_do_nothing(), list(rows))


def given(on: Connection | str, *names: str) -> CTE:
    """Rows of whole numbers that come with the query, to join with: `wanted` are its values.

    One statement however many they are, and without the limits on bound values. `on` is the
    connection or the name of its dialect.
    """
    return _given(on if isinstance(on, str) else on.dialect.name, names)


def wanted(tx: Connection, rows: Iterable[Sequence[int]], *names: str) -> dict[str, Any]:
    """The values for `given` with the same names."""
    every = list(rows)
    if tx.dialect.name == "sqlite":
        return {"given_rows": json.dumps(every)}
    columns = zip(*every, strict=True) if every else ([] for _ in names)
    return {f"given_{name}": list(values) for name, values in zip(names, columns, strict=True)}


@cache
def _given(dialect: str, names: tuple[str, ...]) -> CTE:
    if dialect == "sqlite":
        parts = ", ".join(
            f"json_extract(value, '$[{place}]') AS {name}" for place, name in enumerate(names)
        )
        query = f"SELECT {parts} FROM json_each(:given_rows)"  # noqa: S608 - names of the code
    else:
        parts = ", ".join(f"CAST(:given_{name} AS bigint[])" for name in names)
        query = f"SELECT * FROM unnest({parts}) AS w ({', '.join(names)})"  # noqa: S608
    return text(query).columns(*(column(name, BigInteger) for name in names)).cte("given")


def _insert(tx: Connection, table: Table) -> Any:
    return sqlite.insert(table) if tx.dialect.name == "sqlite" else postgresql.insert(table)
