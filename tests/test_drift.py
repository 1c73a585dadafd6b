"""A sensor that slowly goes wrong shows in the people it reads as healthy."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from edge.drift import FEWEST, RECENT, REFERENCE, Drift


def people(drift: Drift, count: int, *, shift_c: float = 0.0, ambient_c: float = 25.0) -> None:
    rng = random.Random(7)
    for _ in range(count):
        drift.add(rng.gauss(36.6, 0.3) + shift_c, ambient_c)


def test_a_sensor_that_keeps_its_level_raises_nothing():
    drift = Drift()
    people(drift, 500)
    assert drift.judge(0.3) is None
    assert abs(drift.drift_c or 0) < 0.15


def test_a_shift_is_raised_once_and_cleared_once():
    drift = Drift()
    people(drift, REFERENCE)
    people(drift, RECENT, shift_c=0.6)
    assert drift.judge(0.3) is True
    assert drift.judge(0.3) is None
    people(drift, RECENT)
    assert drift.judge(0.3) is False


def test_the_change_of_seasons_is_no_drift():
    """Warmer air moves people to another band; what the correction leaves there is no drift."""
    drift = Drift()
    people(drift, 300, ambient_c=23.0)
    people(drift, 300, ambient_c=29.0, shift_c=0.4)
    assert drift.judge(0.3) is None


def test_nothing_is_said_before_enough_people_came():
    drift = Drift()
    people(drift, FEWEST - 1)
    assert (drift.median_c, drift.drift_c) == (None, None)
    people(drift, 1)
    assert drift.median_c is not None


@given(st.lists(st.tuples(st.floats(34.5, 37.4), st.floats(10, 40)), max_size=400), st.booleans())
def test_it_comes_back_from_its_file_as_it_was(
    read: list[tuple[float, float]], raised: bool
) -> None:
    drift = Drift(since="2021-08-23", raised=raised)
    for estimate_c, ambient_c in read:
        drift.add(estimate_c, ambient_c)
    assert Drift.from_json(drift.to_json()) == drift
