"""From the gate's journal to the hub's store, through whatever breaks on the way.

Each test ends the same: every record arrived, each counted once, the outbox is empty.
"""

from __future__ import annotations

import shutil
import signal
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.links import THERE, Flapping, InNamespace, namespace
from tests.integration.support import WAIT_S, Gate, HubProcess, assert_each_once
from tests.mqtt.support import Broker, Proxy, wait_until

StartGate = Callable[..., Gate]


def test_every_record_arrives_and_is_confirmed(
    broker: Broker, hub: HubProcess, start_gate: StartGate
) -> None:
    hub.start()
    gate = start_gate(broker.port, before=100)
    gate.put(100)
    assert gate.all_confirmed()
    assert_each_once(gate, hub)


def test_a_broker_killed_again_and_again_that_forgets_everything(
    broker: Broker, hub: HubProcess, start_gate: StartGate
) -> None:
    hub.start()
    gate = start_gate(broker.port, window=20)
    for _ in range(4):
        gate.put(100)
        assert wait_until(lambda: gate.publisher.health().in_flight > 0, WAIT_S)
        broker.restart()
    assert gate.all_confirmed()
    assert_each_once(gate, hub)


@pytest.mark.parametrize("point", ["before_commit", "after_commit", "after_acknowledging"])
def test_a_hub_that_dies_between_commit_and_receipt(
    broker: Broker, hub: HubProcess, start_gate: StartGate, point: str
) -> None:
    hub.start(module=["tests.integration.doomed_hub"], environ={"DIE": point}).connected()
    gate = start_gate(broker.port, window=10)
    while hub.process.poll() is None:
        gate.put(3)
        assert wait_until(lambda: hub.process.poll() is not None or gate.empty, WAIT_S)
    assert hub.stop() == -signal.SIGKILL
    gate.put(20)
    hub.start()
    assert gate.all_confirmed()
    assert_each_once(gate, hub)
    counted = hub.status()["streams"][0]["duplicates"]
    # what was stored and not acknowledged came again, and is counted as such
    assert counted >= (point == "after_commit")


def test_a_hub_that_was_away_for_long(
    broker: Broker, hub: HubProcess, start_gate: StartGate
) -> None:
    gate = start_gate(broker.port, before=300)
    assert wait_until(lambda: gate.publisher.health().counters["asked_again"] >= 1, WAIT_S)
    assert gate.journal.confirmed_upto == 0
    hub.start()
    assert gate.all_confirmed()
    assert_each_once(gate, hub)


def test_a_broker_that_drops_what_it_can_not_queue(tmp_path: Path, start_gate: StartGate) -> None:
    """Mosquitto keeps 1,000 messages for a slow consumer and drops the rest, acknowledged."""
    broker = Broker(tmp_path, "allow_anonymous true", "max_queued_messages 20")
    broker.start()
    hub = HubProcess(tmp_path, broker.port)
    hub.start().connected()
    hub.stop()
    gate = start_gate(broker.port, before=400, receipt_timeout_s=1.0)
    assert wait_until(lambda: gate.publisher.health().counters["acked"] >= 400, WAIT_S)
    hub.start()
    assert gate.all_confirmed(), hub.log
    assert_each_once(gate, hub)
    hub.stop()
    broker.stop()


def test_a_link_cut_without_a_word(
    broker: Broker, proxy: Proxy, hub: HubProcess, start_gate: StartGate
) -> None:
    hub.start().connected()
    gate = start_gate(proxy.port, before=50)
    assert wait_until(lambda: gate.journal.confirmed_upto >= 1, WAIT_S)
    proxy.cut()
    gate.put(50)
    assert gate.all_confirmed()
    assert_each_once(gate, hub)
    assert gate.publisher.health().counters["connects"] >= 2


def test_the_hubs_link_cut_without_a_word(
    broker: Broker, proxy: Proxy, hub: HubProcess, start_gate: StartGate
) -> None:
    """Only keep-alive tells: it takes the hub ten seconds here."""
    hub.configure(proxy.port)
    hub.start().connected()
    gate = start_gate(broker.port, before=20)
    assert gate.all_confirmed()
    proxy.cut()
    gate.put(20)
    assert gate.all_confirmed()
    assert_each_once(gate, hub)


