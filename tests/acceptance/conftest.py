"""Daemons and brokers that are ended, whatever the test does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.daemon import Daemon
from tests.mqtt.support import Broker


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    with ExitStack() as stack:

        def make(*args: Any, **options: Any) -> Daemon:
            made = Daemon(tmp_path, *args, **options)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A real mosquitto, not started yet."""
    made = Broker(tmp_path)
    yield made
    made.stop()
