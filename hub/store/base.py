"""What a store does for the hub. Every store passes the same tests."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from feed.topics import GateTopics
from hub.arrival import Arrival, Lost
from hub.standing import Standing


class StoreError(Exception):
    """The store can't be used now (disk full, read-only, gone) or at all. One line."""


class Transaction(Protocol):
    """All or nothing, durable when it ends. Every method raises StoreError."""

    def epoch(self) -> str:
        """The store's epoch now."""
        ...

    def standings(self, streams: Collection[str]) -> dict[str, Standing]:
        """The standing of each of these that is known."""
        ...

    def begin(self, places: Mapping[str, GateTopics]) -> dict[str, Standing]:
        """Standings of streams that were not known: they begin, at these places."""
        ...

    def streams_at(self, place: GateTopics) -> tuple[int, int]:
        """How many streams a gate has, and the key of its first one, 0 where there is none."""
        ...

    def raws(self, key: int, seqs: Sequence[int]) -> dict[int, bytes]:
        """Stored records of a stream, by seq; those not stored are left out."""
        ...

    def stored(self, wanted: Mapping[int, Sequence[int]]) -> dict[int, dict[int, bytes]]:
        """Records of many streams as they were before this transaction: by key, by seq."""
        ...

    def insert(self, key: int, arrivals: Sequence[Arrival], arrived: datetime) -> None:
        """Records that are not stored yet; written at the latest when the transaction ends."""
        ...

    def add_lost(self, key: int, seq: int, lost: Sequence[Lost]) -> None:
        """What the record of loss `seq` names."""
        ...

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
        """Keep what can't be understood, or contradicts. False when it is there already: then
        another delivery of it is counted. Not `keep_raw`: the bytes stand among the records.
        """
        ...

    def bound_dead_letters(self, most: int, most_bytes: int) -> bool:
        """Keep the newest `most`, and `most_bytes` of what they hold. True when some had to go."""
        ...

    def add_alarm(
        self,
        name: str,
        detail: str,
        at: datetime,
        *,
        key: int | None = None,
        seq: int | None = None,
    ) -> bool:
        """Something that a person must look at. False when it is there already."""
        ...

    def alarms_about(self, key: int, name: str) -> int:
        """How many of this name there are about a stream."""
        ...

    def save(self, standing: Standing) -> None:
        """The standing as it is now, written at the latest when the transaction ends."""
        ...


class Store(Protocol):
    """Used by one thread."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Begin; commit when the block ends, take all back when it raises. Raises StoreError."""
        ...

    def epoch(self) -> str:
        """Random; another one than before says that records may have been forgotten."""
        ...

    def renew_epoch(self) -> str:
        """Begin a new epoch: its id."""
        ...

    def all_standings(self) -> Iterator[Standing]:
        """Every stream."""
        ...

    def standings_of(self, keys: Sequence[int]) -> Iterator[Standing]:
        """Those streams as they are now: another hub may have filled a hole."""
        ...

    def purge(self, before: datetime) -> int:
        """Drop some of the records that arrived before then, and what was derived from them: how
        many; 0 when there are no more. A short step, so that the feed goes on in between.
        """
        ...

    def reopen(self) -> None:
        """After a StoreError: begin anew, and trust nothing that was not read back."""
        ...

    def close(self) -> None: ...
