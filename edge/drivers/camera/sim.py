"""A simulated camera: looks into the simulated world and obeys its plan of faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import cv2
import numpy as np

from edge.config.model import SimCameraTable
from edge.drivers.camera import Camera, Frame, GrayImage, camera_error
from edge.drivers.camera.pace import Pace
from edge.drivers.sim.render import Renderer
from edge.drivers.sim.world import World
from edge.gate.reasons import Cause, Device

HUNG_STEP_S = 0.05


class SimCamera(Camera):
    """One reader's camera in `world`, exposing at the table's frame rate.

    A late reader gets the newest exposure, as from a real camera; the ones between are lost, and
    `Frame.number` shows how many. Frames are drawn before they are due, so that drawing costs a
    reader no time. Faults (edge.drivers.sim.world.FAULT_KINDS): "unplugged" ends the connection
    until the camera is opened again; "frozen" gives no frame; "hung" blocks `read` whatever its
    timeout, as a native driver can; "covered" gives dark frames.
    """

    def __init__(
        self,
        table: SimCameraTable,
        world: World,
        reader: str,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._world = world
        self._reader = reader
        self._monotonic = monotonic
        self._closed = threading.Event()
        self._renderer: Renderer | None = None
        self._pace = Pace(table.frame_rate_hz, 0.0)
        self._tick = -1

    def open(self) -> None:
        """Raises DeviceError: NOT_FOUND while the camera is unplugged."""
        if self._renderer is not None:
            raise RuntimeError(f"the camera of reader '{self._reader}' is open already")
        now_s = self._monotonic()
        if self._fault(now_s) == "unplugged":
            raise camera_error(
                Cause.NOT_FOUND, f"the simulated camera of reader '{self._reader}' is unplugged"
            )
        self._renderer = Renderer(self._table.size, self._reader)
        self._pace = Pace(self._table.frame_rate_hz, now_s)
        self._tick = -1
        self._closed.clear()

    def close(self) -> None:
        """Ends a `read` that waits."""
        self._closed.set()
        self._renderer = None

    def read(self, timeout_s: float) -> Frame:
        """See Camera.read. Raises DeviceError: UNPLUGGED, TIMEOUT, OTHER when not open."""
        deadline_s = self._monotonic() + timeout_s
        while True:
            renderer = self._renderer
            if renderer is None:
                raise camera_error(Cause.OTHER, "the camera is not open")
            tick = max(self._tick + 1, self._pace.newest(self._monotonic()))
            due_s = self._pace.due_s(tick)
            if due_s > deadline_s:
                self._wait_until(deadline_s)
                self._check_plug(deadline_s)
                raise camera_error(Cause.TIMEOUT, f"no frame within {timeout_s:g} s")
            self._tick = tick
            image = self._image(renderer, due_s, tick)
            self._wait_until(due_s)
            self._check_plug(due_s)
            while self._fault(self._monotonic()) == "hung":
                time.sleep(HUNG_STEP_S)
            if image is not None and not self._closed.is_set():
                return Frame(image, due_s, tick)

    def _image(self, renderer: Renderer, at_s: float, tick: int) -> GrayImage | None:
        """What an exposure at `at_s` gives; None for nothing."""
        fault = self._fault(at_s)
        if fault in {"frozen", "unplugged"}:
            return None
        now_s = self._world.now_s(at_s)
        if fault == "covered":
            return renderer.covered(now_s)
        return self._exposed(renderer.render(self._world.at(self._reader, at_s), now_s), tick)

    def _exposed(self, scene: GrayImage, tick: int) -> GrayImage:
        """A scene by the light of the place and the exposure of this frame; what is brighter than
        white is lost.
        """
        gain = self._table.light * (self._table.bracket if tick % 2 else 1.0)
        return scene if gain == 1 else np.asarray(cv2.convertScaleAbs(scene, alpha=gain), np.uint8)

    def _check_plug(self, at_s: float) -> None:
        if self._fault(at_s) == "unplugged":
            self.close()  # the handle of a device that went away never works again
            raise camera_error(
                Cause.UNPLUGGED, f"the simulated camera of reader '{self._reader}' was unplugged"
            )

    def _fault(self, at_s: float) -> str | None:
        return self._world.fault(Device.CAMERA, self._reader, at_s)

    def _wait_until(self, moment_s: float) -> None:
        self._closed.wait(max(0.0, moment_s - self._monotonic()))
