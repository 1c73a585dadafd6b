"""QR codes in a gray picture, as the bytes they hold."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from edge.drivers.camera import GrayImage
from edge.scan.found import outermost
from edge.scan.ladder import RUNGS, Search
from edge.scan.prepare import bounded

SMALLEST_CODE_PX = 21  # version 1 at one pixel a module: ISO/IEC 18004:2015, 5.3.1
# Longer side; larger pictures are reduced, so that no single step takes long. More than the 3840
# of an ultra-high-definition camera
LARGEST_PX = 4096
BUDGET_S = 0.5  # processor time for one picture; no attempt begins after it

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Look:
    """What one picture showed.

    `codes` are the payloads, top to bottom and left to right, each once; a code inside another one
    is left out. `refused` counts symbols that were read and are no code by themselves: parts of a
    structured-append code, and Micro QR. `unread` counts places that show a code which could not
    be read.
    """

    codes: tuple[bytes, ...] = ()
    refused: int = 0
    unread: int = 0

    @classmethod
    def of(cls, search: Search) -> Look:
        """What a search has come to."""
        codes = tuple(code.payload for code in outermost(search.codes))
        return cls(codes, search.refused, len(search.unread(search.open)))


def read_codes(gray: GrayImage, *, budget_s: float = BUDGET_S) -> list[bytes]:
    """The payloads of the QR codes in a picture (uint8 [height, width], any size and layout).

    Top to bottom and left to right, each payload once. Raises ValueError for another kind of
    array, DeviceError where a decoder's library is missing or too old.
    """
    return list(look(gray, budget_s=budget_s).codes)


def look(gray: GrayImage, *, budget_s: float = BUDGET_S, clock: Clock = time.thread_time) -> Look:
    """Like read_codes, and tells what was refused and what could not be read."""
    search = begun(gray, budget_s, clock)
    search.climb(RUNGS)
    return Look.of(search)


def begun(gray: GrayImage, budget_s: float, clock: Clock = time.thread_time) -> Search:
    """A search of a picture that has had its first look. Raises as read_codes does."""
    if gray.ndim != 2 or gray.dtype != np.uint8:
        raise ValueError(f"a gray picture is uint8 [height, width], not {gray.dtype} {gray.shape}")
    end_s = clock() + budget_s
    if min(gray.shape) >= SMALLEST_CODE_PX:
        gray = bounded(gray, LARGEST_PX)
    if min(gray.shape) < SMALLEST_CODE_PX:
        gray = np.zeros((SMALLEST_CODE_PX, SMALLEST_CODE_PX), np.uint8)
    search = Search(np.ascontiguousarray(gray), end_s, clock)
    search.first_look()
    return search
