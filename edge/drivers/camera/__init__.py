"""Cameras: gray frames for decoding.

`Camera` is the abstract class; edge.drivers.factory makes the one the configuration names.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.drivers.base import DeviceError, Driver
from edge.gate.reasons import Cause, Device

GrayImage = NDArray[np.uint8]  # shape [height, width]


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture: `gray` is uint8 [height, width], C-contiguous and the receiver's own to keep;
    `taken_s` is monotonic seconds at exposure (at arrival where the device doesn't say);
    `number` counts frames since the driver was opened.
    """

    gray: GrayImage
    taken_s: float
    number: int


class Camera(Driver):
    """A subclass must override open, close and read."""

    @abstractmethod
    def read(self, timeout_s: float) -> Frame:
        """The newest frame, never one taken before the last `read` returned.

        Raises DeviceError: TIMEOUT when none comes in `timeout_s`, UNPLUGGED when the device is
        gone, ENDED when a replay is over.
        """


def camera_error(cause: Cause, detail: str, *, hint: str = "") -> DeviceError:
    """A camera's DeviceError."""
    return DeviceError(Device.CAMERA, cause, detail, hint=hint)
