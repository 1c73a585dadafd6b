"""One file of the journal, as bytes: its name, its header, and what stands in it."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path

from edge.records.lines import Span, scan, to_line
from edge.records.outbox import Stored
from feed.codec import CodecError, decode

FORMAT = 1
SEGMENT_BYTES = 1 << 20
HEADER_ROOM_BYTES = 1024  # more than any header needs
SUFFIX = ".log"

_SHORTEST_RECORD_BYTES = 120  # stream, places, time and clock stand in each
_ONCE_IN_A_RECORD = (b'{"v":', b'"boot":"', b'"uptime_s":', b'"park":"')
_HEADER = b'{"segment":'
_CONFIRMED = b'{"confirmed":'
_SEQ = re.compile(rb'"seq":(\d+)')
_NAME = re.compile(r"(\d{12})\.log")
_LOSS = b'"kind":"loss"'


def segment_name(first: int) -> str:
    """A segment's file name: the seq of its first record."""
    return f"{first:012d}{SUFFIX}"


def first_of(path: Path) -> int | None:
    """The seq in a segment's file name, None for any other file."""
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else None


@dataclass(frozen=True, slots=True)
class Header:
    """A segment's first line.

    Everything up to `confirmed` was confirmed when the segment was made; `prev` is the hash of
    the record before `first`; `bound` is what tells this journal from a copy of it.
    """

    stream: str
    first: int
    confirmed: int
    prev: str | None
    bound: dict[str, str]

    def line(self) -> bytes:
        """As a line of the journal."""
        parts = {
            "segment": FORMAT,
            "stream": self.stream,
            "first": self.first,
            "confirmed": self.confirmed,
            "prev": self.prev,
            "bound": self.bound,
        }
        return to_line(json.dumps(parts, separators=(",", ":")).encode())


_HEADER_PARTS = tuple(part.name for part in fields(Header))


def confirmed_line(upto: int) -> bytes:
    """A confirmation as a line of the journal."""
    return to_line(b'{"confirmed":%d}' % upto)


@dataclass(slots=True)
class Loaded:
    """A segment in memory: its bytes up to `end`, and where each record's stand in them."""

    first: int
    data: bytearray
    header: Header | None = None
    confirmed: int = 0
    seqs: list[int] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    damaged: list[Span] = field(default_factory=list)
    lost: list[tuple[int, int, str]] = field(default_factory=list)
    torn: bool = False
    next_seq: int = 0

    @property
    def end(self) -> int:
        """Where the next line goes."""
        return len(self.data)

    def add(self, seq: int, line: bytes, body_at: int) -> None:
        """A record's line was written at `end`; its body begins `body_at` bytes into `line`."""
        self.seqs.append(seq)
        self.spans.append((self.end + body_at, self.end + len(line) - 1))
        self.data += line
        self.next_seq = seq + 1

    def forget(self) -> None:
        """Let the bytes go, and keep what is known of them."""
        self.data = bytearray()
        self.spans = []

    def records(self, first: int, last: int) -> Iterator[Stored]:
        """The records `first`..`last` that are here, in order."""
        for index in range(bisect_left(self.seqs, first), bisect_right(self.seqs, last)):
            start, end = self.spans[index]
            yield Stored(self.seqs[index], bytes(self.data[start:end]))


def load(first: int, data: bytes) -> Loaded:
    """A segment out of its file's bytes. Whatever is damaged stands in `damaged`."""
    found = scan(data)
    segment = Loaded(first, bytearray(data[: found.end]), damaged=found.damaged, torn=found.torn)
    for start, end in found.bodies:
        _take(segment, data, start, end)
        segment.data[end : end + 1] = b"\n"[: segment.end - end]  # should it be what was damaged
    segment.next_seq = segment.seqs[-1] + 1 if segment.seqs else first
    newest_end = segment.spans[-1][1] if segment.spans else 0
    segment.next_seq += sum(
        _records_in(data[start:end], is_first=start == 0)
        for start, end in found.damaged
        if start >= newest_end
    )
    return segment


def _take(segment: Loaded, data: bytes, start: int, end: int) -> None:
    if data.startswith(_HEADER, start):
        parts = json.loads(data[start:end])
        segment.header = Header(**{name: parts[name] for name in _HEADER_PARTS})
        segment.confirmed = max(segment.confirmed, segment.header.confirmed)
    elif data.startswith(_CONFIRMED, start):
        segment.confirmed = max(segment.confirmed, int(data[start + len(_CONFIRMED) : end - 1]))
    else:
        seq = _SEQ.search(data, start, end)
        if seq and (not segment.seqs or int(seq[1]) > segment.seqs[-1]):
            segment.seqs.append(int(seq[1]))
            segment.spans.append((start, end))
        segment.lost += loss_ranges(data[start:end])


def loss_ranges(raw: bytes) -> tuple[tuple[int, int, str], ...]:
    """The ranges that a record accounts for as lost; none for a record of another kind."""
    if _LOSS not in raw:
        return ()
    try:
        record = decode(raw)
    except CodecError:  # of a later version: intact, but not ours to understand
        return ()
    return (record.ranges or ()) if record.kind == "loss" else ()


def _records_in(piece: bytes, *, is_first: bool) -> int:
    """How many seqs a damaged piece may have held: one too many is safe, one too few is not."""
    if len(piece) < _SHORTEST_RECORD_BYTES:
        return 0
    seen = max(piece.count(mark) for mark in _ONCE_IN_A_RECORD)
    if seen or is_first or _HEADER in piece:  # a segment begins with its header
        return seen
    return len(piece) // _SHORTEST_RECORD_BYTES
