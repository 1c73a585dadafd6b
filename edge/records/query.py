"""Reading a journal's folder while a gate writes it: no lock, nothing mended, nothing changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import islice
from operator import and_
from pathlib import Path

from tinydb import Query
from tinydb.queries import QueryInstance

from edge.records.deadletters import DeadLetter, read_dead_letters
from edge.records.disk import journal_error
from edge.records.journal import QUARANTINE, streams_in
from edge.records.segment import Loaded, first_of, load
from edge.records.stream import segments_in
from feed.codec import decode, format_time
from feed.record import Record


def read_records(
    path: Path,
    *,
    kind: str | None = None,
    reader: str | None = None,
    result: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Iterator[Record]:
    """The records of the journal in folder `path` that match, oldest first.

    `result` and `reason` look at decisions and outcomes alike. `since` and `until` (exclusive)
    compare with the time in the record, as the gate's clock had it. With `limit` only the newest
    so many. Damaged lines and a line that is just being written are passed over.
    Raises JournalError (no such folder, not readable), ValueError for a time without a zone.
    """
    condition = _condition(kind, reader, result, reason, since, until)
    files = _segments(path)
    if limit is None:
        return (decode(raw) for raw in _raws(files) if _matches(raw, condition))
    newest = (raw for raw in _raws(files, newest_first=True) if _matches(raw, condition))
    return map(decode, reversed(list(islice(newest, limit))))


def _matches(raw: bytes, condition: QueryInstance) -> bool:
    return condition(json.loads(raw))


def _condition(
    kind: str | None,
    reader: str | None,
    result: str | None,
    reason: str | None,
    since: datetime | None,
    until: datetime | None,
) -> QueryInstance:
    record = Query()
    conditions = [record.noop()]
    if kind is not None:
        conditions.append(record.kind == kind)
    if reader is not None:
        conditions.append(record.reader == reader)
    if result is not None:
        conditions.append((record.decision.result == result) | (record.outcome.result == result))
    if reason is not None:
        found = [record[part].reasons.any([reason]) for part in ("decision", "outcome")]
        conditions.append(found[0] | found[1])
    # written always the same way, times compare as text
    if since is not None:
        conditions.append(record.at >= format_time(since))
    if until is not None:
        conditions.append(record.at < format_time(until))
    return reduce(and_, conditions)


def _segments(path: Path) -> list[Path]:
    try:
        return [file for folder in streams_in(path) for _, file in segments_in(folder)]
    except OSError as error:
        raise journal_error(error, f"reading the journal in {path}") from error


def _raws(files: Sequence[Path], *, newest_first: bool = False) -> Iterator[bytes]:
    for file in reversed(files) if newest_first else files:
        loaded = _load(file)
        spans = loaded.spans[::-1] if newest_first else loaded.spans
        yield from (bytes(loaded.data[start:end]) for start, end in spans)


def _load(segment: Path) -> Loaded:
    try:
        return load(first_of(segment) or 0, segment.read_bytes())
    except FileNotFoundError:  # retired while we were on the way
        return load(0, b"")
    except OSError as error:
        raise journal_error(error, f"reading {segment}") from error


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream of a journal as its files show it; the last stream is the one written to."""

    stream: str
    first_seq: int
    last_seq: int
    confirmed_upto: int
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Status:
    """A journal's folder: its streams, and what was put out of the way."""

    streams: tuple[StreamStatus, ...]
    quarantined: tuple[Path, ...]
    dead_letters: tuple[DeadLetter, ...]


def read_status(path: Path) -> Status:
    """The state of the journal in folder `path`. Raises JournalError.

    Confirmations of the last second may not stand in the files yet.
    """
    try:
        streams = tuple(_stream_status(folder) for folder in streams_in(path))
        quarantine = path / QUARANTINE
        quarantined = sorted(quarantine.iterdir()) if quarantine.is_dir() else []
        return Status(streams, tuple(quarantined), tuple(read_dead_letters(path)))
    except OSError as error:
        raise journal_error(error, f"reading the journal in {path}") from error


def _stream_status(folder: Path) -> StreamStatus:
    files = segments_in(folder)
    first = files[0][0] if files else 1
    confirmed = last = 0
    for _, file in reversed(files):
        segment = _load(file)
        confirmed = max(confirmed, segment.confirmed)
        last = max(last, segment.next_seq - 1)
        if segment.header:
            break
    size = sum(file.stat().st_size for _, file in files)
    stream = folder.name.partition("-")[2]
    return StreamStatus(stream, first, max(last, confirmed), confirmed, len(files), size)
