"""A small physical webcam on a USB socket: what OpenCV's capture and the kernel would answer."""

from __future__ import annotations

import threading
import time
from typing import Any

import cv2
import numpy as np

from edge.drivers.camera import camera_error
from edge.gate.reasons import Cause

DEVICE = "/dev/video7"
SELECT_TIMEOUT_S = 0.2  # OpenCV's own wait inside a read


class Socket:
    """The socket and its camera: switch it from a test."""

    def __init__(self) -> None:
        self.plugged = True
        self.delivering = True
        self.hang: threading.Event | None = None  # a native read that returns only when it is set
        self.sizes = [(320, 240), (640, 480)]
        self.settings: dict[int, float] = {}
        self.rate_hz = 60.0
        self.takes_exposure = True
        self.broken_pictures = False
        self.open_now = 0
        self.grabbed = 0

    def probe(self, device: str) -> None:
        if not self.plugged:
            raise camera_error(Cause.NOT_FOUND, f"{device} does not exist")
        if self.open_now:
            raise camera_error(Cause.BUSY, f"{device} is used by another program")

    def open_capture(self, device: str) -> Capture:
        return Capture(self)


class Capture:
    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._open = socket.plugged
        self._size = socket.sizes[0]
        self._shown = 0
        if self._open:
            socket.open_now += 1

    def isOpened(self) -> bool:  # noqa: N802
        return self._open

    def set(self, key: int, value: float, /) -> bool:
        exposes = key in {cv2.CAP_PROP_EXPOSURE, cv2.CAP_PROP_AUTO_EXPOSURE}
        if exposes and not self._socket.takes_exposure:
            return False
        self._socket.settings[key] = value
        wanted = (
            self._socket.settings.get(cv2.CAP_PROP_FRAME_WIDTH, self._size[0]),
            self._socket.settings.get(cv2.CAP_PROP_FRAME_HEIGHT, self._size[1]),
        )
        # a driver takes the nearest size that it knows
        self._size = min(self._socket.sizes, key=lambda size: abs(size[0] - wanted[0]))
        return True

    def get(self, key: int, /) -> float:
        by_key = {cv2.CAP_PROP_FRAME_WIDTH: self._size[0], cv2.CAP_PROP_FRAME_HEIGHT: self._size[1]}
        return float(by_key[key])

    def grab(self) -> bool:
        if self._socket.hang is not None:
            self._socket.hang.wait()
        until_s = time.monotonic() + SELECT_TIMEOUT_S
        time.sleep(1 / self._socket.rate_hz)
        while self._socket.plugged and not self._socket.delivering:
            if time.monotonic() > until_s:
                return False
            time.sleep(0.01)
        self._socket.grabbed += 1
        return self._socket.plugged

    def retrieve(self) -> tuple[bool, Any]:
        if self._socket.broken_pictures:
            return False, None
        self._shown += 1
        width, height = self._size
        return True, np.full((height, width, 3), self._shown % 256, np.uint8)

    def release(self) -> None:
        if self._open:
            self._open = False
            self._socket.open_now -= 1
