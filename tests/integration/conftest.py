"""Fixtures of the end-to-end suite: everything that runs is stopped, whatever the test does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.support import Gate, HubProcess
from tests.mqtt.support import Broker, Proxy


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    # without a limit of its own: what it drops then is dropped by the test alone
    made = Broker(tmp_path, "allow_anonymous true", "max_queued_messages 0")
    made.start()
    yield made
    made.stop()


@pytest.fixture
def proxy(broker: Broker) -> Iterator[Proxy]:
    made = Proxy(broker.port)
    yield made
    made.close()


@pytest.fixture
def hub(broker: Broker, tmp_path: Path) -> Iterator[HubProcess]:
    made = HubProcess(tmp_path, broker.port)
    yield made
    made.stop()


@pytest.fixture
def start_gate(tmp_path: Path) -> Iterator[Callable[..., Gate]]:
    """Gates that are stopped at the end."""
    with ExitStack() as stack:

        def start(port: int, *, before: int = 0, **mqtt: Any) -> Gate:
            made = Gate(tmp_path, port, **mqtt)
            made.fill(before)
            stack.callback(made.stop)
            return made.start()

        yield start
