"""confirm = "hub": only a receipt confirms, and a hub that is slow, silent or restored is met."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator

import pytest

from edge.mqtt.publisher import Publisher
from feed.topics import GateTopics
from tests.mqtt.support import (
    GATE,
    PARK,
    SITE,
    Broker,
    MemoryOutbox,
    alarm,
    passage,
    receipt,
    wait_until,
)
from tests.mqtt.watcher import Watcher

Gate = Callable[..., Publisher]
TOPICS = GateTopics(PARK, SITE, GATE)


class Hub:
    """Stores by key and sends a receipt for what it has without a hole, unless it is `silent`.

    It loses each seq of `loses` once, as a broker or a dying subscriber may.
    """

    def __init__(self, broker: Broker, outbox: MemoryOutbox, *, loses: Iterable[int] = ()) -> None:
        self.stored: set[int] = set()
        self.deliveries = 0
        self.silent = threading.Event()
        self.epoch = "e1"
        self._loses = set(loses)
        self._outbox = outbox
        self.watcher = Watcher(broker.port, on_record=self._record)

    @property
    def upto(self) -> int:
        upto = 0
        while upto + 1 in self.stored:
            upto += 1
        return upto

    def send_receipt(self) -> None:
        payload = receipt(self._outbox, self.upto, epoch=self.epoch)
        self.watcher.send(TOPICS.receipt(self._outbox.stream), payload, retain=True)

    def restore(self, upto: int) -> None:
        self.stored = set(range(1, upto + 1))
        self.epoch = "e2"
        self.send_receipt()

    def _record(self, payload: bytes) -> None:
        record = json.loads(payload)
        if record["stream"] != self._outbox.stream:
            return
        seq = record["seq"]
        self.deliveries += 1
        if seq in self._loses:
            self._loses.discard(seq)
            return
        self.stored.add(seq)
        if not self.silent.is_set():
            self.send_receipt()


@pytest.fixture
def outbox() -> MemoryOutbox:
    return MemoryOutbox([passage()] * 60)


@pytest.fixture
def hub(broker: Broker, outbox: MemoryOutbox) -> Iterator[Hub]:
    made = Hub(broker, outbox)
    yield made
    made.watcher.stop()


def confirmed(outbox: MemoryOutbox, upto: int) -> bool:
    return wait_until(lambda: outbox.confirmed_upto == upto)


def test_receipts_confirm(broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox) -> None:
    gate(broker.port, outbox, confirm="hub", receipt_timeout_s=30)
    assert confirmed(outbox, 60)
    assert hub.deliveries == 60


def test_a_puback_alone_confirms_nothing(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox
) -> None:
    hub.silent.set()
    worker = gate(broker.port, outbox, confirm="hub", receipt_timeout_s=30)
    assert wait_until(lambda: worker.health().counters["acked"] == 60)
    assert outbox.confirmed_upto == 0
    assert worker.health().oldest_unconfirmed_age_s is not None
    hub.send_receipt()
    assert confirmed(outbox, 60)


def test_without_a_receipt_in_time_records_are_sent_again_from_the_first_unconfirmed(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox
) -> None:
    hub.silent.set()
    worker = gate(broker.port, outbox, confirm="hub", window=10, receipt_timeout_s=0.2)
    assert wait_until(lambda: worker.health().counters["asked_again"] >= 2)
    assert wait_until(lambda: hub.deliveries >= 80)
    # a hub that is away is asked with one window each time, not with everything
    assert hub.deliveries <= 60 + 10 * worker.health().counters["asked_again"]
    assert "no receipt" in str(worker.health().last_error)
    hub.silent.clear()
    assert confirmed(outbox, 60)
    assert wait_until(lambda: worker.health().last_error is None)


def test_records_that_got_lost_behind_the_broker_are_sent_again(
    broker: Broker, gate: Gate, outbox: MemoryOutbox
) -> None:
    hub = Hub(broker, outbox, loses={5, *range(20, 50)})
    try:
        gate(broker.port, outbox, confirm="hub", window=10)
        assert confirmed(outbox, 60)
        assert hub.stored == set(range(1, 61))
    finally:
        hub.watcher.stop()


def test_new_records_go_out_while_the_hub_is_silent(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox
) -> None:
    hub.silent.set()
    worker = gate(broker.port, outbox, confirm="hub", window=5)
    assert wait_until(lambda: worker.health().counters["asked_again"] >= 1)
    outbox.add(alarm())
    worker.wake()
    assert wait_until(lambda: 61 in hub.stored)


def test_a_hub_restored_from_a_backup_is_offered_what_it_forgot(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox
) -> None:
    gate(broker.port, outbox, confirm="hub")
    assert confirmed(outbox, 60)
    hub.restore(20)
    assert wait_until(lambda: hub.stored == set(range(1, 61)))
    assert outbox.confirmed_upto == 60


def test_a_gate_that_starts_after_the_hub_was_restored_offers_it_too(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox
) -> None:
    outbox.confirm(60)
    hub.restore(20)
    gate(broker.port, outbox, confirm="hub")
    assert wait_until(lambda: hub.stored == set(range(1, 61)))


def test_what_is_no_longer_on_disk_is_passed_over(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox
) -> None:
    outbox.confirm(60)
    outbox.deleted.update(range(1, 41))
    hub.restore(20)
    gate(broker.port, outbox, confirm="hub", window=5)
    assert wait_until(lambda: set(range(41, 61)) <= hub.stored)


@pytest.mark.parametrize(
    ("payload", "complaint"),
    [
        (b"{", "can't be read"),
        (b'{"stream":"other","upto":1,"epoch":"e"}', "stream 'other'"),
    ],
)
def test_a_broken_receipt_confirms_nothing_and_is_told(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox, payload: bytes, complaint: str
) -> None:
    hub.silent.set()
    worker = gate(broker.port, outbox, confirm="hub", receipt_timeout_s=30)
    assert wait_until(lambda: worker.health().counters["acked"] == 60)
    hub.watcher.publish(TOPICS.receipt(outbox.stream), payload)
    assert wait_until(lambda: complaint in str(worker.health().last_error))
    assert outbox.confirmed_upto == 0


def test_a_journal_cut_or_altered_on_the_card_shows_against_the_receipt(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox
) -> None:
    hub.silent.set()
    worker = gate(broker.port, outbox, confirm="hub", receipt_timeout_s=30)
    assert wait_until(lambda: worker.health().counters["acked"] == 60)
    topic = TOPICS.receipt(outbox.stream)
    hub.watcher.publish(topic, receipt(outbox, 3, head="0" * 64))
    assert wait_until(lambda: "another at the hub" in str(worker.health().last_error))
    hub.watcher.publish(topic, receipt(outbox, 61, head="0" * 64))
    assert wait_until(lambda: "set back in time" in str(worker.health().last_error))
    assert outbox.confirmed_upto == 0


def test_a_broker_restarted_empty_gets_what_the_hub_did_not_confirm(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox
) -> None:
    hub.silent.set()
    worker = gate(broker.port, outbox, confirm="hub", receipt_timeout_s=30)
    assert wait_until(lambda: worker.health().counters["acked"] == 60)
    broker.restart()
    assert wait_until(lambda: worker.health().counters["acked"] >= 120)


def test_what_an_earlier_stream_left_is_delivered_beside_the_new_one(
    broker: Broker, gate: Gate, outbox: MemoryOutbox
) -> None:
    """A card in a second device goes on in a new stream; what it brought along must arrive too."""
    before = MemoryOutbox([passage()] * 7)
    before.confirm(2)
    outbox.earlier.append(before)
    hub, other = Hub(broker, outbox), Hub(broker, before)
    try:
        worker = gate(broker.port, outbox, confirm="hub", window=5)
        assert confirmed(before, 7)
        assert confirmed(outbox, 60)
        outbox.earlier.clear()
        outbox.add(passage())
        worker.wake()
        assert confirmed(outbox, 61)
    finally:
        hub.watcher.stop()
        other.watcher.stop()


def test_the_journal_is_told_of_a_receipt_for_other_records(
    broker: Broker, gate: Gate, hub: Hub, outbox: MemoryOutbox
) -> None:
    """It was set back, and has to begin a new stream."""
    hub.silent.set()
    gate(broker.port, outbox, confirm="hub", receipt_timeout_s=30)
    topic = TOPICS.receipt(outbox.stream)
    hub.watcher.publish(topic, receipt(outbox, 61, head="0" * 64), retain=True)
    assert wait_until(lambda: outbox.disowned == [61])
    hub.watcher.publish(topic, b'{"stream":"other","upto":99,"epoch":"e"}')
    hub.watcher.publish(topic, receipt(outbox, 60))
    assert confirmed(outbox, 60)
    assert outbox.disowned == [61]
