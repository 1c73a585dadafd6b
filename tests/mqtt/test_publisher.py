"""Records reach a real broker: all of them, in order, whatever happens to the connection."""

from __future__ import annotations

import ctypes
import json
import logging
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import paho.mqtt.client as paho
import pytest

from edge.clock import ManualClock
from edge.config.model import GateTable
from edge.mqtt.client import Acked, ClientEvent, MqttClient, Will
from edge.mqtt.publisher import Publisher
from edge.mqtt.tap import RecordTap
from edge.records.journal import Journal
from feed.connection import wait_longer
from feed.topics import GateTopics
from tests.mqtt.support import (
    GATE,
    PARK,
    SITE,
    WAIT_S,
    Broker,
    MemoryOutbox,
    Proxy,
    alarm,
    config,
    free_port,
    passage,
    receipt,
    wait_until,
)
from tests.mqtt.watcher import Watcher

Gate = Callable[..., Publisher]
TOPICS = GateTopics(PARK, SITE, GATE)
ROOT = Path(__file__).parents[2]


def all_confirmed(outbox: MemoryOutbox) -> bool:
    return wait_until(lambda: outbox.confirmed_upto == outbox.last_seq)


def test_two_thousand_records_arrive_once_and_in_order(
    broker: Broker, tap: RecordTap, watcher: Watcher, gate: Gate
) -> None:
    outbox = MemoryOutbox([passage()] * 2_000)
    gate(broker.port, outbox)
    assert tap.wait_for(outbox.stream, 2_000)
    assert tap.missing(outbox.stream, 2_000) == []
    assert tap.received == tap.deliveries == 2_000
    assert all_confirmed(outbox)
    watcher.wait(lambda: sum(at == TOPICS.record for at, *_ in watcher.messages) == 2_000)
    seqs = [json.loads(raw)["seq"] for raw in watcher.payloads(TOPICS.record)]
    assert seqs == list(range(1, 2_001))
    assert watcher.payloads(TOPICS.record)[0] == outbox.read(1, 1)[0].raw


def test_a_record_written_later_goes_out_when_the_publisher_is_woken(
    broker: Broker, tap: RecordTap, gate: Gate
) -> None:
    outbox = MemoryOutbox()
    worker = gate(broker.port, outbox)
    assert wait_until(lambda: worker.health().connected)
    for seq in range(1, 21):
        outbox.add(passage())
        worker.wake()
        assert tap.wait_for(outbox.stream, seq)
    assert all_confirmed(outbox)
    assert worker.health().oldest_unconfirmed_age_s is None


