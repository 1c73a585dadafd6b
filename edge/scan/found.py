"""What a decoder finds in a picture, in that picture's pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Corners [4, 2], x and y in pixels, in the code's own order: top left, top right, bottom right,
# bottom left where the decoder knows them
Quad = NDArray[np.float32]


class Box(NamedTuple):
    """A part of a picture; right and bottom are just outside."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def side(self) -> int:
        """The longer side."""
        return max(self.right - self.left, self.bottom - self.top)

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre, x and y."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def grown(self, part: float, shape: tuple[int, ...]) -> Box:
        """Wider by `part` of its longer side all around, inside a picture of `shape`."""
        margin = int(self.side * part) + 2
        return Box(
            max(0, self.left - margin),
            max(0, self.top - margin),
            min(shape[1], self.right + margin),
            min(shape[0], self.bottom + margin),
        )

    def holds(self, x: float, y: float) -> bool:
        """Whether a point lies in it."""
        return self.left <= x < self.right and self.top <= y < self.bottom


@dataclass(frozen=True, slots=True)
class Code:
    """One code that was read."""

    payload: bytes
    corners: Quad


@dataclass(frozen=True, slots=True)
class Found:
    """`codes` as they were met; `refused` counts symbols that were read and are no credential by
    themselves: parts of a structured-append code, and Micro QR; `failed` are places where a
    decoder found a code's pattern but could not read it.
    """

    codes: tuple[Code, ...] = ()
    refused: int = 0
    failed: tuple[Quad, ...] = ()

    def moved(self, scale: float, left: float = 0, top: float = 0) -> Found:
        """In the pixels of the picture that this one was cut out of and enlarged by `scale`."""

        def back(corners: Quad) -> Quad:
            return corners / np.float32(scale) + np.array([left, top], np.float32)

        return Found(
            tuple(Code(code.payload, back(code.corners)) for code in self.codes),
            self.refused,
            tuple(back(corners) for corners in self.failed),
        )


def box_of(corners: Quad) -> Box:
    """The upright box around corners."""
    low, high = np.floor(corners.min(axis=0)), np.ceil(corners.max(axis=0))
    return Box(int(low[0]), int(low[1]), int(high[0]) + 1, int(high[1]) + 1)


def outermost(codes: Sequence[Code]) -> tuple[Code, ...]:
    """The codes that lie in no other, in reading order, each payload once.

    A code inside another is part of its picture: which of the two a decoder reads would depend on
    distance and focus (Dabrowski et al., QR Inception: Barcode-in-Barcode Attacks, SPSM 2014).
    """
    kept: dict[bytes, Box] = {}
    boxes = [(code, box_of(code.corners)) for code in codes]
    for code, box in boxes:
        inside = any(
            other.payload != code.payload and _inside(box, around) for other, around in boxes
        )
        if not inside:
            kept.setdefault(code.payload, box)
    chosen = {code.payload: code for code in reversed(codes)}
    order = sorted(kept, key=lambda payload: (kept[payload].top, kept[payload].left))
    return tuple(chosen[payload] for payload in order)


def _inside(box: Box, around: Box) -> bool:
    return around.holds(*box.middle) and box.side < 0.75 * around.side
