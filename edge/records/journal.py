"""The journal: an append-only TinyDB whose insert returns when the record is on the device.

    /var/lib/edge-gate/records/
        lock                       held while a gate runs
        0001-9f86d081884c7d65/     a stream: edge.records.stream
        0002-60303ae22b998861/     a later one, of a copy of this folder on another device
        quarantine/                damaged bytes, copied out of the way
        dead-letters               records that were refused for good

TinyDB's queries work as ever (`journal.search(Query().kind == "passage")`): a document is a
record's JSON, its `doc_id` the record's seq. What would change a record is refused.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from pydantic import TypeAdapter
from tinydb import TinyDB
from tinydb.storages import Storage
from tinydb.table import Table

from edge.clock import Clock, SystemClock
from edge.config.model import GateTable
from edge.gate.reasons import Cause
from edge.records.binding import device_id
from edge.records.deadletters import DeadLetter, add_dead_letter
from edge.records.disk import Disk, JournalError
from edge.records.outbox import Outbox, Stored
from edge.records.segment import SEGMENT_BYTES
from edge.records.space import Space, WhenFull
from edge.records.stream import Range, Stream, clear_unfinished, doing
from feed.codec import decode, encode, record_hash
from feed.record import Clock as Stamp
from feed.record import Draft, Kind, Record

__all__ = ["Journal", "JournalError", "RecordsNeverChangeError"]

log = logging.getLogger(__name__)

LOCK = "lock"
QUARANTINE = "quarantine"
_STREAM = re.compile(r"\d{4}-[0-9a-f]{16}")
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
        max_mib: float = 512,
        when_full: WhenFull = "stop",
        keep_days: int = 30,
        device: str | None = None,
    ) -> None:
        """Open the journal in folder `path`, made if it is not there.

        `device` names the machine, edge.records.binding.device_id() unless given.
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
        self._earlier: tuple[Stream, ...] = ()
        self._space = Space(path, max_bytes=int(max_mib * (1 << 20)), when_full=when_full)
        self._keep = timedelta(days=keep_days)
        self._device = device or device_id()
        self._set_back = False
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
            return self._append(self._ready(), draft, at=at, clock=clock, ref=ref)

    def refuse(
        self, seq: int, reason: str, *, at: datetime, clock: Stamp, stream: str | None = None
    ) -> Record | None:
        """A record that nobody will ever take: put it with the dead letters, and go on without it.

        The `loss` record that accounts for it; None when the record is not waiting (any more).
        `stream` is for one of `earlier`. Raises JournalError.
        """
        with self._writing:
            found = self._stream_called(stream)
            for stored in found.unconfirmed(seq - 1, 1) if found else ():
                if found is None or stored.seq != seq:
                    break
                with self._noting(), doing(f"keeping a dead letter in {self.path}"):
                    letter = DeadLetter(found.stream, seq, reason, stored.raw)
                    add_dead_letter(self.path, letter, self._disk)
                loss = Draft(kind=Kind.LOSS, ranges=((seq, seq, f"refused: {reason}"),))
                return self._append(found, loss, at=at, clock=clock)
        return None

    def report_losses(self, *, at: datetime, clock: Stamp) -> int:
        """Write the `loss` records of what `unreported` names; how many records those lost."""
        with self._writing:
            self._ready()
            count = 0
            for stream in self._streams():
                lost = tuple(stream.unreported)
                if lost:
                    loss = Draft(kind=Kind.LOSS, ranges=lost)
                    self._append(stream, loss, at=at, clock=clock)
                    count += sum(last - first + 1 for first, last, _ in lost)
            return count

    def settle(self) -> None:
        """What can wait for a quiet moment: pending confirmations. Raises JournalError."""
        with self._writing, self._noting():
            self._ready()
            for stream in self._streams():
                stream.flush()

    def prepare(self) -> None:
        """Make the next file ahead of need, so that no append waits for it. Raises JournalError."""
        with self._writing:
            self._ready().prepare()

    def retire(self) -> int:
        """Remove files of confirmed records older than `keep_days`; how many went.

        None by a clock that was not synchronised. Raises JournalError.
        """
        if self.clock.stamp().state != "synced":
            return 0
        before = self.clock.now() - self._keep
        with self._writing:
            self._ready()
            count = sum(stream.retire(before) for stream in self._streams())
            for stream in [one for one in self._earlier if one.is_past(before)]:
                self._take([one for one in self._earlier if one is not stream], self._ready())
                with doing(f"removing {stream.folder}"):
                    count += stream.remove_all()
            return count

    def _append(
        self, stream: Stream, draft: Draft, *, at: datetime, clock: Stamp, ref: int | None = None
    ) -> Record:
        record = Record(
            kind=draft.kind,
            reader=draft.reader,
            direction=draft.direction,
            ref=draft.ref if ref is None else ref,
            person=draft.person,
            reading=draft.reading,
            declaration=draft.declaration,
            decision=draft.decision,
            outcome=draft.outcome,
            event=draft.event,
            ranges=draft.ranges,
            stream=stream.stream,
            seq=stream.next_seq,
            prev=stream.head,
            park=self._place.park,
            site=self._place.site,
            gate=self._place.gate,
            at=_to_milliseconds(at),
            clock=clock,
        )
        raw = encode(record)
        try:
            stream.append(raw)
        except JournalError as error:
            self.fault = error
            if error.cause is Cause.NOT_FOUND:  # another card, or none: what is there now?
                self._let_go()
            raise
        self.fault = None
        return record

    def close(self) -> None:
        """Write pending confirmations and let the folder go. Raises JournalError; once only."""
        with self._writing:
            self._opened = False
            try:
                for stream in self._streams():
                    stream.flush(sync=True)
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
        return current.read(first, last) if current else []

    def iterate(self) -> Iterator[Stored]:
        """All records that are still on disk, without holding them all."""
        current = self._current
        return current.iterate(1, current.last_seq) if current else iter(())

    def confirm(self, upto: int) -> None:
        """Everything up to `upto` arrived. Never moves backwards."""
        current = self._current
        if current is not None:
            current.confirm(upto)

    def oldest_unconfirmed_at(self) -> datetime | None:
        """The `at` of the oldest unconfirmed record, None for none."""
        current = self._current
        return current.oldest_unconfirmed_at() if current else None

    @property
    def earlier(self) -> Sequence[Outbox]:
        """Outboxes of streams before this one that still hold unconfirmed records."""
        return [stream for stream in self._earlier if not stream.is_drained]

    def receipt(self, upto: int, head: str | None, *, stream: str | None = None) -> bool:
        """The hub has everything up to `upto`, whose hash is `head`: confirm it.

        False when these are not this journal's records: it was set back to an older state, and
        has given seqs a second time. Then the next record begins a new stream, and what was
        written since the journal was opened goes into it once more.
        """
        found = self._stream_called(stream)
        if found is None:
            return False
        if found.agrees(upto, head):
            found.confirm(upto)
            return True
        if found is self._current:
            self._set_back = True
        return False

    # --- what was lost ---------------------------------------------------------------------------

    @property
    def set_aside(self) -> int:
        """Damaged pieces that were found since the journal was opened, and never before."""
        return sum(stream.set_aside for stream in self._streams())

    @property
    def unreported(self) -> Sequence[Range]:
        """Records that are lost, unconfirmed, and in no `loss` record yet: first, last, why."""
        return tuple(span for stream in self._streams() for span in stream.unreported)

    @property
    def dropped(self) -> int:
        """Unconfirmed records given up for newer ones since the journal was opened."""
        return self._space.dropped

    @property
    def filled(self) -> float:
        """The share of the possible room that unconfirmed records take: 0 to 1.

        Raises JournalError.
        """
        with doing(f"looking at the room in {self.path}"):
            return self._space.filled if self._current else 0.0

    # --- opening ---------------------------------------------------------------------------------

    def _ready(self) -> Stream:
        if self._current is None:
            with self._noting():
                self._open()
        assert self._current is not None
        if self._set_back:
            with self._noting():
                self._begin_again(self._current)
        return self._current

    def _streams(self) -> tuple[Stream, ...]:
        return (*self._earlier, *([self._current] if self._current else ()))

    def _stream_called(self, name: str | None) -> Stream | None:
        if name is None:
            return self._current
        return next((stream for stream in self._streams() if stream.stream == name), None)

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
                self._lock_fd = lock(self.path / LOCK)
            quarantine = self.path / QUARANTINE
            if not quarantine.exists():
                self._disk.make_folder(quarantine)
                self._disk.sync_folder(self.path)
            clear_unfinished(self.path, self._disk)
            opened: list[Stream] = []
            try:
                opened.extend(self._open_stream(folder) for folder in streams_in(self.path))
                if not opened or opened[-1].is_moved:
                    opened.append(self._new_stream(after=opened))
            except OSError:
                for stream in opened:
                    stream.close()
                raise
        for stream in opened:
            replaced = stream.replaced()
            for old in [one for one in opened if one.stream == replaced]:
                old.confirm(old.last_seq)
        self._take(opened[:-1], opened[-1])
        self._set_back = opened[-1].is_set_back

    def _take(self, earlier: Sequence[Stream], current: Stream) -> None:
        self._earlier, self._current = tuple(earlier), current
        self._space.streams = self._streams()

    def _open_stream(self, folder: Path) -> Stream:
        return Stream(
            folder,
            self._disk,
            segment_bytes=self._segment_bytes,
            quarantine=self.path / QUARANTINE,
            device=self._device,
            space=self._space,
        )

    def _new_stream(self, after: Sequence[Stream], *, replaces: Stream | None = None) -> Stream:
        number = max((int(path.name[:4]) for path in streams_in(self.path)), default=0) + 1
        name = f"{number:04d}-{secrets.token_hex(8)}"
        if after:
            log.warning("the journal is a copy or was set back: new records go into %s", name)
        Stream.create(
            self.path,
            name,
            self._disk,
            segment_bytes=self._segment_bytes,
            device=self._device,
            replaces=replaces.stream if replaces else None,
            raws=self._once_more(replaces, name.partition("-")[2]) if replaces else (),
        )
        return self._open_stream(self.path / name)

    def _begin_again(self, old: Stream) -> None:
        """A new stream, with what was written into the one that was set back since it was opened.

        What it held before was written before the image was taken, and has been delivered. The
        new one is there whole or not at all, and says itself that the old one is done with: a
        power cut leaves each record waiting under one key. The limit on room is left aside for
        a moment, as the old files may go right after.
        """
        old.note_set_back()
        new = self._replacement(old)
        old.confirm(old.last_seq)
        self._take([*self._earlier, old], new)
        self._set_back = False

    def _replacement(self, old: Stream) -> Stream:
        while True:
            try:
                with doing(f"beginning a new stream in {self.path}"):
                    return self._new_stream(after=[old], replaces=old)
            except JournalError as error:
                if error.cause is not Cause.DISK_FULL or not self._space.free():
                    raise

    def _once_more(self, old: Stream, stream: str) -> Iterator[bytes]:
        seqs: dict[int | None, int] = {}  # there → here
        prev = None
        for stored in old.iterate_unconfirmed(old.opened_at):
            record = decode(stored.raw)
            if record.kind == Kind.LOSS:  # here nothing is missing
                continue
            seqs[stored.seq] = seq = len(seqs) + 1
            again = replace(record, stream=stream, seq=seq, prev=prev, ref=seqs.get(record.ref))
            raw = encode(again)
            prev = record_hash(raw)
            yield raw

    def _let_go(self) -> None:
        for stream in self._streams():
            stream.close()
        self._earlier, self._current, self._space.streams = (), None, ()
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None


def _to_milliseconds(at: datetime) -> datetime:
    at = at if at.tzinfo is UTC else at.astimezone(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def lock(path: Path) -> int:
    """Hold the journal until the file descriptor is closed. Raises JournalError(BUSY), OSError."""
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
