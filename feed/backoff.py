"""Waits between retries: of a broker, a store, a device."""

from __future__ import annotations

import random


class Backoff:
    """Doubled each time up to `longest_s`, with jitter, so that many don't come back at once."""

    def __init__(
        self, *, first_s: float = 0.5, longest_s: float = 30.0, rng: random.Random | None = None
    ) -> None:
        self._first_s = min(first_s, longest_s)
        self._longest_s = longest_s
        self._next_s = self._first_s
        self._rng = rng or random.Random()

    def next_s(self) -> float:
        """Seconds to wait now: between half and all of the current step."""
        step_s = self._next_s
        self._next_s = min(step_s * 2, self._longest_s)
        return step_s * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        """It works: the next retry starts small again."""
        self._next_s = self._first_s
