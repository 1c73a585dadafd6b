"""Receipts: the newest of each stream, few of them, none lost with a connection."""

from __future__ import annotations

from feed.messages import Receipt, decode_receipt
from hub.ingest.receipts import Receipts


class Wire:
    def __init__(self) -> None:
        self.up = True
        self.sent: list[tuple[str, int]] = []

    def publish(self, topic: str, payload: bytes) -> int | None:
        if not self.up:
            return None
        self.sent.append((topic, decode_receipt(payload).upto))
        return len(self.sent)


def of(upto: int) -> Receipt:
    return Receipt(stream="s", upto=upto, epoch="e")


def test_only_the_newest_of_a_stream_is_sent() -> None:
    wire = Wire()
    receipts = Receipts(wire.publish, every_s=1)
    receipts.add("a", of(1))
    receipts.send(0)
    for upto in range(2, 50):
        receipts.add("a", of(upto))
        receipts.send(0.5)
    receipts.send(1)
    assert wire.sent == [("a", 1), ("a", 49)]


def test_a_receipt_that_a_broken_connection_may_have_lost_is_sent_again() -> None:
    wire = Wire()
    receipts = Receipts(wire.publish, every_s=0)
    for upto in (1, 2):
        receipts.add("a", of(upto))
        receipts.send(upto)
    receipts.add("b", of(7))
    receipts.send(3)
    receipts.acked(3)
    receipts.link_lost()
    assert receipts.waiting == 1
    receipts.send(4)
    assert wire.sent[3:] == [("a", 2)]


def test_what_is_due_goes_before_what_was_under_way() -> None:
    wire = Wire()
    receipts = Receipts(wire.publish, every_s=0)
    receipts.add("a", of(1))
    receipts.send(0)
    wire.up = False
    receipts.add("a", of(2))
    receipts.send(1)
    receipts.link_lost()
    wire.up = True
    receipts.send(2)
    assert wire.sent == [("a", 1), ("a", 2)]


def test_ten_thousand_streams_are_answered_without_waiting_between_windows() -> None:
    wire = Wire()
    receipts = Receipts(wire.publish, every_s=60)
    for number in range(10_000):
        receipts.add(f"t{number}", of(1))
    receipts.send(0)
    assert 0 < len(wire.sent) < 1_000  # a window, not a flood
    mid = 0
    while mid < len(wire.sent):
        mid += 1
        receipts.acked(mid)
        receipts.send(0.001)
    assert len(wire.sent) == 10_000
    assert receipts.waiting == 0