def test_a_broker_that_is_away_at_start_gets_everything_when_it_comes(
    broker: Broker, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    broker.stop()
    outbox = MemoryOutbox([passage()] * 30)
    worker = gate(broker.port, outbox)
    with caplog.at_level(logging.WARNING):
        assert wait_until(lambda: worker.health().last_error is not None)
    health = worker.health()
    assert "connection refused; does a broker listen there?" in str(health.last_error)
    assert not health.connected
    assert health.oldest_unconfirmed_age_s is not None
    assert health.oldest_unconfirmed_age_s > 0
    broker.start()
    assert all_confirmed(outbox)
    assert wait_until(lambda: worker.health().last_error is None)
    # logged once, however often it was tried
    assert caplog.text.count("connection refused") == 1


def test_a_broker_killed_in_mid_stream_costs_no_record(
    broker: Broker, tap: RecordTap, gate: Gate
) -> None:
    outbox = MemoryOutbox([passage()] * 200)
    worker = gate(broker.port, outbox, window=5)
    assert tap.wait_for(outbox.stream, 50)
    broker.restart()
    assert all_confirmed(outbox)
    for _ in range(200):
        outbox.add(passage())
        worker.wake()
    assert all_confirmed(outbox)
    assert worker.health().counters["connects"] >= 2


def test_a_broker_that_forgot_everything_shows_state_and_discovery_at_once(
    broker: Broker, gate: Gate
) -> None:
    outbox = MemoryOutbox([passage()])
    worker = gate(broker.port, outbox, discovery=True)
    worker.publish_state({"phase": "idle", "door": "closed"})
    assert all_confirmed(outbox)
    broker.restart()
    assert wait_until(lambda: worker.health().counters["connects"] >= 2)
    watcher = Watcher(broker.port)
    try:
        state = watcher.wait_json(TOPICS.state, lambda state: state["status"] == "online")
        assert state["gate"]["door"] == "closed"
        assert state["records"]["seq"] == 1
        watcher.wait_json(TOPICS.discovery(), lambda config: "device" in config)
    finally:
        watcher.stop()


def test_a_silent_cut_is_noticed_and_nothing_is_lost(
    proxy: Proxy, tap: RecordTap, gate: Gate
) -> None:
    outbox = MemoryOutbox([passage()] * 50)
    worker = gate(proxy.port, outbox, keepalive_s=1, window=5)
    assert all_confirmed(outbox)
    proxy.cut()
    for _ in range(50):
        outbox.add(passage())
    worker.wake()
    assert tap.wait_for(outbox.stream, 100)
    assert all_confirmed(outbox)
    assert proxy.connections == 2
    # what was under way is sent again by the publisher alone, not by paho as well
    assert proxy.most_outstanding <= 5


def test_a_silent_cut_of_an_idle_gate_is_noticed_by_keep_alive(proxy: Proxy, gate: Gate) -> None:
    outbox = MemoryOutbox([passage()])
    worker = gate(proxy.port, outbox, keepalive_s=1)
    assert all_confirmed(outbox)
    proxy.cut()
    assert wait_until(lambda: worker.health().counters["connects"] == 2)
    assert all_confirmed(outbox)


@pytest.mark.parametrize(("window", "limit"), [(1, 1), (7, 7), (100, 20)])
def test_never_more_unacknowledged_than_the_window_or_the_brokers_maximum(
    proxy: Proxy, gate: Gate, window: int, limit: int
) -> None:
    # 20 is what mosquitto names as its receive maximum; more would end the connection
    outbox = MemoryOutbox([passage(), alarm()] * 100)
    gate(proxy.port, outbox, window=window)
    assert all_confirmed(outbox)
    assert proxy.most_outstanding <= limit
    assert proxy.most_outstanding >= min(limit, 5)


def test_an_alarm_is_repeated_on_the_alarm_topic_and_nothing_else_is(
    broker: Broker, watcher: Watcher, gate: Gate
) -> None:
    outbox = MemoryOutbox([passage(), alarm("door_forced"), passage(), alarm("fire")])
    gate(broker.port, outbox)
    assert watcher.wait(lambda: sum(at == TOPICS.alarm for at, *_ in watcher.messages) == 2)
    assert all_confirmed(outbox)
    told = [json.loads(raw) for raw in watcher.payloads(TOPICS.alarm)]
    assert [record["event"]["name"] for record in told] == ["door_forced", "fire"]
    assert watcher.payloads(TOPICS.alarm)[0] == outbox.read(2, 2)[0].raw


def test_a_refused_record_is_not_confirmed_and_is_tried_until_it_is_taken(
    tmp_path: Path, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    rules = tmp_path / "acl"
    rules.write_text(f"topic readwrite {TOPICS.state}\ntopic read #\n")
    broker = Broker(tmp_path, "allow_anonymous true", f"acl_file {rules}")
    broker.start()
    try:
        outbox = MemoryOutbox([passage()] * 10)
        worker = gate(broker.port, outbox)
        with caplog.at_level(logging.WARNING):
            assert wait_until(lambda: worker.health().counters["refused"] > 10)
        assert outbox.confirmed_upto == 0
        assert "Not authorized" in str(worker.health().last_error)
        assert caplog.text.count("refuses a record") == 1
        rules.write_text("topic readwrite #\n")
        broker.reload()
        assert all_confirmed(outbox)
        assert wait_until(lambda: worker.health().last_error is None)
    finally:
        broker.stop()


def test_a_record_larger_than_the_broker_takes_does_not_end_the_connection_over_and_over(
    tmp_path: Path, gate: Gate
) -> None:
    broker = Broker(tmp_path, "allow_anonymous true", "max_packet_size 700")
    broker.start()
    try:
        outbox = MemoryOutbox([passage()] * 5)
        outbox.add(alarm("x" * 800))
        worker = gate(broker.port, outbox)
        assert wait_until(lambda: outbox.confirmed_upto == 5)
        assert wait_until(lambda: worker.health().counters["refused"] > 1)
        assert worker.health().counters["disconnects"] == 0
        assert "larger than the broker's" in str(worker.health().last_error)
    finally:
        broker.stop()


def test_the_last_will_says_offline_when_the_gate_is_killed(
    broker: Broker, watcher: Watcher
) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"from tests.mqtt.support import live_until_killed; live_until_killed({broker.port})",
        ],
        cwd=ROOT,
    )
    try:
        watcher.wait_json(TOPICS.state, lambda state: state["status"] == "online")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    watcher.wait_json(TOPICS.state, lambda state: state["status"] == "offline")
    later = Watcher(broker.port)
    try:
        kept = later.wait_json(TOPICS.state, lambda _: True)
        assert kept["status"] == "offline"
    finally:
        later.stop()


