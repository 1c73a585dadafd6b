"""Pictures from files in place of a camera: a folder of images, one image, or a video."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from edge.config.model import ReplayTable
from edge.drivers.base import DeviceError
from edge.drivers.camera import Camera, Frame, GrayImage, camera_error
from edge.drivers.camera.pace import Pace
from edge.gate.reasons import Cause

IMAGE_SUFFIXES = frozenset(
    (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
)
BORDER = 128  # gray level beside a picture of another shape


class ReplayCamera(Camera):
    """Shows each picture once, in order of names, at the table's frame rate.

    A late reader misses none: a replay is for repeating what was seen. A picture is scaled to fit
    into the configured size with its proportions kept, and gray is put beside it.
    """

    def __init__(
        self, table: ReplayTable, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = table
        self._monotonic = monotonic
        self._closed = threading.Event()
        self._pictures: Iterator[GrayImage] | None = None
        self._pace = Pace(table.frame_rate_hz, 0.0)
        self._number = 0

    def open(self) -> None:
        """Raises DeviceError: NOT_FOUND, PERMISSION, BAD_DATA for a video that can't be read."""
        if self._pictures is not None:
            raise RuntimeError(f"{self._table.path} is open already")
        source = _source(self._table.path)
        self._pictures = _looped(source) if self._table.loop else source()
        self._pace = Pace(self._table.frame_rate_hz, self._monotonic())
        self._number = 0
        self._closed.clear()

    def close(self) -> None:
        """Ends a `read` that waits."""
        self._closed.set()
        self._pictures = None

    def read(self, timeout_s: float) -> Frame:
        """See Camera.read. Raises DeviceError: ENDED, TIMEOUT, BAD_DATA (names the file),
        UNPLUGGED when the files went away; OTHER when not open.
        """
        pictures = self._pictures
        if pictures is None:
            raise camera_error(Cause.OTHER, f"{self._table.path} is not open")
        deadline_s = self._monotonic() + timeout_s
        due_s = self._pace.due_s(self._number)
        if due_s > deadline_s:
            self._wait_until(deadline_s)
            raise camera_error(Cause.TIMEOUT, f"no picture is due within {timeout_s:g} s")
        self._wait_until(due_s)
        if self._closed.is_set():
            raise camera_error(Cause.OTHER, f"{self._table.path} was closed")
        picture = next(pictures, None)
        if picture is None:
            raise camera_error(Cause.ENDED, f"{self._table.path} has no more pictures")
        now_s = self._monotonic()
        if now_s > due_s + 1 / self._table.frame_rate_hz:  # late: the next one is not hurried
            self._pace = Pace(
                self._table.frame_rate_hz, now_s - self._number / self._table.frame_rate_hz
            )
        number = self._number
        self._number += 1
        return Frame(fit(picture, self._table.size), now_s, number)

    def _wait_until(self, moment_s: float) -> None:
        self._closed.wait(max(0.0, moment_s - self._monotonic()))


def read_image(path: Path) -> GrayImage:
    """An image file as uint8 [height, width]. Raises DeviceError that names the file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE)
    except cv2.error:  # nothing in the file, or an absurd size
        image = None
    if image is None:
        raise camera_error(Cause.BAD_DATA, f"{path} is no image that can be read")
    return np.asarray(image, np.uint8)


def fit(picture: GrayImage, size: tuple[int, int]) -> GrayImage:
    """`picture` scaled into width x height with its proportions kept, gray beside it: a new array
    uint8 [height, width].
    """
    width, height = size
    rows, columns = picture.shape
    scale = min(width / columns, height / rows)
    inner = (max(1, round(columns * scale)), max(1, round(rows * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
    whole = np.full((height, width), BORDER, np.uint8)
    whole[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        picture, inner, interpolation=how
    )
    return whole


def _source(path: Path) -> Callable[[], Iterator[GrayImage]]:
    """What makes the pictures of `path`, from the first on, each time it is called."""
    try:
        path.stat()
        is_folder = path.is_dir()
        names = sorted(path.iterdir()) if is_folder else [path]
    except OSError as error:
        raise _unreadable(path, error, Cause.NOT_FOUND) from error
    images = [name for name in names if name.suffix.lower() in IMAGE_SUFFIXES]
    if images:
        return lambda: (read_image(name) for name in images)
    if is_folder:
        raise camera_error(
            Cause.NOT_FOUND,
            f"{path} holds no image",
            hint=f"known are {', '.join(sorted(IMAGE_SUFFIXES))}",
        )
    _open_video(path).release()
    return lambda: _video(path)


def _video(path: Path) -> Iterator[GrayImage]:
    capture = _open_video(path)
    try:
        seen = 0
        while True:
            good, image = capture.read()
            if not good or image is None:
                break
            seen += 1
            yield np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
        if seen == 0:
            raise camera_error(Cause.BAD_DATA, f"{path} holds no picture that can be read")
    finally:
        capture.release()


def _open_video(path: Path) -> Any:
    try:
        path.open("rb").close()
    except OSError as error:
        raise _unreadable(path, error) from error
    capture = cv2.VideoCapture(str(path))
    if not capture.isOpened():
        raise camera_error(Cause.BAD_DATA, f"{path} is no image or video that can be read")
    return capture


def _looped(source: Callable[[], Iterator[GrayImage]]) -> Iterator[GrayImage]:
    while True:
        yield from source()


def _unreadable(path: Path, error: OSError, missing: Cause = Cause.UNPLUGGED) -> DeviceError:
    if isinstance(error, PermissionError):
        return camera_error(
            Cause.PERMISSION, f"{path} may not be read by this user", hint="see `ls -l`"
        )
    if isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return camera_error(missing, f"{path} does not exist", hint="set path to what to show")
    return camera_error(Cause.IO_ERROR, f"{path} can't be read: {error.strerror}")
