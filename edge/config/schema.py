"""The model seen as a tree of keys: what may stand where, in words that a technician reads."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from edge.config.model import Config, KeyPath, Table

TAG = "driver"  # the key that tells the tables of one device apart


@dataclass(frozen=True)
class Key:
    """One key of a table: `name` in TOML, `attribute` in the model.

    `tables` are the tables that may stand under it, several where `driver` chooses, none for a
    value; `many` for an array of tables.
    """

    name: str
    attribute: str
    field: FieldInfo
    tables: tuple[type[Table], ...]
    many: bool

    @property
    def required(self) -> bool:
        """Whether the key has no default."""
        return self.field.is_required()

    @property
    def default(self) -> Any:
        """Its default; None for none."""
        return None if self.required else self.field.get_default(call_default_factory=True)

    @property
    def is_path(self) -> bool:
        """Whether the value names a file or folder."""
        return any(kind is Path for kind, _ in _kinds(self.field))

    @property
    def is_secret(self) -> bool:
        """Whether the value must not be shown."""
        return any(kind is SecretStr for kind, _ in _kinds(self.field))

    @property
    def is_text(self) -> bool:
        """Whether text of any kind is what the value is."""
        kinds = {kind for kind, _ in _kinds(self.field)} - {NoneType}
        plain = {kind for kind in kinds if get_origin(kind) is not Literal}
        return plain <= {str, SecretStr, Path} and all(isinstance(c, str) for c in self.choices)

    @property
    def none_text(self) -> str | None:
        """The text that stands for nothing where a default has to be taken away."""
        optional = any(kind is NoneType for kind, _ in _kinds(self.field))
        return "none" if optional and self.name.endswith("_pin") else None

    @property
    def choices(self) -> tuple[Any, ...]:
        """The values of a key that knows only these."""
        return tuple(
            value
            for kind, _ in _kinds(self.field)
            if get_origin(kind) is Literal
            for value in get_args(kind)
        )

    def table_for(self, value: object) -> type[Table] | None:
        """The table that `value` is meant to be; None where its driver is not known."""
        if len(self.tables) < 2:
            return self.tables[0] if self.tables else None
        tag = value.get(TAG) if isinstance(value, Mapping) else None
        return self.drivers.get(tag) if isinstance(tag, str) else None

    @property
    def drivers(self) -> dict[str, type[Table]]:
        """The tables of a device by their driver."""
        return {keys_of(table)[TAG].choices[0]: table for table in self.tables}


@cache
def keys_of(table: type[Table]) -> dict[str, Key]:
    """The keys of a table, as TOML names them."""
    keys = {}
    for attribute, field in table.model_fields.items():
        name = field.alias or attribute
        kinds = [kind for kind, _ in _kinds(field)]
        many = any(get_origin(kind) is tuple and _table_in(kind) for kind in kinds)
        tables = [_table_in(kind) for kind in kinds]
        keys[name] = Key(name, attribute, field, tuple(found for found in tables if found), many)
    return keys


def walk(
    value: Mapping[str, Any], table: type[Table] = Config, path: KeyPath = ()
) -> Iterator[tuple[KeyPath, Key, Any]]:
    """Every value of a tree that the model knows, with its path and key; tables before their own.

    What doesn't fit the model (unknown keys, a number where a table belongs) is passed over.
    """
    for name, below in value.items():
        key = keys_of(table).get(name)
        if key is None:
            continue
        yield (*path, name), key, below
        for place, item in _items((*path, name), key, below):
            inner = key.table_for(item)
            if inner is not None and isinstance(item, Mapping):
                yield from walk(item, inner, place)


def key_at(values: Mapping[str, Any], path: KeyPath) -> Key | None:
    """The key that a path names in a tree of values; None where the model has none."""
    table: type[Table] | None = Config
    key = None
    below: Any = values
    for part in path:
        if isinstance(part, int):
            below = below[part] if isinstance(below, list) and part < len(below) else None
        else:
            key = keys_of(table).get(part) if table else None
            below = below.get(part) if isinstance(below, Mapping) else None
        if key is None:
            return None
        table = key.table_for(below)
    return key


def describe(key: Key) -> str:
    """What values a key takes, in words: "a number from 36 to 42"."""
    texts = [_describe(kind, limits) for kind, limits in _kinds(key.field) if kind is not NoneType]
    if key.none_text:
        texts.append(f'"{key.none_text}"')
    return " or ".join(dict.fromkeys(text for text in texts if text))


def texts_of(table: type[Table]) -> dict[str, str]:
    """The text under each key of a table in the model's source, by its name in TOML."""
    texts: dict[str, str] = {}
    for base in reversed(table.__mro__):
        if issubclass(base, Table):
            texts |= _texts_in(base)
    return {name: texts.get(name, "") for name in keys_of(table)}


