"""The simulated camera: newest frame, planned faults, the same pictures in every process."""

from __future__ import annotations

import hashlib
import multiprocessing
import threading
import time
from multiprocessing.connection import Connection

import numpy as np
import pytest

from edge.config.model import SimCameraTable
from edge.drivers.base import DeviceError
from edge.drivers.camera import GrayImage
from edge.drivers.camera.sim import SimCamera
from edge.drivers.sim.render import COVERED_LEVEL, Renderer
from edge.drivers.sim.world import Fault, ScriptedCrowd, Visit, World
from edge.gate.reasons import Cause, Device
from tests.drivers.camera.reading import failure

PATIENCE_S = 5.0
VISIT = Visit(reader="in", at_s=0.0, stay_s=3600.0, code=b"NV-0001")


def camera_in(*faults: Fault, frame_rate_hz: float = 60.0) -> SimCamera:
    world = World(ScriptedCrowd([VISIT]), time.monotonic(), faults=faults)
    table = SimCameraTable(driver="sim", size=(320, 240), frame_rate_hz=frame_rate_hz)
    return SimCamera(table, world, "in")


def fault(kind: str, to_s: float = float("inf"), from_s: float = -1.0) -> Fault:
    return Fault(device=Device.CAMERA, kind=kind, from_s=from_s, to_s=to_s, reader="in")


def test_a_late_reader_gets_the_newest_frame_and_sees_how_many_it_missed() -> None:
    with camera_in(frame_rate_hz=50.0) as camera:
        first = camera.read(PATIENCE_S)
        time.sleep(0.2)
        asked_s = time.monotonic()
        late = camera.read(PATIENCE_S)
        assert late.number >= first.number + 9
        assert late.taken_s > asked_s - 1 / 50


def test_frames_keep_the_pace() -> None:
    with camera_in(frame_rate_hz=50.0) as camera:
        frames = [camera.read(PATIENCE_S) for _ in range(5)]
    steps = np.diff([frame.taken_s for frame in frames]) * 50
    assert np.allclose(steps, np.round(steps))


def test_a_covered_lens_gives_dark_frames_not_an_error() -> None:
    with camera_in(fault("covered")) as camera:
        assert camera.read(PATIENCE_S).gray.mean() < COVERED_LEVEL + 5


def test_a_bracket_shows_what_too_much_light_has_burnt_out() -> None:
    world = World(ScriptedCrowd([VISIT]), time.monotonic())
    table = SimCameraTable(driver="sim", size=(320, 240), frame_rate_hz=60, light=4, bracket=0.25)
    frames: dict[int, GrayImage] = {}
    with SimCamera(table, world, "in") as camera:
        while len(frames) < 2:
            frame = camera.read(PATIENCE_S)
            frames[frame.number % 2] = frame.gray
    assert np.percentile(frames[0], 50) == 255
    assert 60 < np.percentile(frames[1], 50) < 200


def test_a_frozen_camera_thaws_without_being_opened_again() -> None:
    with camera_in(fault("frozen", to_s=1.0)) as camera:
        with pytest.raises(DeviceError) as caught:
            camera.read(0.05)
        assert caught.value.cause is Cause.TIMEOUT
        camera.read(PATIENCE_S)


def test_an_unplugged_camera_needs_opening_once_it_is_back() -> None:
    camera = camera_in(fault("unplugged", from_s=0.3, to_s=1.0))
    camera.open()
    assert failure(camera, PATIENCE_S).cause is Cause.UNPLUGGED
    time.sleep(1.0)
    with pytest.raises(DeviceError):
        camera.read(PATIENCE_S)
    camera.close()
    camera.open()
    camera.read(PATIENCE_S)
    camera.close()


def test_a_hung_driver_keeps_its_caller_whatever_the_timeout() -> None:
    camera = camera_in(fault("hung", to_s=1.2))
    camera.open()
    done = threading.Event()

    def read() -> None:
        camera.read(0.05)
        done.set()

    threading.Thread(target=read, daemon=True).start()
    assert not done.wait(0.2)
    assert done.wait(PATIENCE_S)
    camera.close()


def test_closing_ends_the_wait_for_a_frame_that_is_far_off() -> None:
    camera = camera_in(frame_rate_hz=0.01)
    camera.open()
    camera.read(PATIENCE_S)
    causes: list[Cause] = []
    thread = threading.Thread(target=lambda: causes.append(failure(camera, 60.0).cause))
    thread.start()
    camera.close()
    thread.join(PATIENCE_S)
    assert not thread.is_alive()
    assert len(causes) == 1


def _digest(connection: Connection, world: World) -> None:
    renderer = Renderer((320, 240), "in")
    pictures = [renderer.render(world.at("in", at), world.now_s(at)) for at in (10.0, 10.7, 13.0)]
    connection.send(hashlib.sha256(b"".join(gray.tobytes() for gray in pictures)).hexdigest())


def test_a_spawned_process_sees_the_same_pictures() -> None:
    world = World(ScriptedCrowd([VISIT]), 9.5)
    mine, theirs = multiprocessing.Pipe()
    _digest(theirs, world)
    child = multiprocessing.get_context("spawn").Process(target=_digest, args=(theirs, world))
    child.start()
    child.join()
    assert mine.recv() == mine.recv()
