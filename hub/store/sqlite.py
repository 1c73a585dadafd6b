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
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import takewhile
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from feed.topics import GateTopics
from hub.arrival import Lost
from hub.standing import Standing
from hub.store import letters, migrations
from hub.store.base import StoreError
from hub.store.engine import BUSY_S, connect
from hub.store.gathering import (
    ALARMS_ABOUT,
    FOLLOWERS,
    PURGE_BOOTS,
    STREAM,
    STREAMS_AT,
    Gathering,
    standings_of_rows,
    to_ms,
)

_IN_ONE_QUERY = 500  # values; SQLite before 3.32 takes 999
# pages of 4 KiB. A checkpoint syncs twice: with SQLite's own 1,000 there is one each few batches
_LOG_PAGES = 8_000
_CACHE_KIB = 65_536  # thousands of gates write into as many pages of the index
_PURGED_AT_ONCE = 1_000  # records; some tens of milliseconds
_MOST_KNOWN = 20_000  # standings kept in memory, half a KiB each
# of the hub, not of the disk: repeating would not help
_MISTAKES = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.NotSupportedError,
    sqlite3.ProgrammingError,
)
_ISLANDS = "SELECT stream, first, last FROM islands"


class SqliteStore:
    """A hub.store.base.Store in the file `path`. One process at a time: `path`.lock is held."""

    def __init__(self, path: Path) -> None:
        """Open or make it, and bring its schema up to date. Raises StoreError."""
        self._path = path
        self._lock_fd: int | None = lock(path)
        self._db: sqlite3.Connection | None = None
        # nobody else writes: standings stay true from one transaction to the next
        self._known: dict[str, Standing] = {}
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
                made = SqliteTransaction(db, self._known)
                yield made
                made.write()
                db.execute("COMMIT")
                made.remember()
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
            db = self._connection()
            rows = db.execute(f"{STREAM} ORDER BY id").fetchall()
            islands = db.execute(f"{_ISLANDS} ORDER BY stream, first").fetchall()
        yield from standings_of_rows(rows, islands)

    def standings_of(self, keys: Sequence[int]) -> Iterator[Standing]:
        with self._saying():
            found = [*_standings(self._connection(), "id", keys)]
        yield from found

    def purge(self, before: datetime) -> int:
        # rows are numbered as they arrive: the oldest come first, and no index is needed
        before_ms = to_ms(before)
        self._known.clear()
        with self._saying():
            db = self._connection()
            db.execute("BEGIN IMMEDIATE")
            try:
                oldest = db.execute(
                    "SELECT rowid, stream, seq, arrived_ms FROM records ORDER BY rowid LIMIT ?",
                    [_PURGED_AT_ONCE],
                ).fetchall()
                gone = [*takewhile(lambda row: row[3] < before_ms, oldest)]
                if gone:
                    _purge(db, [row[0] for row in gone], {(row[1], row[2]) for row in gone})
                else:
                    db.execute("DELETE FROM dead_letters WHERE first_ms < ?", [before_ms])
                    db.execute(PURGE_BOOTS)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    with suppress(sqlite3.Error):
                        db.execute("ROLLBACK")
                raise
        return len(gone)

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
        self._known.clear()
        with self._saying():
            self._db = db = sqlite3.connect(
                self._path, isolation_level=None, timeout=BUSY_S, cached_statements=256
            )
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            # what ingest refers to it has read or made in the same transaction
            db.execute("PRAGMA foreign_keys = OFF")
            db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
            db.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._migrate(db)
        self.epoch()

    def _migrate(self, db: sqlite3.Connection) -> None:
        version = _version(db)
        migrations.check(version, str(self._path))
        if version == migrations.known()[-1]:
            return
        engine = connect(self._path)
        try:
            migrations.upgrade(engine, str(self._path))
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise StoreError(f"{self._path}: {cause}") from error
        finally:
            engine.dispose()

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


