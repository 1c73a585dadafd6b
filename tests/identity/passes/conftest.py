"""A park's key, a phone's key, and passes signed with them."""

from __future__ import annotations

import pytest

from tests.passmaker import Park


@pytest.fixture
def park() -> Park:
    return Park()
