"""Fixtures of the hub's suite."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.store.base import Store
from hub.store.opening import open_store
from hub.store.sqlite import SqliteStore
from tests.hub.support import Chain
from tests.mqtt.support import Broker


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """What names an empty store, of each kind."""
    if request.param == "sqlite":
        return tmp_path / "hub.db"
    name: str = request.getfixturevalue("cluster").database()
    return name


@pytest.fixture
def any_store(where: str | Path) -> Iterator[Store]:
    made = open_store(where)
    yield made
    made.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hub.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqliteStore]:
    made = SqliteStore(path)
    yield made
    made.close()


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    made.start()
    yield made
    made.stop()
