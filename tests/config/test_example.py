"""config.toml at the root: it loads, holds every key, and says the truth about defaults."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.config.load import load
from edge.config.model import Config, Table
from edge.config.schema import TAG, Key, keys_of

EXAMPLE = Path(__file__).parents[2] / "config.toml"
HEADER = re.compile(r"(?P<mark># )?\[+(?P<table>[a-z.]+)\]+$")
VALUE = re.compile(r"(?P<mark># )?(?P<key>[a-z0-9_-]+) = (?P<value>.+?)(?:  # (?P<note>.*))?$")


def entries() -> Iterator[tuple[str, str, str | None, bool, Any, str]]:
    """(table, its driver, key, commented, value, note) of each line that is or could be a key."""
    table, driver, second = "", "", False
    for line in EXAMPLE.read_text(encoding="utf-8").splitlines():
        if header := HEADER.match(line):
            table, driver = header["table"], ""
            # the block that shows what a second reader looks like repeats keys
            second = bool(header["mark"]) and (second or table == "reader")
        elif (entry := VALUE.match(line)) and not second:
            try:
                value = tomllib.loads(f"value = {entry['value']}")["value"]
            except tomllib.TOMLDecodeError:
                continue  # a formula in a comment
            driver = value if entry["key"] == TAG else driver
            yield table, driver, entry["key"], bool(entry["mark"]), value, entry["note"] or ""


def tables(key: Key, path: str) -> Iterator[tuple[str, type[Table]]]:
    for table in key.tables:
        yield path, table
        for below in keys_of(table).values():
            yield from tables(below, f"{path}.{below.name}")


ALL = [pair for key in keys_of(Config).values() for pair in tables(key, key.name)]


def test_the_example_loads() -> None:
    config = load(EXAMPLE, environ={})
    assert config.gate.park == "kcn-tan-thuan"
    assert len(config.reader) == 1


@pytest.mark.parametrize(("path", "table"), ALL, ids=lambda part: getattr(part, "__name__", part))
def test_the_example_holds_every_key(path: str, table: type[Table]) -> None:
    """Keys that several drivers share stand once, with the first of them."""
    shown = {key for where, _, key, _, _, _ in entries() if where == path}
    assert keys_of(table).keys() - shown == {
        key.name for key in keys_of(table).values() if key.tables
    }


def test_commented_defaults_are_the_defaults_of_the_model() -> None:
    by_driver = {
        (path, keys_of(table)[TAG].choices[0] if TAG in keys_of(table) else ""): table
        for path, table in ALL
    }
    seen = 0
    for path, driver, name, commented, value, note in entries():
        if not commented or name == TAG or name not in keys_of(by_driver[path, driver]):
            continue
        key = keys_of(by_driver[path, driver])[name]
        if note.startswith("not set"):
            assert key.default is None, name
        elif note.startswith("required"):
            assert key.required, name
        else:
            default = key.default
            plain = list(default) if isinstance(default, tuple) else default
            assert value == (str(plain) if isinstance(plain, Path) else plain), name
        seen += 1
    assert seen > 70
