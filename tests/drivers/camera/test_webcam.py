"""The webcam driver over a small physical webcam, and the questions it asks the kernel."""

from __future__ import annotations

import errno
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import pytest

from edge.config.model import WebcamTable
from edge.drivers.base import DeviceError
from edge.drivers.camera import v4l2, webcam
from edge.drivers.camera.webcam import WebcamCamera
from edge.gate.reasons import Cause
from tests.drivers.camera.fake_webcam import DEVICE, Socket
from tests.drivers.camera.reading import failure

PATIENCE_S = 5.0


def camera_on(socket: Socket, **keys: object) -> WebcamCamera:
    table = WebcamTable.model_validate(
        {"driver": "webcam", "device": DEVICE, "frame_rate_hz": 60, **keys}
    )
    return WebcamCamera(table, probe=socket.probe, open_capture=socket.open_capture)


def error_at_open(camera: WebcamCamera) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        camera.open()
    return caught.value


def test_the_cameras_own_buffer_holds_one_picture() -> None:
    socket = Socket()
    with camera_on(socket):
        assert socket.settings[cv2.CAP_PROP_BUFFERSIZE] == 1


def test_pictures_that_come_too_fast_are_dropped() -> None:
    socket = Socket()
    socket.rate_hz = 200.0
    with camera_on(socket, frame_rate_hz=20) as camera:
        frames = [camera.read(PATIENCE_S) for _ in range(4)]
    assert frames[-1].number - frames[0].number > 2 * len(frames)


def test_a_slow_reader_gets_the_newest_picture() -> None:
    socket = Socket()
    with camera_on(socket) as camera:
        first = camera.read(PATIENCE_S)
        reached = first.number + 5
        while socket.grabbed <= reached + 1:
            time.sleep(0.005)
        assert camera.read(PATIENCE_S).number >= reached


def test_exposure_is_given_in_the_cameras_unit() -> None:
    socket = Socket()
    with camera_on(socket, exposure_us=5_000):
        assert socket.settings[cv2.CAP_PROP_AUTO_EXPOSURE] == 1
        assert socket.settings[cv2.CAP_PROP_EXPOSURE] == 50


def test_without_an_exposure_the_camera_chooses() -> None:
    socket = Socket()
    with camera_on(socket):
        assert socket.settings[cv2.CAP_PROP_AUTO_EXPOSURE] == 3
        assert cv2.CAP_PROP_EXPOSURE not in socket.settings


def test_an_exposure_that_the_camera_refuses_is_told() -> None:
    socket = Socket()
    socket.takes_exposure = False
    error = error_at_open(camera_on(socket, exposure_us=5_000))
    assert "takes no exposure_us" in str(error)
    assert socket.open_now == 0


def test_a_size_that_the_camera_lacks_is_told_with_the_one_it_gives() -> None:
    socket = Socket()
    error = error_at_open(camera_on(socket, size=(1536, 864)))
    assert error.cause is Cause.OTHER
    assert "gives 640x480 instead of 1536x864" in str(error)


def test_a_device_that_opencv_refuses_is_told() -> None:
    socket = Socket()

    def refuse(device: str) -> webcam.Capture:
        socket.plugged = False
        return socket.open_capture(device)

    table = WebcamTable(driver="webcam", device=DEVICE)
    camera = WebcamCamera(table, probe=socket.probe, open_capture=refuse)
    assert error_at_open(camera).cause is Cause.IO_ERROR


def test_an_error_inside_opencv_reaches_the_reader() -> None:
    def burst(device: str) -> webcam.Capture:
        raise cv2.error("assertion failed")

    table = WebcamTable(driver="webcam", device=DEVICE)
    error = error_at_open(WebcamCamera(table, probe=Socket().probe, open_capture=burst))
    assert error.cause is Cause.IO_ERROR
    assert "assertion failed" in str(error)


def test_a_broken_picture_is_bad_data() -> None:
    socket = Socket()
    socket.broken_pictures = True
    with camera_on(socket) as camera, pytest.raises(DeviceError) as caught:
        camera.read(PATIENCE_S)
    assert caught.value.cause is Cause.BAD_DATA


