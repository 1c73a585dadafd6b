"""A Raspberry Pi camera through picamera2, which comes with Raspberry Pi OS.

The luma plane of a small YUV420 stream is the gray picture: the camera's own hardware scales it,
and nothing converts colours.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge.config.model import Picamera2Table
from edge.drivers.base import DeviceError
from edge.drivers.camera import Camera, Frame, GrayImage, camera_error
from edge.drivers.camera.native import NativeCall
from edge.gate.reasons import Cause

log = logging.getLogger(__name__)

CLOSE_S = 5.0
BUFFERS = 4  # one with us, one kept ready, two under way

# libcamera's control_ids_core.yaml; the enumerators' Python names changed between versions
AF_MODE_MANUAL = 0
AE_FLICKER_OFF, AE_FLICKER_MANUAL = 0, 1

# what picamera2 and libcamera's bindings raise, in turn: a camera that is used, a configuration
# that is refused, a list of cameras that grew shorter, a call that close() cancelled
LIBRARY_ERRORS = (
    RuntimeError,
    OSError,
    ValueError,
    LookupError,
    AssertionError,
    CancelledError,
)


class Picamera2Camera(Camera):
    """Camera `number` of a Raspberry Pi, as `rpicam-hello --list-cameras` counts.

    picamera2's loop keeps the newest request ready (queue), so a reader that is slower than the
    camera gets a fresh frame at once. Close runs in a thread: libcamera can wait for ever for a
    sensor whose cable came loose.
    """

    def __init__(self, table: Picamera2Table) -> None:
        self._table = table
        self._library: _Library | None = None
        self._camera: Any = None
        self._closing: NativeCall | None = None
        self._id = ""
        self._number = 0

    def open(self) -> None:
        """Raises DeviceError: MISSING_LIBRARY, NOT_FOUND, BUSY, PERMISSION; OTHER where the camera
        refuses what the table asks for.
        """
        if self._camera is not None:
            raise RuntimeError(f"camera {self._table.number} is open already")
        if self._closing is not None and not self._closing.finished(0):
            raise camera_error(
                Cause.BUSY, f"camera {self._table.number} has not finished closing yet"
            )
        self._closing = None
        self._library = _import()
        try:
            self._id = self._find(self._library)
            self._camera = self._library.Picamera2(self._table.number)
            self._start(self._library)
        except DeviceError:
            self.close()
            raise
        except LIBRARY_ERRORS as error:
            self.close()
            raise self._explain(error) from error
        self._number = 0

    def close(self) -> None:
        """Returns within CLOSE_S even while libcamera hangs."""
        camera, self._camera = self._camera, None
        if camera is None:
            return

        def shut() -> None:
            camera.cancel_all_and_flush()
            camera.close()

        self._closing = NativeCall(f"close camera {self._table.number}", shut)
        if not self._closing.finished(CLOSE_S):
            log.warning("camera %d: close has not returned; left to itself", self._table.number)

    def read(self, timeout_s: float) -> Frame:
        """See Camera.read. Raises DeviceError: TIMEOUT, UNPLUGGED; OTHER when not open."""
        camera, library = self._camera, self._library
        if camera is None or library is None:
            raise camera_error(Cause.OTHER, f"camera {self._table.number} is not open")
        try:
            request = camera.capture_request(wait=timeout_s)
        except TimeoutError as error:
            # else the request that comes late would be handed to nobody and never come back
            camera.cancel_all_and_flush()
            raise self._silent(library, timeout_s) from error
        except LIBRARY_ERRORS as error:
            raise self._explain(error) from error
        try:
            with library.MappedArray(request, "lores") as mapped:
                gray = crop(mapped.array, self._table.size)
            taken_s = _taken_s(request.get_metadata())
        except LIBRARY_ERRORS as error:
            raise self._explain(error) from error
        finally:
            request.release()
        self._number += 1
        self._expose_next(camera)
        return Frame(gray, taken_s, self._number - 1)

    def _expose_next(self, camera: Any) -> None:
        """Set the other exposure of a bracket. It takes effect some frames later, since requests
        are under way, and alternates all the same.
        """
        if self._table.bracket == 1 or self._table.exposure_us is None:
            return
        part = self._table.bracket if self._number % 2 else 1.0
        try:
            camera.set_controls({"ExposureTime": max(1, round(self._table.exposure_us * part))})
        except LIBRARY_ERRORS as error:
            raise self._explain(error) from error

    def _find(self, library: _Library) -> str:
        """The identity of the camera of our number."""
        cameras = library.Picamera2.global_camera_info()
        if self._table.number >= len(cameras):
            known = ", ".join(str(camera.get("Model", "?")) for camera in cameras) or "none"
            raise camera_error(
                Cause.NOT_FOUND,
                f"there is no camera {self._table.number}; found: {known}",
                hint="check the ribbon cable, then `rpicam-hello --list-cameras`",
            )
        return str(cameras[self._table.number]["Id"])

    def _start(self, library: _Library) -> None:
        stream = {"size": self._table.size, "format": "YUV420"}
        turn = int(self._table.flip)
        configuration = self._camera.create_video_configuration(
            main=dict(stream),
            lores=dict(stream),
            raw=None,
            sensor={"output_size": self._table.sensor_size},
            transform=library.Transform(hflip=turn, vflip=turn),
            controls=controls(self._table, self._camera.camera_controls),
            buffer_count=BUFFERS,
            queue=True,
            display=None,
            encode=None,
        )
        self._camera.configure(configuration)
        size = tuple(self._camera.camera_configuration()["lores"]["size"])
        if size != self._table.size:
            raise camera_error(
                Cause.OTHER,
                f"camera {self._table.number} gives {size[0]}x{size[1]} instead of "
                f"{self._table.size[0]}x{self._table.size[1]}",
                hint=f"set size = [{size[0]}, {size[1]}]",
            )
        self._camera.start()

    def _silent(self, library: _Library, timeout_s: float) -> DeviceError:
        """Why nothing came: gone, or silent."""
        there = any(info["Id"] == self._id for info in library.Picamera2.global_camera_info())
        if there:
            return camera_error(
                Cause.TIMEOUT,
                f"camera {self._table.number} gave no frame within {timeout_s:g} s",
                hint="check the ribbon cable",
            )
        return camera_error(
            Cause.UNPLUGGED, f"camera {self._table.number} is gone", hint="plug the camera in again"
        )

    def _explain(self, error: BaseException) -> DeviceError:
        """The DeviceError for what the library raised; picamera2 hides the reason in the chain."""
        name = f"camera {self._table.number}"
        if isinstance(error, CancelledError):
            return camera_error(Cause.OTHER, f"{name} was closed")
        reasons = [str(part) for part in _chain(error) if str(part)]
        text = " ".join(reasons).lower()
        if "busy" in text:
            return camera_error(
                Cause.BUSY,
                f"{name} is used by another program",
                hint="`fuser /dev/media*` names it",
            )
        if "permission denied" in text or "not permitted" in text:
            return camera_error(
                Cause.PERMISSION,
                f"{name} may not be opened",
                hint="add the user to the group video",
            )
        if "not found" in text or "no such device" in text:
            return camera_error(Cause.NOT_FOUND, f"{name} is not there", hint="check its cable")
        detail = reasons[-1] if reasons else type(error).__name__
        return camera_error(Cause.OTHER, f"{name}: {detail}")


def controls(table: Picamera2Table, available: Mapping[str, object]) -> dict[str, object]:
    """The controls of libcamera for a table, without those that the camera does not have.

    A wrong exposure or gain is an error of the configuration, so both are asked for even where the
    camera lacks them; focus and flicker are left out there: many modules have a fixed lens.
    """
    frame_us = round(1_000_000 / table.frame_rate_hz)
    wanted: dict[str, object] = {"FrameDurationLimits": (frame_us, frame_us)}
    if table.exposure_us is not None:
        wanted["ExposureTime"] = table.exposure_us
    if table.gain is not None:
        wanted["AnalogueGain"] = table.gain
    if "AeFlickerMode" in available:
        wanted["AeFlickerMode"] = AE_FLICKER_MANUAL if table.mains_hz else AE_FLICKER_OFF
        if table.mains_hz and "AeFlickerPeriod" in available:
            # lamps flicker twice in a period of the mains
            wanted["AeFlickerPeriod"] = round(1_000_000 / (2 * table.mains_hz))
    if table.focus_m is not None and "AfMode" in available:
        wanted["AfMode"] = AF_MODE_MANUAL
        wanted["LensPosition"] = 1 / table.focus_m  # in dioptres
    return wanted


def crop(planes: np.ndarray[Any, np.dtype[np.uint8]], size: tuple[int, int]) -> GrayImage:
    """The luma plane, copied out of a mapped YUV420 buffer: uint8 [height, width].

    picamera2 maps such a buffer as [height * 3 / 2, stride]: luma first, chroma below, each line
    padded to the stride that the hardware writes. The one copy is ours to keep; the buffer goes
    back to the camera.
    """
    width, height = size
    if planes.ndim != 2 or planes.shape[0] < height or planes.shape[1] < width:
        raise ValueError(f"a buffer of {planes.shape} holds no {width}x{height} picture")
    return planes[:height, :width].copy(order="C")


def _taken_s(metadata: Mapping[str, Any]) -> float:
    """Monotonic second of the exposure; of arrival where the sensor gives none.

    SensorTimestamp is the kernel's monotonic clock in nanoseconds (V4L2's buffers).
    """
    stamp_ns = metadata.get("SensorTimestamp")
    return time.monotonic() if stamp_ns is None else stamp_ns / 1e9


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@dataclass(frozen=True, slots=True)
class _Library:
    """The names that are used of picamera2 and libcamera."""

    Picamera2: Any
    MappedArray: Any
    Transform: Any


def _import() -> _Library:
    """Import picamera2, which is no dependency: only Raspberry Pi OS has it."""
    try:
        from libcamera import Transform
        from picamera2 import MappedArray, Picamera2
    except (ImportError, ValueError) as error:  # ValueError: built against another numpy
        raise camera_error(
            Cause.MISSING_LIBRARY,
            f"picamera2 can't be imported: {error}",
            hint="`apt install python3-picamera2`, and a virtual environment that sees the system's"
            " packages (python3 -m venv --system-site-packages)",
        ) from error
    return _Library(Picamera2, MappedArray, Transform)
