"""A small physical picamera2: a sensor, a few buffers that go round, and a cable to pull.

It behaves as picamera2 0.3.3x where the driver could go wrong: lines padded to a stride, buffers
written again as soon as they are released, a request that timed out still takes the next frame
unless it is cancelled, and errors whose reason stands only in the exception's context.
"""

from __future__ import annotations

import sys
import threading
import time
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Self

import numpy as np
import pytest

STRIDE = 64  # bytes, a Pi 5's alignment
PADDING = 0xEE
CONTROLS = (
    "FrameDurationLimits",
    "ExposureTime",
    "AnalogueGain",
    "AeFlickerMode",
    "AeFlickerPeriod",
    "AfMode",
    "LensPosition",
    "NoiseReductionMode",
)
STREAM_KEYS = {"format", "size", "stride", "preserve_ar"}


@dataclass
class Bench:
    """What lies on the bench: switch it from a test."""

    plugged: bool = True
    delivering: bool = True
    used_elsewhere: bool = False
    forbidden: bool = False
    hangs_at_close: threading.Event | None = None
    largest: tuple[int, int] = (4608, 2592)
    controls: tuple[str, ...] = CONTROLS
    timestamps: bool = True
    open_now: int = 0
    configuration: dict[str, Any] = field(default_factory=dict)
    set_later: list[tuple[str, Any]] = field(default_factory=list)


class Transform:
    def __init__(self, hflip: int = 0, vflip: int = 0) -> None:
        self.hflip, self.vflip = hflip, vflip


class Request:
    def __init__(self, camera: FakePicamera2, buffer: np.ndarray[Any, Any], stamp_ns: int) -> None:
        self.camera, self.buffer, self.stamp_ns = camera, buffer, stamp_ns
        self.references = 1

    def get_metadata(self) -> dict[str, Any]:
        return {"SensorTimestamp": self.stamp_ns} if self.camera.bench.timestamps else {}

    def release(self) -> None:
        self.references -= 1
        if self.references < 0:
            raise RuntimeError("CompletedRequest: lock now has negative ref_count")
        self.buffer[:] = 0  # the hardware writes into it again
        self.camera.free.append(self.buffer)


