"""Pictures with QR codes, drawn for the tests of this folder."""

from __future__ import annotations

import cv2
import numpy as np
import segno

from edge.drivers.camera import GrayImage


def code(payload: bytes, scale: int = 3) -> GrayImage:
    """A clean code of bytes, with its quiet zone."""
    error = "L" if len(payload) > 1000 else "M"
    return drawn(
        segno.make(payload, mode="byte", micro=False, error=error, boost_error=False), scale
    )


def drawn(symbol: segno.QRCode, scale: int = 3) -> GrayImage:
    """A segno symbol as a picture, 4 modules of quiet zone around it."""
    modules = np.pad(np.array([list(row) for row in symbol.matrix], np.uint8), 4)
    return np.kron(255 - 255 * modules, np.ones((scale, scale), np.uint8)).astype(np.uint8)


def scene(*codes: GrayImage, height: int = 480, width: int = 640, seed: int = 1) -> GrayImage:
    """A gray room with noise, blurred a little, and codes side by side in it."""
    frame = np.full((height, width), 120, np.uint8)
    left = 20
    for picture in codes:
        rows, columns = picture.shape
        frame[30 : 30 + rows, left : left + columns] = picture // 2 + 60
        left += columns + 20
    noise = np.random.default_rng(seed).normal(0, 3, frame.shape)
    soft = cv2.GaussianBlur(frame, (0, 0), 0.8).astype(np.float64) + noise
    return np.clip(soft, 0, 255).astype(np.uint8)


def broken(payload: bytes, scale: int = 3) -> GrayImage:
    """A code that is found and never read: its data modules are random."""
    error = "L" if len(payload) > 1000 else "M"
    symbol = segno.make(payload, mode="byte", micro=False, error=error, boost_error=False)
    modules = np.array([list(row) for row in symbol.matrix], np.uint8)
    inner = slice(9, len(modules) - 9)
    noise = np.random.default_rng(len(payload)).integers(0, 2, modules.shape, np.uint8)
    modules[9:, inner] = noise[9:, inner]
    modules[inner, 9:] = noise[inner, 9:]
    wide = np.pad(modules, 4)
    return np.kron(255 - 255 * wide, np.ones((scale, scale), np.uint8)).astype(np.uint8)


def finders(height: int, width: int, scale: int) -> GrayImage:
    """A picture full of finder patterns, which keeps decoders busy combining them."""
    rings = np.pad(np.full((3, 3), 0, np.uint8), 1, constant_values=255)
    rings = np.pad(np.pad(rings, 1, constant_values=0), 1, constant_values=255)
    pattern = np.kron(rings, np.ones((scale, scale), np.uint8))
    down, across = height // len(pattern) + 1, width // len(pattern) + 1
    return np.tile(pattern, (down, across))[:height, :width].astype(np.uint8)
