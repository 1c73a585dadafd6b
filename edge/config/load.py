"""Read a configuration as a whole: every fault in one go, or a Config.

From weakest to strongest: the model's defaults, config.toml, config.toml.d/*.toml in the order of
their names, environment variables EDGE_GATE__TABLE__KEY (a reader by its name:
EDGE_GATE__READER__IN__MODE).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from edge.config.model import Config, KeyPath, ProblemsError, Table
from edge.config.schema import TAG, Key, describe, key_at, keys_of, walk
from edge.config.sources import Problem, Sources, nearest, read_sources
from edge.config.toml import toml_value

_SHOWN = 60  # characters of a wrong value that stand in its problem
_ROUNDS = 10  # repairs before giving up: each round mends every fault it sees


class ConfigError(Exception):
    """A configuration that can't be used. `problems` holds every fault, str() a line for each."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


@dataclass(frozen=True)
class Loaded:
    """A configuration, and where each of its values comes from."""

    config: Config
    sources: Sources


def load(path: Path, *, environ: Mapping[str, str]) -> Config:
    """The configuration of a gate. Raises ConfigError."""
    return load_sourced(path, environ=environ).config


def load_sourced(path: Path, *, environ: Mapping[str, str]) -> Loaded:
    """The same with the origin of each value, for `show-config`. Raises ConfigError."""
    sources = read_sources(path, environ)
    unreadable = [problem for problem in sources.problems if problem.where.file is not None]
    if unreadable:
        # what they hold is unknown: anything said of keys now would be a guess
        raise ConfigError(unreadable)
    config, faults = _validate(sources)
    problems = [*sources.problems, *_open_secrets(sources), *faults]
    if problems or config is None:
        raise ConfigError(sorted(problems, key=_in_reading_order))
    return Loaded(config, sources)


def _in_reading_order(problem: Problem) -> tuple[bool, str, int]:
    where = problem.where
    return where.file is None, str(where.file or where.variable), where.line or 0


def _open_secrets(sources: Sources) -> Iterator[Problem]:
    for path, key, _ in walk(sources.values):
        origin = sources.origin(path)
        if key.is_secret and origin.file is not None:
            text = f"a secret never stands here; put it in a file and name it in {key.name}_file"
            yield Problem(origin, sources.dotted(path), text)


# --- validation -----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Fault:
    """One error of pydantic, at a path of the values. `key` is None for a key nobody knows."""

    path: KeyPath
    kind: str
    text: str
    key: Key | None


def _validate(sources: Sources) -> tuple[Config | None, list[Problem]]:
    """Pydantic checks what several keys mean together only where each is sound by itself. So that
    every fault shows in one go, faulty keys are mended in a copy and it is asked again.
    """
    values = copy.deepcopy(sources.values)
    mended: set[KeyPath] = set()
    problems: list[Problem] = []
    for _ in range(_ROUNDS):
        try:
            # as JSON, and strictly: "10" is no number and 1 is not true, as TOML has it
            text = json.dumps(values, default=str)
            config = Config.model_validate_json(text, strict=True)
        except ValidationError as error:
            details = error.errors(include_url=False)
            faults = [fault for detail in details for fault in _faults(values, detail)]
            fresh = [fault for fault in faults if not _within(mended, fault.path)]
            problems += [
                Problem(sources.origin(fault.path), sources.dotted(fault.path), fault.text)
                for fault in fresh
            ]
            mended |= {fault.path for fault in fresh if fault.kind != "too_long"}
            for fault in faults:
                _mend(values, fault)
        else:
            return (None if problems else config), problems
    return None, problems


def _within(mended: Iterable[KeyPath], path: KeyPath) -> bool:
    """Whether a fault may come of a mend rather than of what was written."""
    return any(path[: len(place)] == place for place in mended)


def _faults(values: Mapping[str, Any], error: ErrorDetails) -> Iterator[_Fault]:
    path = _path(values, error["loc"])
    kind = error["type"]
    if kind == "too_short" and _at(values, path):
        return  # pydantic leaves out faulty readers before it counts them
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ProblemsError):
        for below, text in cause.problems:
            whole = (*path, *below)
            yield _Fault(whole, kind, text, key_at(values, whole))
        return
    key = key_at(values, path)
    if key is not None and not key.tables:
        while isinstance(path[-1], int):  # one number of a pair: the pair is at fault
            path = path[:-1]
    if kind.startswith("union_tag") and key is not None:
        path = (*path, TAG)
    yield _Fault(path, kind, _text(values, path, kind, key), key)


