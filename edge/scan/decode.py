"""QR codes in a gray picture, as the bytes they hold.

libzbar through pyzbar's own bindings, with one scanner kept, QR only and binary: pyzbar.decode
makes a scanner for each picture, invents one-dimensional codes, guesses encodings (which damages
Vietnamese names) and raises on a part of a structured-append code.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType

import cv2
import numpy as np

from edge.drivers.base import DeviceError
from edge.drivers.camera import GrayImage
from edge.gate.reasons import Cause, Device
from edge.scan.finder import may_hold_code

# zbar.h, zbar_symbol_type_t and zbar_config_t
ALL_SYMBOLS = 0
PARTIAL = 1
QRCODE = 64
CFG_ENABLE = 0
CFG_BINARY = 4  # since libzbar 0.23.1; pyzbar has no name for it
Y800 = int.from_bytes(b"Y800", "little")  # fourcc: 8-bit gray

SMALLEST_CODE_PX = 21  # version 1 at one pixel a module: ISO/IEC 18004:2015, 5.3.1
# A pyramid ends above this side; smaller pictures are decoded without a first look
SMALLEST_SIDE_PX = 96
THRESHOLD_BLOCK_PX = 31
# Gray levels below the mean of the block: to decode, and for a first look, where a sensor's noise
# must not pass for a pattern. Halving takes half of the noise away.
BELOW_MEAN = 4
BLURRED_BELOW_MEAN = 3
HALF_CALM = 8
FULL_CALM = 12
SYMBOLS_KEPT = 500  # by libzbar, before a new scanner: 90 KB
BUDGET_S = 0.5  # processor time for one picture; no attempt begins after it

_kept = threading.local()


@dataclass(frozen=True, slots=True)
class Look:
    """What one picture showed.

    `codes` are the payloads, top to bottom and left to right, each once. `fragments` counts parts
    of structured-append codes: read, but no code by themselves.
    """

    codes: tuple[bytes, ...] = ()
    fragments: int = 0


def read_codes(gray: GrayImage, *, budget_s: float = BUDGET_S) -> list[bytes]:
    """The payloads of the QR codes in a picture (uint8 [height, width], any size and layout).

    Top to bottom and left to right, each payload once. Raises ValueError for another kind of
    array, DeviceError where libzbar is missing or older than 0.23.1.
    """
    return list(look(gray, budget_s=budget_s).codes)


def look(gray: GrayImage, *, budget_s: float = BUDGET_S) -> Look:
    """Like read_codes, and says whether there were parts of structured-append codes.

    Thresholded pictures read more than gray ones, and a half-size one at a quarter of the cost:
    so from small to full size, until one attempt reads something.
    """
    if gray.ndim != 2 or gray.dtype != np.uint8:
        raise ValueError(f"a gray picture is uint8 [height, width], not {gray.dtype} {gray.shape}")
    if min(gray.shape) < SMALLEST_CODE_PX:
        return Look()
    end_s = time.thread_time() + budget_s
    scanner = _scanner()
    seen = Look()
    for attempt in _attempts(np.ascontiguousarray(gray)):
        seen = scanner.scan(attempt)
        if seen.codes or seen.fragments or time.thread_time() > end_s:
            break
    return seen


def _attempts(gray: GrayImage) -> Iterator[GrayImage]:
    """The picture prepared for the decoder, cheapest first; nothing where no code can be."""
    halves = list(_halves(gray))
    if halves and not _promising(gray, halves):
        return
    for half in halves:
        yield _threshold(half)
    yield _threshold(gray)
    yield _threshold(cv2.blur(gray, (3, 3)), BLURRED_BELOW_MEAN)
    yield gray


def _promising(gray: GrayImage, halves: list[GrayImage]) -> bool:
    """Whether a first look finds anything, at a size where large or small codes show best."""
    return any(may_hold_code(_threshold(half, HALF_CALM)) for half in halves) or may_hold_code(
        _threshold(gray, FULL_CALM)
    )


def _halves(gray: GrayImage) -> Iterator[GrayImage]:
    while min(gray.shape) >= 2 * SMALLEST_SIDE_PX:
        gray = np.asarray(
            cv2.resize(gray, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8
        )
        yield gray


def _threshold(gray: cv2.typing.MatLike, below_mean: int = BELOW_MEAN) -> GrayImage:
    binary = cv2.adaptiveThreshold(
        gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, THRESHOLD_BLOCK_PX, below_mean
    )
    return np.asarray(binary, np.uint8)


class Scanner:
    """A libzbar image scanner, for one thread.

    libzbar keeps each QR symbol it has ever read until its scanner is destroyed (zbar issue 258:
    some 180 bytes a sighting), so that a new scanner takes over now and then.
    """

    def __init__(self, zbar: ModuleType | None = None) -> None:
        self._zbar = zbar or _bindings()
        self._scanner = self._made()
        self._symbols_kept = 0

    def _made(self) -> ctypes._Pointer[ctypes.Structure]:
        scanner: ctypes._Pointer[ctypes.Structure] = self._zbar.zbar_image_scanner_create()
        configure = self._zbar.zbar_image_scanner_set_config
        configure(scanner, ALL_SYMBOLS, CFG_ENABLE, 0)
        configure(scanner, QRCODE, CFG_ENABLE, 1)
        if configure(scanner, QRCODE, CFG_BINARY, 1) != 0:
            self._zbar.zbar_image_scanner_destroy(scanner)
            raise DeviceError(
                Device.DECODER,
                Cause.MISSING_LIBRARY,
                "libzbar is older than 0.23.1 and would damage text that is not ASCII",
                hint="install a newer one: sudo apt install libzbar0",
            )
        return scanner

    def scan(self, gray: GrayImage) -> Look:
        """Decode one C-contiguous picture as it is."""
        zbar = self._zbar
        if self._symbols_kept >= SYMBOLS_KEPT:
            fresh = self._made()
            zbar.zbar_image_scanner_destroy(self._scanner)
            self._scanner, self._symbols_kept = fresh, 0
        height, width = gray.shape
        image = zbar.zbar_image_create()
        try:
            zbar.zbar_image_set_format(image, Y800)
            zbar.zbar_image_set_size(image, width, height)
            pixels = gray.ctypes.data_as(ctypes.c_void_p)
            zbar.zbar_image_set_data(image, pixels, gray.size, None)
            self._symbols_kept += max(0, zbar.zbar_scan_image(self._scanner, image))
            return self._symbols(image)
        finally:
            zbar.zbar_image_destroy(image)

    def _symbols(self, image: ctypes._Pointer[ctypes.Structure]) -> Look:
        zbar = self._zbar
        found = []
        fragments = 0
        symbol = zbar.zbar_image_first_symbol(image)
        while symbol:
            kind = symbol.contents.type
            if kind == QRCODE:
                length = zbar.zbar_symbol_get_data_length(symbol)
                payload = ctypes.string_at(zbar.zbar_symbol_get_data(symbol), length)
                found.append((self._corner(symbol), payload))
            fragments += kind == PARTIAL
            symbol = zbar.zbar_symbol_next(symbol)
        return Look(tuple(dict.fromkeys(payload for _, payload in sorted(found))), fragments)

    def _corner(self, symbol: ctypes._Pointer[ctypes.Structure]) -> tuple[int, int]:
        """Top and left of a symbol, in pixels."""
        points = range(self._zbar.zbar_symbol_get_loc_size(symbol))
        top = min((self._zbar.zbar_symbol_get_loc_y(symbol, point) for point in points), default=0)
        left = min((self._zbar.zbar_symbol_get_loc_x(symbol, point) for point in points), default=0)
        return top, left

    def __del__(self) -> None:
        if hasattr(self, "_scanner"):
            self._zbar.zbar_image_scanner_destroy(self._scanner)


def _scanner() -> Scanner:
    """This thread's scanner: libzbar's are not to be shared."""
    if not hasattr(_kept, "scanner"):
        _kept.scanner = Scanner()
    scanner: Scanner = _kept.scanner
    return scanner


def _bindings() -> ModuleType:
    try:
        from pyzbar import wrapper
    except ImportError as error:
        raise DeviceError(
            Device.DECODER,
            Cause.MISSING_LIBRARY,
            f"libzbar can't be loaded: {error}",
            hint="install it: sudo apt install libzbar0",
        ) from error
    bindings: ModuleType = wrapper
    return bindings
