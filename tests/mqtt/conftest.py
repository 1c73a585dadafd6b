"""Fixtures of the MQTT suite: everything that runs is stopped, whatever the test does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from edge.mqtt.publisher import Publisher
from edge.mqtt.tap import RecordTap
from edge.records.outbox import Outboxes
from tests.mqtt.support import PARK, Broker, Proxy, publisher
from tests.mqtt.watcher import Watcher


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def proxy(broker: Broker) -> Iterator[Proxy]:
    made = Proxy(broker.port)
    yield made
    made.close()


@pytest.fixture
def tap(broker: Broker) -> Iterator[RecordTap]:
    made = RecordTap("127.0.0.1", broker.port, PARK)
    made.start()
    yield made
    made.stop()


@pytest.fixture
def watcher(broker: Broker) -> Iterator[Watcher]:
    made = Watcher(broker.port)
    yield made
    made.stop()


@pytest.fixture
def gate() -> Iterator[Callable[..., Publisher]]:
    """Start publishers that are stopped at the end."""
    with ExitStack() as stack:

        def start(port: int, outbox: Outboxes, **options: Any) -> Publisher:
            made = publisher(port, outbox, **options)
            made.start()
            stack.callback(made.stop)
            return made

        yield start