def _texts_in(table: type[Table]) -> dict[str, str]:
    source = textwrap.dedent(inspect.getsource(table))
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)
    texts = {}
    for line, after in zip(body.body, body.body[1:], strict=False):
        match line, after:
            case (
                ast.AnnAssign(target=ast.Name(id=attribute)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                texts[table.model_fields[attribute].alias or attribute] = inspect.cleandoc(text)
    return texts


def _items(path: KeyPath, key: Key, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    if not key.many:
        yield path, value
    elif isinstance(value, list):
        yield from (((*path, number), item) for number, item in enumerate(value))


def _table_in(kind: Any) -> type[Table] | None:
    if isinstance(kind, type) and issubclass(kind, Table):
        return kind
    inner = get_args(kind)[0] if get_origin(kind) is tuple else None
    return _table_in(inner) if inner is not None else None


def _kinds(field: FieldInfo) -> list[tuple[Any, list[Any]]]:
    """The types a field takes one by one, each with its limits."""
    return list(_flatten(field.annotation, list(field.metadata)))


def _flatten(annotation: Any, limits: list[Any]) -> Iterator[tuple[Any, list[Any]]]:
    origin = get_origin(annotation)
    if origin is Annotated:
        inner, *more = get_args(annotation)
        for one in more:
            limits = limits + (one.metadata if isinstance(one, FieldInfo) else [one])
        yield from _flatten(inner, limits)
    elif origin in {Union, UnionType}:
        for one in get_args(annotation):
            yield from _flatten(one, limits)
    else:
        yield annotation, limits


def _describe(kind: Any, limits: list[Any]) -> str:
    if get_origin(kind) is Literal:
        values = [
            '"' + value + '"' if isinstance(value, str) else str(value) for value in get_args(kind)
        ]
        return values[0] if len(values) == 1 else "one of " + ", ".join(values)
    if get_origin(kind) is tuple and not _table_in(kind):
        inner = next(iter(_flatten(get_args(kind)[0], [])))
        if get_args(kind)[-1] is Ellipsis:
            return f"a list of {_describe(*inner).removeprefix('one of ')}"
        return f"[width, height], each {_describe(*inner)}"
    names = {
        bool: "true or false",
        int: "a whole number",
        float: "a number",
        Path: "a path",
        date: "dates as 2027-02-06",
    }
    if kind is str and any(getattr(one, "pattern", None) for one in limits):
        return "a name of 1 to 64 letters, digits, '_', '.' or '-'"
    return names.get(kind, "text") + _range(limits) if not _table_in(kind) else ""


def _range(limits: list[Any]) -> str:
    low = high = ""
    for one in limits:
        match one:
            case Ge(ge=value):
                low = f" from {value}"
            case Gt(gt=value):
                low = f" above {value}"
            case Le(le=value):
                high = f" to {value}" if low.startswith(" from") else f" up to {value}"
            case Lt(lt=value):
                high = f" below {value}"
            case _:
                pass
    return low + high
