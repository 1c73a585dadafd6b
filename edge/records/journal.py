"""The journal: an append-only TinyDB whose insert returns when the record is on the device.

    /var/lib/edge-gate/records/
        lock                       held while a gate runs
        0001-9f86d081884c7d65/     a stream: edge.records.stream
        quarantine/                damaged bytes, copied out of the way

TinyDB's queries work as ever (`journal.search(Query().kind == "passage")`): a document is a
record's JSON, its `doc_id` the record's seq. What would change a record is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from edge.clock import Clock, SystemClock
from edge.config.model import GateTable
from edge.gate.reasons import Cause
from edge.records.disk import Disk, JournalError
from edge.records.outbox import Stored
from edge.records.segment import SEGMENT_BYTES
from edge.records.stream import Range, Stream, doing
from feed.codec import encode
from feed.record import Clock as Stamp
from feed.record import Draft, Record

__all__ = ["Journal", "JournalError", "RecordsNeverChangeError"]

LOCK = "lock"
QUARANTINE = "quarantine"
_STREAM = re.compile(r"\d{4}-[0-9a-f]{16}")
_DRAFT_PARTS = tuple(part.name for part in fields(Draft))
_drafts: TypeAdapter[Draft] = TypeAdapter(Draft)


class RecordsNeverChangeError(TypeError):
    """A record was to be changed or removed. A correction is another record, with `ref`."""

    def __init__(self) -> None:
        super().__init__("records never change: write a correction as a new record with `ref`")


def streams_in(root: Path) -> list[Path]:
    """The folders of the streams in a journal's folder, oldest first; the last is written to."""
    return sorted(path for path in root.iterdir() if _STREAM.fullmatch(path.name))


class RecordTable(Table):
    """TinyDB's table, append-only. Inserts take a Draft's parts and stamp them with the clock."""

    def __init__(self, storage: Storage, name: str, cache_size: int = 0) -> None:
        # without a cache of query results: a gate's memory is small and its records keep coming
        super().__init__(storage, name, cache_size)

    def insert(self, document: Mapping[str, Any]) -> int:
        """Append one record. Its seq, when it is on the device. Raises JournalError.

        Raises pydantic.ValidationError (a ValueError) for what is no Draft.
        """
        return self._records.insert_document(document)

    def insert_multiple(self, documents: Iterable[Mapping[str, Any]]) -> list[int]:
        """Append records one by one; those before one that fails are written."""
        return [self.insert(document) for document in documents]

    def _update_table(self, updater: object) -> NoReturn:  # noqa: ARG002
        # everything in TinyDB that changes a table ends here
        raise RecordsNeverChangeError

    @property
    def _records(self) -> RecordStorage:
        if not isinstance(self._storage, RecordStorage) or self.name != TinyDB.default_table_name:
            raise RecordsNeverChangeError
        return self._storage


class RecordStorage(Storage):
    """TinyDB's storage over the journal: one table, read on demand and never whole."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def read(self) -> dict[str, dict[str, Any]]:
        # a Mapping where TinyDB says dict: it only looks up, counts and iterates (contract test)
        return {TinyDB.default_table_name: Documents(self._journal)}  # type: ignore[dict-item]

    def write(self, data: dict[str, dict[str, Any]]) -> NoReturn:  # noqa: ARG002
        raise RecordsNeverChangeError

    def insert_document(self, document: Mapping[str, Any]) -> int:
        """Append a Draft's parts with the journal's clock; the seq."""
        draft = _drafts.validate_python(document)
        clock = self._journal.clock
        return self._journal.append(draft, at=clock.now(), clock=clock.stamp()).seq


class Documents(Mapping[str, Any]):
    """The records as TinyDB looks at them: seq as text → JSON."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def __getitem__(self, key: str) -> Any:
        for stored in self._journal.read(int(key), int(key)):
            return json.loads(stored.raw)
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        return (str(stored.seq) for stored in self._journal.iterate())

    def __len__(self) -> int:
        return sum(1 for _ in self._journal.iterate())

    def items(self) -> Any:
        """All records, one file of the journal in memory at a time."""
        return ((str(stored.seq), json.loads(stored.raw)) for stored in self._journal.iterate())