def test_a_gate_that_stops_says_offline_itself(
    broker: Broker, watcher: Watcher, gate: Gate
) -> None:
    worker = gate(broker.port, MemoryOutbox([passage()]))
    watcher.wait_json(TOPICS.state, lambda state: state["status"] == "online")
    assert worker.stop()
    said = watcher.wait_json(TOPICS.state, lambda state: state["status"] == "offline")
    assert "since" in said


def test_state_is_published_when_it_changes_and_only_then(
    broker: Broker, watcher: Watcher, gate: Gate
) -> None:
    worker = gate(broker.port, MemoryOutbox())
    worker.publish_state({"phase": "idle"})
    watcher.wait_json(TOPICS.state, lambda state: state.get("gate") == idle_gate())
    watcher.forget()
    worker.publish_state({"phase": "idle"})
    worker.publish_state({"phase": "granted", "granted": 1})
    watcher.wait_json(TOPICS.state, lambda state: state["gate"]["phase"] == "granted")
    assert len(watcher.payloads(TOPICS.state)) == 1


def idle_gate() -> dict[str, object]:
    return {
        "phase": "idle",
        "door": "unknown",
        "lock": "unknown",
        "fire": False,
        "granted": 0,
        "denied": 0,
        "readers": [],
        "faults": [],
    }


def test_a_callback_that_raises_does_not_stop_publishing(
    broker: Broker, tap: RecordTap, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned = 0
    enqueue = Publisher._enqueue

    def poison(self: Publisher, event: ClientEvent) -> None:
        nonlocal poisoned
        if isinstance(event, Acked) and poisoned < 3:
            poisoned += 1
            raise RuntimeError("poison")
        enqueue(self, event)

    monkeypatch.setattr(Publisher, "_enqueue", poison)
    outbox = MemoryOutbox([passage()] * 100)
    worker = gate(broker.port, outbox)
    # the PUBACKs that were swallowed are missed, and their records sent again
    assert all_confirmed(outbox)
    assert tap.missing(outbox.stream, 100) == []
    assert worker.health().counters["callback_errors"] == 3


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_network_thread_that_died_is_replaced(broker: Broker, tap: RecordTap, gate: Gate) -> None:
    outbox = MemoryOutbox([passage()] * 10)
    worker = gate(broker.port, outbox)
    assert all_confirmed(outbox)
    kill_network_thread()
    assert wait_until(lambda: worker.health().counters["threads_replaced"] == 1)
    outbox.add(passage())
    worker.wake()
    assert tap.wait_for(outbox.stream, 11)
    assert all_confirmed(outbox)


def kill_network_thread() -> None:
    thread = next(thread for thread in threading.enumerate() if "edge-gate:" in thread.name)
    # SystemExit ends a thread without a trace, as a killed one would
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread.ident or 0), ctypes.py_object(SystemExit)
    )
    thread.join(WAIT_S)
    assert not thread.is_alive()


def test_stopping_while_the_broker_is_away_does_not_wait(gate: Gate) -> None:
    worker = gate(free_port(), MemoryOutbox([passage()]))
    assert wait_until(lambda: worker.health().last_error is not None)
    assert worker.stop()


