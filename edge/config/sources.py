"""Documents on top of each other: config.toml, config.toml.d/*.toml, the environment.

Later ones win, tables merge, readers are matched by name. A table that names another driver keeps
what the new driver knows too; what only the old one knew goes.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any

from edge.config.model import Config, KeyPath, Table
from edge.config.origin import Origin, key_lines
from edge.config.schema import TAG, Key, keys_of, walk

PREFIX = "EDGE_GATE__"


@dataclass(frozen=True)
class Problem:
    """One fault of a configuration: where, which key, what is wrong and how to mend it."""

    where: Origin
    key: str
    text: str

    def __str__(self) -> str:
        return (
            f"{self.where}: {self.key}: {self.text}" if self.key else f"{self.where}: {self.text}"
        )


@dataclass
class Sources:
    """The merged values, where each comes from, and what could not be read."""

    path: Path
    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, Origin] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def origin(self, path: KeyPath) -> Origin:
        """Where a key, or the nearest table around it, stands."""
        while path and path not in self.origins:
            path = path[:-1]
        return self.origins.get(path, Origin(self.path))

    def dotted(self, path: KeyPath) -> str:
        """A path as a person writes it: readers by name, as in `reader.in.mode`."""
        parts = []
        value: Any = self.values
        for part in path:
            value = _below(value, part)
            name = value.get("name") if isinstance(part, int) and isinstance(value, dict) else None
            parts.append(name if isinstance(name, str) else str(part))
        return ".".join(parts)


def read_sources(path: Path, environ: Mapping[str, str]) -> Sources:
    """Read and merge everything. What can't be read stands in `problems`."""
    sources = Sources(path)
    drop_ins = sorted(path.with_name(path.name + ".d").glob("*.toml"))
    for file in (path, *drop_ins):
        _add_file(sources, file)
    _add_environment(sources, environ)
    return sources


# --- files ----------------------------------------------------------------------------------


