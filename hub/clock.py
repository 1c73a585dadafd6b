"""The clock on the wall, as the store has times."""

from __future__ import annotations

import time


def now_ms() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000


# of times that people ask about: with room for a zone and a longest stay on both sides
YEARS = range(1970, 9_999)
