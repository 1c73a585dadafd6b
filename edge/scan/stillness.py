"""Whether a frame shows anything new: an idle gate looks at the same picture all day."""

from __future__ import annotations

import cv2
import numpy as np

from edge.drivers.camera import GrayImage

CELL_PX = 8  # side of the squares that are compared, each by its mean
CHANGE = 8  # gray levels of one square; measured noise stays below 4, a card held up is above 50
EXPOSURES = 2  # of a camera that brackets
LONGEST_REST = 4  # frames in a row that may go by unseen


class Stillness:
    """Remembers the last frames that were decoded and held nothing: one of each exposure."""

    def __init__(self) -> None:
        self._empty: list[GrayImage] = []
        self._rested = 0

    def rests(self, gray: GrayImage) -> bool:
        """True when `gray` is like an empty frame just before and can go by without decoding."""
        if not self._empty or self._rested >= LONGEST_REST:
            return False
        small = _small(gray)
        still = any(_alike(small, empty) for empty in self._empty)
        self._rested = self._rested + 1 if still else 0
        return still

    def decoded(self, gray: GrayImage, *, empty: bool) -> None:
        """What decoding `gray` has found."""
        small = _small(gray)
        others = [other for other in self._empty if not _alike(small, other)]
        self._empty = [small, *others][:EXPOSURES] if empty else []
        self._rested = 0


def _alike(small: GrayImage, other: GrayImage) -> bool:
    return small.shape == other.shape and bool(cv2.absdiff(small, other).max() < CHANGE)


def _small(gray: GrayImage) -> GrayImage:
    """Means of squares; a rest at the right and bottom edge is left out, which a code survives."""
    height, width = (max(1, side // CELL_PX) for side in gray.shape)
    whole = gray[: height * CELL_PX, : width * CELL_PX]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
