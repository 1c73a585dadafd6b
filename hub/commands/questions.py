"""What the commands that ask the store share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import ArgumentError, DBAPIError

from feed.codec import format_time
from hub.commands.common import Refusal
from hub.config import Config
from hub.store.engine import connect


def engine_of(config: Config) -> Engine:
    """The store of the configuration. Raises Refusal."""
    store = config.store.path
    try:
        engine = connect(store)
    except ArgumentError as error:
        raise Refusal(f"{store}: is no URL of a store: {error}") from error
    if engine.dialect.name == "sqlite" and not Path(str(engine.url.database)).exists():
        raise Refusal(f"{store}: no such file; name the store with --store")
    return engine


@contextmanager
def refusing(command: str, *faults: type[Exception]) -> Iterator[None]:
    """Faults that a person can mend, and a store that can't be used: one line, exit code 2."""
    try:
        yield
    except faults as error:
        raise Refusal(f"edge-hub {command}: {error}") from error
    except DBAPIError as error:
        text = " ".join(str(error.orig).split())
        raise Refusal(f"edge-hub {command}: the store can't be used: {text}") from error


def moment(text: str, what: str) -> datetime:
    """A time as people write it: `2021-08-23`, `2021-08-23 09:00`, or with a zone.

    Without a zone it is this machine's local time. Raises Refusal.
    """
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise Refusal(
            f"{what} {text}: is no time; write 2021-08-23, 2021-08-23T09:00 or 2021-08-23T02:00Z"
        ) from error
    return found.astimezone() if found.tzinfo is None else found


def end_of(text: str, what: str) -> datetime:
    """As `moment`; a date alone means the end of that day. Raises Refusal."""
    found = moment(text, what)
    alone = len(text.strip()) == len("2021-08-23")
    return found + timedelta(days=1) if alone else found


def shown(at_ms: int) -> str:
    """Local time to the minute, for people."""
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M")


def stated(at_ms: int) -> str:
    """UTC with milliseconds, for programs."""
    return format_time(datetime.fromtimestamp(at_ms / 1000).astimezone())
