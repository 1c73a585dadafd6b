"""How far a search goes: what is tried, where, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import cv2
import numpy as np
import pytest

from edge.drivers.camera import GrayImage
from edge.scan.decode import BUDGET_S, begun, look
from edge.scan.found import Found
from edge.scan.frames import STUBBORN_EVERY, STUBBORN_FRAMES, FrameReader
from edge.scan.ladder import Rung
from tests.scan.pictures import broken, code, finders, scene

SLOW = {
    "finder patterns": finders(480, 640, 2),
    "large finder patterns": finders(480, 640, 4),
    "noise": np.random.default_rng(1).integers(0, 256, (480, 640), np.uint8),
    "black and white noise": np.kron(
        np.random.default_rng(2).integers(0, 2, (160, 213), np.uint8) * np.uint8(255),
        np.ones((3, 3), np.uint8),
    ),
    "codes whose modules are wrong": np.tile(broken(b"x", scale=3), (5, 7)),
    "the largest code, its modules wrong": broken(bytes(2900), scale=3),
}


def still() -> float:
    """A clock by which no step takes any time."""
    return 0.0


def ended() -> Callable[[], float]:
    """A clock by which the first step takes all the time there is."""
    ticks = count()
    return lambda: 1e9 * (next(ticks) > 0)


def per_check(step_s: float) -> Callable[[], float]:
    """A clock that runs on by `step_s` each time it is looked at."""
    ticks = count()
    return lambda: step_s * next(ticks)


class Counted:
    """Rungs that read nothing and count how often each was tried."""

    def __init__(self, rungs: int) -> None:
        self.tried = [0] * rungs
        self.rungs = [Rung(400, 600, self._scan(number)) for number in range(rungs)]

    def _scan(self, number: int) -> Callable[[GrayImage], Found]:
        def scan(_gray: GrayImage) -> Found:
            self.tried[number] += 1
            return Found()

        return scan


def hard() -> GrayImage:
    """A code that is out of focus: no first attempt reads it, a later one does."""
    soft = cv2.GaussianBlur(code(b"NV-0012", scale=4), (0, 0), 2.2)
    frame = np.full((480, 640), 120, np.uint8)
    frame[100 : 100 + soft.shape[0], 100 : 100 + soft.shape[1]] = soft
    return frame


def test_a_hard_code_is_read_by_a_later_rung_and_not_once_the_time_is_spent() -> None:
    assert look(hard(), clock=still).codes == (b"NV-0012",)
    assert look(hard(), clock=ended()).codes == ()


@pytest.mark.parametrize("picture", SLOW.values(), ids=SLOW)
def test_a_frame_made_to_be_slow_ends_when_its_time_is_spent(picture: GrayImage) -> None:
    """Each step asks the clock before it begins, so that no more than one of them runs over."""
    counted = Counted(3)
    asked = 0

    def clock() -> float:
        nonlocal asked
        asked += 1
        return 0.25 * BUDGET_S * asked  # spent when it is asked for the sixth time

    seen = FrameReader(budget_s=BUDGET_S, rungs=counted.rungs, clock=clock).read(picture)
    assert seen.codes == ()
    assert sum(counted.tried) <= 4


@pytest.mark.parametrize("picture", SLOW.values(), ids=SLOW)
def test_a_frame_made_to_be_slow_is_given_up_where_no_time_is_left(picture: GrayImage) -> None:
    counted = Counted(3)
    reader = FrameReader(rungs=counted.rungs, clock=ended())
    assert reader.read(picture).codes == ()
    assert counted.tried == [0, 0, 0]


def test_a_frame_without_a_code_costs_no_rung() -> None:
    counted = Counted(2)
    assert FrameReader(rungs=counted.rungs, clock=still).read(scene()).unread == 0
    assert counted.tried == [0, 0]


def test_the_next_frame_goes_on_with_the_rung_after() -> None:
    counted = Counted(3)
    picture = broken(b"worn", scale=4)
    checks = 0

    def clock() -> float:
        nonlocal checks
        checks += 1
        return float(checks)

    begun(picture, 1e9, clock)
    first_look = checks  # one more check before the first rung, one before its place, then none
    reader = FrameReader(budget_s=first_look + 1.5, rungs=counted.rungs, clock=per_check(1.0))
    for _ in range(3):
        assert reader.read(picture).unread == 1
    assert counted.tried == [1, 1, 1]


def test_the_place_of_a_code_is_tried_again_in_a_frame_that_shows_nothing_there() -> None:
    counted = Counted(1)
    reader = FrameReader(rungs=counted.rungs, clock=still)
    assert reader.read(scene(code(b"A"))).codes == (b"A",)
    assert counted.tried == [0]
    reader.read(scene())  # too blurred to show even a pattern
    assert counted.tried == [1]
    for _ in range(20):
        reader.read(scene())
    assert counted.tried[0] < 6  # and forgotten half a second later


def test_what_is_never_read_is_taken_for_furniture() -> None:
    """Else a worn poster on the wall would keep the processor busy all day."""
    counted = Counted(1)
    reader = FrameReader(rungs=counted.rungs, clock=still)
    poster = scene(broken(b"worn poster", scale=4))
    assert reader.read(poster).unread == 1
    for _ in range(STUBBORN_FRAMES):
        reader.read(poster)
    assert reader.read(poster).unread == 0
    before = counted.tried[0]
    for _ in range(10 * STUBBORN_EVERY):
        reader.read(poster)
    assert counted.tried[0] - before == 10


def test_a_code_beside_the_furniture_is_tried_at_once() -> None:
    counted = Counted(1)
    reader = FrameReader(rungs=counted.rungs, clock=still)
    poster = broken(b"worn poster", scale=4)
    for _ in range(STUBBORN_FRAMES + 2):
        reader.read(scene(poster))
    assert reader.read(scene(poster)).unread == 0
    assert reader.read(scene(poster, broken(b"a card", scale=4))).unread > 0
