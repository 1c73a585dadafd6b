"""The decoders that the ladder is compared with, each as its documentation shows it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import tapirscan
import zxingcpp
from pyzbar import pyzbar

from edge.drivers.camera import GrayImage
from edge.scan.decode import BUDGET_S, read_codes
from edge.scan.frames import FRAME_BUDGET_S, FrameReader

Reader = Callable[[GrayImage], Sequence[bytes]]


def plain_pyzbar(gray: GrayImage) -> list[bytes]:
    return [found.data for found in pyzbar.decode(gray) if found.type == "QRCODE"]


def zxing_cpp(gray: GrayImage) -> list[bytes]:
    formats = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCodeModel2)
    return [found.bytes for found in zxingcpp.read_barcodes(gray, formats=formats)]


def tapirscan_medium() -> Reader:
    """On one thread, as the others run."""
    scanner = tapirscan.Scanner(mode="medium", formats=["QRCode"], parallel=False)

    def read(gray: GrayImage) -> list[bytes]:
        found = scanner.scan(np.ascontiguousarray(gray)).barcodes
        return [code.payload_bytes for code in found if code.payload_bytes is not None]

    return read


def ladder(slower: float = 1.0) -> Reader:
    """edge.scan.decode.read_codes, its time limit as short as on a machine so much slower."""
    return lambda gray: read_codes(gray, budget_s=BUDGET_S / slower)


def successive(slower: float = 1.0) -> Reader:
    """The scan process's own, which remembers the frames before."""
    reader = FrameReader(budget_s=FRAME_BUDGET_S / slower)
    return lambda gray: reader.read(gray).codes
