"""What every camera promises, the real drivers (over what stands in for their hardware), the
replay and the simulator alike.
"""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config.model import Picamera2Table, ReplayTable, SimCameraTable, WebcamTable
from edge.drivers.base import DeviceError
from edge.drivers.camera import Camera, Frame
from edge.drivers.camera.picamera2 import Picamera2Camera
from edge.drivers.camera.replay import ReplayCamera
from edge.drivers.camera.sim import SimCamera
from edge.drivers.camera.webcam import WebcamCamera
from edge.drivers.sim.world import Fault, RandomCrowd, World
from edge.gate.reasons import Cause, Device
from tests.drivers.camera import fake_picamera2
from tests.drivers.camera.fake_webcam import DEVICE, Socket
from tests.drivers.camera.reading import failure

SIZE = (640, 480)
RATE_HZ = 60.0
PATIENCE_S = 5.0  # for what must come
IMPATIENCE_S = 0.3  # for what must not


class Rig(ABC):
    """One camera and the ways to treat its device."""

    camera: Camera

    @abstractmethod
    def unplug(self) -> None: ...

    @abstractmethod
    def plug(self) -> None: ...

    @abstractmethod
    def silence(self) -> None:
        """The device is there, and gives no frame."""

    @abstractmethod
    def speak(self) -> None: ...


class Picamera2Rig(Rig):
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench = fake_picamera2.install(monkeypatch)
        self.camera = Picamera2Camera(
            Picamera2Table(driver="picamera2", size=(600, 480), frame_rate_hz=RATE_HZ)
        )

    def unplug(self) -> None:
        self.bench.plugged = False

    def plug(self) -> None:
        self.bench.plugged = True

    def silence(self) -> None:
        self.bench.delivering = False

    def speak(self) -> None:
        self.bench.delivering = True


class WebcamRig(Rig):
    def __init__(self) -> None:
        self.socket = Socket()
        self.camera = WebcamCamera(
            WebcamTable(driver="webcam", device=DEVICE, size=SIZE, frame_rate_hz=RATE_HZ),
            probe=self.socket.probe,
            open_capture=self.socket.open_capture,
        )

    def unplug(self) -> None:
        self.socket.plugged = False

    def plug(self) -> None:
        self.socket.plugged = True

    def silence(self) -> None:
        self.socket.delivering = False

    def speak(self) -> None:
        self.socket.delivering = True


