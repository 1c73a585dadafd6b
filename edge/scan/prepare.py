"""Pictures prepared for a decoder: uint8 [height, width] in, a new C-contiguous one out."""

from __future__ import annotations

import cv2
import numpy as np

from edge.drivers.camera import GrayImage
from edge.scan.found import Box

LARGEST_ENLARGING = 4.0  # beyond it there is nothing to be seen
LIGHT_PX = 51  # wider than the modules of a code, narrower than its shadow
DARK_LEVEL = 100  # gray level: a frame whose bright parts stay below is dark
BRIGHT_PART = 0.99  # of all pixels: some lamp is in many a dark picture
SPARSE = 8  # rows and columns, to know the light by
MOST_GAIN = 16.0


def halved(gray: GrayImage) -> GrayImage:
    """Half the size; each pixel the mean of four."""
    return _resized(gray, 0.5)


def cut_out(gray: GrayImage, place: Box, least_px: int, most_px: int) -> tuple[GrayImage, float]:
    """A place, its longer side brought to `least_px`..`most_px`, and the factor it took."""
    part = gray[place.top : place.bottom, place.left : place.right]
    scale = 1.0
    if place.side < least_px:
        scale = min(LARGEST_ENLARGING, least_px / place.side)
    elif place.side > most_px:
        scale = most_px / place.side
    return (np.ascontiguousarray(part) if scale == 1 else _resized(part, scale)), scale


def _resized(gray: GrayImage, scale: float) -> GrayImage:
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(gray, None, fx=scale, fy=scale, interpolation=way), np.uint8)


def softened(gray: GrayImage, sigma: float = 1.0) -> GrayImage:
    """Without the sensor's noise and the pixels of a screen."""
    return np.asarray(cv2.GaussianBlur(gray, (0, 0), sigma), np.uint8)


def sharpened(gray: GrayImage, sigma: float = 3.5, amount: float = 3.0) -> GrayImage:
    """What is out of focus by about `sigma`, brought out."""
    soft = cv2.GaussianBlur(gray, (0, 0), sigma)
    return np.asarray(cv2.addWeighted(gray, 1 + amount, soft, -amount, 0), np.uint8)


def flattened(gray: GrayImage, contrast: float = 3.0) -> GrayImage:
    """Against the light of the surroundings: shadow, glare and darkness taken out."""
    light = cv2.blur(gray, (LIGHT_PX, LIGHT_PX))
    return np.asarray(cv2.addWeighted(gray, contrast, light, -contrast, 128), np.uint8)


def thresholded(gray: GrayImage, below_mean: int, block_px: int = 31) -> GrayImage:
    """0 where a pixel is darker than the mean of its block by more than `below_mean`, else 255."""
    binary = cv2.adaptiveThreshold(
        gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, block_px, below_mean
    )
    return np.asarray(binary, np.uint8)


def brightened(gray: GrayImage) -> GrayImage:
    """A dark picture brought to full range; any other as it is.

    Decoders take differences of less than some 20 gray levels for noise.
    """
    sample = np.ascontiguousarray(gray[::SPARSE, ::SPARSE])
    counts = cv2.calcHist([sample], [0], None, [256], [0, 256])
    below = np.cumsum(counts) <= BRIGHT_PART * sample.size
    bright = int(below.sum())
    if bright > DARK_LEVEL:
        return gray
    gain = min(MOST_GAIN, 255 / max(1, bright))
    return np.asarray(cv2.convertScaleAbs(softened(gray), alpha=gain), np.uint8)


def bounded(gray: GrayImage, most_px: int) -> GrayImage:
    """Reduced so that its longer side is no more than `most_px`."""
    longer = max(gray.shape)
    if longer <= most_px:
        return gray
    width, height = (max(1, side * most_px // longer) for side in gray.shape[::-1])
    return np.asarray(cv2.resize(gray, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
