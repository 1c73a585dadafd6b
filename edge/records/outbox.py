"""The outbox as its users see it: the part of the journal that publishing needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Stored:
    """A record as it lies on disk: the very bytes that are published."""

    seq: int
    raw: bytes


class Outbox(Protocol):
    """The records not yet confirmed. Every method may be called from any thread."""

    @property
    def stream(self) -> str:
        """The journal's random stream id."""
        ...

    @property
    def last_seq(self) -> int:
        """The seq of the newest record, 0 for none."""
        ...

    @property
    def confirmed_upto(self) -> int:
        """Every record up to this seq is confirmed."""
        ...

    def unconfirmed(self, after: int, limit: int) -> Sequence[Stored]:
        """Up to `limit` unconfirmed records with seq > `after`, in order."""
        ...

    def read(self, first: int, last: int) -> Sequence[Stored]:
        """Records `first`..`last` inclusive that are still on disk, confirmed or not."""
        ...

    def confirm(self, upto: int) -> None:
        """Everything up to `upto` arrived. Never moves backwards."""
        ...

    def oldest_unconfirmed_at(self) -> datetime | None:
        """The `at` of the oldest unconfirmed record: the outbox's health is its age."""
        ...


class Outboxes(Outbox, Protocol):
    """The outbox of the stream that is written now, and what is left of those before."""

    @property
    def earlier(self) -> Sequence[Outbox]:
        """Streams before this one that still hold unconfirmed records."""
        ...

    def receipt(self, upto: int, head: str | None, *, stream: str | None = None) -> bool:
        """The hub has everything of `stream` up to `upto`, whose hash is `head`.

        False when these are not the records here: the journal was set back, and begins a new
        stream.
        """
        ...
