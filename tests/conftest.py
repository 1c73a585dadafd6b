"""Fixtures that several suites share."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pgcluster import Cluster, programs

MISSING = (
    "no PostgreSQL server from 15 on is installed: `make test` installs one, or apt install "
    "postgresql"
)


def server_or_skip() -> None:
    """Skip what needs PostgreSQL where there is none; on the project's own machine, fail."""
    if programs() is None:
        if os.environ.get("CI") == "true":
            pytest.fail(MISSING)
        pytest.skip(MISSING)


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this session's own; each test takes a database of it."""
    server_or_skip()
    made = Cluster()
    yield made
    made.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def nowhere(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """A database without a table."""
    if request.param == "sqlite":
        return tmp_path / "hub.db"
    url: str = request.getfixturevalue("cluster").empty()
    return url
