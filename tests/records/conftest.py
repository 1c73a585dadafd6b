"""What the journal's tests share."""

from __future__ import annotations

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
def texts() -> Callable[[Journal], list[str]]:
    """What a journal's records say, in order."""
    return lambda journal: [document["event"]["detail"]["text"] for document in journal.all()]
