"""The store for one machine: a SQLite file, one writer.

WAL with synchronous=FULL: a commit is on the device when it returns. The rollback of a failed
commit is the database's; what is left after a failed sync is dealt with in `reopen`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from feed.topics import GateTopics
from hub.arrival import Arrival, Lost
from hub.standing import Standing
from hub.store.base import StoreError
from hub.store.migrations import MIGRATIONS

_IN_ONE_QUERY = 500  # values; SQLite before 3.32 takes 999
_BUSY_S = 5.0  # a backup or a reader that holds a lock for a moment
# of the hub, not of the disk: repeating would not help
_MISTAKES = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.NotSupportedError,
    sqlite3.ProgrammingError,
)
_STREAM = "SELECT id, stream, park, site, gate, upto, head, duplicates FROM streams"


class SqliteStore:
    """A hub.store.base.Store in the file `path`. One process at a time: `path`.lock is held."""

    def __init__(self, path: Path) -> None:
        """Open or make it, and bring its schema up to date. Raises StoreError."""
        self._path = path
        self._lock_fd = _lock(path)
        self._db: sqlite3.Connection | None = None
        try:
            self._open()
        except StoreError:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        with self._saying():
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                yield SqliteTransaction(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    with suppress(sqlite3.Error):  # the first error is the one to tell
                        db.execute("ROLLBACK")
                raise

    def epoch(self) -> str:
        with self._saying():
            found = _epoch(self._connection())
        return found or self.renew_epoch()

    def renew_epoch(self) -> str:
        epoch = secrets.token_hex(8)
        with self._saying():
            self._connection().execute("INSERT OR REPLACE INTO hub VALUES ('epoch', ?)", [epoch])
        return epoch

    def all_standings(self) -> Iterator[Standing]:
        with self._saying():
            rows = self._connection().execute(f"{_STREAM} ORDER BY id").fetchall()
            islands = _islands(self._connection(), "SELECT stream, first, last FROM islands")
        for row in rows:
            yield _standing(row, islands.get(row[0], []))

    def reopen(self) -> None:
        """Close, open, and copy the log into the database with a sync.

        After a failed sync the pages of the log may be in the system's cache and not on the
        device, and still be read back as committed. A checkpoint writes them to fresh pages of
        the database file and syncs those. Raises StoreError.
        """
        self._close()
        self._open()

    def close(self) -> None:
        self._close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _connection(self) -> sqlite3.Connection:
        if self._db is None:
            raise StoreError(f"{self._path}: not open")
        return self._db

    def _open(self) -> None:
        with self._saying():
            self._db = db = sqlite3.connect(
                self._path, isolation_level=None, timeout=_BUSY_S, cached_statements=256
            )
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._migrate(db)
        self.epoch()

    def _migrate(self, db: sqlite3.Connection) -> None:
        (done,) = db.execute("PRAGMA user_version").fetchone()
        if done > len(MIGRATIONS):
            raise StoreError(
                f"{self._path} was written by a newer hub (schema {done}, this one knows "
                f"{len(MIGRATIONS)}): install that version again"
            )
        for number, step in enumerate(MIGRATIONS[done:], done + 1):
            try:
                db.executescript(f"BEGIN IMMEDIATE; {step}; PRAGMA user_version = {number}; COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise

    def _close(self) -> None:
        if self._db is not None:
            with suppress(sqlite3.Error):  # a disk that is gone: there is nothing to save
                self._db.close()
            self._db = None

    @contextmanager
    def _saying(self) -> Iterator[None]:
        try:
            yield
        except _MISTAKES:
            raise
        except sqlite3.Error as error:
            raise StoreError(f"{self._path}: {error}") from error


class SqliteTransaction:
    """A hub.store.base.Transaction."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._islands: dict[int, set[tuple[int, int]]] = {}  # as they stand in the database

    def epoch(self) -> str:
        found = _epoch(self._db)
        assert found is not None, "made when the store was opened"
        return found

    def standings(self, places: Mapping[str, GateTopics]) -> dict[str, Standing]:
        self._db.executemany(
            "INSERT OR IGNORE INTO streams (stream, park, site, gate) VALUES (?, ?, ?, ?)",
            [(stream, at.park, at.site, at.gate) for stream, at in places.items()],
        )
        found = {}
        names = list(places)
        for start in range(0, len(names), _IN_ONE_QUERY):
            some = names[start : start + _IN_ONE_QUERY]
            rows = self._db.execute(f"{_STREAM} WHERE stream IN ({_marks(some)})", some).fetchall()
            keys = [row[0] for row in rows]
            islands = _islands(
                self._db,
                f"SELECT stream, first, last FROM islands WHERE stream IN ({_marks(keys)})",  # noqa: S608 - marks only
                keys,
            )
            for row in rows:
                standing = _standing(row, islands.get(row[0], []))
                self._islands[standing.key] = set(standing.islands)
                found[standing.stream] = standing
        return found

    def raws(self, key: int, seqs: Sequence[int]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for start in range(0, len(seqs), _IN_ONE_QUERY):
            some = seqs[start : start + _IN_ONE_QUERY]
            found |= self._db.execute(
                f"SELECT seq, raw FROM records WHERE stream = ? AND seq IN ({_marks(some)})",  # noqa: S608 - marks only
                [key, *some],
            ).fetchall()
        return found

    def insert(self, key: int, arrivals: Sequence[Arrival], arrived: datetime) -> None:
        arrived_ms = _ms(arrived)
        self._db.executemany(
            "INSERT INTO records (stream, seq, kind, arrived_ms, raw) VALUES (?, ?, ?, ?, ?)",
            [(key, one.seq, one.kind, arrived_ms, one.raw) for one in arrivals],
        )

    def add_lost(self, key: int, seq: int, lost: Sequence[Lost]) -> None:
        self._db.executemany(
            "INSERT OR IGNORE INTO lost VALUES (?, ?, ?, ?, ?)",
            [(key, seq, first, last, reason) for first, last, reason in lost],
        )

    def add_dead_letter(
        self,
        topic: str,
        raw: bytes,
        reason: str,
        at: datetime,
        *,
        key: int | None = None,
        seq: int | None = None,
        keep_raw: bool = True,
    ) -> bool:
        digest = hashlib.sha256(raw).digest()
        again = self._db.execute(
            "UPDATE dead_letters SET deliveries = deliveries + 1 WHERE topic = ? AND digest = ?",
            [topic, digest],
        )
        if again.rowcount:
            return False
        self._db.execute(
            "INSERT INTO dead_letters (first_ms, topic, digest, stream, seq, reason, raw)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            [_ms(at), topic, digest, key, seq, reason, raw if keep_raw else None],
        )
        return True

    def add_alarm(
        self,
        name: str,
        detail: str,
        at: datetime,
        *,
        key: int | None = None,
        seq: int | None = None,
    ) -> bool:
        added = self._db.execute(
            "INSERT OR IGNORE INTO alarms (at_ms, name, stream, seq, detail)"
            " VALUES (?, ?, ?, ?, ?)",
            [_ms(at), name, key, seq, detail],
        )
        return added.rowcount == 1

    def save(self, standing: Standing) -> None:
        key, place = standing.key, standing.place
        self._db.execute(
            "UPDATE streams SET park = ?, site = ?, gate = ?, upto = ?, head = ?, duplicates = ?"
            " WHERE id = ?",
            [
                place.park, place.site, place.gate,
                standing.upto, standing.head, standing.duplicates, key,
            ],
        )  # fmt: skip
        before, now = self._islands[key], set(standing.islands)
        self._db.executemany(
            "DELETE FROM islands WHERE stream = ? AND first = ?",
            [(key, first) for first, _ in before - now],
        )
        self._db.executemany(
            "INSERT INTO islands VALUES (?, ?, ?)", [(key, *span) for span in now - before]
        )
        self._islands[key] = now


def read_status(path: Path) -> dict[str, Any]:
    """What the store holds, as plain data; beside a running hub. Raises OSError, sqlite3.Error."""
    path.stat()
    db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_S)
    with closing(db):
        db.execute("BEGIN")  # all of it as of one moment
        (records,) = db.execute("SELECT count(*) FROM records").fetchone()
        islands = _islands(db, "SELECT stream, first, last FROM islands")
        streams = [
            _standing(row, islands.get(row[0], [])) for row in db.execute(f"{_STREAM} ORDER BY id")
        ]
        names = {one.key: one.stream for one in streams}
        alarms = db.execute("SELECT at_ms, name, stream, seq, detail FROM alarms ORDER BY id")
        letters = db.execute(
            "SELECT id, first_ms, topic, stream, seq, reason, deliveries FROM dead_letters"
            " ORDER BY id"
        )
        return {
            "epoch": _epoch(db),
            "records": records,
            "streams": [
                {
                    "stream": one.stream,
                    "park": one.place.park,
                    "site": one.place.site,
                    "gate": one.place.gate,
                    "upto": one.upto,
                    "head": one.head,
                    "gaps": [list(hole) for hole in one.holes()],
                    "duplicates": one.duplicates,
                }
                for one in streams
            ],
            "alarms": [
                {
                    "at_ms": at_ms,
                    "name": name,
                    "stream": names.get(key),
                    "seq": seq,
                    "detail": detail,
                }
                for at_ms, name, key, seq, detail in alarms
            ],
            "dead_letters": [
                {
                    "id": number,
                    "first_ms": first_ms,
                    "topic": topic,
                    "stream": names.get(key),
                    "seq": seq,
                    "reason": reason,
                    "deliveries": deliveries,
                }
                for number, first_ms, topic, key, seq, reason, deliveries in letters
            ],
        }


