"""Receipts on their way to the broker: of each stream the newest only. Pure: time is handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from feed.messages import Receipt, encode_message

_IN_FLIGHT = 100

Publish = Callable[[str, bytes], int | None]


@dataclass(frozen=True, slots=True)
class Due:
    """A receipt and its topic."""

    topic: str
    receipt: Receipt


class Receipts:
    """`publish` sends retained at QoS 1 and gives the message id, None while there is no link."""

    def __init__(self, publish: Publish, *, every_s: float) -> None:
        self._publish = publish
        self._every_s = every_s
        self._due: dict[str, Due] = {}
        self._flying: dict[int, Due] = {}
        self._next_s = 0.0
        self.published = 0

    @property
    def waiting(self) -> int:
        """Those that the broker has not acknowledged."""
        return len(self._due) + len(self._flying)

    def add(self, topic: str, receipt: Receipt) -> None:
        """This is true now; what was due of the stream is not needed any more."""
        self._due[topic] = Due(topic, receipt)

    def send(self, now_s: float, *, at_once: bool = False) -> None:
        """Publish what is due: all together, now and then, so that a busy stream gets few."""
        if not self._due or (now_s < self._next_s and not at_once):
            return
        while self._due:
            if len(self._flying) >= _IN_FLIGHT:
                return  # goes on as soon as the broker acknowledges some
            topic = next(iter(self._due))
            due = self._due[topic]
            mid = self._publish(topic, encode_message(due.receipt))
            if mid is None:
                return
            del self._due[topic]
            self._flying[mid] = due
            self.published += 1
        self._next_s = now_s + self._every_s

    def acked(self, mid: int) -> None:
        """The broker has it."""
        self._flying.pop(mid, None)

    def link_lost(self) -> None:
        """What the broker did not acknowledge is due again, unless something newer is."""
        for due in reversed(self._flying.values()):
            self._due.setdefault(due.topic, due)
        self._flying.clear()