def test_a_network_that_drops_every_packet(tmp_path: Path, start_gate: StartGate) -> None:
    with namespace() as there:
        broker = InNamespace(tmp_path, there.prefix)
        broker.start()
        hub = HubProcess(tmp_path, broker.port, prefix=there.prefix)
        hub.start().connected()
        try:
            gate = start_gate(broker.port, host=THERE, before=20)
            assert gate.all_confirmed()
            there.cut()
            gate.put(20)
            gate.written()  # the door opens all the same
            assert wait_until(lambda: not gate.publisher.health().connected, WAIT_S)
            there.mend()
            assert gate.all_confirmed()
            assert_each_once(gate, hub)
        finally:
            hub.stop()
            broker.stop()


def test_a_flapping_link(broker: Broker, hub: HubProcess, start_gate: StartGate) -> None:
    flaps(broker, hub, start_gate, times=12)


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_a_link_that_flaps_for_long(broker: Broker, hub: HubProcess, start_gate: StartGate) -> None:
    flaps(broker, hub, start_gate, times=600)


def flaps(broker: Broker, hub: HubProcess, start_gate: StartGate, *, times: int) -> None:
    link = Flapping(broker.port, longest_s=0.3)
    hub.configure(link.port)
    hub.start()
    gate = start_gate(link.port, window=20, reconnect_longest_s=0.05)
    while link.connections < times:
        gate.put(10)
        assert link.breaks(WAIT_S)
    link.calm()
    assert gate.all_confirmed()
    assert_each_once(gate, hub)
    link.close()


def test_a_name_server_that_never_answers(
    broker: Broker, hub: HubProcess, start_gate: StartGate, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = threading.Event()
    asked = threading.Event()
    look_up = socket.getaddrinfo

    def hanging(host: Any, *rest: Any, **options: Any) -> Any:
        if host == "broker.park.test":
            asked.set()
            answers.wait(WAIT_S)
            host = "127.0.0.1"
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    hub.start().connected()
    gate = start_gate(broker.port, host="broker.park.test")
    assert asked.wait(WAIT_S)
    gate.put(50)
    assert gate.written() == 50
    assert gate.journal.confirmed_upto == 0
    answers.set()
    assert gate.all_confirmed()
    assert_each_once(gate, hub)


def test_a_gate_started_with_ten_thousand_unconfirmed(
    broker: Broker, hub: HubProcess, start_gate: StartGate
) -> None:
    hub.start().connected()
    gate = start_gate(broker.port, before=10_000, window=100)
    gate.put(5)  # people go on passing
    assert gate.all_confirmed()
    assert_each_once(gate, hub)


def test_a_card_copied_into_another_gate_delivers_what_it_brought_along(
    broker: Broker, hub: HubProcess, start_gate: StartGate, tmp_path: Path
) -> None:
    first = Gate(tmp_path / "first", broker.port)
    first.fill(30)
    old = {one.seq: one.raw for one in first.journal.read(1, 30)}
    stream = first.journal.stream
    first.journal.close()
    first.publisher.stop()
    shutil.copytree(tmp_path / "first/journal", tmp_path / "journal")
    hub.start().connected()
    gate = start_gate(broker.port)
    gate.put(10)
    assert gate.all_confirmed()
    assert gate.journal.stream != stream
    assert hub.raws(stream) == old
    assert sorted(hub.raws(gate.journal.stream)) == list(range(1, 11))
    assert (hub.status()["alarms"], hub.status()["dead_letters"]) == ([], [])


def test_a_card_set_back_to_an_older_image_gives_no_key_twice(
    broker: Broker, hub: HubProcess, tmp_path: Path
) -> None:
    """Its numbers were given already: the hub's receipt tells, and a new stream begins."""
    hub.start().connected()
    gate = Gate(tmp_path, broker.port).start()
    gate.put(20)
    assert gate.all_confirmed()
    image = {path: path.read_bytes() for path in (tmp_path / "journal").rglob("0*.log")}
    gate.put(10)
    assert gate.all_confirmed()
    stream = gate.journal.stream
    gate.stop()
    for path, data in image.items():
        path.write_bytes(data)
    gate = Gate(tmp_path, broker.port).start()
    try:
        assert gate.journal.stream == stream  # it can't know yet
        assert wait_until(lambda: gate.journal.stream != stream, WAIT_S)
        gate.put(5)
        assert gate.all_confirmed()
        assert sorted(hub.raws(stream)) == list(range(1, 31))
        assert sorted(hub.raws(gate.journal.stream)) == list(range(1, 6))
        assert hub.status()["alarms"] == []
    finally:
        gate.stop()
