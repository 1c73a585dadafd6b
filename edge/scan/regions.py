"""Where in a picture a code may be.

The modules of a QR code make edges in two directions close together; clothes, faces, walls and
fences make them in one, or weakly. The smaller eigenvalue of the structure tensor tells (Shi and
Tomasi, Good Features to Track, CVPR 1994), whichever way a code is turned.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.drivers.camera import GrayImage
from edge.scan.found import Box
from edge.scan.prepare import halved

Strength = NDArray[np.float32]  # shape [height, width]

LONG_SIDE_PX = 480  # looked over at this size at most: a code of 40 px is 12 px then
BLOCK_PX = 15  # what counts as close together
# Of cornerMinEigenVal's scale over gray levels. The strongest place of empty frames has 0.0003 to
# 0.001, most readable codes above 0.001
WEAKEST = 0.0006
PART = 0.35  # of the strongest, still the same place
DARK = 20  # gray levels: below it noise would count as much as edges
SMALLEST_AREA_PX = 60
SLENDEREST = 4  # long side by short side
MARGIN = 0.12
MOST = 2  # places: one for each of two codes


def likely_places(gray: GrayImage, half: GrayImage | None) -> list[Box]:
    """The places most like a code in a picture, most likely first; `half` is it at half size."""
    small = gray if half is None or max(gray.shape) <= LONG_SIDE_PX else half
    while max(small.shape) > LONG_SIDE_PX:
        small = halved(small)
    scale = small.shape[1] / gray.shape[1]
    strength = _strength(small)
    strongest = float(strength.max())
    if strongest < WEAKEST:
        return []
    spots = (strength > PART * strongest).astype(np.uint8)
    spots = np.asarray(
        cv2.morphologyEx(spots, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8)), np.uint8
    )
    rated = sorted(_rated(strength, spots), reverse=True)[:MOST]
    return [Box(*(int(side / scale) for side in box)).grown(MARGIN, gray.shape) for _, box in rated]


def _strength(gray: GrayImage) -> Strength:
    """Edges in the weaker direction, against the light of the place."""
    least = np.asarray(cv2.cornerMinEigenVal(gray, BLOCK_PX), np.float32)
    edges = np.sqrt(np.maximum(least, 0))
    light = cv2.blur(gray, (2 * BLOCK_PX + 1, 2 * BLOCK_PX + 1)).astype(np.float32)
    return np.asarray(edges / (light + DARK), np.float32)


def _rated(strength: Strength, spots: GrayImage) -> Iterator[tuple[float, Box]]:
    """Each spot with its rating: strong, large and square ones rate high."""
    count, _, stats, _ = cv2.connectedComponentsWithStats(spots, connectivity=4)
    for left, top, width, height, area in stats[1:count].tolist():
        long, short = max(width, height), min(width, height)
        if area >= SMALLEST_AREA_PX and long <= SLENDEREST * short:
            peak = float(strength[top : top + height, left : left + width].max())
            yield peak * area**0.5 * short / long, Box(left, top, left + width, top + height)