class ReplayRig(Rig):
    """A folder of images; it is silent between two of them, once the rate is made low."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pictures"
        self.folder.mkdir()
        for number in range(3):
            picture = np.full((300, 400), 60 * number, np.uint8)
            cv2.imwrite(str(self.folder / f"{number}.png"), picture)
        self.camera = self._camera(RATE_HZ)

    def _camera(self, rate_hz: float) -> Camera:
        table = ReplayTable(driver="replay", path=self.folder, size=SIZE, frame_rate_hz=rate_hz)
        return ReplayCamera(table)

    def unplug(self) -> None:
        self.folder.rename(self.folder.with_name("away"))

    def plug(self) -> None:
        self.folder.with_name("away").rename(self.folder)

    def silence(self) -> None:
        self.camera.close()
        self.camera = self._camera(0.01)
        self.camera.open()
        self.camera.read(PATIENCE_S)

    def speak(self) -> None:
        self.camera.close()
        self.camera = self._camera(RATE_HZ)


class SimRig(Rig):
    """A world whose plan of faults is made while it goes on."""

    def __init__(self) -> None:
        self.epoch_s = time.monotonic()
        self.crowd = RandomCrowd(1, 5.0)
        self.camera = SimCamera(
            SimCameraTable(driver="sim", size=SIZE, frame_rate_hz=RATE_HZ), self._world(()), "in"
        )

    def _world(self, faults: tuple[Fault, ...]) -> World:
        return World(self.crowd, self.epoch_s, faults=faults)

    def _plan(self, kind: str | None) -> None:
        now_s = time.monotonic() - self.epoch_s
        faults = () if kind is None else (Fault(device=Device.CAMERA, kind=kind, from_s=now_s),)
        assert isinstance(self.camera, SimCamera)
        self.camera._world = self._world(faults)

    def unplug(self) -> None:
        self._plan("unplugged")

    def plug(self) -> None:
        self._plan(None)

    def silence(self) -> None:
        self._plan("frozen")

    def speak(self) -> None:
        self._plan(None)


@pytest.fixture(params=["picamera2", "webcam", "replay", "sim"])
def rig(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Rig]:
    rigs = {
        "picamera2": lambda: Picamera2Rig(monkeypatch),
        "webcam": WebcamRig,
        "replay": lambda: ReplayRig(tmp_path),
        "sim": SimRig,
    }
    rig = rigs[request.param]()
    yield rig
    rig.camera.close()


def size_of(camera: Camera) -> tuple[int, int]:
    size: tuple[int, int] = camera._table.size  # type: ignore[attr-defined]
    return size


def test_frames_are_gray_pictures_of_the_configured_size(rig: Rig) -> None:
    rig.camera.open()
    width, height = size_of(rig.camera)
    for _ in range(3):
        gray = rig.camera.read(PATIENCE_S).gray
        assert gray.dtype == np.uint8
        assert gray.shape == (height, width)
        assert gray.flags.c_contiguous


def test_a_frame_stays_as_it_is_while_later_ones_are_read(rig: Rig) -> None:
    rig.camera.open()
    frame = rig.camera.read(PATIENCE_S)
    before = frame.gray.copy()
    for _ in range(8):
        rig.camera.read(PATIENCE_S)
    assert np.array_equal(frame.gray, before)
    frame.gray[:] = 0  # the receiver's own: it may also be written


def test_numbers_and_times_rise_from_frame_to_frame(rig: Rig) -> None:
    before_s = time.monotonic()
    rig.camera.open()
    frames: list[Frame] = [rig.camera.read(PATIENCE_S) for _ in range(6)]
    after_s = time.monotonic()
    assert all(a.number < b.number for a, b in pairwise(frames))
    assert all(a.taken_s < b.taken_s for a, b in pairwise(frames))
    assert before_s <= frames[0].taken_s
    assert frames[-1].taken_s <= after_s


def test_numbers_count_from_each_opening(rig: Rig) -> None:
    for _ in range(2):
        rig.camera.open()
        first = rig.camera.read(PATIENCE_S).number
        rig.camera.close()
        assert 0 <= first < RATE_HZ * PATIENCE_S


def test_opening_twice_is_an_error_of_the_program(rig: Rig) -> None:
    rig.camera.open()
    with pytest.raises(RuntimeError):
        rig.camera.open()
    rig.camera.read(PATIENCE_S)


def test_close_may_be_called_at_any_time_and_again(rig: Rig) -> None:
    rig.camera.close()
    rig.camera.open()
    rig.camera.close()
    rig.camera.close()


def test_a_camera_that_is_not_open_says_so(rig: Rig) -> None:
    assert failure(rig.camera, PATIENCE_S).cause is Cause.OTHER
    rig.camera.open()
    rig.camera.close()
    assert failure(rig.camera, PATIENCE_S).cause is Cause.OTHER


def test_it_opens_again_after_closing(rig: Rig) -> None:
    for _ in range(3):
        with rig.camera as camera:
            camera.read(PATIENCE_S)


def test_a_silent_camera_is_a_timeout_in_the_time_given(rig: Rig) -> None:
    rig.camera.open()
    rig.camera.read(PATIENCE_S)
    rig.silence()
    error = failure(rig.camera, IMPATIENCE_S)
    assert error.device is Device.CAMERA
    assert error.cause is Cause.TIMEOUT


def test_a_silent_camera_that_speaks_again_works_after_reopening(rig: Rig) -> None:
    rig.camera.open()
    rig.silence()
    failure(rig.camera, IMPATIENCE_S)
    rig.camera.close()
    rig.speak()
    rig.camera.open()
    for _ in range(8):  # more than there are buffers: none was lost
        rig.camera.read(PATIENCE_S)


def test_an_unplugged_camera_is_not_found(rig: Rig) -> None:
    rig.unplug()
    with pytest.raises(DeviceError) as caught:
        rig.camera.open()
    assert caught.value.device is Device.CAMERA
    assert caught.value.cause is Cause.NOT_FOUND
    rig.plug()
    rig.camera.open()
    rig.camera.read(PATIENCE_S)


def test_a_camera_unplugged_in_use_comes_back_when_it_is_plugged_in(rig: Rig) -> None:
    rig.camera.open()
    rig.camera.read(PATIENCE_S)
    rig.unplug()
    assert failure(rig.camera, IMPATIENCE_S).cause is Cause.UNPLUGGED
    rig.camera.close()
    with pytest.raises(DeviceError):
        rig.camera.open()
    rig.camera.close()
    rig.plug()
    rig.camera.open()
    for _ in range(8):
        rig.camera.read(PATIENCE_S)


def test_closing_ends_a_read_that_waits_in_another_thread(rig: Rig) -> None:
    rig.camera.open()
    rig.silence()
    camera = rig.camera
    caught: list[DeviceError] = []

    def wait() -> None:
        caught.append(failure(camera, 60.0))

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.1)  # whether the read waits by then or comes later: it must end
    camera.close()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert caught


def test_errors_are_one_line_for_a_technician(rig: Rig) -> None:
    rig.unplug()
    with pytest.raises(DeviceError) as caught:
        rig.camera.open()
    text = str(caught.value)
    assert text.startswith("camera: ")
    assert "\n" not in text
    rig.plug()
