"""From surface to body: no fever may shrink, whatever the calibration."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.estimate import (
    Calibration,
    ImplausibleError,
    calibrate_one,
    calibrate_two,
)
from edge.gate.screening import estimate_core_c

POINT = st.tuples(st.floats(30, 42), st.floats(30, 42))


def plausible(points: list[tuple[float, float]]) -> Calibration | None:
    try:
        return calibrate_one(*points[0]) if len(points) == 1 else calibrate_two(*points)
    except ImplausibleError:
        return None


@given(
    st.floats(20, 45),
    st.floats(0, 5),
    st.floats(-20, 50),
    st.lists(POINT, min_size=1, max_size=2),
)
def test_for_the_same_air_the_estimate_rises_at_least_as_fast_as_the_surface(
    surface_c: float, more_c: float, ambient_c: float, points: list[tuple[float, float]]
) -> None:
    calibration = plausible(points)
    low_c = estimate_core_c(surface_c, ambient_c, calibration)
    high_c = estimate_core_c(surface_c + more_c, ambient_c, calibration)
    assert high_c - low_c >= more_c - 1e-9


def test_without_calibration_the_slope_is_exactly_one():
    assert estimate_core_c(38.0, 24.0) - estimate_core_c(34.0, 24.0) == pytest.approx(4.0)


def test_one_point_shifts_every_reading():
    calibration = calibrate_one(36.4, 37.0)
    assert calibration.of(36.4) == pytest.approx(37.0)
    assert calibration.of(39.4) == pytest.approx(40.0)


def test_two_points_are_both_met_where_the_sensor_compresses():
    calibration = calibrate_two((35.2, 35.0), (39.7, 40.0))
    assert calibration.of(35.2) == pytest.approx(35.0)
    assert calibration.of(39.7) == pytest.approx(40.0)


def test_a_sensor_that_stretches_keeps_slope_one_and_is_exact_at_the_warmer_point():
    calibration = calibrate_two((35.0, 35.2), (40.0, 39.7))
    assert calibration.gain == 1.0
    assert calibration.of(40.0) == pytest.approx(39.7)


@pytest.mark.parametrize(
    "points",
    [
        [(33.0, 37.0)],
        [(36.0, 36.5), (37.0, 37.5)],
        [(35.0, 35.0), (37.0, 40.0)],
        [(35.0, 40.0), (40.0, 35.0)],
    ],
)
def test_points_that_no_working_sensor_gives_are_refused(
    points: list[tuple[float, float]],
) -> None:
    assert plausible(points) is None


def test_a_gain_below_one_can_not_be_made_at_all():
    with pytest.raises(ValueError, match="shrink"):
        Calibration(gain=0.99)
