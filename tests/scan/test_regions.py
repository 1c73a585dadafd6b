from __future__ import annotations

import numpy as np
import pytest

from edge.scan.prepare import halved
from edge.scan.regions import likely_places
from tests.scan.pictures import code, scene


@pytest.mark.parametrize("scale", [2, 4, 7])
def test_a_code_is_the_likeliest_place_near_and_far(scale: int) -> None:
    picture = code(b"NV-0012", scale=scale)
    frame = scene(picture)
    place = likely_places(frame, halved(frame))[0]
    middle = 20 + picture.shape[1] / 2, 30 + picture.shape[0] / 2
    assert place.holds(*middle)
    assert place.side < 2 * picture.shape[0]


def test_fences_and_walls_are_no_likely_places() -> None:
    fence = np.full((480, 640), 120, np.uint8)
    fence[:, ::40] = 40
    assert likely_places(fence, halved(fence)) == []
    assert likely_places(scene(), halved(scene())) == []


def test_two_codes_are_two_places() -> None:
    frame = scene(code(b"left", scale=5), code(b"right", scale=5))
    places = likely_places(frame, halved(frame))
    assert len(places) == 2
