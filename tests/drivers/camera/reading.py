"""Reading on until a camera fails."""

from __future__ import annotations

import pytest

from edge.drivers.base import DeviceError
from edge.drivers.camera import Camera


def failure(camera: Camera, timeout_s: float) -> DeviceError:
    """The error that a device in trouble gives once the frames under way are used up."""
    for _ in range(1_000):
        try:
            camera.read(timeout_s)
        except DeviceError as error:
            return error
    pytest.fail("the frames never end")
