"""Who derives: one at a time for a store, whatever number of hubs there are.

`leading` keeps others from doing the same work. What keeps them from spoiling it is `begin` in each
transaction, with a look at the progress after it: a lock that is held by a connection is lost with
the connection, and its holder learns of it late.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, delete, text

from hub.store.schema import derived

_LEADER = 0x65_64_67_65_01  # advisory locks of PostgreSQL: "edge", then which of ours
_TURN = 0x65_64_67_65_02


class BusyError(Exception):
    """Another process derives for this store. One line."""


@contextmanager
def leading(engine: Engine) -> Iterator[None]:
    """Be the one who derives. Raises BusyError, sqlalchemy.exc.DBAPIError."""
    if engine.dialect.name == "sqlite":
        with _locked(Path(str(engine.url.database) + ".derive.lock")):
            yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if not connection.execute(text(f"SELECT pg_try_advisory_lock({_LEADER})")).scalar():
            raise BusyError("another hub derives for this store")
        try:
            yield
        finally:
            if not connection.invalidated:
                connection.invalidate()  # the session's end frees the lock, whatever went wrong


def begin(tx: Connection) -> bool:
    """Make `tx` the only writer of derived tables; False: another transaction is.

    In SQLite a transaction that has read can't become the writer once another has committed, so
    this has to be its first statement; it waits for ingest there.
    """
    if tx.dialect.name == "sqlite":
        tx.execute(delete(derived).where(derived.c.stream < 0))
        return True
    return bool(tx.execute(text(f"SELECT pg_try_advisory_xact_lock({_TURN})")).scalar())


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                "another process derives for this store, as `edge-hub serve` does: stop it first"
            ) from None
        yield
    finally:
        os.close(handle)
