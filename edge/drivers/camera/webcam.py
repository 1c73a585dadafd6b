"""A USB webcam through OpenCV and Video4Linux."""

from __future__ import annotations

import logging
import math
import os
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from edge.config.model import WebcamTable
from edge.drivers.base import DeviceError
from edge.drivers.camera import Camera, Frame, GrayImage, camera_error, v4l2
from edge.drivers.camera.pace import Pace
from edge.gate.reasons import Cause

log = logging.getLogger(__name__)

OPEN_S = 5.0  # a webcam may take seconds to wake up
CLOSE_S = 2.0

# V4L2_CID_EXPOSURE_AUTO: 1 manual, 3 aperture priority, which UVC cameras call automatic
EXPOSURE_MANUAL, EXPOSURE_AUTO = 1, 3
EXPOSURE_UNIT_US = 100  # V4L2_CID_EXPOSURE_ABSOLUTE
EARLY = 0.25  # of a frame's interval: how much before its tick a frame may come


class Capture(Protocol):
    """What is used of cv2.VideoCapture."""

    def isOpened(self) -> bool: ...  # noqa: N802 - OpenCV's name
    def set(self, key: int, value: float, /) -> bool: ...
    def get(self, key: int, /) -> float: ...
    def grab(self) -> bool: ...
    def retrieve(self) -> tuple[bool, Any]: ...
    def release(self) -> None: ...


def open_v4l2(device: str) -> Capture:
    """OpenCV's capture of a Video4Linux device, whether it could be opened or not."""
    import cv2

    return cv2.VideoCapture(device, cv2.CAP_V4L2)


class WebcamCamera(Camera):
    """A webcam, read in a thread of its own.

    OpenCV's calls block for as long as the camera says nothing; here only that thread waits for
    them, so `read` keeps its timeout and `close` returns even while one hangs. The camera's own
    buffer holds one picture, and pictures that come faster than `frame_rate_hz` are dropped.
    `Frame.taken_s` is the arrival: Video4Linux's time is not handed on by OpenCV.
    """

    def __init__(
        self,
        table: WebcamTable,
        *,
        probe: Callable[[str], None] = v4l2.probe,
        open_capture: Callable[[str], Capture] = open_v4l2,
    ) -> None:
        self._table = table
        self._probe = probe
        self._open_capture = open_capture
        self._reader: _Reader | None = None
        self._left: _Reader | None = None  # one that was still inside a native call at close

    def open(self) -> None:
        """Raises DeviceError: NOT_FOUND, PERMISSION, BUSY, UNPLUGGED, TIMEOUT, MISSING_LIBRARY;
        OTHER where the camera refuses what the table asks for.
        """
        if self._reader is not None:
            raise RuntimeError(f"{self._table.device} is open already")
        if self._left is not None and not self._left.ended(0):
            raise camera_error(
                Cause.BUSY, f"the last read of {self._table.device} has not returned yet"
            )
        self._left = None
        self._probe(self._table.device)
        # the longest that OpenCV waits inside one read; the default is 10 s
        longest_s = str(max(1, math.ceil(self._table.timeout_s)))
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", longest_s)
        self._reader = _Reader(self._table, self._probe, self._open_capture)
        try:
            self._reader.wait_ready(OPEN_S)
        except DeviceError:
            self.close()
            raise

    def close(self) -> None:
        """Ends a `read` that waits; returns within CLOSE_S even while a native call hangs."""
        reader, self._reader = self._reader, None
        if reader is None:
            return
        reader.stop()
        if not reader.ended(CLOSE_S):
            self._left = reader
            log.warning("%s: a read has not returned; left to itself", self._table.device)

    def read(self, timeout_s: float) -> Frame:
        """See Camera.read. Raises DeviceError: TIMEOUT, UNPLUGGED, BAD_DATA, IO_ERROR; OTHER when
        not open.
        """
        if self._reader is None:
            raise camera_error(Cause.OTHER, f"{self._table.device} is not open")
        return self._reader.next(timeout_s)