def test_a_native_read_that_hangs_does_not_hang_close(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webcam, "CLOSE_S", 0.05)
    socket = Socket()
    camera = camera_on(socket)
    camera.open()
    hang = socket.hang = threading.Event()
    assert failure(camera, 0.1).cause is Cause.TIMEOUT
    camera.close()
    assert error_at_open(camera).cause is Cause.BUSY
    socket.hang = None
    hang.set()
    assert camera._left is not None
    assert camera._left.ended(PATIENCE_S)
    assert socket.open_now == 0  # the thread that hung let the device go itself
    camera.open()
    camera.read(PATIENCE_S)
    camera.close()


def test_a_camera_that_does_not_start_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webcam, "OPEN_S", 0.05)
    monkeypatch.setattr(webcam, "CLOSE_S", 0.05)
    socket = Socket()
    started = threading.Event()

    def slow(device: str) -> webcam.Capture:
        started.wait()
        return socket.open_capture(device)

    table = WebcamTable(driver="webcam", device=DEVICE)
    camera = WebcamCamera(table, probe=socket.probe, open_capture=slow)
    assert error_at_open(camera).cause is Cause.TIMEOUT
    started.set()
    assert camera._left is not None
    assert camera._left.ended(PATIENCE_S)
    assert socket.open_now == 0


# --- the kernel's answers -------------------------------------------------------------------


def answers(*, capture: bool = True, failure: int | None = None) -> v4l2.Ioctl:
    """A kernel's ioctl for a video node."""

    def ioctl(handle: int, request: int, data: bytearray) -> int:
        if request == v4l2.VIDIOC_QUERYCAP:
            node = v4l2.CAP_VIDEO_CAPTURE if capture else 0x00800000  # metadata capture
            every = v4l2.CAP_VIDEO_CAPTURE | 0x00800000 | v4l2.CAP_DEVICE_CAPS
            data[:] = v4l2.CAPABILITY.pack(b"uvcvideo", b"Camera", b"usb-1", 0x60000, every, node)
        elif failure is not None:
            raise OSError(failure, os.strerror(failure))
        return 0

    return ioctl


@pytest.fixture
def node(tmp_path: Path) -> str:
    path = tmp_path / "video0"
    path.touch()
    return str(path)


def probe_error(probe: Callable[[], None]) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        probe()
    return caught.value


def test_the_numbers_of_the_calls_follow_from_their_structures() -> None:
    # include/uapi/asm-generic/ioctl.h: direction, size, type, number
    query = 2 << 30 | v4l2.CAPABILITY.size << 16 | ord("V") << 8
    request = 3 << 30 | v4l2.REQUEST_BUFFERS.size << 16 | ord("V") << 8 | 8
    assert (query, request) == (v4l2.VIDIOC_QUERYCAP, v4l2.VIDIOC_REQBUFS)


def test_a_free_camera_passes(node: str) -> None:
    v4l2.probe(node, ioctl=answers())


def test_a_camera_that_streams_elsewhere_is_busy(node: str) -> None:
    error = probe_error(lambda: v4l2.probe(node, ioctl=answers(failure=errno.EBUSY)))
    assert error.cause is Cause.BUSY
    assert f"fuser {node}" in error.hint


def test_a_node_for_metadata_is_told_apart(node: str) -> None:
    error = probe_error(lambda: v4l2.probe(node, ioctl=answers(capture=False)))
    assert error.cause is Cause.NOT_FOUND
    assert "the other one" in error.hint


def test_a_camera_that_goes_away_while_asked_is_unplugged(node: str) -> None:
    error = probe_error(lambda: v4l2.probe(node, ioctl=answers(failure=errno.ENODEV)))
    assert error.cause is Cause.UNPLUGGED


def test_a_plain_file_is_no_camera(node: str) -> None:
    error = probe_error(lambda: v4l2.probe(node))
    assert error.cause is Cause.NOT_FOUND
    assert "is no camera" in str(error)


def test_a_missing_device_is_not_found(tmp_path: Path) -> None:
    error = probe_error(lambda: v4l2.probe(str(tmp_path / "video9")))
    assert error.cause is Cause.NOT_FOUND
    assert "does not exist" in str(error)


def test_a_forbidden_device_is_a_matter_of_permission() -> None:
    error = v4l2.explain("/dev/video0", PermissionError(errno.EACCES, "Permission denied"))
    assert error.cause is Cause.PERMISSION
    assert "group video" in error.hint


def test_an_unknown_error_keeps_its_text() -> None:
    error = v4l2.explain("/dev/video0", OSError(errno.EIO, "Input/output error"))
    assert error.cause is Cause.IO_ERROR
    assert "Input/output error" in str(error)
