"""The picamera2 driver over a small physical picamera2 with buffers, a stride and a cable."""

from __future__ import annotations

import sys
import threading

import numpy as np
import pytest

from edge.config.model import Picamera2Table
from edge.drivers.base import DeviceError
from edge.drivers.camera import picamera2 as driver
from edge.drivers.camera.picamera2 import Picamera2Camera, controls, crop
from edge.gate.reasons import Cause
from tests.drivers.camera import fake_picamera2
from tests.drivers.camera.fake_picamera2 import CONTROLS, PADDING, Bench
from tests.drivers.camera.reading import failure

PATIENCE_S = 5.0
CONTROLS_AVAILABLE = dict.fromkeys(CONTROLS, object())


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Bench:
    return fake_picamera2.install(monkeypatch)


def table(**keys: object) -> Picamera2Table:
    return Picamera2Table.model_validate(
        {"driver": "picamera2", "size": (600, 480), "frame_rate_hz": 60, **keys}
    )


def error_at_open(keys: Picamera2Table) -> DeviceError:
    camera = Picamera2Camera(keys)
    with pytest.raises(DeviceError) as caught:
        camera.open()
    camera.close()
    return caught.value


@pytest.mark.parametrize("size", [(600, 480), (640, 480), (1536, 864), (322, 242)])
def test_the_padding_of_the_lines_never_gets_into_a_picture(
    bench: Bench, size: tuple[int, int]
) -> None:
    with Picamera2Camera(table(size=size)) as camera:
        gray = camera.read(PATIENCE_S).gray
    ramp = np.arange(size[0], dtype=np.uint16).astype(np.uint8)
    assert np.array_equal(gray, np.tile(ramp, (size[1], 1)))


def test_crop_takes_the_luma_and_copies_it() -> None:
    planes = np.full((6, 8), PADDING, np.uint8)
    planes[:4, :6] = 7
    gray = crop(planes, (6, 4))
    assert gray.shape == (4, 6)
    assert (gray == 7).all()
    assert gray.flags.c_contiguous
    assert not np.shares_memory(gray, planes)


def test_a_buffer_too_small_for_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="holds no 640x480 picture"):
        crop(np.zeros((300, 640), np.uint8), (640, 480))


def test_by_default_exposure_is_the_cameras_own_without_the_lamps_flicker() -> None:
    assert controls(table(frame_rate_hz=10), CONTROLS_AVAILABLE) == {
        "FrameDurationLimits": (100_000, 100_000),
        "AeFlickerMode": 1,
        "AeFlickerPeriod": 10_000,
    }


def test_exposure_gain_and_focus_are_fixed_where_the_table_says_so() -> None:
    made = controls(table(exposure_us=4_000, gain=8, focus_m=0.25, mains_hz=60), CONTROLS_AVAILABLE)
    assert made["ExposureTime"] == 4_000
    assert made["AnalogueGain"] == 8
    assert made["AfMode"] == 0
    assert made["LensPosition"] == 4
    assert made["AeFlickerPeriod"] == 8_333


def test_a_bracket_exposes_every_other_frame_for_less(bench: Bench) -> None:
    with Picamera2Camera(table(exposure_us=4_000, bracket=0.25)) as camera:
        for _ in range(3):
            camera.read(PATIENCE_S)
    exposures = [("ExposureTime", exposure_us) for exposure_us in (1_000, 4_000, 1_000)]
    assert bench.set_later == exposures


def test_without_a_bracket_no_control_is_set_while_it_runs(bench: Bench) -> None:
    with Picamera2Camera(table(exposure_us=4_000)) as camera:
        camera.read(PATIENCE_S)
    assert bench.set_later == []


def test_a_bracket_of_an_automatic_exposure_is_refused() -> None:
    with pytest.raises(ValueError, match="bracket is a part of exposure_us: set that too"):
        table(bracket=0.25)


def test_without_mains_flicker_avoidance_is_off() -> None:
    made = controls(table(mains_hz=0), CONTROLS_AVAILABLE)
    assert made["AeFlickerMode"] == 0
    assert "AeFlickerPeriod" not in made


