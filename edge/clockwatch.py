"""Notes what happens to the time of day, so that records written before can be corrected."""

from __future__ import annotations

from edge.clock import Clock
from edge.gate.events import Noted
from feed.record import Kind

# a step of the time of day that is worth a record; slewing stays far below it
_JUMP_S = 2.0


class ClockWatch:
    """Compares the time of day with the monotonic clock.

    A `clock` record carries `offset_s`: what is to be added to the times of this boot written
    before it (`uptime_s` tells which) to have them right by the clock as it is now.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._state = clock.stamp().state
        self._offset_s = self._difference_s()

    def look(self) -> Noted | None:
        """A record to write, when the clock was synchronised, lost its source, or jumped."""
        state, offset_s = self._clock.stamp().state, self._difference_s()
        jump_s = offset_s - self._offset_s
        if state == self._state and abs(jump_s) < _JUMP_S:
            # follows slewing, so that months of it don't add up to a jump
            self._offset_s = offset_s
            return None
        name = "jumped" if state == self._state else state
        self._state, self._offset_s = state, offset_s
        return Noted(kind=Kind.CLOCK, name=name, detail={"offset_s": round(jump_s, 3)})

    def _difference_s(self) -> float:
        return self._clock.now().timestamp() - self._clock.monotonic()
