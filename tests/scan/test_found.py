from __future__ import annotations

import numpy as np

from edge.scan.found import Box, Code, Found, box_of, outermost


def at(payload: bytes, left: int, top: int, side: int) -> Code:
    corners = [(left, top), (left + side, top), (left + side, top + side), (left, top + side)]
    return Code(payload, np.array(corners, np.float32))


def test_a_code_inside_another_is_left_out_whichever_was_met_first() -> None:
    outer, inner = at(b"outer", 100, 100, 200), at(b"inner", 170, 170, 60)
    assert outermost([outer, inner]) == (outer,)
    assert outermost([inner, outer]) == (outer,)


def test_codes_side_by_side_are_listed_top_to_bottom_and_left_to_right() -> None:
    low, right, left = at(b"low", 0, 300, 90), at(b"right", 200, 0, 90), at(b"left", 0, 0, 90)
    assert [code.payload for code in outermost([low, right, left])] == [b"left", b"right", b"low"]


def test_the_same_payload_met_twice_is_one_code() -> None:
    first = at(b"same", 0, 0, 90)
    assert outermost([first, at(b"same", 2, 2, 80), at(b"same", 300, 0, 90)]) == (first,)


def test_a_code_found_in_an_enlarged_part_is_told_in_the_pixels_of_the_whole() -> None:
    found = Found((at(b"A", 20, 40, 100),), 0, (at(b"", 0, 0, 50).corners,))
    moved = found.moved(2.0, left=300, top=100)
    assert box_of(moved.codes[0].corners) == Box(310, 120, 361, 171)
    assert box_of(moved.failed[0]) == Box(300, 100, 326, 126)


def test_a_box_that_grows_stays_in_the_picture() -> None:
    assert Box(2, 2, 50, 50).grown(0.5, (60, 400)) == Box(0, 0, 76, 60)
