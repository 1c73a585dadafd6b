"""Calibrations: what is accepted, what is kept, and when they are due."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.calibration import CalibrationError, Point, Stored, fit, load, save
from edge.gate.estimate import Correction, estimate_core_c

NOW = datetime(2021, 8, 23, 7, 0, tzinfo=UTC)


def point(
    true_c: float, object_c: float, *, ambient_c: float = 24.0, sigma_c: float = 0.05
) -> Point:
    return Point(true_c=true_c, object_c=object_c, ambient_c=ambient_c, sigma_c=sigma_c, samples=40)


STORED = Stored(
    reader="in",
    sensor="beef000000000000",
    method="source",
    reference="BB-12",
    at=NOW,
    points=(point(35.0, 34.6), point(40.0, 39.5)),
    offset_c=0.5,
    gain=1.02,
    pivot_c=39.5,
    uncertainty_c=0.3,
)


def test_a_source_gives_the_surface():
    calibration, uncertainty_c = fit("source", [point(37.0, 36.5)], Correction())
    assert calibration.of(36.5) == pytest.approx(37.0)
    assert 0.2 < uncertainty_c < 0.5


def test_a_person_gives_the_estimate_at_their_air():
    measured = point(36.7, 34.0, ambient_c=26.0)
    calibration, _ = fit("person", [measured], Correction())
    assert estimate_core_c(34.0, 26.0, calibration) == pytest.approx(36.7)


@pytest.mark.parametrize(
    ("method", "points", "why"),
    [
        ("source", [point(37.0, 33.0)], "off"),
        ("person", [point(36.7, 36.0, ambient_c=33.0)], "only between 20.5 and 29.1"),
        ("person", [point(36.7, 34.0), point(36.8, 34.1)], "one point"),
        ("source", [point(37.0, 36.5), point(38.0, 37.5)], "3 °C apart"),
    ],
)
def test_what_no_working_sensor_shows_is_refused(method, points, why):
    with pytest.raises(CalibrationError, match=why):
        fit(method, points, Correction())


def test_a_reference_that_is_no_better_than_the_sensor_is_refused():
    with pytest.raises(CalibrationError, match="better reference"):
        fit("source", [point(37.0, 36.5)], Correction(), reference_sigma_c=0.5)


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    save(tmp_path / "new", STORED)
    assert load(tmp_path / "new", "in") == STORED
    assert load(tmp_path / "new", "out") is None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["calibration-in.json"]


@pytest.mark.parametrize(
    "text", ["", "{}", '{"gain": 0.5}', "\x00" * 40, "[" * 100_000], ids=range(5)
)
def test_a_damaged_file_is_never_half_believed(tmp_path: Path, text: str) -> None:
    path = save(tmp_path, STORED)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CalibrationError, match="calibrate anew"):
        load(tmp_path, "in")


def test_a_gain_that_shrinks_fevers_is_refused_also_from_a_file(tmp_path: Path) -> None:
    save(tmp_path, replace(STORED, gain=0.9))
    with pytest.raises(CalibrationError, match="shrink"):
        load(tmp_path, "in")


@pytest.mark.parametrize(
    ("days", "age", "due"), [(365, 364, False), (365, 366, True), (0, 9999, False)]
)
def test_it_is_due_after_the_configured_time(days: int, age: int, due: bool) -> None:
    assert STORED.due(NOW + timedelta(days=age), days) is due
