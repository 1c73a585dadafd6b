"""Reading a journal's folder while a gate writes it: no lock, nothing mended, nothing changed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from itertools import islice
from operator import and_
from pathlib import Path
from typing import Literal

from tinydb import Query
from tinydb.queries import QueryInstance

from edge.records.deadletters import DeadLetter, read_dead_letters
from edge.records.disk import journal_error
from edge.records.journal import QUARANTINE, streams_in
from edge.records.outbox import Stored
from edge.records.segment import Loaded, first_of, load
from edge.records.stream import SPARE, doing, segments_in
from feed.codec import decode, format_time
from feed.record import Kind, Record
from feed.times import Corrections, Moment

State = Literal["unconfirmed", "confirmed", "dead-letter"]
STATES: tuple[State, ...] = ("unconfirmed", "confirmed", "dead-letter")

_CLOCK = b'"kind":"%s"' % Kind.CLOCK.encode()
_SYNCED = re.compile(rb'"clock":\{"state":"synced","boot":"([^"]*)"')


@dataclass(frozen=True, slots=True)
class Found:
    """A record, the bytes it lies on disk as, whether it has arrived, and when it really was."""

    record: Record
    raw: bytes
    state: State
    moment: Moment


def find_records(
    path: Path,
    *,
    kind: str | None = None,
    reader: str | None = None,
    result: str | None = None,
    reason: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    state: State | None = None,
    limit: int | None = None,
) -> Iterator[Found]:
    """The records of the journal in folder `path` that match, oldest first.

    `result` and `reason` look at decisions and outcomes alike. `since` and `until` (exclusive)
    compare with the time in the record, as the gate's clock had it. With `limit` only the newest
    so many. Damaged lines and a line that is just being written are passed over.
    Raises JournalError (no such folder, not readable), ValueError for a time without a zone.
    """
    condition = _condition(kind, reader, result, reason, since, until)
    streams = _streams(path)
    states = _States(path, streams)
    times = _Times()
    if limit is None:
        for stored in _newest_first(streams):
            times.learn(stored[1].raw)
        records = _oldest_first(streams)
    else:
        records = _newest_first(streams)
    found = _matching(records, states, times, condition, state)
    return found if limit is None else reversed(list(islice(found, limit)))


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
    """`find_records` without what stands around the records."""
    found = find_records(
        path,
        kind=kind,
        reader=reader,
        result=result,
        reason=reason,
        since=since,
        until=until,
        limit=limit,
    )
    return (one.record for one in found)


def _matching(
    records: Iterable[tuple[str, Stored]],
    states: _States,
    times: _Times,
    condition: QueryInstance,
    state: State | None,
) -> Iterator[Found]:
    for stream, stored in records:
        times.learn(stored.raw)
        its = states.of(stream, stored.seq)
        if state in {None, its} and condition(json.loads(stored.raw)):
            record = decode(stored.raw)
            yield Found(record, stored.raw, its, times.of(record))


def _oldest_first(streams: _Files) -> Iterator[tuple[str, Stored]]:
    for stream, files in streams.items():
        for _, file in files:
            yield from ((stream, stored) for stored in _stored(_load(file)))


def _newest_first(streams: _Files) -> Iterator[tuple[str, Stored]]:
    for stream, files in reversed(streams.items()):
        for _, file in reversed(files):
            yield from ((stream, stored) for stored in reversed(_stored(_load(file))))


def _stored(segment: Loaded) -> list[Stored]:
    return list(segment.records(0, segment.next_seq))


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


_Files = dict[str, list[tuple[int, Path]]]  # stream → its segments, oldest first


def _streams(path: Path) -> _Files:
    with doing(f"reading the journal in {path}"):
        return {_name(folder): segments_in(folder) for folder in streams_in(path)}


def _name(folder: Path) -> str:
    return folder.name.partition("-")[2]


class _States:
    """Which records have arrived, as the files said when the reading began."""

    def __init__(self, path: Path, streams: _Files) -> None:
        with doing(f"reading the journal in {path}"):
            letters = read_dead_letters(path)
        self._dead = {(letter.stream, letter.seq) for letter in letters}
        self._confirmed = {stream: progress(files)[1] for stream, files in streams.items()}

    def of(self, stream: str, seq: int) -> State:
        if (stream, seq) in self._dead:
            return "dead-letter"
        return "confirmed" if seq <= self._confirmed[stream] else "unconfirmed"


class _Times:
    """Times put right by what was written later, so that records are looked at newest first."""

    def __init__(self) -> None:
        self._corrections = Corrections()
        self._known: set[bytes] = set()  # boots whose newest synchronised record was seen

    def learn(self, raw: bytes) -> None:
        synced = _SYNCED.search(raw)
        if _CLOCK in raw or (synced and synced[1] not in self._known):
            self._corrections.add(decode(raw))
        if synced:
            self._known.add(synced[1])

    def of(self, record: Record) -> Moment:
        return self._corrections.moment(record.at, record.clock)


def _load(segment: Path) -> Loaded:
    try:
        return load(first_of(segment) or 0, segment.read_bytes())
    except FileNotFoundError:  # retired while we were on the way
        return load(0, b"")
    except OSError as error:
        raise journal_error(error, f"reading {segment}") from error


# --- how it stands ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """One stream of a journal as its files show it; the last stream is the one written to.

    `unconfirmed` counts the records that wait to be delivered; `oldest` is the time of the first
    of them, put right where the journal knows better.
    """

    stream: str
    first_seq: int
    last_seq: int
    confirmed_upto: int
    files: int
    bytes: int
    unconfirmed: int = 0
    oldest: Moment | None = None


@dataclass(frozen=True, slots=True)
class Status:
    """A journal's folder: its streams, and what was put out of the way."""

    streams: tuple[StreamStatus, ...]
    quarantined: tuple[Path, ...]
    dead_letters: tuple[DeadLetter, ...]

    @property
    def bytes(self) -> int:
        """What the files of all streams take: what `[records] max_mib` limits."""
        return sum(stream.bytes for stream in self.streams)