class _Reader:
    """The thread that owns the capture, and the newest frame it read."""

    def __init__(
        self,
        table: WebcamTable,
        probe: Callable[[str], None],
        open_capture: Callable[[str], Capture],
    ) -> None:
        self._table = table
        self._probe = probe
        self._open_capture = open_capture
        self._changed = threading.Condition()
        self._stopping = False
        self._ready = False
        self._error: DeviceError | None = None
        self._frame: Frame | None = None
        self._thread = threading.Thread(target=self._main, name=table.device, daemon=True)
        self._thread.start()

    def wait_ready(self, timeout_s: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._error is not None, timeout_s)
            if self._error is not None:
                raise self._error
            if not self._ready:
                raise camera_error(
                    Cause.TIMEOUT, f"{self._table.device} did not start within {timeout_s:g} s"
                )

    def next(self, timeout_s: float) -> Frame:
        """The newest frame that was not handed out yet."""
        with self._changed:
            self._changed.wait_for(self._has_news, timeout_s)
            frame, self._frame = self._frame, None
            if frame is not None:
                return frame
            if self._error is not None:
                raise self._error
            if self._stopping:
                raise camera_error(Cause.OTHER, f"{self._table.device} was closed")
        raise camera_error(
            Cause.TIMEOUT, f"{self._table.device} gave no frame within {timeout_s:g} s"
        )

    def _has_news(self) -> bool:
        return self._frame is not None or self._error is not None or self._stopping

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def ended(self, timeout_s: float) -> bool:
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            self._capture()
        except DeviceError as error:
            self._fail(error)
        except ImportError as error:
            hint = "run `make install` again"
            self._fail(camera_error(Cause.MISSING_LIBRARY, f"OpenCV: {error}", hint=hint))
        except Exception as error:  # noqa: BLE001 - cv2.error among others; the owner gets it
            self._fail(camera_error(Cause.IO_ERROR, f"{self._table.device}: {error}"))

    def _fail(self, error: DeviceError) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()

    def _capture(self) -> None:
        capture = self._open_capture(self._table.device)
        try:
            _set_up(capture, self._table)
            with self._changed:
                self._ready = True
                self._changed.notify_all()
            self._loop(capture)
        finally:
            capture.release()

    def _loop(self, capture: Capture) -> None:
        pace = Pace(self._table.frame_rate_hz, time.monotonic())
        tick = -1
        number = 0
        while not self._stopping:
            if not capture.grab():
                raise self._lost()
            taken_s = time.monotonic()
            due = pace.newest(taken_s + EARLY / self._table.frame_rate_hz)
            if due > tick:
                tick = due
                self._publish(Frame(self._retrieve(capture), taken_s, number))
            number += 1

    def _publish(self, frame: Frame) -> None:
        with self._changed:
            self._frame = frame
            self._changed.notify_all()

    def _retrieve(self, capture: Capture) -> GrayImage:
        import cv2
        import numpy as np

        good, image = capture.retrieve()
        if not good or image is None:
            raise camera_error(Cause.BAD_DATA, f"{self._table.device} gave a broken picture")
        gray = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        width, height = self._table.size
        if gray.shape != (height, width):
            raise _wrong_size(self._table, (gray.shape[1], gray.shape[0]))
        return np.array(gray, np.uint8, order="C")  # the receiver's own: OpenCV may use its again

    def _lost(self) -> DeviceError:
        """Why a read failed: the device itself knows best."""
        try:
            self._probe(self._table.device)
        except DeviceError as error:
            if error.cause is Cause.NOT_FOUND:
                return camera_error(
                    Cause.UNPLUGGED,
                    f"{self._table.device} is gone",
                    hint="plug the camera in again",
                )
            if error.cause is not Cause.BUSY:  # we are the ones who use it
                return error
        return camera_error(
            Cause.TIMEOUT,
            f"{self._table.device} is there but gives no pictures",
            hint="try another cable, socket or a powered hub",
        )


def _set_up(capture: Capture, table: WebcamTable) -> None:
    """Ask for size, rate and exposure. Raises DeviceError where the camera gives something else."""
    import cv2

    if not capture.isOpened():
        raise camera_error(
            Cause.IO_ERROR,
            f"{table.device} can't be opened by OpenCV",
            hint="see `v4l2-ctl --list-formats-ext` for a format it knows",
        )
    width, height = table.size
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
    capture.set(cv2.CAP_PROP_FPS, table.frame_rate_hz)
    got = (
        int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
    )
    if got != table.size:
        raise _wrong_size(table, got)
    if table.exposure_us is None:
        capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, EXPOSURE_AUTO)
        return
    exposure = max(1, round(table.exposure_us / EXPOSURE_UNIT_US))
    if not (
        capture.set(cv2.CAP_PROP_AUTO_EXPOSURE, EXPOSURE_MANUAL)
        and capture.set(cv2.CAP_PROP_EXPOSURE, exposure)
    ):
        raise camera_error(
            Cause.OTHER,
            f"{table.device} takes no exposure_us",
            hint="leave the key out, or see `v4l2-ctl --list-ctrls`",
        )


def _wrong_size(table: WebcamTable, got: tuple[int, int]) -> DeviceError:
    return camera_error(
        Cause.OTHER,
        f"{table.device} gives {got[0]}x{got[1]} instead of {table.size[0]}x{table.size[1]}",
        hint="set size to one that `v4l2-ctl --list-formats-ext` shows",
    )