def _path(values: Mapping[str, Any], loc: tuple[int | str, ...]) -> KeyPath:
    """Pydantic's location without the driver names that it puts between a table and its keys."""
    path: KeyPath = ()
    skip = False
    for part in loc:
        if skip:
            skip = False
            continue
        path = (*path, part)
        key = key_at(values, path)
        skip = key is not None and len(key.tables) > 1
    return path


def _text(values: Mapping[str, Any], path: KeyPath, kind: str, key: Key | None) -> str:
    if key is None:
        return _unknown(values, path)
    given = _at(values, path)
    if kind == "missing" and given is None:
        return f"is missing; {_wanted(key, path)}"
    if kind == "union_tag_not_found":
        return f"is missing; give one of {_quoted(key.drivers)}"
    if key.many and isinstance(given, list):
        return f"there are {len(given)}; a gate has one or two readers"
    return _value_text(path, kind, key, given)


def _value_text(path: KeyPath, kind: str, key: Key, given: Any) -> str:
    known = key.drivers if kind == "union_tag_invalid" else key.choices
    if known and isinstance(given, str):
        return f"{_shown(key, given)} is unknown; {nearest(given, [str(one) for one in known])}"
    if key.tables:
        return f"{_shown(key, given)} stands where a table belongs; {_wanted(key, path)}"
    return f"{_shown(key, given)} is not {describe(key)}"


def _wanted(key: Key, path: KeyPath) -> str:
    if not key.tables:
        return f"give {describe(key)}"
    name = ".".join(part for part in path if isinstance(part, str))
    return f"add [[{name}]]" if key.many else f"add [{name}]"


def _unknown(values: Mapping[str, Any], path: KeyPath) -> str:
    table = _table_at(values, path[:-1])
    name = str(path[-1])
    hint = nearest(name, keys_of(table))
    homes = [
        top.name for top in keys_of(Config).values() for one in top.tables if name in keys_of(one)
    ]
    if homes and not hint.startswith("did you mean"):
        hint = f"it belongs in [{homes[0]}]"
    return f"unknown key; {hint}"


def _table_at(values: Mapping[str, Any], path: KeyPath) -> type[Table]:
    key = key_at(values, path)
    return (key.table_for(_at(values, path)) if key is not None else None) or Config


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(toml_value(name) for name in names)


def _shown(key: Key, value: Any) -> str:
    if key.is_secret:
        return "the value"
    try:
        text = toml_value(value)
    except TypeError:
        text = str(value)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _at(values: Any, path: KeyPath) -> Any:
    for part in path:
        try:
            values = values[part]
        except (KeyError, IndexError, TypeError):
            return None
    return values


# --- mending a copy, to see what else is wrong ----------------------------------------------


def _mend(values: dict[str, Any], fault: _Fault) -> None:
    """Take a faulty value away; put in a sound one where the key is needed."""
    *above, last = fault.path or ("",)
    table = _at(values, tuple(above))
    if not isinstance(table, dict) or not isinstance(last, str):
        return
    key = fault.key
    there = table.pop(last, None)
    if key is None or fault.kind in {"too_long", "too_short"}:
        table.update({last: there[:2]} if key is not None and there else {})
    elif fault.kind.startswith("union_tag"):
        close = nearest(str(there), key.drivers).split("'")
        table[TAG] = close[1] if len(close) > 1 else list(key.drivers)[-1]
    elif key.required or there is None:
        table[last] = _sound(key, fault.path)


def _sound(key: Key, path: KeyPath) -> Any:
    if key.many:
        return [{}]
    if key.tables:
        return {TAG: list(key.drivers)[-1]} if len(key.tables) > 1 else {}
    if key.choices:
        return key.choices[0]
    number = next((part for part in path if isinstance(part, int)), 0)
    return "/" if key.is_path else f"x{number}"