def read_status(path: Path) -> Status:
    """The state of the journal in folder `path`. Raises JournalError.

    Confirmations of the last second may not stand in the files yet.
    """
    with doing(f"reading the journal in {path}"):
        letters = tuple(read_dead_letters(path))
        dead = {(letter.stream, letter.seq) for letter in letters}
        streams = tuple(_stream_status(folder, dead) for folder in streams_in(path))
        quarantine = path / QUARANTINE
        quarantined = sorted(quarantine.iterdir()) if quarantine.is_dir() else []
    return Status(streams, tuple(quarantined), letters)


def _stream_status(folder: Path, dead: set[tuple[str, int]]) -> StreamStatus:
    stream, files = _name(folder), segments_in(folder)
    last, confirmed = progress(files)
    waiting: bytes | None = None
    clocks: list[bytes] = []
    count = 0
    for place, (_, file) in enumerate(files):
        if place + 1 < len(files) and files[place + 1][0] <= confirmed + 1:
            continue
        for stored in _stored(_load(file)):
            waits = stored.seq > confirmed and (stream, stored.seq) not in dead
            waiting = stored.raw if waits and waiting is None else waiting
            clocks += [stored.raw] if _CLOCK in stored.raw else []
            count += waits
    return StreamStatus(
        stream=stream,
        first_seq=files[0][0] if files else 1,
        last_seq=last,
        confirmed_upto=confirmed,
        files=len(files),
        bytes=sum(map(_size, [*(file for _, file in files), folder / SPARE])),
        unconfirmed=count,
        oldest=_moment(waiting, clocks) if waiting is not None else None,
    )


def _moment(raw: bytes, clocks: Sequence[bytes]) -> Moment:
    record = decode(raw)
    return Corrections(map(decode, clocks)).moment(record.at, record.clock)


def progress(files: Sequence[tuple[int, Path]]) -> tuple[int, int]:
    """The newest seq of a stream, and up to which it is confirmed. Raises JournalError."""
    last = confirmed = 0
    for _, file in reversed(files):
        segment = _load(file)
        confirmed = max(confirmed, segment.confirmed)
        last = max(last, segment.next_seq - 1)
        if segment.header:
            break
    return max(last, confirmed), confirmed


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0
