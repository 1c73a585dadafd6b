"""The three decoders of QR codes, each asked for the bytes as they were printed.

zxing-cpp leads: it reads most at the least cost, inverted codes too, and tells where it failed.
libzbar and tapirscan read some of what it does not. Nothing is ever taken as text: decoders guess
encodings, and Vietnamese names arrive damaged.
"""

from __future__ import annotations

import ctypes
import threading
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from edge.drivers.base import DeviceError
from edge.drivers.camera import GrayImage
from edge.gate.reasons import Cause, Device
from edge.scan.found import Code, Found, Quad

# zbar.h, zbar_symbol_type_t and zbar_config_t
ALL_SYMBOLS = 0
PARTIAL = 1
QRCODE = 64
CFG_ENABLE = 0
CFG_BINARY = 4  # since libzbar 0.23.1; pyzbar has no name for it
Y800 = int.from_bytes(b"Y800", "little")  # fourcc: 8-bit gray
SYMBOLS_KEPT = 500  # by libzbar, before a new scanner: 90 KB

# ISO/IEC 18004:2015, table 2: the mode that a symbol's first four bits tell
STRUCTURED_APPEND = 3
# ISO/IEC 18004:2015, table 10: whether a mask turns the module at (row, column)
MASKS = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, _column: row % 2 == 0,
    lambda _row, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)
CLEAN_PX = 3  # a module of a symbol drawn anew

_kept = threading.local()


class ZXing:
    """zxing-cpp: QR codes of model 2, and Micro QR in order to refuse it."""

    def __init__(self) -> None:
        zxingcpp = _library("zxingcpp", "zxing-cpp")
        self._read: Any = zxingcpp.read_barcodes
        formats = zxingcpp.BarcodeFormat
        self._qr: Any = formats.QRCodeModel2
        self._qr_and_micro: Any = [formats.QRCodeModel2, formats.MicroQRCode]
        self._micro: Any = formats.MicroQRCode

    def scan(self, gray: GrayImage, *, micro: bool = False) -> Found:
        """Read one picture; `micro` looks for Micro QR as well."""
        formats = self._qr_and_micro if micro else self._qr
        codes, failed = [], []
        refused = 0
        for symbol in self._read(gray, formats=formats, return_errors=True):
            if symbol.format == self._micro:
                refused += symbol.valid
            elif not symbol.valid:
                failed.append(_corners(symbol.position))
            elif _is_fragment(symbol):
                refused += 1
            else:
                codes.append(Code(symbol.bytes, _corners(symbol.position)))
        return Found(tuple(codes), refused, tuple(failed))


def _corners(position: Any) -> Quad:
    places = (position.top_left, position.top_right, position.bottom_right, position.bottom_left)
    return np.array([(place.x, place.y) for place in places], np.float32)


def _is_fragment(symbol: Any) -> bool:
    """Whether a symbol that zxing-cpp read is a part of a structured-append code.

    It hands such parts out as ordinary codes, and its Python API does not tell. The symbol's first
    four bits do where no module was damaged; else libzbar, on a clean drawing of the modules. Both
    are asked about the mirror image as well: zxing-cpp reads mirrored codes, and does not say so.
    """
    modules = np.asarray(symbol.to_image(scale=1, add_quiet_zones=False), np.uint8)
    ways = [np.ascontiguousarray(modules), np.ascontiguousarray(modules.T)]
    mask = symbol.extra["DataMask"]
    suspect = any(_mode(way, mask) == STRUCTURED_APPEND for way in ways)
    if not suspect and symbol.extra["UEC"] == 1.0:  # no error had to be corrected
        return False
    for way in ways:
        again = zbar().scan(_drawn(way))
        if again.codes or again.refused:
            return not again.codes
    return suspect


def _mode(modules: GrayImage, mask: int) -> int:
    """The first four bits of a symbol (uint8 [n, n], 0 is dark), from its bottom right corner."""
    last = modules.shape[0] - 1
    bits = 0
    for row, column in ((last, last), (last, last - 1), (last - 1, last), (last - 1, last - 1)):
        bits = 2 * bits + ((modules[row, column] == 0) != MASKS[mask](row, column))
    return bits


def _drawn(modules: GrayImage) -> GrayImage:
    """Modules as a picture with a quiet zone."""
    quiet = np.pad(modules, 4, constant_values=255)
    return np.kron(quiet, np.ones((CLEAN_PX, CLEAN_PX), np.uint8))


