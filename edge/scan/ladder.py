"""The ladder: ways to read a picture, in the order of what they read for what they cost.

Chosen by what each added on pictures of three kinds (docs/adr/0010). The first look takes the whole
picture; every step after it looks at places only: where a decoder found a code's pattern and
failed, and where it looks like a code and shows a finder pattern. Empty frames end there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from edge.drivers.camera import GrayImage
from edge.scan.decoders import tapir, zbar, zxing
from edge.scan.finder import may_hold_code
from edge.scan.found import Box, Code, Found, box_of
from edge.scan.prepare import (
    brightened,
    cut_out,
    flattened,
    halved,
    sharpened,
    softened,
    thresholded,
)
from edge.scan.regions import likely_places

SMALLEST_HALVED_PX = 48  # version 1 is 24 px then, with some of its quiet zone
FAILED_MARGIN = 0.35  # the corners of a code that was not read may be off by many modules
MOST_PLACES = 3
# Gray levels below the mean of the block: to decode, and for a first look, where a sensor's noise
# must not pass for a pattern
BELOW_MEAN = 5
CALM_BELOW_MEAN = 8
LEAST_BLOCK_PX = 15
TAPIR_MODE = "low"


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to read a place: its longer side brought to `least_px`..`most_px`, then `scan`."""

    least_px: int
    most_px: int
    scan: Callable[[GrayImage], Found]


def _zxing(gray: GrayImage) -> Found:
    return zxing().scan(gray)


def _zbar_thresholded(gray: GrayImage) -> Found:
    """Thresholded for itself: libzbar takes one level for a wide stretch of a line."""
    block_px = max(LEAST_BLOCK_PX, min(gray.shape) // 12 | 1)
    return zbar().scan(thresholded(gray, BELOW_MEAN, block_px))


ENLARGED = Rung(600, 800, _zxing)
RUNGS: tuple[Rung, ...] = (
    Rung(600, 800, lambda gray: _zxing(flattened(gray))),
    Rung(400, 600, lambda gray: _zxing(softened(gray))),
    Rung(400, 600, lambda gray: tapir(TAPIR_MODE).scan(gray)),
    Rung(600, 800, lambda gray: _zxing(sharpened(gray))),
    Rung(400, 600, _zbar_thresholded),
)


def load_decoders() -> None:
    """Load what the ladder needs before the first frame. Raises DeviceError for what is missing."""
    zxing()
    zbar()
    tapir(TAPIR_MODE)


@dataclass(slots=True)
class Search:
    """The search of one picture; no step begins once `clock` is past `end_s`.

    `open` are the places that show a code which is not read yet.
    """

    gray: GrayImage
    end_s: float
    clock: Callable[[], float] = time.thread_time
    codes: list[Code] = field(default_factory=list)
    refused: int = 0
    open: list[Box] = field(default_factory=list)
    _failed: list[Box] = field(default_factory=list)

    @property
    def spent(self) -> bool:
        """Whether the processor time is used up."""
        return self.clock() > self.end_s

    def first_look(self) -> None:
        """The whole picture, until a step reads something and leaves nothing half-read; then the
        places that it leaves open.
        """
        self.gray = brightened(self.gray)
        half = halved(self.gray) if min(self.gray.shape) >= SMALLEST_HALVED_PX else None
        self._take(zxing().scan(self.gray, micro=True))
        if self._goes_on() and half is not None:
            self._take(_zxing(half).moved(0.5))
        if self._goes_on():
            places = likely_places(self.gray, half)
            if places or self._failed:
                self._take(_zxing(softened(self.gray)))
            if not (self.codes or self.refused):
                self._look_closer(places)
        failed = (box.grown(FAILED_MARGIN, self.gray.shape) for box in self._failed)
        self.open = apart((*self.unread(failed), *self.open))[:MOST_PLACES]

    def climb(self, rungs: Iterable[Rung], places: Sequence[Box] | None = None) -> None:
        """Try rungs, one after the other, on each place that is not read yet: the open ones, or
        those given.
        """
        for rung in rungs:
            for place in self.unread(self.open if places is None else places):
                if self.spent:
                    return
                self._take(self._scan(place, rung))

    def unread(self, places: Iterable[Box]) -> list[Box]:
        """The places in which no code was read."""
        boxes = [box_of(code.corners) for code in self.codes]
        return [
            place
            for place in places
            if not any(place.holds(*box.middle) or box.holds(*place.middle) for box in boxes)
        ]

    def _goes_on(self) -> bool:
        return not self.spent and bool(
            not (self.codes or self.refused) or self.unread(self._failed)
        )

    def _look_closer(self, places: list[Box]) -> None:
        """Enlarge likely places, and keep those as open that show a finder pattern."""
        self.climb((ENLARGED,), places)
        for place in self.unread(places):
            if self._shows_finder(place):
                self.open.append(place)

    def _shows_finder(self, place: Box) -> bool:
        part, _ = cut_out(self.gray, place, 400, 600)
        return may_hold_code(thresholded(part, CALM_BELOW_MEAN))

    def _scan(self, place: Box, rung: Rung) -> Found:
        part, scale = cut_out(self.gray, place, rung.least_px, rung.most_px)
        return rung.scan(part).moved(scale, place.left, place.top)

    def _take(self, found: Found) -> None:
        self.codes += found.codes
        self.refused = max(self.refused, found.refused)
        self._failed += (box_of(corners) for corners in found.failed)


def apart(places: Iterable[Box]) -> list[Box]:
    """Those of which none has its middle in an earlier one."""
    kept: list[Box] = []
    for place in places:
        if not any(other.holds(*place.middle) for other in kept):
            kept.append(place)
    return kept
