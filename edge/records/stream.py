"""One stream of records: a folder of segment files, of which the last is written to.

    0001-9f86d081884c7d65/     number and stream id
        identity               made once, never written again: see edge.records.binding
        000000000001.log       segments, each named by the seq of its first record
        000000001480.log
        spare                  the next segment, zeros already

Writers come one at a time (the journal's lock); readers may come from any thread.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from edge.gate.reasons import Cause
from edge.records.binding import bind, is_same
from edge.records.disk import Disk, JournalError, fill_zeros, journal_error
from edge.records.lines import PREFIX_BYTES, to_line
from edge.records.outbox import Stored
from edge.records.segment import (
    HEADER_ROOM_BYTES,
    Header,
    Loaded,
    confirmed_line,
    first_of,
    load,
    loss_ranges,
    segment_name,
)
from edge.records.space import Space
from feed.codec import decode, record_hash

log = logging.getLogger(__name__)

IDENTITY = "identity"
SPARE = "spare"
SET_BACK = "set-back"
_UNFINISHED = "spare.new"
_SEALED_IN_MEMORY = 2

Range = tuple[int, int, str]  # first seq, last seq, why they are lost


@contextmanager
def doing(what: str) -> Iterator[None]:
    """Turn an OSError of the block into a JournalError that says what was being done."""
    try:
        yield
    except OSError as error:
        raise journal_error(error, what) from error


def segments_in(folder: Path) -> list[tuple[int, Path]]:
    """The segments of a stream's folder, oldest first, as (seq in the name, path)."""
    named = [(first_of(path), path) for path in folder.iterdir()]
    return sorted((first, path) for first, path in named if first is not None)


