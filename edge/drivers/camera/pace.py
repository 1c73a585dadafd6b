"""The moments at which a camera of fixed frame rate exposes."""

from __future__ import annotations

import math


class Pace:
    """Tick k is due at `start_s` + k / `rate_hz` (monotonic seconds)."""

    def __init__(self, rate_hz: float, start_s: float) -> None:
        self._rate_hz = rate_hz
        self._start_s = start_s

    def due_s(self, tick: int) -> float:
        """When a tick is due."""
        return self._start_s + tick / self._rate_hz

    def newest(self, now_s: float) -> int:
        """The last tick that was due by `now_s`; negative before the first."""
        return math.floor((now_s - self._start_s) * self._rate_hz)
