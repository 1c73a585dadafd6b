"""The replay of files: every picture once and in order, and a broken one told by name."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config.model import ReplayTable
from edge.drivers.base import DeviceError
from edge.drivers.camera.replay import BORDER, ReplayCamera, _unreadable, fit
from edge.gate.reasons import Cause

PATIENCE_S = 5.0


def camera_of(path: Path, *, loop: bool = False) -> ReplayCamera:
    return ReplayCamera(
        ReplayTable(driver="replay", path=path, size=(64, 48), frame_rate_hz=60, loop=loop)
    )


def paint(path: Path, level: int) -> Path:
    cv2.imwrite(str(path), np.full((48, 64), level, np.uint8))
    return path


def levels(camera: ReplayCamera, count: int) -> list[int]:
    return [int(camera.read(PATIENCE_S).gray[24, 32]) for _ in range(count)]


def error_of(camera: ReplayCamera) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        camera.read(PATIENCE_S)
    return caught.value


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in (2, 0, 1):
        paint(tmp_path / f"{number}.png", 50 + 10 * number)
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def test_pictures_come_in_order_of_names_and_then_end(folder: Path) -> None:
    with camera_of(folder) as camera:
        assert levels(camera, 3) == [50, 60, 70]
        assert error_of(camera).cause is Cause.ENDED
        assert error_of(camera).cause is Cause.ENDED


def test_a_loop_starts_again(folder: Path) -> None:
    with camera_of(folder, loop=True) as camera:
        assert levels(camera, 7) == [50, 60, 70, 50, 60, 70, 50]


def test_opened_again_it_starts_from_the_first(folder: Path) -> None:
    camera = camera_of(folder)
    for _ in range(2):
        with camera:
            assert levels(camera, 2) == [50, 60]


def test_one_image_is_shown_for_ever_or_once(tmp_path: Path) -> None:
    path = paint(tmp_path / "one.png", 90)
    with camera_of(path, loop=True) as camera:
        assert levels(camera, 3) == [90, 90, 90]
    with camera_of(path) as camera:
        assert levels(camera, 1) == [90]
        assert error_of(camera).cause is Cause.ENDED


@pytest.mark.parametrize("kept", [0.0, 0.1, 0.9])
def test_a_broken_image_is_told_by_name(folder: Path, kept: float) -> None:
    whole = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(whole[: int(kept * len(whole))])
    with camera_of(folder) as camera:
        camera.read(PATIENCE_S)
        error = error_of(camera)
    assert error.cause is Cause.BAD_DATA
    assert str(folder / "1.png") in str(error)


def test_an_image_that_went_away_is_told_by_name(folder: Path) -> None:
    with camera_of(folder) as camera:
        (folder / "0.png").unlink()
        error = error_of(camera)
    assert error.cause is Cause.UNPLUGGED
    assert str(folder / "0.png") in str(error)


@pytest.mark.parametrize(
    ("name", "cause", "says"),
    [
        ("empty", Cause.NOT_FOUND, "holds no image"),
        ("missing", Cause.NOT_FOUND, "does not exist"),
        ("text.txt", Cause.BAD_DATA, "is no image or video"),
    ],
)
def test_what_can_not_be_shown_is_told_at_open(
    tmp_path: Path, name: str, cause: Cause, says: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("x" * 200)
    camera = camera_of(tmp_path / name)
    with pytest.raises(DeviceError) as caught:
        camera.open()
    assert caught.value.cause is cause
    assert says in str(caught.value)
    assert name in str(caught.value)


def test_a_forbidden_file_is_a_matter_of_permission(tmp_path: Path) -> None:
    assert _unreadable(tmp_path, PermissionError()).cause is Cause.PERMISSION


def test_a_video_plays_to_its_end_and_again(tmp_path: Path) -> None:
    path = tmp_path / "film.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 48))
    for level in (40, 120, 200):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    with camera_of(path, loop=True) as camera:
        seen = levels(camera, 6)
    assert np.allclose(seen, [40, 120, 200] * 2, atol=6)
    with camera_of(path) as camera:
        levels(camera, 3)
        assert error_of(camera).cause is Cause.ENDED


def test_a_picture_is_fitted_with_its_proportions_and_gray_beside_it() -> None:
    picture = np.full((100, 50), 7, np.uint8)
    fitted = fit(picture, (64, 48))
    assert fitted.shape == (48, 64)
    assert (fitted[:, 20:44] == 7).all()
    assert (fitted[:, :20] == BORDER).all()
    assert (fitted[:, 44:] == BORDER).all()


def test_a_small_picture_is_enlarged() -> None:
    assert (fit(np.full((12, 16), 7, np.uint8), (64, 48)) == 7).all()


def test_a_single_line_of_pixels_is_still_a_picture() -> None:
    assert fit(np.full((1, 5_000), 7, np.uint8), (64, 48)).shape == (48, 64)