class ZBar:
    """A libzbar image scanner through pyzbar's own bindings, for one thread.

    One scanner kept, QR only and binary: pyzbar.decode makes a scanner for each picture, invents
    one-dimensional codes, guesses encodings and raises on a part of a structured-append code.

    libzbar keeps each QR symbol it has ever read until its scanner is destroyed (zbar issue 258:
    some 180 bytes a sighting), so that a new scanner takes over now and then.
    """

    def __init__(self, bindings: ModuleType | None = None) -> None:
        self._zbar = bindings or _bindings()
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

    def scan(self, gray: GrayImage) -> Found:
        """Read one C-contiguous picture as it is."""
        zbar_ = self._zbar
        if self._symbols_kept >= SYMBOLS_KEPT:
            fresh = self._made()
            zbar_.zbar_image_scanner_destroy(self._scanner)
            self._scanner, self._symbols_kept = fresh, 0
        height, width = gray.shape
        image = zbar_.zbar_image_create()
        try:
            zbar_.zbar_image_set_format(image, Y800)
            zbar_.zbar_image_set_size(image, width, height)
            pixels = gray.ctypes.data_as(ctypes.c_void_p)
            zbar_.zbar_image_set_data(image, pixels, gray.size, None)
            self._symbols_kept += max(0, zbar_.zbar_scan_image(self._scanner, image))
            return self._symbols(image)
        finally:
            zbar_.zbar_image_destroy(image)

    def _symbols(self, image: ctypes._Pointer[ctypes.Structure]) -> Found:
        zbar_ = self._zbar
        codes = []
        refused = 0
        symbol = zbar_.zbar_image_first_symbol(image)
        while symbol:
            kind = symbol.contents.type
            if kind == QRCODE:
                length = zbar_.zbar_symbol_get_data_length(symbol)
                payload = ctypes.string_at(zbar_.zbar_symbol_get_data(symbol), length)
                codes.append(Code(payload, self._corners(symbol)))
            refused += kind == PARTIAL
            symbol = zbar_.zbar_symbol_next(symbol)
        return Found(tuple(codes), refused)

    def _corners(self, symbol: ctypes._Pointer[ctypes.Structure]) -> Quad:
        zbar_ = self._zbar
        places = [
            (zbar_.zbar_symbol_get_loc_x(symbol, at), zbar_.zbar_symbol_get_loc_y(symbol, at))
            for at in range(zbar_.zbar_symbol_get_loc_size(symbol))
        ]
        return np.array(places or [(0, 0)], np.float32)

    def __del__(self) -> None:
        if hasattr(self, "_scanner"):
            self._zbar.zbar_image_scanner_destroy(self._scanner)


class Tapir:
    """tapirscan, which finds codes that are bent, worn and small; the most expensive by far."""

    def __init__(self, mode: str) -> None:
        tapirscan = _library("tapirscan", "tapirscan")
        self._scanner: Any = tapirscan.Scanner(mode=mode, formats=["QRCode"], parallel=False)

    def scan(self, gray: GrayImage) -> Found:
        """Read one C-contiguous picture."""
        codes = []
        refused = 0
        for symbol in self._scanner.scan(gray).barcodes:
            if symbol.structured_append is not None or symbol.payload_bytes is None:
                refused += 1
            else:
                corners = np.array([(place.x, place.y) for place in symbol.polygon], np.float32)
                codes.append(Code(symbol.payload_bytes, corners))
        return Found(tuple(codes), refused)


def zxing() -> ZXing:
    """This thread's zxing-cpp."""
    if not hasattr(_kept, "zxing"):
        _kept.zxing = ZXing()
    reader: ZXing = _kept.zxing
    return reader


def zbar() -> ZBar:
    """This thread's scanner: libzbar's are not to be shared."""
    if not hasattr(_kept, "zbar"):
        _kept.zbar = ZBar()
    scanner: ZBar = _kept.zbar
    return scanner


def tapir(mode: str) -> Tapir:
    """This thread's tapirscan of a mode, loaded when it is first needed."""
    scanners: dict[str, Tapir] = _kept.__dict__.setdefault("tapir", {})
    if mode not in scanners:
        scanners[mode] = Tapir(mode)
    return scanners[mode]


def _library(module: str, package: str) -> Any:
    """Import a decoder when it is first needed. Raises DeviceError where that fails."""
    try:
        return import_module(module)
    except ImportError as error:
        raise DeviceError(
            Device.DECODER,
            Cause.MISSING_LIBRARY,
            f"{package} can't be loaded: {error}",
            hint=f"install it: pip install {package}; it needs a 64-bit system",
        ) from error


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