def test_a_module_with_a_fixed_lens_is_not_asked_to_focus(bench: Bench) -> None:
    bench.controls = ("FrameDurationLimits", "ExposureTime", "AnalogueGain")
    with Picamera2Camera(table(focus_m=0.2)) as camera:
        camera.read(PATIENCE_S)
    assert set(bench.configuration["controls"]) == {"FrameDurationLimits"}


def test_an_exposure_that_the_camera_lacks_is_told_not_left_out(bench: Bench) -> None:
    bench.controls = ("FrameDurationLimits",)
    error = error_at_open(table(exposure_us=4_000))
    assert error.cause is Cause.OTHER
    assert "ExposureTime is not advertised" in str(error)


def test_the_small_stream_is_gray_and_no_raw_stream_is_asked_for(bench: Bench) -> None:
    with Picamera2Camera(table(sensor_size=(2304, 1296), flip=True)):
        configuration = bench.configuration
    assert configuration["lores"]["format"] == "YUV420"
    assert configuration["raw"] is None
    assert configuration["sensor"] == {"output_size": (2304, 1296)}
    assert (configuration["transform"].hflip, configuration["transform"].vflip) == (1, 1)


def test_a_size_that_the_hardware_changes_is_told_with_the_one_to_take(bench: Bench) -> None:
    error = error_at_open(table(size=(601, 481)))
    assert "gives 600x480 instead of 601x481" in str(error)
    assert "size = [600, 480]" in error.hint
    assert bench.open_now == 0


def test_a_size_beyond_the_sensor_is_told(bench: Bench) -> None:
    assert "Invalid camera configuration" in str(error_at_open(table(size=(6000, 4000))))


def test_without_picamera2_the_hint_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "picamera2", None)
    monkeypatch.setitem(sys.modules, "libcamera", None)
    error = error_at_open(table())
    assert error.cause is Cause.MISSING_LIBRARY
    assert "apt install python3-picamera2" in error.hint


def test_a_number_too_high_is_told_with_the_cameras_there_are(bench: Bench) -> None:
    error = error_at_open(table(number=2))
    assert error.cause is Cause.NOT_FOUND
    assert "no camera 2; found: imx708" in str(error)


def test_a_camera_in_use_is_busy(bench: Bench) -> None:
    bench.used_elsewhere = True
    assert error_at_open(table()).cause is Cause.BUSY


def test_a_camera_that_may_not_be_opened_is_a_matter_of_permission(bench: Bench) -> None:
    bench.forbidden = True
    error = error_at_open(table())
    assert error.cause is Cause.PERMISSION
    assert "group video" in error.hint


def test_a_timeout_loses_no_buffer(bench: Bench) -> None:
    with Picamera2Camera(table()) as camera:
        camera.read(PATIENCE_S)
        for _ in range(driver.BUFFERS + 1):
            bench.delivering = False
            assert failure(camera, 0.05).cause is Cause.TIMEOUT
            bench.delivering = True
            camera.read(PATIENCE_S)


def test_a_sensor_without_a_clock_gives_the_time_of_arrival(bench: Bench) -> None:
    bench.timestamps = False
    with Picamera2Camera(table()) as camera:
        first, second = camera.read(PATIENCE_S), camera.read(PATIENCE_S)
    assert first.taken_s < second.taken_s


def test_a_close_that_hangs_in_libcamera_holds_up_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "CLOSE_S", 0.05)
    bench.hangs_at_close = threading.Event()
    camera = Picamera2Camera(table())
    camera.open()
    camera.close()
    with pytest.raises(DeviceError) as caught:
        camera.open()
    assert caught.value.cause is Cause.BUSY
    bench.hangs_at_close.set()
    assert camera._closing is not None
    assert camera._closing.finished(PATIENCE_S)
    bench.hangs_at_close = None
    camera.open()
    camera.read(PATIENCE_S)
    camera.close()
