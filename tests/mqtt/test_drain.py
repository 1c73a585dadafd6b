"""The drain against every order of PUBACKs, refusals, losses and receipts that Hypothesis finds."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from edge.mqtt.drain import BrokerDrain, Drain, HubDrain, Resends
from feed.messages import Receipt
from tests.mqtt.support import MemoryOutbox, passage

SIZE = 4


class _Wire(RuleBasedStateMachine):
    """What any drain must keep to, whatever the broker does."""

    drain: Drain

    def __init__(self) -> None:
        super().__init__()
        self.outbox = MemoryOutbox()
        self.flying: list[int] = []
        self.at_broker: set[int] = set()

    @rule(count=st.integers(1, 6))
    def write(self, count: int) -> None:
        for _ in range(count):
            self.outbox.add(passage())

    @rule(count=st.integers(1, 6))
    def send(self, count: int) -> None:
        for _ in range(count):
            stored = self.drain.next()
            if stored is None:
                return
            assert stored.seq not in self.flying, "sent while it is in flight"
            self.flying.append(stored.seq)

    @rule(data=st.data())
    def ack(self, data: st.DataObject) -> None:
        if self.flying:
            seq = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
            self.at_broker.add(seq)
            self.drain.acked(seq)
            self.drain.settle()

    @rule(data=st.data())
    def refuse(self, data: st.DataObject) -> None:
        if self.flying:
            seq = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
            self.drain.refused(seq)

    @rule(session=st.booleans())
    def reconnect(self, session: bool) -> None:
        self.flying.clear()
        self.drain.reconnected(session_present=session)

    def flush(self) -> None:
        """Everything goes well from here on."""
        for _ in range(10_000):
            stored = self.drain.next()
            if stored is not None:
                self.flying.append(stored.seq)
            elif not self.flying:
                return
            if len(self.flying) >= SIZE or stored is None:
                seq = self.flying.pop(0)
                self.at_broker.add(seq)
                self.drain.acked(seq)
                self.drain.settle()
        raise AssertionError("it never ends")


class BrokerWire(_Wire):
    @initialize(already=st.integers(0, 3))
    def begin(self, already: int) -> None:
        for _ in range(already):
            self.outbox.add(passage())
        self.outbox.confirm(already)
        self.at_broker = set(range(1, already + 1))
        self.drain = BrokerDrain(self.outbox, size=SIZE)

    @invariant()
    def only_what_the_broker_has_is_confirmed(self) -> None:
        assert set(range(1, self.outbox.confirmed_upto + 1)) <= self.at_broker

    def teardown(self) -> None:
        if hasattr(self, "drain"):
            self.flush()
            assert self.outbox.confirmed_upto == self.outbox.last_seq


class HubWire(_Wire):
    @initialize(already=st.integers(0, 3))
    def begin(self, already: int) -> None:
        for _ in range(already):
            self.outbox.add(passage())
        self.outbox.confirm(already)
        self.at_hub = set(range(1, already + 1))
        self.epoch = "e0"
        self.now_s = 0.0
        self.hub = HubDrain(self.outbox, size=SIZE, receipt_timeout_s=10.0)
        self.drain = self.hub

    @rule(data=st.data())
    def the_hub_stores_some_of_what_the_broker_has(self, data: st.DataObject) -> None:
        if self.at_broker:
            self.at_hub |= data.draw(st.sets(st.sampled_from(sorted(self.at_broker))))

    @rule()
    def the_broker_dies(self) -> None:
        self.at_broker.clear()

    @rule()
    def receipt(self) -> None:
        upto = self.upto
        head = self.outbox.head(upto) if upto else None
        told = Receipt(stream=self.outbox.stream, upto=upto, epoch=self.epoch, head=head)
        assert self.hub.receipt(told) is None
        self.drain.settle()

    @rule(keep=st.integers(0, 5))
    def the_hub_is_restored(self, keep: int) -> None:
        self.at_hub = {seq for seq in self.at_hub if seq <= keep}
        self.epoch += "+"
        self.receipt()

    @rule(passed_s=st.sampled_from([1.0, 11.0, 1_000.0]))
    def time_passes(self, passed_s: float) -> None:
        self.now_s += passed_s
        self.hub.check(self.now_s)

    @property
    def upto(self) -> int:
        upto = 0
        while upto + 1 in self.at_hub:
            upto += 1
        return upto

    def teardown(self) -> None:
        if not hasattr(self, "hub"):
            return
        self.receipt()
        for _ in range(200):
            self.flush()
            self.at_hub |= self.at_broker
            self.receipt()
            if self.upto == self.outbox.last_seq == self.outbox.confirmed_upto:
                return
            self.now_s += 1_000.0
            self.hub.check(self.now_s)
        raise AssertionError(f"the hub never gets everything: {self.at_hub}")


@pytest.mark.parametrize("wire", [BrokerWire, HubWire])
def test_nothing_is_confirmed_too_early_and_everything_at_last(wire: type[_Wire]) -> None:
    run_state_machine_as_test(
        wire, settings=settings(max_examples=30, stateful_step_count=30, deadline=None)
    )


def test_a_stale_receipt_of_the_same_epoch_sends_nothing_again() -> None:
    outbox = MemoryOutbox([passage()] * 9)
    drain = HubDrain(outbox, size=SIZE, receipt_timeout_s=10.0)
    while drain.next() is not None:
        pass
    for upto in (9, 3):
        drain.receipt(Receipt(stream=outbox.stream, upto=upto, epoch="e", head=outbox.head(upto)))
    drain.settle()
    assert outbox.confirmed_upto == 9
    assert drain.next() is None


def test_the_wait_for_a_receipt_grows_and_a_receipt_makes_it_short_again() -> None:
    outbox = MemoryOutbox([passage()] * 9)
    drain = HubDrain(outbox, size=SIZE, receipt_timeout_s=10.0)
    while drain.next() is not None:
        pass
    asked = [now_s for now_s in range(100) if drain.check(float(now_s))]
    assert asked == [10, 30, 70]
    drain.receipt(Receipt(stream=outbox.stream, upto=1, epoch="e", head=outbox.head(1)))
    asked = [now_s for now_s in range(100, 115) if drain.check(float(now_s))]
    assert asked == [110]


def test_resends_are_read_in_chunks_and_bounded() -> None:
    outbox = MemoryOutbox([passage()] * 20)
    resends = Resends(outbox, size=SIZE)
    outbox.deleted.update(range(3, 12))
    assert resends.add(1, 14)
    assert resends.add(20, 20)
    sent = []
    while (stored := resends.next()) is not None:
        sent.append(stored.seq)
    assert sent == [1, 2, 12, 13, 14, 20]
    assert all(resends.add(1, 1) for _ in range(16))
    assert not resends.add(1, 1)


@pytest.mark.parametrize("confirm", ["broker", "hub"])
def test_a_refused_record_comes_again_before_what_follows_it(confirm: str) -> None:
    outbox = MemoryOutbox([passage()] * 6)
    drain: Drain = (
        BrokerDrain(outbox, size=SIZE)
        if confirm == "broker"
        else HubDrain(outbox, size=SIZE, receipt_timeout_s=10.0)
    )
    first = drain.next()
    assert first is not None
    drain.next()
    drain.refused(1)
    again = drain.next()
    assert again is not None
    assert again.seq == 1


def all_handed_out(outbox: MemoryOutbox) -> HubDrain:
    drain = HubDrain(outbox, size=SIZE, receipt_timeout_s=10.0)
    for seq in sent_now(drain):
        drain.acked(seq)
    return drain


def sent_now(drain: Drain) -> list[int]:
    sent = []
    while (stored := drain.next()) is not None:
        sent.append(stored.seq)
    return sent


def told(outbox: MemoryOutbox, upto: int, epoch: str = "e") -> Receipt:
    return Receipt(stream=outbox.stream, upto=upto, epoch=epoch, head=outbox.head(upto))


def test_a_silent_hub_is_asked_with_one_chunk_and_one_that_answers_gets_the_rest() -> None:
    outbox = MemoryOutbox([passage()] * 20)
    drain = all_handed_out(outbox)
    assert not drain.check(0.0)
    assert drain.check(10.0)
    asked = sent_now(drain)
    assert asked == [1, 2, 3, 4]
    for seq in asked:
        drain.acked(seq)
    drain.receipt(told(outbox, 4))
    assert sent_now(drain) == list(range(5, 21))


def test_a_restored_hub_is_offered_what_it_forgot_without_waiting() -> None:
    outbox = MemoryOutbox([passage()] * 9)
    drain = all_handed_out(outbox)
    drain.receipt(told(outbox, 9))
    drain.settle()
    drain.receipt(told(outbox, 6, epoch="restored"))
    assert sent_now(drain) == [7, 8, 9]


def test_a_broker_that_forgot_the_session_is_given_everything_unconfirmed() -> None:
    outbox = MemoryOutbox([passage()] * 9)
    drain = all_handed_out(outbox)
    drain.reconnected(session_present=True)
    assert sent_now(drain) == []
    drain.reconnected(session_present=False)
    assert sent_now(drain) == list(range(1, 10))


@pytest.mark.parametrize("by_hub", [False, True])
def test_another_card_is_not_confirmed_by_what_arrived_of_the_one_before(by_hub: bool) -> None:
    outbox = MemoryOutbox([passage()] * 5)
    drain: Drain = all_handed_out(outbox) if by_hub else BrokerDrain(outbox, size=SIZE)
    for seq in sent_now(drain):
        drain.acked(seq)
    if isinstance(drain, HubDrain):
        drain.receipt(told(outbox, 5))
    outbox.stream = "another"
    drain.settle()
    assert outbox.confirmed_upto == 0
