"""The store that a URL or a path names."""

from __future__ import annotations

from pathlib import Path

from hub.store.base import Store
from hub.store.sqlite import SqliteStore


def open_store(where: str | Path) -> Store:
    """To write records: for a file one process at a time. Raises StoreError."""
    if isinstance(where, Path):
        return SqliteStore(where)
    # the driver is loaded by who uses it alone
    from hub.store.postgres import PostgresStore

    return PostgresStore(where)
