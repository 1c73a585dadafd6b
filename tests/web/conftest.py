from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hub.web.sample import Sample
from tests.browser.hubpages import Served
from tests.web.visitor import Visitor


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("hub")
    with Served(folder, Sample(people=280, days=8)) as made:
        yield made


@pytest.fixture
def anyone(served: Served) -> Iterator[Visitor]:
    made = Visitor(served)
    yield made
    made.close()


@pytest.fixture
def log_in(served: Served) -> Iterator[Callable[[str], Visitor]]:
    """Somebody of a role, logged in."""
    visitors = []

    def made(role: str) -> Visitor:
        visitor = Visitor(served)
        visitors.append(visitor)
        assert visitor.log_in(role).status_code == 303
        return visitor

    yield made
    for visitor in visitors:
        visitor.close()
