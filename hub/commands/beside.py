"""What the commands that look into the store share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from hub.commands.common import Refusal, load_config
from hub.config import Config
from hub.store.base import Store, StoreError
from hub.store.engine import connect
from hub.store.migrations import check_ready
from hub.store.opening import open_store
from identity.keys import KeyFileError, read_token_key
from identity.token import Tokeniser

purpose_option = click.option(
    "--purpose", default="", help="Why, for the audit log.  [default: none given]"
)
out_option = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write; its ending tells the format.",
)


def engine_of(command: str, config: Config) -> Engine:
    """The store of the configuration, whether or not it can be used now. Raises Refusal."""
    where = config.store.where
    if isinstance(where, Path) and not where.exists():
        raise Refusal(
            f"edge-hub {command}: {where}: no such file; name the store with --store, or start "
            "`edge-hub serve`, which makes it"
        )
    try:
        return connect(where)
    except ArgumentError as error:
        raise Refusal(f"edge-hub {command}: {where}: is no URL of a store: {error}") from error


@contextmanager
def opened(
    command: str, config: Path | None, store: str | Path | None, *faults: type[Exception]
) -> Iterator[tuple[Engine, Config]]:
    """The store of this call, with every table there. What it says is told in one line, and so are
    `faults`, which a person can mend.
    """
    loaded = load_config(config, store=store)
    engine = engine_of(command, loaded)
    where = loaded.store.where
    told: tuple[type[Exception], ...] = (StoreError, *faults)
    try:
        with engine.connect() as connection:
            check_ready(connection, str(where))
        yield engine, loaded
    except told as error:
        raise Refusal(f"edge-hub {command}: {error}") from error
    except UnicodeEncodeError as error:
        # an argument whose bytes are no UTF-8 comes with surrogates, which no store takes
        raise Refusal(f"edge-hub {command}: {error.object!a}: is not UTF-8 text") from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise Refusal(f"edge-hub {command}: {where}: {first_line(cause)}") from error
    finally:
        engine.dispose()


@contextmanager
def held(
    command: str, config: Path | None, store: str | Path | None
) -> Iterator[tuple[Store, Config]]:
    """The store of this call as its writer: with SQLite the hub must not be running."""
    loaded = load_config(config, store=store)
    where = loaded.store.where
    if isinstance(where, Path) and not where.exists():
        raise Refusal(f"edge-hub {command}: {where}: no such file; name the store with --store")
    try:
        kept = open_store(where)
        try:
            yield kept, loaded
        finally:
            kept.close()
    except StoreError as error:
        raise Refusal(f"edge-hub {command}: {error}") from error


def first_line(error: BaseException) -> str:
    """What a library says, on one line."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def tokeniser_of(config: Config, command: str, key_file: Path | None = None) -> Tokeniser | None:
    """Takes tokens with the park's key, where there is one. Raises Refusal."""
    path = key_file or config.identity.key_file
    if path is None:
        return None
    try:
        key = read_token_key(path)
    except KeyFileError as error:
        raise Refusal(f"edge-hub {command}: {error}") from error
    return Tokeniser(key, key_id=config.identity.key_id, scope=config.identity.scope)


def read_file(path: Path, command: str) -> bytes:
    """A file that a person named. Raises Refusal."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Refusal(f"edge-hub {command}: {path}: {error.strerror}") from error


def write_result(path: Path, content: bytes, command: str) -> None:
    """A result. Raises Refusal."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Refusal(f"edge-hub {command}: {path}: can't be written: {error.strerror}") from error


def printable(text: str) -> str:
    """Names come from outside: nothing that a terminal obeys."""
    return "".join(one if one.isprintable() else "?" for one in text)


def show_table(heading: list[str], rows: list[list[Any]]) -> None:
    """A table in plain columns; numbers to the right."""
    texts = [["" if value is None else printable(str(value)) for value in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(heading, *texts, strict=True)]
    numeric = [
        bool(rows) and all(isinstance(row[at], int | float | None) for row in rows)
        for at in range(len(heading))
    ]

    def line(cells: list[str]) -> str:
        placed: list[str] = []
        for cell, width, right in zip(cells, widths, numeric, strict=True):
            pad: Callable[[int], str] = cell.rjust if right else cell.ljust
            placed.append(pad(width))
        return "  ".join(placed).rstrip()

    for cells in (heading, *texts):
        click.echo(line(cells))
