"""Gray pictures from image files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from edge.drivers.camera import GrayImage


def load_gray(path: Path) -> GrayImage:
    """Read an image file as uint8 [height, width].

    Raises ValueError that names the file and what to do, for a file that is missing, not readable
    or no image.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path}: {error.strerror}; give the path of an image that may be read"
        ) from error
    gray = _decoded(content)
    if gray is None:
        raise ValueError(f"{path}: not an image that can be read; give a PNG, JPEG, WebP or BMP")
    return gray


def _decoded(content: bytes) -> GrayImage | None:
    if not content:
        return None  # cv2 raises on an empty buffer, and returns None for all else
    try:
        picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # a header that promises more pixels than cv2 will allocate
        return None
    return None if picture is None else np.asarray(picture, np.uint8)
