"""What SQLite and PostgreSQL say differently, and what keeps statements few: many keys in one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    Dialect,
    Row,
    Table,
    any_,
    bindparam,
    column,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite


def upsert(
    tx: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str] | None = None,
    update: Sequence[str] | None = None,
) -> None:
    """Insert rows, all of the same columns; of those whose key is there, set the columns `update`.

    `key` is the primary one unless given, `update` every other column. Values go to the driver as
    they are: whole numbers, texts, bytes, truth values, NULL.
    """
    if not rows:
        return
    keys = [one.name for one in table.primary_key] if key is None else list(key)
    names = [name for name in rows[0] if name not in keys] if update is None else update
    _put(tx, table, rows, (tuple(keys), tuple(names)))


def insert_new(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows, all of the same columns; those that are there already stay as they are.

    Values as for `upsert`.
    """
    if rows:
        _put(tx, table, rows, None)


def _put(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]], rule: _Rule) -> None:
    words, order = _worded(tx.dialect, table, tuple(rows[0]), rule)
    if order is None:
        tx.exec_driver_sql(words, [dict(row) for row in rows])
    else:
        tx.exec_driver_sql(words, [tuple(row[name] for name in order) for row in rows])


# the key's columns and those to set; None: any conflict leaves the row that is there
_Rule = tuple[tuple[str, ...], tuple[str, ...]] | None


@lru_cache(maxsize=256)
def _worded(
    dialect: Dialect, table: Table, columns: tuple[str, ...], rule: _Rule
) -> tuple[str, Sequence[str] | None]:
    """The statement in words, and the order of its values where they have no names.

    SQLAlchemy asks each value's type what to do with it: a sixth of what deriving costs.
    """
    insert: Any = sqlite.insert(table) if dialect.name == "sqlite" else postgresql.insert(table)
    if rule is None:
        insert = insert.on_conflict_do_nothing()
    elif rule[1]:
        changed = {name: insert.excluded[name] for name in rule[1]}
        insert = insert.on_conflict_do_update(index_elements=rule[0], set_=changed)
    else:
        insert = insert.on_conflict_do_nothing(index_elements=rule[0])
    compiled = insert.compile(dialect=dialect, column_keys=list(columns))
    return compiled.string, compiled.positiontup


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


def among(dialect: str, one: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a column is one of whole numbers that come with the query, its value `among`.

    Unlike a join with `given` it leaves SQLite no choice but to look each of them up in the index.
    """
    if dialect == "sqlite":
        query = text("SELECT value FROM json_each(:among)").columns(column("value", BigInteger))
        return one.in_(query)
    return one == any_(bindparam("among", type_=postgresql.ARRAY(BigInteger)))


def listed(tx: Connection, numbers: Iterable[int]) -> dict[str, Any]:
    """The values for `among`."""
    every = list(numbers)
    return {"among": json.dumps(every) if tx.dialect.name == "sqlite" else every}


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


class Prepared:
    """A statement that is put into words once for each dialect, for questions that must be quick.

    `build` makes it, for a dialect's name. Executing a statement of SQLAlchemy costs some 0.2 ms
    even where it is cached, and 0.5 ms with a list in it; this a tenth. Values go to the driver and
    come from it as they are: whole numbers, texts, NULL; a truth value is 0 or 1 in SQLite.
    """

    def __init__(self, build: Callable[[str], Any]) -> None:
        self._build = build
        self._worded: dict[str, tuple[str, Any, Sequence[str] | None]] = {}

    def rows(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        """All rows. `values` are those of its bound parameters that have none of their own."""
        dialect = connection.dialect
        if dialect.name not in self._worded:
            compiled = self._build(dialect.name).compile(dialect=dialect)
            fixed = {name: one for name, one in compiled.params.items() if one is not None}
            self._worded[dialect.name] = (compiled.string, fixed, compiled.positiontup)
        words, fixed, order = self._worded[dialect.name]
        bound = {**fixed, **values}
        if order is None:
            return connection.exec_driver_sql(words, bound).all()
        return connection.exec_driver_sql(words, tuple(bound[name] for name in order)).all()
