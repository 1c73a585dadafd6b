"""When the hub asks again: not at once, one range at a time, ever more seldom, never too much."""

from __future__ import annotations

from itertools import pairwise

from hub.ingest.gaps import LONGEST_WAIT_S, MOST_IN_ONE_ASK, Gaps
from hub.standing import Standing
from tests.hub.support import PLACE


def standing(*spans: tuple[int, int], key: int = 1) -> Standing:
    made = Standing(key, "s", PLACE)
    for first, last in spans:
        made.account(first, last)
    return made


def asked(gaps: Gaps, now_s: float) -> list[tuple[int, int]]:
    return [(ask.first, ask.last) for ask in gaps.due(now_s)]


def test_a_record_that_overtook_another_is_no_gap_yet() -> None:
    gaps = Gaps(patience_s=10)
    gaps.note(standing((1, 3), (5, 6)), 0)
    assert asked(gaps, 9) == []
    gaps.note(standing((1, 6)), 9)
    assert asked(gaps, 1_000) == []
    assert len(gaps) == 0


def test_a_hole_that_lasts_is_asked_for_once_then_more_and_more_seldom() -> None:
    gaps = Gaps(patience_s=10)
    gaps.note(standing((1, 3), (5, 6), (9, 9)), 0)
    assert asked(gaps, 10) == [(4, 4)]
    assert asked(gaps, 11) == []
    times = [10.0]
    now_s = 10.0
    while now_s < 10_000:
        now_s += 1
        gaps.note(standing((1, 3), (5, int(now_s))), now_s)  # the gate goes on
        if asked(gaps, now_s):
            times.append(now_s)
    waits = [after - before for before, after in pairwise(times)]
    assert waits[0] <= 21
    assert max(waits) <= LONGEST_WAIT_S + 11
    assert len(times) < 30


def test_a_long_hole_is_asked_for_piece_by_piece() -> None:
    gaps = Gaps(patience_s=10)
    gaps.note(standing((20_001, 20_001)), 0)
    assert asked(gaps, 10) == [(1, MOST_IN_ONE_ASK)]
    gaps.note(standing((1, 700), (20_001, 20_001)), 11)
    assert asked(gaps, 12) == []  # the rest of the piece is under way
    gaps.note(standing((1, MOST_IN_ONE_ASK), (20_001, 20_001)), 13)
    assert asked(gaps, 13) == [(MOST_IN_ONE_ASK + 1, 2 * MOST_IN_ONE_ASK)]


def test_a_piece_that_stops_half_way_is_asked_for_again_soon() -> None:
    gaps = Gaps(patience_s=10)
    gaps.note(standing((100, 100)), 0)
    for now_s in (10, 100, 1_000, 10_000):
        assert asked(gaps, now_s) == [(1, 99)]
    gaps.note(standing((1, 50), (100, 100)), 10_001)
    assert asked(gaps, 10_011) == [(51, 99)]


def test_streams_are_asked_apart() -> None:
    gaps = Gaps(patience_s=10)
    gaps.note(standing((2, 2), key=1), 0)
    gaps.note(standing((3, 3), key=2), 0)
    assert asked(gaps, 10) == [(1, 1), (1, 2)]