class MappedArray:
    def __init__(self, request: Request, stream: str) -> None:
        self._request, self._stream = request, stream
        self.array: np.ndarray[Any, Any] | None = None

    def __enter__(self) -> Self:
        configuration = self._request.camera.configuration[self._stream]
        height, stride = configuration["size"][1], configuration["stride"]
        self.array = self._request.buffer.reshape((height * 3 // 2, stride))
        return self

    def __exit__(self, *_: object) -> None:
        self.array = None


class FakePicamera2:
    bench: Bench

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        if not cls.bench.plugged:
            return []
        return [{"Model": "imx708", "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a", "Num": 0}]

    def __init__(self, camera_num: int = 0) -> None:
        self.is_open = False
        self.global_camera_info()[camera_num]
        try:
            self._acquire()
        except RuntimeError:
            raise RuntimeError("Camera __init__ sequence did not complete.")  # noqa: B904 - as there
        self.bench.open_now += 1
        self.is_open = True
        self.configuration: dict[str, Any] = {}
        self.free: list[np.ndarray[Any, Any]] = []
        self._running = threading.Event()
        self._lock = threading.Lock()
        self._jobs: list[Future[Request]] = []
        self._kept: Request | None = None
        self._thread: threading.Thread | None = None

    def _acquire(self) -> None:
        if self.bench.forbidden:
            raise RuntimeError("Failed to acquire camera: Permission denied")
        if self.bench.used_elsewhere or self.bench.open_now:
            raise RuntimeError("Failed to acquire camera: Device or resource busy")

    @property
    def camera_controls(self) -> dict[str, tuple[int, int, int]]:
        return dict.fromkeys(self.bench.controls, (0, 1, 0))

    def create_video_configuration(
        self,
        main: dict[str, Any],
        lores: dict[str, Any],
        raw: dict[str, Any] | None,
        transform: Transform,
        buffer_count: int,
        controls: dict[str, Any],
        display: str | None,
        encode: str | None,
        queue: bool,
        sensor: dict[str, Any],
    ) -> dict[str, Any]:
        for stream in (main, lores):
            if set(stream) - STREAM_KEYS:
                raise ValueError(f"Bad key: valid stream configuration keys are {STREAM_KEYS}")
            width, height = stream["size"]
            stream["size"] = (width - width % 2, height - height % 2)
        return {
            "main": main,
            "lores": lores,
            "raw": raw,
            "transform": transform,
            "buffer_count": buffer_count,
            "controls": controls,
            "display": display,
            "encode": encode,
            "queue": queue,
            "sensor": sensor,
        }

    def configure(self, configuration: dict[str, Any]) -> None:
        for stream in ("main", "lores"):
            width, height = configuration[stream]["size"]
            if width > self.bench.largest[0] or height > self.bench.largest[1]:
                raise RuntimeError(f"Invalid camera configuration: {configuration}")
            configuration[stream]["stride"] = -(-width // STRIDE) * STRIDE
        for name in configuration["controls"]:
            if name not in self.bench.controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
        self.configuration = self.bench.configuration = configuration

    def set_controls(self, controls: dict[str, Any]) -> None:
        for name, value in controls.items():
            if name not in self.bench.controls:
                raise RuntimeError(f"Control {name} is not advertised by libcamera")
            self.bench.set_later.append((name, value))

    def camera_configuration(self) -> dict[str, Any]:
        return self.configuration

    def start(self) -> None:
        lores = self.configuration["lores"]
        amount = lores["size"][1] * 3 // 2 * lores["stride"]
        count = self.configuration["buffer_count"]
        self.free = [np.zeros(amount, np.uint8) for _ in range(count)]
        self._running.set()
        self._thread = threading.Thread(target=self._sensor, daemon=True)
        self._thread.start()

    def _sensor(self) -> None:
        interval_s = self.configuration["controls"]["FrameDurationLimits"][0] / 1e6
        width, height = self.configuration["lores"]["size"]
        stride = self.configuration["lores"]["stride"]
        while self._running.is_set():
            time.sleep(interval_s)
            with self._lock:
                if not (self.free and self.bench.delivering and self.bench.plugged):
                    continue
                buffer = self.free.pop(0)
                planes = buffer.reshape((height * 3 // 2, stride))
                planes[:height, :width] = np.arange(width, dtype=np.uint16).astype(np.uint8)
                planes[:height, width:] = PADDING
                planes[height:] = 128
                self._complete(Request(self, buffer, time.monotonic_ns()))

    def _complete(self, request: Request) -> None:
        if self._jobs:
            self._jobs.pop(0).set_result(request)
        elif self.configuration["queue"]:
            if self._kept is not None:
                self._kept.release()
            self._kept = request
        else:
            request.release()

    def capture_request(self, wait: float | None = None) -> Request:
        job: Future[Request] = Future()
        with self._lock:
            if self._kept is not None:
                kept, self._kept = self._kept, None
                return kept
            self._jobs.append(job)
        return job.result(timeout=wait)

    def cancel_all_and_flush(self) -> None:
        with self._lock:
            for job in self._jobs:
                job.set_exception(CancelledError())
            self._jobs = []

    def close(self) -> None:
        if not self.is_open:
            return
        if self.bench.hangs_at_close is not None:
            self.bench.hangs_at_close.wait()
        self._running.clear()
        if self._thread is not None:
            self._thread.join()
        self.is_open = False
        self.bench.open_now -= 1


def install(monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Put the fakes where `import picamera2` and `import libcamera` find them."""
    bench = Bench()
    camera = type("Picamera2", (FakePicamera2,), {"bench": bench})
    for name, members in (
        ("picamera2", {"Picamera2": camera, "MappedArray": MappedArray}),
        ("libcamera", {"Transform": Transform}),
    ):
        module = ModuleType(name)
        for member, value in members.items():
            setattr(module, member, value)
        monkeypatch.setitem(sys.modules, name, module)
    return bench
