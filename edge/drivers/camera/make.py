"""The camera that a configuration names, and no other."""

from __future__ import annotations

from typing import assert_never

from edge.config.model import (
    AnyCamera,
    Picamera2Table,
    ReplayTable,
    SimCameraTable,
    WebcamTable,
)
from edge.drivers.camera import Camera
from edge.drivers.sim.world import World


def make_camera(table: AnyCamera, *, world: World | None, reader: str) -> Camera:
    """A camera that is not open yet. Only the chosen driver is imported, with its libraries.

    `world` and `reader` are what a simulated camera looks into; raises ValueError where it has no
    world.
    """
    match table:
        case Picamera2Table():
            from edge.drivers.camera.picamera2 import Picamera2Camera

            return Picamera2Camera(table)
        case WebcamTable():
            from edge.drivers.camera.webcam import WebcamCamera

            return WebcamCamera(table)
        case ReplayTable():
            from edge.drivers.camera.replay import ReplayCamera

            return ReplayCamera(table)
        case SimCameraTable():
            from edge.drivers.camera.sim import SimCamera

            if world is None:
                raise ValueError(f"the simulated camera of reader '{reader}' needs a world")
            return SimCamera(table, world, reader)
        case _:
            assert_never(table)
