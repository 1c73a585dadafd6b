"""The daily look at an empty scene: what is out of bounds pauses screening."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from edge.config.model import SimThermometerTable
from edge.drivers.thermometer import Measurement
from edge.drivers.thermometer.selfcheck import SAMPLES, Report, SelfCheck

DAY_S = 86_400.0


class Bench:
    def __init__(self, **table: Any) -> None:
        self.now_s = 100.0
        self.rng = random.Random(3)
        self.check = SelfCheck(
            SimThermometerTable(driver="sim", **table), every_s=DAY_S, monotonic=lambda: self.now_s
        )

    def look(
        self, object_c: float = 25.0, *, noise_c: float = 0.05, count: int = SAMPLES
    ) -> Report | None:
        report = None
        for _ in range(count):
            self.now_s += 0.05
            seen_c = self.rng.gauss(object_c, noise_c)
            report = self.check.take(Measurement(seen_c, 25.0, self.now_s)) or report
        return report


def test_a_sound_sensor_passes_and_is_left_alone_for_a_day():
    bench = Bench()
    report = bench.look()
    assert report is not None
    assert report.passed
    assert bench.look() is None
    bench.now_s += DAY_S
    assert bench.look() is not None


def test_people_before_it_are_not_the_empty_scene():
    bench = Bench()
    assert bench.look(34.5, count=10 * SAMPLES) is None
    assert bench.look(25.0, count=SAMPLES - 1) is None
    assert bench.look(34.5, count=1) is None
    assert bench.look(25.0, count=SAMPLES - 1) is None


def test_a_noisy_sensor_fails_until_a_check_passes():
    bench = Bench()
    report = bench.look(noise_c=0.8)
    assert report is not None
    assert "noise" in report.why
    assert not bench.check.passed
    assert bench.look() is not None
    assert bench.check.passed


def test_somebody_who_has_just_left_is_no_noise_of_the_sensor():
    bench = Bench()
    for step in range(10):  # what the filter has left of a forehead of 34 °C
        assert bench.look(25.0 + 2.9 * 0.7**step, count=1) is None
    report = bench.look(count=SAMPLES - 10)
    assert report is not None
    assert report.why == ""


def test_somebody_who_walks_past_in_air_as_warm_as_skin_does_not_pause_screening():
    bench = Bench()
    bench.look(25.0, count=25)
    bench.look(27.5, count=8)
    report = bench.look(25.0, count=SAMPLES - 33)
    assert report is not None
    assert report.why == ""


@pytest.mark.parametrize(("other", "fails"), [("26500", False), ("31000", True), ("none", True)])
def test_its_air_is_compared_with_a_second_thermometer(
    tmp_path: Path, other: str, fails: bool
) -> None:
    (tmp_path / "temperature").write_text(f"{other}\n")
    report = Bench(ambient_file=tmp_path / "temperature").look()
    assert report is not None
    assert report.passed is not fails


def test_a_second_thermometer_that_is_gone_is_told(tmp_path: Path) -> None:
    report = Bench(ambient_file=tmp_path / "gone").look()
    assert report is not None
    assert "No such file" in report.why


@pytest.mark.parametrize(("object_c", "fails"), [(35.2, False), (36.0, True)])
def test_a_reference_source_in_view_is_read_right(object_c: float, fails: bool) -> None:
    report = Bench(reference_c=35.0).look(object_c)
    assert report is not None
    assert report.passed is not fails
    assert report.detail["reference_off_c"] == pytest.approx(object_c - 35.0, abs=0.05)


def test_none_is_made_where_none_is_wanted():
    check = SelfCheck(SimThermometerTable(driver="sim"), every_s=0.0)
    assert all(check.take(Measurement(25.0, 25.0, 0.0)) is None for _ in range(2 * SAMPLES))
