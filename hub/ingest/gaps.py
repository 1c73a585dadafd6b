"""When to ask a gate again for what is missing. Pure: time is handed in.

Messages overtake each other, so that a hole is asked for only when it lasts. One range of a stream
is asked for at a time; while nothing comes of it, the wait doubles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from feed.backoff import Backoff
from hub.standing import Span, Standing

LONGEST_WAIT_S = 600.0
MOST_IN_ONE_ASK = 5_000  # records


@dataclass(frozen=True, slots=True)
class Ask:
    """`first` to `last` of this stream are wanted again."""

    standing: Standing
    first: int
    last: int


@dataclass(slots=True)
class _Gap:
    standing: Standing
    hole: Span
    due_s: float
    backoff: Backoff
    asked_upto: int = 0


class Gaps:
    """The first hole of each stream that has one."""

    def __init__(self, *, patience_s: float) -> None:
        self._patience_s = patience_s
        self._gaps: dict[int, _Gap] = {}

    def __len__(self) -> int:
        return len(self._gaps)

    def note(self, standing: Standing, now_s: float) -> None:
        """A stream was heard, or is known from the store."""
        hole = next(standing.holes(), None)
        if hole is None:
            self._gaps.pop(standing.key, None)
            return
        gap = self._gaps.get(standing.key)
        if gap is None:
            backoff = Backoff(first_s=self._patience_s, longest_s=LONGEST_WAIT_S)
            due_s = now_s + self._patience_s
            self._gaps[standing.key] = _Gap(standing, hole, due_s, backoff)
            return
        gap.standing = standing
        if hole[0] > gap.hole[0]:  # it gets smaller: what was asked for comes
            gap.backoff.reset()
            arrived = gap.asked_upto and hole[0] > gap.asked_upto
            gap.due_s = now_s if arrived else now_s + self._patience_s
        gap.hole = hole

    def due(self, now_s: float) -> Iterator[Ask]:
        """What to ask for now; each counts as asked."""
        for gap in self._gaps.values():
            if now_s >= gap.due_s:
                first, last = gap.hole
                gap.asked_upto = min(last, first + MOST_IN_ONE_ASK - 1)
                gap.due_s = now_s + self._patience_s + gap.backoff.next_s()
                yield Ask(gap.standing, first, gap.asked_upto)
