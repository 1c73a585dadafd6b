"""A cheap first look: may a picture hold a QR code at all?

Every QR code has three finder patterns, and a line through the middle of one crosses dark, light,
dark, light, dark in the ratio 1:1:3:1:1 at whatever angle it lies (ISO/IEC 18004:2015, 6.3.3).
Most frames of a gate show no such place, and need no decoder.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.drivers.camera import GrayImage

Indices = NDArray[np.intp]

FINDER_MODULES = 7  # 1 + 1 + 3 + 1 + 1
SMALLEST_PX = 8  # across a finder pattern: about one pixel a module
TOLERANCE = 0.5  # of a module, as libzbar's own finder takes it ...
ROUNDING_PX = 0.3  # ... and what whole pixels add to each width
CELL_PX = 4  # centres are counted in cells of this side
MIN_CROSSINGS = 4  # rows and columns through one place: more than noise makes by chance


def may_hold_code(binary: GrayImage) -> bool:
    """Whether a thresholded picture (uint8 [height, width], 0 is dark) shows a finder pattern.

    Errs towards yes: blurred, skewed and damaged patterns still count.
    """
    height, width = binary.shape
    across = _centres(binary)
    rows = _crossings(across // width, across % width, binary.shape)
    if rows.max() < MIN_CROSSINGS:
        return False
    down = _centres(np.ascontiguousarray(binary.T))
    columns = _crossings(down % height, down // height, binary.shape)
    return bool(np.minimum(rows, columns).max() >= MIN_CROSSINGS)


def _centres(binary: GrayImage) -> Indices:
    """Flat indices of the middle of each run of pixels that looks like a row of a finder pattern.

    Rows are read as one line: a pattern that wraps from one row to the next is rare, and does no
    harm in a check that errs towards yes.
    """
    flat = binary.ravel()
    starts = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    runs = np.diff(starts)
    first_dark = int(starts.size > 0 and flat[starts[0]] != 0)
    count = (runs.size - 4 - first_dark + 1) // 2
    if count <= 0:
        return np.zeros(0, np.intp)
    at = first_dark + 2 * np.arange(count)
    at = at[runs[at + 2] >= 2]  # drops the speckle that noise leaves
    a, b, c, d, e = (runs[at + offset] for offset in range(5))
    total = a + b + c + d + e
    slack = total * TOLERANCE + FINDER_MODULES * ROUNDING_PX
    fits = total >= SMALLEST_PX
    # Pairs of runs, dark and light together, stay true where ink or blur spreads
    for width, modules in ((a + b, 2), (b + c, 4), (c + d, 4), (d + e, 2), (c, 3)):
        fits &= np.abs(FINDER_MODULES * width - modules * total) <= slack
    centres: Indices = starts[at[fits] + 2] + c[fits] // 2
    return centres


def _crossings(y: Indices, x: Indices, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """How many centres lie in each cell and its eight neighbours."""
    height, width = (side // CELL_PX + 1 for side in shape)
    cells = np.bincount((y // CELL_PX) * width + x // CELL_PX, minlength=height * width)
    counts = cells.reshape(height, width).astype(np.float32)
    sums = cv2.boxFilter(counts, -1, (3, 3), normalize=False, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(sums, np.float32)