class Stream:
    """A stream's records on disk. Opening mends what a power cut or a bad card left behind."""

    def __init__(
        self,
        folder: Path,
        disk: Disk,
        *,
        segment_bytes: int,
        quarantine: Path,
        device: str,
        space: Space,
    ) -> None:
        """Open an existing folder. Raises JournalError."""
        self.folder = folder
        self.stream = folder.name.partition("-")[2]
        self.set_aside = 0  # damaged pieces found at this opening and never before
        self.unreported: list[Range] = []  # lost, unconfirmed, and in no loss record yet
        self.opened_at = 0  # the newest seq when it was opened, or when it was set back
        self._disk = disk
        self._segment_bytes = segment_bytes
        self._quarantine = quarantine
        self._space = space
        self._damaged: list[Loaded] = []  # found while running, to be set aside
        self._ages: dict[int, datetime | None] = {}
        self._made_for: Mapping[str, str] = {}
        self._state = threading.Lock()
        self._sealed: OrderedDict[int, Loaded] = OrderedDict()
        self._lost: list[Range] = []
        self._confirmed = 0
        self._confirmed_on_disk = 0  # written, maybe in the cache only
        self._confirmed_for_sure = 0  # written and synced
        self._head: str | None = None
        self._oldest: tuple[int, datetime] | None = None
        self._broken = False
        with doing(f"opening {folder}"):
            self._bound = bind(folder / IDENTITY, device, disk)
            self._paths = dict(segments_in(folder))
            self._clear_leftovers()
            self._spare_ready = self._spare_is_clean()
            self._active, self._fd = self._open_segments()
            self.opened_at = self._set_back_at()

    @staticmethod
    def create(
        root: Path,
        name: str,
        disk: Disk,
        *,
        segment_bytes: int,
        device: str,
        replaces: str | None = None,
        raws: Iterable[bytes] = (),
    ) -> None:
        """Make a stream's folder, whole or not at all. Raises OSError.

        `raws` are its first records, from seq 1 on. `replaces` names the stream whose
        records they are: it counts as delivered from the moment that this folder
        is there.
        """
        clear_unfinished(root, disk)
        making = root / f"{name}.new"
        disk.make_folder(making)
        _write_whole(
            disk, making / IDENTITY, "\n".join([name, *filter(None, [replaces]), ""]).encode()
        )
        stream = name.partition("-")[2]
        bound = bind(making / IDENTITY, device, disk)
        first = following = 1
        data = bytearray(Header(stream, first, confirmed=0, prev=None, bound=bound).line())
        head: str | None = None
        for raw in raws:
            line = to_line(raw)
            if len(data) + len(line) > segment_bytes:
                _write_whole(disk, making / segment_name(first), bytes(data), segment_bytes)
                first = following
                data = bytearray(Header(stream, first, confirmed=0, prev=head, bound=bound).line())
            data += line
            head, following = record_hash(raw), following + 1
        _write_whole(disk, making / segment_name(first), bytes(data), segment_bytes)
        disk.sync_folder(making)
        disk.rename(making, root / name)
        disk.sync_folder(root)

    # --- what is here ------------------------------------------------------------------------

    @property
    def next_seq(self) -> int:
        """The seq that the next record gets."""
        return self._active.next_seq

    @property
    def last_seq(self) -> int:
        """The newest seq that was given, 0 for none."""
        return self.next_seq - 1

    @property
    def head(self) -> str | None:
        """The hash of the newest record."""
        return self._head

    @property
    def confirmed_upto(self) -> int:
        """Every record up to this seq is confirmed."""
        return self._confirmed

    @property
    def is_moved(self) -> bool:
        """Whether this is a copy of the journal it was: no new records may go here."""
        return not is_same(self._made_for, self._bound)

    @property
    def is_set_back(self) -> bool:
        """Whether `note_set_back` was called, now or in an earlier life."""
        return (self.folder / SET_BACK).exists()

    def note_set_back(self) -> None:
        """Remember, over a power cut too, that records after `opened_at` need another stream."""
        making = self.folder / f"{SET_BACK}.new"
        with doing(f"writing {self.folder / SET_BACK}"):
            if not self.is_set_back:
                _write_whole(self._disk, making, b"%d\n" % self.opened_at)
                self._disk.rename(making, self.folder / SET_BACK)
                self._disk.sync_folder(self.folder)

    def _set_back_at(self) -> int:
        noted = self.folder / SET_BACK
        return int(noted.read_bytes()) if noted.exists() else self.last_seq

    def replaced(self) -> str | None:
        """The stream whose unconfirmed records were written into this one once more."""
        with doing(f"reading {self.folder / IDENTITY}"):
            lines = (self.folder / IDENTITY).read_text(encoding="ascii").splitlines()
        return lines[1] if len(lines) > 1 else None

    @property
    def is_drained(self) -> bool:
        """Whether nothing is left to deliver or to report."""
        return self._confirmed >= self.last_seq and not self.unreported

    @property
    def used_bytes(self) -> int:
        """What the files take."""
        return (len(self._paths) + self._spare_ready) * self._segment_bytes

    @property
    def unconfirmed_bytes(self) -> int:
        """What the files with unconfirmed records take; those of one stream come last."""
        with self._state:
            firsts = sorted(self._paths)
        confirmed = sum(following <= self._confirmed + 1 for following in firsts[1:])
        return (len(firsts) - confirmed) * self._segment_bytes

    def read(self, first: int, last: int) -> list[Stored]:
        """Records `first`..`last` that are on disk and intact, in order."""
        return list(self.iterate(first, last))

    def iterate(self, first: int, last: int) -> Iterator[Stored]:
        """The same, one file in memory at a time."""
        with self._state:
            firsts = sorted(self._paths)
        for index, start in enumerate(firsts):
            following = firsts[index + 1] if index + 1 < len(firsts) else None
            if start > last or (following is not None and following <= first):
                continue
            loaded = self._segment(start)
            with self._state:
                found = list(loaded.records(first, last))
            yield from found

    def unconfirmed(self, after: int, limit: int) -> Sequence[Stored]:
        """Up to `limit` unconfirmed records after seq `after`, without those accounted as lost."""
        with self._state:
            first, last, lost = max(after, self._confirmed) + 1, self.last_seq, list(self._lost)
        found: list[Stored] = []
        while first <= last and len(found) < limit:
            skipped = [high for low, high, _ in lost if low <= first <= high]
            if skipped:
                first = max(skipped) + 1
                continue
            upto = first + limit - len(found) - 1
            upto = min([upto, last, *(low - 1 for low, _, _ in lost if low > first)])
            found += self.read(first, upto)
            first = upto + 1
        return found

    def iterate_unconfirmed(self, after: int) -> Iterator[Stored]:
        """Unconfirmed records after this seq but those accounted as lost, a file at a time."""
        with self._state:
            first, last = max(after, self._confirmed) + 1, self.last_seq
            lost = list(self._lost)
        for stored in self.iterate(first, last):
            if not any(low <= stored.seq <= high for low, high, _ in lost):
                yield stored

    def oldest_unconfirmed_at(self) -> datetime | None:
        """The `at` of the oldest unconfirmed record, None when all is confirmed."""
        oldest = self._oldest
        if oldest is not None and oldest[0] > self._confirmed:
            return oldest[1]
        for stored in self.unconfirmed(0, 1):
            at = decode(stored.raw).at
            self._oldest = (stored.seq, at)
            return at
        return None

    def confirm(self, upto: int) -> None:
        """Everything up to `upto` arrived; on disk with the next line written, or `flush`."""
        with self._state:
            self._confirmed = max(self._confirmed, min(upto, self.last_seq))
            self._lost = [span for span in self._lost if span[1] > self._confirmed]

    def agrees(self, upto: int, head: str | None) -> bool:
        """Whether record `upto`, of this hash, can be this stream's. Raises JournalError."""
        if upto > self.last_seq:
            return False
        return head is None or all(record_hash(one.raw) == head for one in self.read(upto, upto))

    # --- writing: one thread at a time ---------------------------------------------------------

    def append(self, raw: bytes) -> None:
        """One record, on the device when this returns. Raises JournalError: then it is not there.

        Raises ValueError for a record that no segment can hold.
        """
        line = to_line(raw)
        if len(line) > self._segment_bytes - HEADER_ROOM_BYTES:
            raise ValueError(f"a record of {len(raw)} bytes is too long for the journal")
        self._mend()
        confirmed = self._confirmed  # at least this much stands in what is written
        before = self._before(len(line))
        self._write(before + line, confirmed, sync=True)
        ranges = loss_ranges(raw)
        with self._state:
            self._active.data += before
            self._active.add(self.next_seq, line, PREFIX_BYTES)
            self._active.lost += ranges
            self._head = record_hash(raw)
            self._lost += ranges
            self.unreported = without(self.unreported, ranges)

    def flush(self, *, sync: bool = False) -> None:
        """Write a confirmation that no record has carried yet. Raises JournalError."""
        self._mend()
        while self._damaged:
            self._set_aside(self._damaged.pop())
        confirmed = self._confirmed
        line = confirmed_line(confirmed)
        if confirmed > self._confirmed_on_disk:
            if self._room() < len(line):
                if not self._active.seqs:
                    return  # a file of confirmations only; the next one's header will say it
                self._roll()
            data = line if self._active.end else self._header(self._active.first).line()
            self._write(data, confirmed, sync=False)
            with self._state:
                self._active.data += data
        if sync:
            self._sync()

    def prepare(self) -> None:
        """Make the next segment ahead of need. Raises JournalError (a full disk)."""
        while not self._spare_ready:
            try:
                self._space.check(self._segment_bytes)
                self._make_spare()
            except JournalError as error:
                if error.cause is not Cause.DISK_FULL or not self._free():
                    raise

    def _make_spare(self) -> None:
        unfinished = self.folder / _UNFINISHED
        with doing(f"making {self.folder / SPARE}"):
            try:
                _write_whole(self._disk, unfinished, b"", self._segment_bytes)
            except OSError:
                with suppress(OSError):
                    self._disk.remove(unfinished)
                raise
            self._disk.rename(unfinished, self.folder / SPARE)
        self._spare_ready = True

    def _free(self) -> bool:
        with doing(f"making room in {self.folder}"):
            return self._space.free()

    def remove_oldest(self, *, confirmed_only: bool) -> int | None:
        """Remove the oldest file, but never the one that is written to.

        How many unconfirmed records went with it, None when no file may go. Raises OSError.
        """
        with self._state:
            firsts = sorted(self._paths)
            if self._broken or len(firsts) < 2 or (len(firsts) == 2 and not self._active.end):
                return None  # the header that the next one goes by is not on disk yet
            first, last = firsts[0], firsts[1] - 1
            if confirmed_only and last > self._confirmed:
                return None
            path = self._paths[first]
        self._make_sure(min(last, self._confirmed))
        unconfirmed = [(max(first, self._confirmed + 1), last, "dropped")]
        unconfirmed = without([span for span in unconfirmed if span[0] <= last], self._lost)
        again = self._accounted_in(first) if last > self._confirmed else []
        self._disk.remove(path)
        self._disk.sync_folder(self.folder)
        with self._state:
            del self._paths[first]
            self._sealed.pop(first, None)
            self._lost += unconfirmed
            self.unreported = without(self.unreported, unconfirmed + again) + unconfirmed + again
        return sum(high - low + 1 for low, high, _ in unconfirmed)

    def _make_sure(self, upto: int) -> None:
        """The word that these arrived is on the device: without it, their file would be missed.

        Should there be no room for a line, a power cut before the next record makes the gate
        report a loss that is none.
        """
        if upto <= self._confirmed_for_sure:
            return
        confirmed = self._confirmed
        line = confirmed_line(confirmed)
        if upto <= self._confirmed_on_disk:
            self._sync()
        elif not self._active.end or self._room() >= len(line):
            data = line if self._active.end else self._header(self._active.first).line()
            self._write(data, confirmed, sync=True)
            with self._state:
                self._active.data += data

    def _accounted_in(self, first: int) -> list[Range]:
        """Losses that records of a file account for, and nobody has been told of yet."""
        ranges = [
            (max(low, self._confirmed + 1), high, why)
            for low, high, why in self._segment(first).lost
        ]
        return [span for span in ranges if span[0] <= span[1]]

    def retire(self, before: datetime) -> int:
        """Remove confirmed files whose records are all older than this; how many went.

        A time that was not synchronised says nothing; such a file goes with the one after it.
        Raises JournalError.
        """
        count = 0
        with self._state:
            firsts = sorted(self._paths)
        for place, (first, following) in enumerate(pairwise(firsts), 1):
            if following - 1 > self._confirmed:
                break
            newest = self._newest_synced_at(first)
            if newest is not None:
                if newest >= before:
                    break
                count = place
        with doing(f"removing old records in {self.folder}"):
            removed = [self.remove_oldest(confirmed_only=True) for _ in range(count)]
        return len([one for one in removed if one is not None])

    def is_past(self, before: datetime) -> bool:
        """Whether all of it was delivered, and is older than this."""
        newest = self._newest_synced_at(self._active.first)
        return self.is_drained and (self.last_seq == 0 or (newest is not None and newest < before))

    def remove_all(self) -> int:
        """Remove the whole stream; how many files. Raises OSError."""
        self.close()
        remove_stream(self._disk, self.folder)
        return len(self._paths)

    def _newest_synced_at(self, first: int) -> datetime | None:
        if first in self._ages:
            return self._ages[first]
        segment = self._segment(first)
        newest = newest_synced_at(segment)
        if segment is not self._active:
            self._ages[first] = newest
        return newest

    def close(self) -> None:
        """Let the files go, without writing anything."""
        self._disk.close(self._fd)

    def _room(self) -> int:
        return self._segment_bytes - self._active.end

    def _before(self, length: int) -> bytes:
        """What has to stand before a line of this length, in a segment with room for both."""
        pending = confirmed_line(self._confirmed)
        if self._active.end and self._room() < len(pending) + length:
            self._roll()
        if not self._active.end:
            return self._header(self._active.first).line()
        return pending if self._confirmed > self._confirmed_on_disk else b""

    def _header(self, first: int) -> Header:
        return Header(self.stream, first, self._confirmed, self._head, self._bound)

    def _roll(self) -> None:
        """Go on in the spare. The new segment's header is written with its first line."""
        first = self.next_seq
        path = self.folder / segment_name(first)
        self.prepare()
        if self._confirmed_for_sure < self._confirmed_on_disk:
            self._sync()
        with doing(f"starting {path}"):
            self._disk.rename(self.folder / SPARE, path)
            self._spare_ready = False
            self._disk.sync_folder(self.folder)
            fd = self._disk.open(path)
        self._disk.close(self._fd)
        self._fd = fd
        with self._state:
            self._remember(self._active)
            self._active = Loaded(first, bytearray(), next_seq=first)
            self._paths[first] = path

    def _write(self, data: bytes, confirmed: int, *, sync: bool) -> None:
        try:
            self._disk.write(self._fd, data, self._active.end)
            if sync:
                self._disk.sync(self._fd)
        except OSError as error:
            raise self._failed(error) from error
        self._confirmed_on_disk = max(self._confirmed_on_disk, confirmed)
        if sync:
            self._confirmed_for_sure = self._confirmed_on_disk

    def _sync(self) -> None:
        try:
            self._disk.sync(self._fd)
        except OSError as error:
            raise self._failed(error) from error
        self._confirmed_for_sure = self._confirmed_on_disk

    def _failed(self, error: OSError) -> JournalError:
        self._broken = True
        return journal_error(error, f"writing {self._path()}")

    def _path(self) -> Path:
        return self._paths[self._active.first]

    def _mend(self) -> None:
        """After a failed write: the segment anew in fresh blocks, without what failed.

        A failed sync drops the dirty pages but leaves their content in the cache, so reading the
        file again, or syncing it again, proves nothing. What was acknowledged is in memory; it is
        written to the spare, read back past the cache, and takes the segment's place.
        """
        if not self._broken:
            return
        if not self._spare_ready:
            self._make_spare()  # beyond the limit for a moment: it takes the other's place
        data = bytes(self._active.data)
        spare, path = self.folder / SPARE, self._path()
        with doing(f"mending {path}"):
            self._spare_ready = False
            fd = self._disk.open(spare)
            try:
                self._disk.write(fd, data, 0)
                self._disk.sync(fd)
                if self._disk.read_back(fd, self._segment_bytes).rstrip(b"\0") != data:
                    raise JournalError(Cause.IO_ERROR, f"{spare} does not hold what was written")
                self._disk.rename(spare, path)
                self._disk.sync_folder(self.folder)
            except OSError:
                self._disk.close(fd)
                raise
        self._disk.close(self._fd)
        self._fd = fd
        self._broken = False
        log.warning("%s was written anew after a failed write", path)

    # --- reading ---------------------------------------------------------------------------------

    def _segment(self, first: int) -> Loaded:
        """A segment in memory; empty when it was removed meanwhile. Raises JournalError."""
        with self._state:
            if first == self._active.first:
                return self._active
            known, path = self._sealed.get(first), self._paths.get(first)
        if known is not None or path is None:
            return known or Loaded(first, bytearray())
        try:
            loaded = load(first, path.read_bytes())
        except FileNotFoundError:
            return Loaded(first, bytearray())
        except OSError as error:
            raise journal_error(error, f"reading {path}") from error
        with self._state:
            self._remember(loaded)
            if loaded.damaged:
                self._notice(loaded)
        return loaded

    def _notice(self, loaded: Loaded) -> None:
        """Damage since the journal was opened. What was confirmed is safe at the hub."""
        following = min(first for first in self._paths if first > loaded.first)
        expected = max(loaded.first, self._confirmed + 1)
        lost = without(_missing([loaded], expected - 1, following - 1), self._lost)
        self.unreported = without(self.unreported, lost) + lost
        self._lost += lost
        self._damaged.append(loaded)

    def _remember(self, loaded: Loaded) -> None:
        self._sealed[loaded.first] = loaded
        self._sealed.move_to_end(loaded.first)
        while len(self._sealed) > _SEALED_IN_MEMORY:
            self._sealed.popitem(last=False)

    # --- opening ---------------------------------------------------------------------------------

    def _clear_leftovers(self) -> None:
        for name in (_UNFINISHED, f"{SET_BACK}.new"):
            with suppress(FileNotFoundError):
                self._disk.remove(self.folder / name)

    def _spare_is_clean(self) -> bool:
        spare = self.folder / SPARE
        if not spare.exists():
            return False
        data = spare.read_bytes()
        if len(data) == self._segment_bytes and not data.strip(b"\0"):
            return True
        self._disk.remove(spare)
        return False

    def _open_segments(self) -> tuple[Loaded, int]:
        if not self._paths:
            raise JournalError(Cause.NOT_FOUND, f"{self.folder} holds no segment")
        loaded = self._load_unconfirmed()
        active = loaded[-1]
        headers = [segment.header for segment in loaded if segment.header]
        self._made_for = headers[-1].bound if headers else {}
        self._confirmed = max(segment.confirmed for segment in loaded)
        self._confirmed_on_disk = self._confirmed_for_sure = self._confirmed
        active.next_seq = max(active.next_seq, self._confirmed + 1)
        accounted = [span for segment in loaded for span in segment.lost]
        missing = without(_missing(loaded, self._confirmed, active.next_seq - 1), accounted)
        self.unreported = missing
        self._lost = [span for span in accounted if span[1] > self._confirmed] + missing
        for segment in loaded[:-1][-_SEALED_IN_MEMORY:]:
            self._remember(segment)
        return active, self._settle_tail(active)

    def _load_unconfirmed(self) -> list[Loaded]:
        """The newest segments, back to the one with the oldest unconfirmed record."""
        loaded: list[Loaded] = []
        for first, path in sorted(self._paths.items(), reverse=True):
            segment = load(first, path.read_bytes())
            self._set_aside(segment)
            self._head = self._head or _head(segment)
            loaded.insert(0, segment)
            known = any(one.header for one in loaded)
            if known and first <= max(one.confirmed for one in loaded) + 1:
                break
            if len(loaded) > 1 + _SEALED_IN_MEMORY:
                segment.forget()
        return loaded

    def _set_aside(self, segment: Loaded) -> None:
        """Copy damaged bytes out of the way; they also stay where they are, and are passed over."""
        for start, end in segment.damaged:
            piece = bytes(segment.data[start:end])
            if not piece.strip(b"\0"):
                continue
            name = f"{self.folder.name}-{segment.first:012d}-{start}"
            path = self._quarantine / name
            if path.exists():
                continue
            self.set_aside += 1
            log.error("%d damaged bytes of the journal set aside in %s", end - start, path)
            try:
                _write_whole(self._disk, path, piece)
                self._disk.sync_folder(self._quarantine)
            except OSError as error:  # a full disk must not keep the journal shut: they still stand
                log.warning("could not copy damaged bytes to %s: %s", path, error)

    def _settle_tail(self, active: Loaded) -> int:
        """Cut a torn tail, and make sure of the last line.

        The last line may be of a process that died before its sync was done, or failed: it is
        written once more, so that it is on the device before anyone is told of it.
        """
        path = self._paths[active.first]
        fd = self._disk.open(path)
        try:
            written = len(path.read_bytes().rstrip(b"\0"))
            start = active.spans[-1][0] - PREFIX_BYTES if active.spans else 0
            zeros = bytes(max(0, written - active.end))
            self._disk.write(fd, bytes(active.data[start:]) + zeros, start)
            self._disk.sync(fd)
            self._disk.sync_folder(self.folder)
            if active.torn:
                log.warning("%s: a torn last line of %d bytes was cut", path, len(zeros))
        except OSError:
            self._disk.close(fd)
            raise
        return fd


