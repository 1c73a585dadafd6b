"""What the tests of scanning share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Photographs and frames beside the repository; skips where they are absent."""
    data = Path(__file__).parents[2] / "../shared/data"
    if not data.is_dir():
        pytest.skip("no shared data beside the repository")
    return data