class Journal(TinyDB):
    """One gate's records; an edge.records.outbox.Outbox. One process at a time.

    With `lenient`, a disk that can't be used yet is no error: `fault` says why, the outbox is
    empty, and `append` opens the journal as soon as it can.
    """

    table_class: type[Table] = RecordTable

    def __init__(
        self,
        path: Path,
        place: GateTable,
        *,
        clock: Clock | None = None,
        segment_bytes: int = SEGMENT_BYTES,
        disk: Disk | None = None,
        lenient: bool = False,
    ) -> None:
        """Open the journal in folder `path`, made if it is not there.

        Raises JournalError: BUSY when another process has it open, else what the disk says.
        """
        self.path = path
        self.clock: Clock = clock or SystemClock()
        self.fault: JournalError | None = None
        self._place = place
        self._segment_bytes = segment_bytes
        self._disk = disk or Disk()
        self._writing = threading.RLock()
        self._lock_fd: int | None = None
        self._current: Stream | None = None
        super().__init__(self, storage=RecordStorage)
        try:
            self._ready()
        except JournalError as error:
            self._let_go()
            if not lenient or error.cause is Cause.BUSY:
                raise

    def append(self, draft: Draft, *, at: datetime, clock: Stamp, ref: int | None = None) -> Record:
        """Write a record; it is on the device when this returns. `ref` replaces the draft's.

        Raises JournalError: the record is not written, no part of it will be read, and its seq is
        free again; the next call mends what this one left. Raises ValueError (CodecError) for a
        record that can't be written at all.
        """
        with self._writing:
            current = self._ready()
            parts = {name: getattr(draft, name) for name in _DRAFT_PARTS}
            record = Record(
                **parts | ({} if ref is None else {"ref": ref}),
                stream=current.stream,
                seq=current.next_seq,
                prev=current.head,
                park=self._place.park,
                site=self._place.site,
                gate=self._place.gate,
                at=_to_milliseconds(at),
                clock=clock,
            )
            raw = encode(record)
            try:
                with self._noting():
                    current.append(raw)
            except JournalError as error:
                if error.cause is Cause.NOT_FOUND:  # another card, or none: what is there now?
                    self._let_go()
                raise
            return record

    def settle(self) -> None:
        """What can wait for a quiet moment: pending confirmations. Raises JournalError."""
        with self._writing, self._noting():
            self._ready().flush()

    def prepare(self) -> None:
        """Make the next file ahead of need, so that no append waits for it. Raises JournalError."""
        with self._writing:
            self._ready().prepare()

    def close(self) -> None:
        """Write pending confirmations and let the folder go. Raises JournalError; once only."""
        with self._writing:
            self._opened = False
            try:
                if self._current is not None:
                    self._current.flush(sync=True)
            finally:
                self._let_go()

    def drop_tables(self) -> NoReturn:
        """Refused."""
        raise RecordsNeverChangeError

    def drop_table(self, name: str) -> NoReturn:  # noqa: ARG002
        """Refused."""
        raise RecordsNeverChangeError

    # --- the outbox ------------------------------------------------------------------------------

    @property
    def stream(self) -> str:
        """The random id of the records' stream; empty while the journal can't be opened."""
        current = self._current
        return current.stream if current else ""

    @property
    def last_seq(self) -> int:
        """The seq of the newest record, 0 for none."""
        current = self._current
        return current.last_seq if current else 0

    @property
    def confirmed_upto(self) -> int:
        """Every record up to this seq is confirmed."""
        current = self._current
        return current.confirmed_upto if current else 0

    def unconfirmed(self, after: int, limit: int) -> Sequence[Stored]:
        """Up to `limit` unconfirmed records with seq > `after`, in order."""
        current = self._current
        return current.unconfirmed(after, limit) if current else []

    def read(self, first: int, last: int) -> Sequence[Stored]:
        """Records `first`..`last` inclusive that are still on disk, confirmed or not."""
        current = self._current
        return list(current.read(first, last)) if current else []

    def iterate(self) -> Iterator[Stored]:
        """All records that are still on disk, without holding them all."""
        current = self._current
        return current.read(1, current.last_seq) if current else iter(())

    def confirm(self, upto: int) -> None:
        """Everything up to `upto` arrived. Never moves backwards."""
        current = self._current
        if current is not None:
            current.confirm(upto)

    def oldest_unconfirmed_at(self) -> datetime | None:
        """The `at` of the oldest unconfirmed record, None for none."""
        current = self._current
        return current.oldest_unconfirmed_at() if current else None

    # --- what was lost ---------------------------------------------------------------------------

    @property
    def set_aside(self) -> int:
        """Damaged pieces that were found when the journal was opened, and never before."""
        current = self._current
        return current.set_aside if current else 0

    @property
    def unreported(self) -> Sequence[Range]:
        """Seqs whose records are lost, unconfirmed, and in no `loss` record yet."""
        current = self._current
        return tuple(current.unreported) if current else ()

    # --- opening ---------------------------------------------------------------------------------

    def _ready(self) -> Stream:
        if self._current is None:
            with self._noting():
                self._open()
        assert self._current is not None
        return self._current

    @contextlib.contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except JournalError as error:
            self.fault = error
            raise
        self.fault = None

    def _open(self) -> None:
        with doing(f"opening the journal in {self.path}"):
            self.path.mkdir(mode=0o750, parents=True, exist_ok=True)
            if self._lock_fd is None:
                self._lock_fd = _lock(self.path / LOCK)
            quarantine = self.path / QUARANTINE
            if not quarantine.exists():
                self._disk.make_folder(quarantine)
                self._disk.sync_folder(self.path)
            folders = streams_in(self.path)
            if not folders:
                folders = [self._new_stream(1)]
        self._current = Stream(
            folders[-1],
            self._disk,
            segment_bytes=self._segment_bytes,
            quarantine=quarantine,
            bound={},
        )

    def _let_go(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.close()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None

    def _new_stream(self, number: int) -> Path:
        name = f"{number:04d}-{secrets.token_hex(8)}"
        Stream.create(self.path, name, self._disk, segment_bytes=self._segment_bytes, bound={})
        return self.path / name


def _to_milliseconds(at: datetime) -> datetime:
    at = at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _lock(path: Path) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(fd)
        raise JournalError(
            Cause.BUSY,
            f"{path} is held by process {holder}: one gate writes a journal at a time, "
            "stop that one first",
        ) from None
    try:
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        os.close(fd)
        raise
    return fd
