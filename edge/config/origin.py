"""Where each value of a configuration comes from: a line of a file, or the environment."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.config.model import KeyPath


@dataclass(frozen=True)
class Origin:
    """A file and its line, or a variable of the environment."""

    file: Path | None = None
    line: int | None = None
    variable: str | None = None

    def __str__(self) -> str:
        if self.variable is not None:
            return f"environment {self.variable}"
        return f"{self.file}:{self.line}" if self.line else str(self.file)


def key_lines(text: str) -> dict[KeyPath, int]:
    """The line of every key and table of a TOML document that parses.

    tomllib tells no positions, but it can say whether some lines are whole: the document is read
    statement by statement, and each statement parsed by itself.
    """
    lines: dict[KeyPath, int] = {}
    counts: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for number, statement in _statements(text):
        parsed = tomllib.loads(statement)
        if statement.lstrip().startswith("["):
            table = _header(parsed, counts)
            lines.setdefault(table, number)
        else:
            for path in _leaves(parsed):
                lines.setdefault((*table, *path), number)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Headers and assignments, each with its first line's number; blank lines and comments not."""
    pending, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        if not pending:
            start = number
            if not line.strip() or line.lstrip().startswith("#"):
                continue
        pending += line + "\n"
        try:
            tomllib.loads(pending)
        except tomllib.TOMLDecodeError:
            continue  # a string or an array that goes on in the next line
        yield start, pending
        pending = ""


def _header(parsed: Mapping[str, Any], counts: dict[KeyPath, int]) -> KeyPath:
    """The path of `[a.b]` or `[[a.b]]`, arrays of tables counted in `counts`."""
    path: KeyPath = ()
    value: Any = parsed
    while value:
        if isinstance(value, list):  # [[x]] opens the next item
            value = value[0]
            counts[path] = counts.get(path, -1) + 1
            path = (*path, counts[path])
            continue
        name, value = next(iter(value.items()))
        path = (*path, name)
        if isinstance(value, Mapping) and path in counts:  # [x.y] below the last [[x]]
            path = (*path, counts[path])
    return path


def _leaves(value: Any, path: KeyPath = ()) -> Iterator[KeyPath]:
    """Every key of a statement: dotted keys and inline tables have several."""
    if path:
        yield path
    if isinstance(value, Mapping):
        for name, below in value.items():
            yield from _leaves(below, (*path, name))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if isinstance(item, Mapping):
                yield from _leaves(item, (*path, number))