def _add_file(sources: Sources, file: Path) -> None:
    try:
        # with a line feed at its end, so that a fault in the last line has a number too
        text = file.read_text(encoding="utf-8-sig").replace("\r\n", "\n") + "\n"
        document = tomllib.loads(text)
    except OSError as error:
        sources.problems.append(Problem(Origin(file), "", f"can't be read: {error.strerror}"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        sources.problems.append(Problem(Origin(file, line), "", "not UTF-8; save it as UTF-8"))
    except tomllib.TOMLDecodeError as error:
        sources.problems.append(_syntax_problem(file, str(error)))
    else:
        lines = key_lines(text)
        _resolve_paths(document, file.parent)
        _merge(sources, document, lambda path: Origin(file, _line(lines, path)))


def _syntax_problem(file: Path, message: str) -> Problem:
    """The parser says `... (at line 3, column 7)` or `... (at end of document)`."""
    what, _, place = message.rpartition(" (at ")
    line = place.removeprefix("line ").partition(",")[0]
    where = Origin(file, int(line) if line.isdecimal() else None)
    end = "" if line.isdecimal() else " at its end"
    return Problem(where, "", f"not TOML: {what}{end}")


def _line(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


def _resolve_paths(document: dict[str, Any], folder: Path) -> None:
    """Relative paths are relative to the file that names them."""
    for path, key, value in list(walk(document)):
        if key.is_path and isinstance(value, str):
            *above, last = path
            table: Any = document
            for part in above:
                table = table[part]
            table[last] = str(folder.absolute() / value)


# --- merging --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _At:
    """A place in a document, and where it comes to lie: readers may move."""

    document: KeyPath
    merged: KeyPath

    def __truediv__(self, name: str) -> _At:
        return _At((*self.document, name), (*self.merged, name))


def _merge(
    sources: Sources, document: Mapping[str, Any], origin_of: Callable[[KeyPath], Origin]
) -> None:
    """Lay a document over the values. `origin_of` takes paths of the document."""
    _Merge(sources.origins, origin_of).table(sources.values, document, keys_of(Config), _At((), ()))


@dataclass(frozen=True)
class _Merge:
    origins: dict[KeyPath, Origin]
    origin_of: Callable[[KeyPath], Origin]

    def table(
        self, below: dict[str, Any], over: Mapping[str, Any], keys: Mapping[str, Key], at: _At
    ) -> None:
        for name, value in over.items():
            here, key = at / name, keys.get(name)
            old = below.get(name)
            if key is not None and key.many and isinstance(value, list):
                below[name] = self.readers(old if isinstance(old, list) else [], value, key, here)
            elif isinstance(value, Mapping) and isinstance(old, dict | None):
                below[name] = self.one({} if old is None else old, value, key, here)
            else:
                below[name] = value
                self.origins[here.merged] = self.origin_of(here.document)

    def one(
        self, below: dict[str, Any], over: Mapping[str, Any], key: Key | None, at: _At
    ) -> dict[str, Any]:
        self.origins.setdefault(at.merged, self.origin_of(at.document))
        if key is not None:
            _change_driver(below, over, key)
        table = key.table_for({**below, **over}) if key is not None else None
        self.table(below, over, keys_of(table) if table else {}, at)
        return below

    def readers(self, below: list[Any], over: list[Any], key: Key, at: _At) -> list[Any]:
        places = {reader["name"]: place for place, reader in _named(below)}
        for number, item in enumerate(over):
            reader = dict(item) if isinstance(item, Mapping) else item
            if not isinstance(reader, dict):
                below.append(reader)
                continue
            place = places.get(str(reader.get("name")), len(below))
            if place == len(below):
                below.append({})
            else:
                del reader["name"]  # it stays where it was given first
            here = _At((*at.document, number), (*at.merged, place))
            self.one(below[place], reader, key, here)
        return below


def _change_driver(below: dict[str, Any], over: Mapping[str, Any], key: Key) -> None:
    old, new = key.table_for(below), key.table_for(over)
    if TAG in over and old is not None and new is not None and old is not new:
        for name in keys_of(old).keys() - keys_of(new).keys():
            below.pop(name, None)


def _below(value: Any, part: str | int) -> Any:
    if isinstance(part, int):
        return value[part] if isinstance(value, list) and part < len(value) else None
    return value.get(part) if isinstance(value, dict) else None


# --- the environment ------------------------------------------------------------------------


def _add_environment(sources: Sources, environ: Mapping[str, str]) -> None:
    found = [variable for variable in environ if variable.startswith(PREFIX)]
    # drivers first: they say which keys their tables have
    drivers = f"__{TAG.upper()}"
    for variable in sorted(found, key=lambda name: (not name.upper().endswith(drivers), name)):
        origin = Origin(variable=variable)
        try:
            path, key = _find(sources.values, variable.removeprefix(PREFIX).split("__"))
        except LookupError as error:
            sources.problems.append(Problem(origin, "", str(error.args[0])))
            continue
        document = _nested(sources.values, path, _parse(environ[variable], key))
        _resolve_paths(document, Path.cwd())
        _merge(sources, document, partial(_always, origin))


def _always(origin: Origin, _: KeyPath) -> Origin:
    return origin


def _find(values: Mapping[str, Any], levels: list[str]) -> tuple[KeyPath, Key]:
    """The path and key that a variable names. Raises LookupError that says what was meant."""
    path: KeyPath = ()
    table: type[Table] = Config
    value: Any = values
    rest = list(levels)
    while True:
        key = keys_of(table)[_match(rest.pop(0), keys_of(table), "unknown key")]
        path, value = (*path, key.name), _below(value, key.name)
        if key.many:
            if len(rest) < 2:
                raise LookupError(f"names no key; write {PREFIX}{key.name.upper()}__NAME__KEY")
            places = {item["name"]: place for place, item in _named(value)}
            place = places[_match(rest.pop(0), places, f"no {key.name} is called")]
            path, value = (*path, place), value[place]
        if not rest:
            return path, key
        table = _table_below(key, value, rest)


def _table_below(key: Key, value: object, rest: list[str]) -> type[Table]:
    table = key.table_for(value)
    if table is not None:
        return table
    if key.tables and [level.lower() for level in rest] == [TAG]:
        return key.tables[0]  # all of them have it
    if key.tables:
        known = ", ".join(key.drivers)
        raise LookupError(f"{key.name} has no {TAG} yet; set one too ({known})")
    raise LookupError(f"{key.name} is a value and has no keys of its own")


def _match(level: str, known: Iterable[str], complaint: str) -> str:
    """The name that a level of a variable stands for: case and hyphens can't be written there."""
    by_level = {re.sub(r"[^a-z0-9]", "_", name.lower()): name for name in known}
    wanted = level.lower()
    if wanted in by_level:
        return by_level[wanted]
    raise LookupError(f"{complaint} '{wanted}'; {nearest(wanted, by_level.values())}")


def nearest(wanted: str, known: Iterable[str]) -> str:
    """The text "did you mean 'x'?", or the whole choice where nothing is near."""
    names = list(known)
    close = get_close_matches(wanted, names, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known here: {', '.join(names)}" if names else "none is known here"


def _named(readers: Any) -> Iterator[tuple[int, dict[str, Any]]]:
    for place, reader in enumerate(readers if isinstance(readers, list) else []):
        if isinstance(reader, dict) and isinstance(reader.get("name"), str):
            yield place, reader


def _parse(text: str, key: Key) -> Any:
    """A TOML value where it is one and the key doesn't take text; otherwise the text itself."""
    if key.is_secret:
        return text
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    if len(parsed) > 1 or (key.is_text and not isinstance(parsed["value"], str)):
        return text
    return parsed["value"]


def _nested(values: Mapping[str, Any], path: KeyPath, value: Any) -> dict[str, Any]:
    """A document with one value; its reader carries the name that it is merged by."""
    document = value
    for depth in range(len(path) - 1, -1, -1):
        part = path[depth]
        if isinstance(part, int):
            name = values[str(path[depth - 1])][part]["name"]
            document = [{**document, "name": name}]
        else:
            document = {part: document}
    return dict(document)
