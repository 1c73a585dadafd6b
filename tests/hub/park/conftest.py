"""A store of each kind, with every table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from hub.store.engine import connect
from hub.store.schema import metadata
from tests.hub.park.support import Park


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        made = connect(tmp_path / "hub.db")
    else:
        try:
            made = connect(request.getfixturevalue("cluster").database())
        except pytest.FixtureLookupError:
            pytest.skip("no PostgreSQL of the tests' own")
    metadata.create_all(made)
    yield made
    made.dispose()


@pytest.fixture
def park(engine: Engine) -> Park:
    return Park(engine)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An SQLite store with every table, for commands."""
    path = tmp_path / "hub.db"
    made = connect(path)
    metadata.create_all(made)
    made.dispose()
    return path