def without(ranges: Sequence[Range], covered: Sequence[Range]) -> list[Range]:
    """`ranges` less what `covered` covers, in order."""
    left = list(ranges)
    for low, high, _ in covered:
        left = [
            (begin, end, why)
            for first, last, why in left
            for begin, end in ((first, min(last, low - 1)), (max(first, high + 1), last))
            if begin <= end
        ]
    return left


def _missing(loaded: Sequence[Loaded], after: int, last: int) -> list[Range]:
    """Seqs after `after` up to `last` whose records are not in these segments."""
    expected = after + 1
    missing: list[Range] = []
    for seq in (*(seq for segment in loaded for seq in segment.seqs), last + 1):
        if seq > expected:
            missing.append((expected, seq - 1, "damaged"))
        expected = max(expected, seq + 1)
    return missing


def newest_synced_at(segment: Loaded) -> datetime | None:
    """The newest time in a segment that can be trusted."""
    records = [decode(one.raw) for one in segment.records(0, segment.next_seq)]
    return max((one.at for one in records if one.clock.state == "synced"), default=None)


def _head(segment: Loaded) -> str | None:
    if segment.seqs:
        start, end = segment.spans[-1]
        return record_hash(bytes(segment.data[start:end]))
    return segment.header.prev if segment.header else None


def clear_unfinished(root: Path, disk: Disk) -> None:
    """Remove folders of streams that were being made, or removed. Raises OSError."""
    for left in [*root.glob("0*.new"), *root.glob("0*.old")]:
        remove_folder(disk, left)


def remove_stream(disk: Disk, folder: Path) -> None:
    """Remove a stream's folder in one step, and then what was in it. Raises OSError."""
    gone = folder.with_name(folder.name + ".old")
    disk.rename(folder, gone)
    disk.sync_folder(folder.parent)
    remove_folder(disk, gone)


def remove_folder(disk: Disk, folder: Path) -> None:
    """Remove a folder of files. Raises OSError."""
    for path in folder.iterdir():
        disk.remove(path)
    disk.remove_folder(folder)


def _write_whole(disk: Disk, path: Path, data: bytes, size: int = 0) -> None:
    """A new file, filled with zeros up to `size`, on the device when this returns but its name."""
    fd = disk.create(path)
    try:
        fill_zeros(disk, fd, size)
        if data:
            disk.write(fd, data, 0)
        disk.sync(fd)
    finally:
        disk.close(fd)
