"""Is everything there, and as it was written? Read-only, beside a running gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.records.journal import streams_in
from edge.records.segment import Loaded, first_of, load
from edge.records.stream import Range, doing, segments_in, without
from feed.codec import CodecError, decode, record_hash

What = Literal["damaged", "missing", "lost", "altered", "head"]
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be, in records `first`..`last` of a stream.

    `damaged`: bytes of a file that are no line any more. `missing`: records that are not there
    and that no `loss` record accounts for; `lost`: those that one does. `altered`: a record that
    is not the one before which the next was written. `head`: the newest record is not the hub's.
    """

    stream: str
    what: What
    first: int
    last: int
    detail: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """A stream looked through: its intact records, and what was found."""

    stream: str
    records: int
    first_seq: int
    last_seq: int
    confirmed_upto: int
    findings: tuple[Finding, ...]


def verify(path: Path, heads: Mapping[str, tuple[int, str]] | None = None) -> list[Verdict]:
    """Look through the journal in folder `path`: checksums, gaps, and the chain of hashes.

    `heads` are the hub's words of what it holds, stream → (seq, hash of that record): without
    them, records rewritten or cut off from the end leave no trace. Raises JournalError.
    """
    with doing(f"reading the journal in {path}"):
        return [_verify_quietly(folder, (heads or {})) for folder in streams_in(path)]


def _verify_quietly(folder: Path, heads: Mapping[str, tuple[int, str]]) -> Verdict:
    """Once more, when the gate removed an old file on the way: its records are not missing."""
    for _ in range(_ATTEMPTS):
        with suppress(FileNotFoundError):
            return _verify(folder, heads)
    return _verify(folder, heads)


def _verify(folder: Path, heads: Mapping[str, tuple[int, str]]) -> Verdict:
    stream = folder.name.partition("-")[2]
    findings: list[Finding] = []
    accounted: list[Range] = []
    chain = _Chain(stream, heads.get(stream))
    count = confirmed = 0
    oldest: int | None = None
    for _, file in segments_in(folder):
        segment = load(first_of(file) or 0, file.read_bytes())
        confirmed = max(confirmed, segment.confirmed)
        accounted += segment.lost
        count += len(segment.seqs)
        oldest = segment.first if oldest is None else oldest
        findings += _damaged(stream, file, segment)
        chain.follow(segment)
    findings += chain.findings
    missing = [(first, last, "") for first, last in chain.gaps(oldest or 1, confirmed)]
    unaccounted = without(missing, accounted)
    findings += [_gap(stream, "missing", span) for span in unaccounted]
    findings += [_gap(stream, "lost", span) for span in without(missing, unaccounted)]
    return Verdict(stream, count, oldest or 1, chain.seq, confirmed, tuple(findings))


def _gap(stream: str, what: Literal["missing", "lost"], span: Range) -> Finding:
    first, last, _ = span
    detail = "no loss record says why" if what == "missing" else "a loss record says why"
    return Finding(stream, what, first, last, detail)


def _damaged(stream: str, file: Path, segment: Loaded) -> Iterator[Finding]:
    for start, end in segment.damaged:
        before = [
            seq
            for seq, span in zip(segment.seqs, segment.spans, strict=True)
            if span < (start, end)
        ]
        seq = before[-1] if before else segment.first - 1
        if bytes(segment.data[start:end]).strip(b"\0"):
            yield Finding(stream, "damaged", seq, seq + 1, f"{file}, bytes {start} to {end}")


class _Chain:
    """Walks the records in order; each names the hash of the one before."""

    def __init__(self, stream: str, head: tuple[int, str] | None) -> None:
        self.seq = 0
        self.findings: list[Finding] = []
        self._stream = stream
        self._head = head
        self._hash: str | None = None
        self._seqs: list[int] = []

    def follow(self, segment: Loaded) -> None:
        for stored in segment.records(0, 1 << 62):
            self._take(stored.seq, stored.raw)

    def _take(self, seq: int, raw: bytes) -> None:
        try:
            record = decode(raw)
        except CodecError as error:
            self._found("altered", seq, str(error))
        else:
            if self._hash is not None and seq == self.seq + 1 and record.prev != self._hash:
                self._found("altered", self.seq, f"record {seq} was written after another one")
            if record.seq != seq or record.stream != self._stream:
                self._found("altered", seq, "the record stands in a place that is not its own")
        self._hash, self.seq = record_hash(raw), seq
        self._seqs.append(seq)
        if self._head is not None and self._head[0] == seq and self._head[1] != self._hash:
            self._found("head", seq, "the hub holds another record under this seq")

    def gaps(self, oldest: int, confirmed: int) -> Sequence[tuple[int, int]]:
        """Seqs that are not there, up to the newest that anything speaks of."""
        newest = max(self.seq, confirmed, self._head[0] if self._head else 0)
        found, expected = [], oldest
        for seq in (*self._seqs, newest + 1):
            if seq > expected:
                found.append((expected, seq - 1))
            expected = max(expected, seq + 1)
        return found

    def _found(self, what: What, seq: int, detail: str) -> None:
        self.findings.append(Finding(self._stream, what, seq, seq, detail))