def test_two_gates_of_one_name_are_told_so(broker: Broker, gate: Gate) -> None:
    first = gate(broker.port, MemoryOutbox([passage()]))
    assert wait_until(lambda: first.health().connected)
    gate(broker.port, MemoryOutbox([passage()]))
    assert wait_until(lambda: "second gate" in str(first.health().last_error))


def test_a_journal_that_could_not_be_opened_at_first_is_drained_when_it_is(
    broker: Broker, tap: RecordTap, watcher: Watcher, gate: Gate
) -> None:
    outbox = MemoryOutbox()
    stream, outbox.stream = outbox.stream, ""
    worker = gate(broker.port, outbox, confirm="hub", receipt_timeout_s=30)
    said = watcher.wait_json(TOPICS.state, lambda state: state["status"] == "online")
    assert "records" not in said
    outbox.stream = stream
    for _ in range(5):
        outbox.add(passage())
    worker.wake()
    assert tap.wait_for(stream, 5)
    watcher.publish(TOPICS.receipt(stream), receipt(outbox, 5), retain=True)
    assert all_confirmed(outbox)
    watcher.wait_json(TOPICS.state, lambda state: "records" in state)


def test_the_journal_on_disk_is_drained_and_its_confirmation_outlives_a_restart(
    broker: Broker, tap: RecordTap, gate: Gate, tmp_path: Path
) -> None:
    place = GateTable(park=PARK, site=SITE, gate=GATE)
    clock = ManualClock()
    with Journal(tmp_path / "records", place, clock=clock) as journal:
        for _ in range(300):
            journal.append(passage(), at=clock.now(), clock=clock.stamp())
        stream = journal.stream
        worker = gate(broker.port, journal)
        assert tap.wait_for(stream, 300)
        assert wait_until(lambda: journal.confirmed_upto == 300)
        assert worker.stop()
    with Journal(tmp_path / "records", place, clock=clock) as journal:
        assert (journal.stream, journal.confirmed_upto) == (stream, 300)


def test_a_broker_that_accepts_and_never_answers_blocks_nothing(gate: Gate) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        worker = gate(silent.getsockname()[1], MemoryOutbox([passage()]))
        peer, _ = silent.accept()
        with peer:
            assert peer.recv(1) == b"\x10"  # CONNECT: MQTT 5.0, 2.1.2
            worker.publish_state({"phase": "idle"})
            assert not worker.health().connected
            assert worker.stop()


def test_the_session_is_kept_and_small_messages_are_sent_at_once(
    broker: Broker, gate: Gate, tmp_path: Path
) -> None:
    outbox = MemoryOutbox([passage()])
    worker = gate(broker.port, outbox)
    assert all_confirmed(outbox)
    sock: Any = worker._client._paho.socket()
    assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
    worker._client.drop()
    assert wait_until(lambda: worker.health().counters["connects"] == 2)
    log = (tmp_path / "mosquitto.log").read_text()
    assert "(p5, c0, k20)" in log  # MQTT 5, clean start off, keep-alive
    assert "Sending CONNACK to edge-gate:park-1:site-1:gate-1 (1, 0)" in log  # session present


class _Waits:
    """Takes down the waits that would be set on paho's client."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def reconnect_delay_set(self, low: float, high: float) -> None:
        assert low == high
        self.seen.append(low)


def test_waits_between_reconnects_double_up_to_the_longest_and_differ_between_gates() -> None:
    def waits(seed: int) -> list[float]:
        waits = _Waits()
        client = MqttClient(
            config(1883, reconnect_longest_s=60.0).mqtt,
            client_id="x",
            will=Will("t", b""),
            on_event=lambda event: None,
            rng=random.Random(seed),
        )
        for _ in range(10):
            wait_longer(cast("paho.Client", waits), client._backoff)
        return waits.seen

    first = waits(1)
    for wait_s, step_s in zip(first, [1, 2, 4, 8, 16, 32, 60, 60, 60, 60], strict=True):
        assert step_s / 2 <= wait_s <= step_s
    assert first != waits(2)
