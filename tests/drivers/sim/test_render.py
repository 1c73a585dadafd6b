"""Simulated pictures: codes in them can be read as on real cards, and are as hard to read."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyzbar.pyzbar import ZBarSymbol, decode

from edge.drivers.camera import GrayImage
from edge.drivers.sim.held import qr_modules
from edge.drivers.sim.render import Renderer
from edge.drivers.sim.world import LONGEST_CODE, Grip, Medium, RandomCrowd, Visit

SIZE = (640, 480)
STILL = Grip(tilt_deg=0, turn_deg=0, shake_px=0, blur_px=0.2)


def read(gray: GrayImage) -> set[bytes]:
    return {symbol.data for symbol in decode(gray, symbols=[ZBarSymbol.QRCODE])}


def visit_of(code: bytes | None = b"NV-0001", **keys: object) -> Visit:
    return Visit(**{"reader": "in", "at_s": 0.0, "code": code, **keys})  # type: ignore[arg-type]


def test_nearly_every_random_visit_can_be_read_within_a_few_frames() -> None:
    """The demonstration and the benchmarks stand on this."""
    crowd, renderer = RandomCrowd(11, 5.0), Renderer(SIZE, "in")
    visits = [visit for visit in (crowd.visit("in", n) for n in range(70)) if visit.code]
    unread = [
        visit
        for visit in visits
        if not any(read(renderer.render(visit, visit.at_s + at_s)) for at_s in (1.0, 1.7, 2.4))
    ]
    assert len(unread) <= 0.03 * len(visits)


def test_ascii_codes_arrive_byte_by_byte() -> None:
    crowd, renderer = RandomCrowd(5, 5.0), Renderer(SIZE, "in")
    badges = [visit for visit in (crowd.visit("in", n) for n in range(30)) if visit.code]
    badges = [visit for visit in badges if visit.code and visit.code.startswith(b"NV-")]
    assert badges
    for visit in badges:
        assert visit.code in read(renderer.render(visit, visit.at_s + 1.5))


@pytest.mark.parametrize("medium", ["card", "phone"])
@pytest.mark.parametrize("size", [(640, 480), (1536, 864), (800, 600)])
def test_both_codes_of_a_person_are_in_the_picture(size: tuple[int, int], medium: Medium) -> None:
    visit = visit_of(second_code=b"NV-0002", grip=Grip(medium=medium))
    assert read(Renderer(size, "in").render(visit, 2.0)) == {b"NV-0001", b"NV-0002"}


def test_a_dark_phone_shows_bright_modules_on_black() -> None:
    gray = Renderer(SIZE, "in").render(visit_of(grip=Grip(medium="dark_phone")), 2.0)
    assert read(gray) == set()  # zbar does not read inverted codes
    assert read(~gray) == {b"NV-0001"}


def test_nothing_is_read_where_nobody_stands_and_where_hands_are_empty() -> None:
    renderer = Renderer(SIZE, "in")
    assert read(renderer.render(None, 2.0)) == set()
    assert read(renderer.render(visit_of(code=None), 2.0)) == set()


def test_the_person_walks_in_before_the_code_rises_and_leaves_after_it() -> None:
    renderer = Renderer(SIZE, "in")
    visit = visit_of(stay_s=4.0, code_from_s=1.0, code_s=2.0)
    empty = renderer.render(None, 0.0)

    def changed(at_s: float) -> float:
        return float((cv2.absdiff(renderer.render(visit, at_s), empty) > 30).mean())

    assert changed(0.0) < 0.02 < changed(0.9)
    assert read(renderer.render(visit, 0.9)) == set()
    assert read(renderer.render(visit, 1.05)) == set()
    assert read(renderer.render(visit, 2.0)) == {b"NV-0001"}
    assert read(renderer.render(visit, 3.1)) == set()
    assert changed(3.99) < 0.02


def test_a_short_show_still_rests_in_the_middle() -> None:
    visit = visit_of(code_s=0.4, grip=STILL)
    assert read(Renderer(SIZE, "in").render(visit, 0.4)) == {b"NV-0001"}


def test_a_strong_reflection_hides_the_code() -> None:
    renderer = Renderer(SIZE, "in")
    assert read(renderer.render(visit_of(grip=Grip(glare=1.0)), 2.0)) == set()


def test_defocus_hides_a_dense_code() -> None:
    renderer = Renderer(SIZE, "in")
    assert read(renderer.render(visit_of(b"x" * 300, grip=Grip(blur_px=4.0)), 2.0)) == set()


def test_a_long_code_is_read_where_the_picture_is_large_enough() -> None:
    code = b"A" * 1_200
    grip = Grip(fill=0.85, tilt_deg=1, turn_deg=1, shake_px=0.5, blur_px=0.2)
    visit, renderer = visit_of(code, stay_s=60.0, grip=grip), Renderer((1536, 864), "in")
    assert any(read(renderer.render(visit, 1.0 + 0.3 * n)) == {code} for n in range(20))


def test_a_picture_depends_on_its_moment_alone() -> None:
    visit = visit_of()
    first, second = Renderer(SIZE, "in"), Renderer(SIZE, "in")
    expected = first.render(visit, 1.5)
    second.render(None, 0.5)
    second.render(visit, 0.3)
    assert np.array_equal(second.render(visit, 1.5), expected)
    assert not np.array_equal(second.render(visit, 1.6), expected)
    assert not np.array_equal(Renderer(SIZE, "out").render(visit, 1.5), expected)


def test_a_picture_is_the_receivers_own() -> None:
    renderer = Renderer(SIZE, "in")
    for visit in (None, visit_of()):
        before = renderer.render(visit, 1.5)
        copy = before.copy()
        renderer.render(visit, 1.6)
        assert np.array_equal(before, copy)
        before[:] = 0
        assert np.array_equal(renderer.render(visit, 1.5), copy)


@settings(deadline=None, max_examples=30)
@given(
    size=st.tuples(st.integers(16, 400), st.integers(16, 400)),
    fill=st.floats(0.05, 1.5),
    tilt_deg=st.floats(-60, 60),
    turn_deg=st.floats(-60, 60),
    blur_px=st.floats(0, 10),
    shake_px=st.floats(0, 50),
    glare=st.floats(0, 1),
    now_s=st.floats(0, 4),
    medium=st.sampled_from(("card", "phone", "dark_phone")),
)
def test_any_grip_at_any_size_gives_a_picture(
    size: tuple[int, int], now_s: float, **grip: object
) -> None:
    visit = visit_of(second_code=b"x", grip=Grip(**grip))  # type: ignore[arg-type]
    gray = Renderer(size, "in").render(visit, now_s)
    assert gray.shape == (size[1], size[0])
    assert gray.dtype == np.uint8
    assert gray.flags.c_contiguous


@pytest.mark.parametrize("length", [1, LONGEST_CODE])
def test_the_shortest_and_the_longest_code_can_be_drawn(length: int) -> None:
    assert qr_modules(b"\xff" * length).max() == 1


@pytest.mark.parametrize("length", [0, LONGEST_CODE + 1])
def test_a_code_that_no_symbol_holds_is_refused_with_the_visit(length: int) -> None:
    with pytest.raises(ValueError, match="holds 1 to 2953 bytes"):
        visit_of(b"x" * length)