class SqliteTransaction(Gathering):
    """A hub.store.base.Transaction. `known` are standings of streams without holes as the file
    holds them: taken out of it when they are handed out, put back by `remember`.
    """

    def __init__(self, db: sqlite3.Connection, known: dict[str, Standing]) -> None:
        super().__init__()
        self._db = db
        self._known = known

    def epoch(self) -> str:
        found = _epoch(self._db)
        assert found is not None, "made when the store was opened"
        return found

    def standings(self, streams: Collection[str]) -> dict[str, Standing]:
        known = self._known
        found = {stream: known.pop(stream) for stream in streams if stream in known}
        unknown = [stream for stream in streams if stream not in found]
        return self._read(found, unknown)

    def begin(self, places: Mapping[str, GateTopics]) -> dict[str, Standing]:
        self._db.executemany(
            "INSERT INTO streams (stream, park, site, gate) VALUES (?, ?, ?, ?)",
            [(stream, at.park, at.site, at.gate) for stream, at in places.items()],
        )
        return self._read({}, list(places))

    def streams_at(self, place: GateTopics) -> tuple[int, int]:
        found: tuple[int, int] = self._db.execute(
            STREAMS_AT.format("?"), (place.park, place.site, place.gate)
        ).fetchone()
        return found

    def _read(self, found: dict[str, Standing], unknown: Sequence[str]) -> dict[str, Standing]:
        found |= {one.stream: one for one in _standings(self._db, "stream", unknown)}
        for one in found.values():
            self.read(one)
        return found

    def remember(self) -> None:
        """The commit is done: what was saved is what the file holds."""
        if len(self._known) > _MOST_KNOWN:
            self._known.clear()
        self._known.update((one.stream, one) for one in self._saved.values() if not one.islands)

    def stored(self, wanted: Mapping[int, Sequence[int]]) -> dict[int, dict[int, bytes]]:
        return {key: self._stored(key, seqs) for key, seqs in wanted.items()}

    def _stored(self, key: int, seqs: Sequence[int]) -> dict[int, bytes]:
        found: dict[int, bytes] = {}
        for start in range(0, len(seqs), _IN_ONE_QUERY):
            some = seqs[start : start + _IN_ONE_QUERY]
            found |= self._db.execute(
                f"SELECT seq, raw FROM records WHERE stream = ? AND seq IN ({_marks(some)})",  # noqa: S608 - marks only
                [key, *some],
            ).fetchall()
        return found

    def write(self) -> None:
        """What was gathered, before the commit."""
        db = self._db
        db.executemany(
            "INSERT INTO records (stream, seq, arrived_ms, kind, raw) VALUES (?, ?, ?, ?, ?)",
            self.records,
        )
        db.executemany(
            "UPDATE streams SET upto = ?, head = ?, duplicates = ? WHERE id = ?",
            self.standings_to_write(),
        )
        db.executemany(
            "UPDATE streams SET park = ?, site = ?, gate = ? WHERE id = ?", self.places_to_write()
        )
        db.executemany("DELETE FROM islands WHERE stream = ? AND first = ?", self.islands_gone())
        db.executemany("INSERT INTO islands VALUES (?, ?, ?)", self.islands_new())

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
            [to_ms(at), topic, digest, key, seq, reason, raw if keep_raw else None],
        )
        return True

    def bound_dead_letters(self, most: int, most_bytes: int) -> bool:
        return letters.bound(self._db.execute, "?", most, most_bytes)

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
            [to_ms(at), name, key or 0, seq or 0, detail],
        )
        return added.rowcount == 1

    def alarms_about(self, key: int, name: str) -> int:
        (found,) = self._db.execute(ALARMS_ABOUT.format("?"), (key, name)).fetchone()
        return int(found)


def _epoch(db: sqlite3.Connection) -> str | None:
    for (value,) in db.execute("SELECT value FROM hub WHERE name = 'epoch'"):
        return str(value)
    return None


def _version(db: sqlite3.Connection) -> str | None:
    if db.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
        return None
    return str(db.execute("SELECT version_num FROM alembic_version").fetchone()[0])


def _standings(
    db: sqlite3.Connection, column: str, values: Sequence[int | str]
) -> Iterator[Standing]:
    for start in range(0, len(values), _IN_ONE_QUERY):
        some = values[start : start + _IN_ONE_QUERY]
        rows = db.execute(f"{STREAM} WHERE {column} IN ({_marks(some)})", some).fetchall()
        keys = [row[0] for row in rows]
        islands = db.execute(
            f"{_ISLANDS} WHERE stream IN ({_marks(keys)}) ORDER BY stream, first", keys
        ).fetchall()
        yield from standings_of_rows(rows, islands)


def _purge(db: sqlite3.Connection, rowids: Sequence[int], keys: Iterable[tuple[int, int]]) -> None:
    db.executemany("DELETE FROM records WHERE rowid = ?", [(one,) for one in rowids])
    upto: dict[int, int] = {}
    for stream, seq in keys:
        upto[stream] = max(seq, upto.get(stream, 0))
    rows = [(seq, stream) for stream, seq in upto.items()]
    db.executemany("UPDATE streams SET purged_upto = max(purged_upto, ?) WHERE id = ?", rows)
    for table in FOLLOWERS:
        db.executemany(f"DELETE FROM {table} WHERE seq <= ? AND stream = ?", rows)  # noqa: S608 - a name of ours


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


def lock(path: Path) -> int:
    """Be the one writer of this store until the descriptor is closed. Raises StoreError."""
    beside = path.with_name(path.name + ".lock")
    try:
        fd = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    except OSError as error:
        hint = "; does the folder exist?" if error.errno == errno.ENOENT else ""
        raise StoreError(f"{beside}: {error.strerror}{hint}") from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise StoreError(f"{path} is in use by another hub: stop that one first") from None
    return fd
