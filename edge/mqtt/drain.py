"""Which record is published next, and which count as arrived. No clock, no network.

The journal is read in order from a cursor. The cursor goes back when a connection is lost, when
the broker refuses a record, when the hub's receipt stays away, and when the hub was restored and
forgot. (stream, seq) is the key at the hub, so sending twice is harmless and not sending is not.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence

from edge.records.outbox import Outbox, Stored
from feed.codec import record_hash
from feed.messages import Receipt

log = logging.getLogger(__name__)

# A hub that is away for days must not have everything sent to it again each half minute
_LONGEST_PATIENCE_S = 600.0
# Ranges that the hub may ask for before the first is sent
_MOST_RANGES = 16


class Drain(ABC):
    """The outbox in order. `size` records are read at a time.

    `next` hands out a record that is in flight until `acked`, `refused` or `reconnected`.
    Used by one thread.
    """

    def __init__(self, outbox: Outbox, *, size: int) -> None:
        self._outbox = outbox
        self._size = size
        self.stream = outbox.stream
        self._ready: deque[Stored] = deque()
        self._flying: set[int] = set()
        self.confirmed = outbox.confirmed_upto
        self.cursor = self.confirmed
        self.reached = self.confirmed

    def next(self) -> Stored | None:
        """The next record to send, None when there is none now."""
        while True:
            if not self._ready:
                self._chunk_ended()
                self._ready.extend(self._fetch())
            if not self._ready:
                return None
            stored = self._ready.popleft()
            self.cursor = stored.seq
            self.reached = max(self.reached, stored.seq)
            if self._wanted(stored.seq):
                self._flying.add(stored.seq)
                return stored

    @abstractmethod
    def acked(self, seq: int) -> None:
        """PUBACK: the broker has the record."""

    @abstractmethod
    def refused(self, seq: int) -> None:
        """PUBACK with a failure: the record is sent again."""

    @abstractmethod
    def reconnected(self, *, session_present: bool) -> None:
        """A new connection: what was in flight is lost."""

    def settle(self) -> None:
        """Tell the outbox what arrived since the last time."""
        # with another card in, the same numbers are other records
        if self.confirmed > self._outbox.confirmed_upto and self._outbox.stream == self.stream:
            self._outbox.confirm(min(self.confirmed, self._outbox.last_seq))

    @abstractmethod
    def _wanted(self, seq: int) -> bool:
        """Whether this record, next in order, is to be sent now."""

    @abstractmethod
    def _fetch(self) -> Sequence[Stored]:
        """Records after the cursor, at most `size`."""

    def _chunk_ended(self) -> None:  # noqa: B027 - only receipts need it
        """Everything read so far was handed out."""

    def _go_back(self, cursor: int) -> None:
        self._ready.clear()
        self.cursor = min(self.cursor, cursor)


class BrokerDrain(Drain):
    """confirm = "broker": what the broker acknowledged without a hole before it has arrived."""

    def __init__(self, outbox: Outbox, *, size: int) -> None:
        super().__init__(outbox, size=size)
        self._order: deque[int] = deque()  # handed out and not confirmed, in order
        self._acked: set[int] = set()  # of those, what the broker has

    def acked(self, seq: int) -> None:
        self._flying.discard(seq)
        if seq > self.confirmed:
            self._acked.add(seq)
        self._advance()

    def refused(self, seq: int) -> None:
        self._flying.discard(seq)
        self._restart()

    def reconnected(self, *, session_present: bool) -> None:  # noqa: ARG002 - PUBACKs are ours
        self._flying.clear()
        self._restart()

    def _wanted(self, seq: int) -> bool:
        self._order.append(seq)
        self._advance()
        return seq > self.confirmed and seq not in self._acked and seq not in self._flying

    def _fetch(self) -> Sequence[Stored]:
        return self._outbox.unconfirmed(self.cursor, self._size)

    def _restart(self) -> None:
        self._order.clear()
        self._go_back(self.confirmed)

    def _advance(self) -> None:
        while self._order and self._order[0] in self._acked:
            self.confirmed = self._order.popleft()
            self._acked.discard(self.confirmed)


class HubDrain(Drain):
    """confirm = "hub": only a receipt counts; a PUBACK makes room for the next record.

    Without a receipt in time one chunk is sent again, as a question; the wait doubles. The first
    receipt that gets further afterwards has everything after it sent again.
    """

    def __init__(self, outbox: Outbox, *, size: int, receipt_timeout_s: float) -> None:
        super().__init__(outbox, size=size)
        self._timeout_s = receipt_timeout_s
        self._patience_s = receipt_timeout_s
        self._since_s: float | None = None  # when the hub last got further, or was first sent to
        self._asking = False  # a chunk is being sent again
        self._asked = False  # ... and no receipt got further since
        self._epoch: str | None = None
        self._gone_upto = 0  # up to here it is known and said that records are off the disk

    def acked(self, seq: int) -> None:
        self._flying.discard(seq)

    def refused(self, seq: int) -> None:
        self._flying.discard(seq)
        self._go_back(max(seq - 1, self.confirmed))

    def reconnected(self, *, session_present: bool) -> None:
        # a broker that kept the session kept what it acknowledged, unless it died: then no receipt
        # comes, and `check` sends it again
        if not session_present:
            self._go_back(self.confirmed)
        elif self._flying:
            self._go_back(max(min(self._flying) - 1, self.confirmed))
        self._flying.clear()
        self._since_s = None

    def check(self, now_s: float) -> bool:
        """Whether the hub was silent for too long, so that it is asked. `now_s` is monotonic."""
        if self.confirmed >= self.reached:
            self._since_s = None
            return False
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s < self._patience_s:
            return False
        self._since_s = now_s
        longest_s = max(self._timeout_s, _LONGEST_PATIENCE_S)
        self._patience_s = min(self._patience_s * 2, longest_s)
        self._go_back(self.confirmed)
        self._asking = self._asked = True
        return True

    def receipt(self, receipt: Receipt) -> str | None:
        """The hub's word. Returns what is wrong with it; then nothing is confirmed."""
        if problem := self._contradiction(receipt):
            return problem
        restored = receipt.epoch != self._epoch
        self._epoch = receipt.epoch
        if receipt.upto > self.confirmed:
            self._progress(receipt.upto)
        elif restored and receipt.upto < self.confirmed:
            log.warning(
                "the hub holds records up to %d only, of %d it once confirmed: offering them again",
                receipt.upto,
                self.confirmed,
            )
            self.confirmed = receipt.upto
            self._forgive()
            self._go_back(receipt.upto)
        return None

    def _progress(self, upto: int) -> None:
        self.confirmed = upto
        self._forgive()
        if self._asked:
            # the hub is back: what it lost beyond this is sent without asking for each chunk
            self._asking = self._asked = False
            self._go_back(upto)
        if self.cursor < upto:
            self._ready.clear()
            self.cursor = upto
            self.reached = max(self.reached, upto)

    def _forgive(self) -> None:
        self._since_s = None
        self._patience_s = self._timeout_s

    def _contradiction(self, receipt: Receipt) -> str | None:
        last = self._outbox.last_seq
        if receipt.stream != self.stream:
            return f"a receipt for stream {receipt.stream!r} came on this gate's topic"
        if receipt.upto > last:
            return (
                f"the hub holds records up to {receipt.upto} of this stream, the journal ends at "
                f"{last}: was the card copied or set back in time?"
            )
        if receipt.head is None or receipt.upto == 0:
            return None
        stored = self._outbox.read(receipt.upto, receipt.upto)
        if stored and record_hash(stored[0].raw) != receipt.head:
            return (
                f"record {receipt.upto} is another at the hub than on this disk: "
                "was the journal altered?"
            )
        return None

    def _wanted(self, seq: int) -> bool:
        return seq > self.confirmed and seq not in self._flying

    def _fetch(self) -> Sequence[Stored]:
        known = self._outbox.confirmed_upto
        step = self._size
        while self.cursor < known:
            first, last = self.cursor + 1, min(self.cursor + step, known)
            if found := self._outbox.read(first, last):
                return found[: self._size]
            self._say_gone(first, last)
            self.cursor = last
            step *= 2
        return self._outbox.unconfirmed(self.cursor, self._size)

    def _chunk_ended(self) -> None:
        if self._asking and self.cursor > self.confirmed:
            self._asking = False
            self.cursor = max(self.cursor, self.reached)

    def _say_gone(self, first: int, last: int) -> None:
        if last > self._gone_upto:
            self._gone_upto = last
            log.warning("records %d to %d are no longer on disk to be offered again", first, last)


class Resends:
    """Ranges that the hub asked for again, answered from disk, one chunk in memory at a time."""

    def __init__(self, outbox: Outbox, *, size: int) -> None:
        self._outbox = outbox
        self._size = size
        self._ranges: deque[tuple[int, int]] = deque()
        self._ready: deque[Stored] = deque()

    def add(self, first: int, last: int) -> bool:
        """Queue a range, both ends included. False when too many wait already."""
        if len(self._ranges) >= _MOST_RANGES:
            return False
        self._ranges.append((first, last))
        return True

    def next(self) -> Stored | None:
        """The next record to send again."""
        while not self._ready and self._ranges:
            first, last = self._ranges.popleft()
            upto = min(first + self._size - 1, last)
            self._ready.extend(self._outbox.read(first, upto))
            if upto < last:
                self._ranges.appendleft((upto + 1, last))
        return self._ready.popleft() if self._ready else None
