"""Chains of records as gates write them, and a look into the store."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from feed.codec import encode, record_hash
from feed.record import Clock, Draft, Happening, Kind, Record
from feed.topics import GateTopics
from hub.arrival import Arrival, Unreadable, examine
from hub.ingest.intake import Taken, take
from hub.store.base import Store
from hub.store.status import read_status

START = datetime(2021, 8, 23, 7, 15, tzinfo=UTC)
PLACE = GateTopics("park-1", "site-1", "gate-1")
DOOR = Draft(kind=Kind.DOOR, event=Happening(name="opened"))


class Chain:
    """A gate's journal in memory: `raws[seq]` are its records' bytes."""

    def __init__(self, stream: str = "9f2c61d0a35be874", place: GateTopics = PLACE) -> None:
        self.stream = stream
        self.place = place
        self.raws: dict[int, bytes] = {}
        self.prev: str | None = None

    def add(self, draft: Draft = DOOR, **changed: Any) -> bytes:
        seq = len(self.raws) + 1
        parts: dict[str, Any] = {name: getattr(draft, name) for name in Draft.__slots__}
        parts |= {
            "stream": self.stream,
            "seq": seq,
            "prev": self.prev,
            "park": self.place.park,
            "site": self.place.site,
            "gate": self.place.gate,
            "at": START + timedelta(seconds=seq),
            "clock": Clock(state="synced", boot="b", uptime_s=float(seq)),
        }
        raw = encode(Record(**parts | changed))
        self.raws[seq] = raw
        self.prev = record_hash(raw)
        return raw

    def grow(self, count: int) -> Chain:
        for _ in range(count):
            self.add()
        return self

    def arrival(self, seq: int) -> Arrival:
        found = examine(self.place.record, self.raws[seq])
        assert isinstance(found, Arrival)
        return found

    def arrivals(self, seqs: Iterable[int]) -> list[Arrival]:
        return [self.arrival(seq) for seq in seqs]


def loss(*ranges: tuple[int, int]) -> Draft:
    return Draft(kind=Kind.LOSS, ranges=tuple((low, high, "damaged") for low, high in ranges))


def give(store: Store, batch: Sequence[Arrival | Unreadable]) -> Taken:
    """One batch, committed."""
    with store.transaction() as tx:
        return take(tx, batch, START)


def rows(where: str | Path, query: str) -> list[tuple[Any, ...]]:
    """From a connection of its own, beside the store's."""
    if isinstance(where, str):
        with psycopg.connect(where) as pg:
            return pg.execute(query).fetchall()
    with closing(sqlite3.connect(f"file:{where}?mode=ro", uri=True)) as db:
        return db.execute(query).fetchall()


def execute(where: str | Path, statement: str) -> None:
    """Behind the hub's back."""
    if isinstance(where, str):
        with psycopg.connect(where) as pg:
            pg.execute(statement)
        return
    with closing(sqlite3.connect(where)) as db, db:
        db.execute(statement)


def stored(where: str | Path) -> dict[int, bytes]:
    """The raw bytes of the only stream, by seq."""
    return dict(rows(where, "SELECT seq, raw FROM records"))


def alarms(where: str | Path) -> list[tuple[str, int | None]]:
    return [(one["name"], one["seq"]) for one in read_status(where)["alarms"]]


def standing_of(store: Store) -> Any:
    (one,) = store.all_standings()
    return one
