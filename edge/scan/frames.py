"""What a gate has and a still picture has not: the next frame, a tenth of a second later.

A frame need not be tried in every way at once. Each takes the first look and then as many rungs as
fit into its time, and the next goes on with the rung after; where a code was seen last is looked
at again, even if a frame shows nothing there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from edge.drivers.camera import GrayImage
from edge.scan.decode import Clock, Look, begun
from edge.scan.found import Box, box_of, outermost
from edge.scan.ladder import MOST_PLACES, RUNGS, Rung, Search, apart

FRAME_BUDGET_S = 0.1  # processor time: one frame interval at 10 frames a second
WATCHED_FRAMES = 5  # that a place is looked at after it showed a code: half a second
GROWN = 0.25  # of a place, for the hand that moves between two frames
# A place that shows a code for so many frames and is never read is taken for furniture, a worn
# poster or a fence, and is tried in one frame of a few
STUBBORN_FRAMES = 50
STUBBORN_EVERY = 5


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a code was seen: to be looked at in `left` more frames; `tried` in vain in so many."""

    box: Box
    left: int = WATCHED_FRAMES
    tried: int = 0


class FrameReader:
    """Reads the frames of one camera in turn. For one thread."""

    def __init__(
        self,
        *,
        budget_s: float = FRAME_BUDGET_S,
        rungs: Sequence[Rung] = RUNGS,
        clock: Clock = time.thread_time,
    ) -> None:
        self._budget_s = budget_s
        self._rungs = tuple(rungs)
        self._clock = clock
        self._turn = 0
        self._watched: list[_Place] = []

    def read(self, gray: GrayImage) -> Look:
        """What a frame shows; raises as edge.scan.decode.look does. `unread` leaves out what has
        been in view for long and never read.
        """
        search = begun(gray, self._budget_s, self._clock)
        self._climb(search, self._places(search))
        unread = search.unread(search.open)
        fresh = sum(self._tried(box) < STUBBORN_FRAMES for box in unread)
        self._remember(search, unread)
        codes = tuple(code.payload for code in outermost(search.codes))
        return Look(codes, search.refused, fresh)

    def _places(self, search: Search) -> list[Box]:
        """Where to try rungs: what this frame shows, then what the ones before it did."""
        shown = [box for box in search.open if _due(self._tried(box))]
        watched = [
            place.box.grown(GROWN, search.gray.shape)
            for place in self._watched
            if place.tried < STUBBORN_FRAMES
        ]
        return apart([*shown, *search.unread(watched)])[:MOST_PLACES]

    def _climb(self, search: Search, places: list[Box]) -> None:
        for _ in self._rungs:
            if search.codes or search.spent or not places:
                return
            rung = self._rungs[self._turn % len(self._rungs)]
            self._turn += 1
            search.climb((rung,), places)

    def _remember(self, search: Search, unread: list[Box]) -> None:
        read = [_Place(box_of(code.corners)) for code in search.codes]
        tried = [_Place(box, tried=self._tried(box) + 1) for box in unread]
        before = [
            _Place(place.box, place.left - 1, place.tried)
            for place in self._watched
            if place.left > 1
        ]
        kept = apart([place.box for place in (*read, *tried, *before)])
        by_box = {place.box: place for place in (*before, *tried, *read)}
        self._watched = [by_box[box] for box in kept][:MOST_PLACES]

    def _tried(self, box: Box) -> int:
        """In how many frames this place has been tried in vain."""
        return max(
            (place.tried for place in self._watched if place.box.holds(*box.middle)), default=0
        )


def _due(tried: int) -> bool:
    return tried < STUBBORN_FRAMES or tried % STUBBORN_EVERY == 0
