"""Draining the journal over MQTT against bare paho at QoS 1: same records, window, broker, process.

    python -m bench drain, or python -m bench.bench_drain [--records N] [--window N] [--json]

The publisher reads from a real journal, checks, counts and confirms each record; bare paho sends
bytes that lie in memory, and its own window bounds them. Turns are interleaved, so that a busy
machine slows both; the ratio of the medians is what counts. Goal: at least 0.8.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from rich.console import Console
from rich.table import Table

from bench.bench_journal import PLACE, SameDisk, fill
from edge.config.model import Config
from edge.demo.broker import PrivateBroker
from edge.mqtt.publisher import Publisher
from edge.records.journal import Journal
from feed.messages import Command, Reply
from feed.topics import GateTopics

GOAL = 0.8
TOPIC = GateTopics(PLACE.park, PLACE.site, PLACE.gate).record
PATIENCE_S = 600.0


class Confirmed(Journal):
    """Tells when a seq is confirmed."""

    def __init__(self, path: Path) -> None:
        self.awaited = 0
        self.reached = threading.Event()
        super().__init__(path, PLACE, disk=SameDisk(), max_mib=4096)

    def confirm(self, upto: int) -> None:
        super().confirm(upto)
        if self.confirmed_upto >= self.awaited:
            self.reached.set()


def publisher_s(journal: Confirmed, port: int, window: int) -> float:
    """Seconds from the connection to the last confirmation."""
    journal.awaited = journal.last_seq
    journal.reached.clear()
    publisher = Publisher(config(port, window), journal, handler=no_handler, version="bench")
    publisher.start()
    while not publisher.health().connected:
        time.sleep(0.0002)
    begin_s = time.perf_counter()
    done = journal.reached.wait(PATIENCE_S)
    taken_s = time.perf_counter() - begin_s
    publisher.stop()
    if not done:
        raise TimeoutError(f"not drained: {publisher.health()}")
    return taken_s


def bare_s(payloads: list[bytes], port: int, window: int) -> float:
    """Seconds from the first publish to the last PUBACK."""
    left = len(payloads)
    done, connected = threading.Event(), threading.Event()

    def on_publish(*_: Any) -> None:
        nonlocal left
        left -= 1
        if not left:
            done.set()

    client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.max_inflight_messages_set(window)
    client.on_connect = lambda *_: connected.set()
    client.on_publish = on_publish
    client.connect("127.0.0.1", port)
    client.loop_start()
    connected.wait(PATIENCE_S)
    begin_s = time.perf_counter()
    for payload in payloads:
        client.publish(TOPIC, payload, qos=1)
    if not done.wait(PATIENCE_S):
        raise TimeoutError(f"bare paho: {left} without PUBACK")
    taken_s = time.perf_counter() - begin_s
    client.disconnect()
    client.loop_stop()
    return taken_s


def config(port: int, window: int) -> Config:
    made = {
        "gate": PLACE.model_dump(),
        "door": {"driver": "sim", "lock": "fail_secure"},
        "reader": [
            {
                "name": "in",
                "direction": "in",
                "camera": {"driver": "sim"},
                "thermometer": {"driver": "sim"},
            }
        ],
        "identity": {"mode": "plain"},
        "mqtt": {"host": "127.0.0.1", "port": port, "window": window},
    }
    return Config.model_validate(made)


def no_handler(command: Command) -> Reply:
    return Reply(id=command.id, ok=False)


def measure(folder: Path, *, records: int, window: int, rounds: int) -> dict[str, Any]:
    """Records a second of both, and the ratio of the medians."""
    each = records // rounds
    sizes: set[int] = set()
    taken: dict[str, list[float]] = {"publisher": [], "bare paho": []}
    # mosquitto's own is 20, to which the publisher keeps and paho does not
    broker = PrivateBroker(folder, f"max_inflight_messages {window}")
    try:
        for number in range(rounds):
            path = folder / f"journal-{number}"
            fill(path, each)
            journal = Confirmed(path)
            payloads = [stored.raw for stored in journal.read(1, each)]
            sizes.add(len(payloads[0]))
            turns = [
                ("bare paho", lambda sent=payloads: bare_s(sent, broker.port, window)),
                ("publisher", lambda kept=journal: publisher_s(kept, broker.port, window)),
            ]
            for name, turn in turns if number % 2 else reversed(turns):
                taken[name].append(turn())
            journal.close()
    finally:
        broker.stop()
    rates = {name: each / statistics.median(seconds) for name, seconds in taken.items()}
    return {
        "records": each * rounds,
        "record_bytes": max(sizes),
        "window": window,
        **{name: round(rate) for name, rate in rates.items()},
        "ratio": round(rates["publisher"] / rates["bare paho"], 2),
        "goal": GOAL,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--records", type=int, default=20_000, help="default: %(default)s")
    parser.add_argument("--window", type=int, default=50, help="in flight; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=10, help="turns; default: %(default)s")
    parser.add_argument("--json", action="store_true", help="one JSON value")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(
            Path(folder), records=wanted.records, window=wanted.window, rounds=wanted.rounds
        )
    if wanted.json:
        print(json.dumps(found))
        return
    table = Table("", "records/s", title=f"{found['records']} records, window {found['window']}")
    for name in ("bare paho", "publisher"):
        table.add_row(name, str(found[name]))
    table.add_row("ratio", f"{found['ratio']} (goal {GOAL})")
    Console().print(table)


if __name__ == "__main__":
    main()
