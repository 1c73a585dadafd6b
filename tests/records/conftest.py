"""What the journal's tests share."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.records.journal import Journal
from tests.records.support import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "records")
    yield bench
    for journal in bench.opened:
        bench.kill(journal)


@pytest.fixture
def fast(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: thousands of states are laid out there."""
    memory = Path("/dev/shm")
    if not memory.is_dir():
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory) as name:
        yield Path(name)


@pytest.fixture
def texts() -> Callable[[Journal], list[str]]:
    """What a journal's records say, in order."""
    return lambda journal: [document["event"]["detail"]["text"] for document in journal.all()]