def _epoch(db: sqlite3.Connection) -> str | None:
    for (value,) in db.execute("SELECT value FROM hub WHERE name = 'epoch'"):
        return str(value)
    return None


def _standing(row: Sequence[object], islands: list[tuple[int, int]]) -> Standing:
    key, stream, park, site, gate, upto, head, duplicates = row
    return Standing(
        key=key,  # type: ignore[arg-type] # STRICT tables hold what they declare
        stream=stream,  # type: ignore[arg-type]
        place=GateTopics(park, site, gate),  # type: ignore[arg-type]
        upto=upto,  # type: ignore[arg-type]
        head=head,  # type: ignore[arg-type]
        islands=islands,
        duplicates=duplicates,  # type: ignore[arg-type]
    )


def _islands(
    db: sqlite3.Connection, query: str, values: Sequence[int] = ()
) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for key, first, last in db.execute(f"{query} ORDER BY stream, first", values):
        found.setdefault(key, []).append((first, last))
    return found


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _lock(path: Path) -> int | None:
    lock = path.with_name(path.name + ".lock")
    try:
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        hint = "; does the folder exist?" if error.errno == errno.ENOENT else ""
        raise StoreError(f"{lock}: {error.strerror}{hint}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise StoreError(f"{path} is in use by another hub: stop that one first") from None
    return fd
