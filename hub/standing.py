"""How far a stream is stored. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from feed.messages import Receipt
from feed.topics import GateTopics

Span = tuple[int, int]  # first and last seq, both included


@dataclass(slots=True)
class Standing:
    """One stream: seqs 1 to `upto` are stored or accounted for as lost, without a hole.

    `head` is the hash of record `upto`, None where that one is lost. `islands` are the spans
    beyond `upto`: sorted, apart from each other. `key` is the store's own for the stream.
    Records up to `purged_upto` may have been dropped since: they were older than they are kept.
    """

    key: int
    stream: str
    place: GateTopics
    upto: int = 0
    head: str | None = None
    islands: list[Span] = field(default_factory=list)
    duplicates: int = 0
    purged_upto: int = 0

    def has(self, seq: int) -> bool:
        """Whether this seq is stored or accounted for."""
        if seq <= self.upto:
            return seq >= 1
        index = bisect_left(self.islands, (seq + 1,)) - 1
        return index >= 0 and seq <= self.islands[index][1]

    def account(self, first: int, last: int) -> None:
        """These are stored now, or known to be lost. `head` is the caller's to move."""
        if first <= self.upto + 1:
            self.upto = max(self.upto, last)
        else:
            self._add_island(first, last)
        while self.islands and self.islands[0][0] <= self.upto + 1:
            self.upto = max(self.upto, self.islands.pop(0)[1])

    def copy(self) -> Standing:
        """One that changes by itself."""
        return replace(self, islands=[*self.islands])

    def holes(self) -> Iterator[Span]:
        """Seqs that are missing although later ones are here, in order."""
        before = self.upto
        for first, last in self.islands:
            yield before + 1, first - 1
            before = last

    def receipt(self, epoch: str) -> Receipt:
        """The hub's word about this stream."""
        return Receipt(stream=self.stream, upto=self.upto, epoch=epoch, head=self.head)

    def _add_island(self, first: int, last: int) -> None:
        begin = bisect_left(self.islands, (first,))
        if begin and self.islands[begin - 1][1] >= first - 1:
            begin -= 1
        end = begin
        while end < len(self.islands) and self.islands[end][0] <= last + 1:
            first = min(first, self.islands[end][0])
            last = max(last, self.islands[end][1])
            end += 1
        self.islands[begin:end] = [(first, last)]
