from __future__ import annotations

import numpy as np

from edge.scan.stillness import LONGEST_REST, Stillness
from tests.scan.pictures import code, scene


def test_an_unchanged_empty_room_rests_but_is_looked_at_now_and_then() -> None:
    stillness = Stillness()
    stillness.decoded(scene(seed=0), empty=True)
    rested = [stillness.rests(scene(seed=seed)) for seed in range(1, LONGEST_REST + 2)]
    assert rested == [True] * LONGEST_REST + [False]


def test_a_code_held_up_ends_the_rest_at_once() -> None:
    stillness = Stillness()
    stillness.decoded(scene(), empty=True)
    assert stillness.rests(scene())
    assert not stillness.rests(scene(code(b"NV-0012", scale=2)))


def test_a_frame_with_a_code_never_rests() -> None:
    stillness = Stillness()
    frame = scene(code(b"NV-0012"))
    assert not stillness.rests(frame)
    stillness.decoded(frame, empty=False)
    assert not stillness.rests(frame)


def test_light_that_fades_slowly_does_not_hide_a_code() -> None:
    """Each frame is compared with the last one decoded, so small steps add up."""
    stillness = Stillness()
    stillness.decoded(np.full((480, 640), 120, np.uint8), empty=True)
    assert stillness.rests(np.full((480, 640), 124, np.uint8))
    assert not stillness.rests(np.full((480, 640), 128, np.uint8))


def test_a_frame_of_another_size_is_something_new() -> None:
    stillness = Stillness()
    stillness.decoded(np.full((480, 640), 120, np.uint8), empty=True)
    assert not stillness.rests(np.full((5, 7), 120, np.uint8))


def test_a_camera_that_brackets_its_exposure_rests_as_well() -> None:
    stillness = Stillness()
    light, dark = np.full((480, 640), 160, np.uint8), np.full((480, 640), 40, np.uint8)
    for frame in (light, dark):
        assert not stillness.rests(frame)
        stillness.decoded(frame, empty=True)
    assert stillness.rests(light)
    assert stillness.rests(dark)
    assert not stillness.rests(np.full((480, 640), 100, np.uint8))
