"""calibrate and secondary, as a technician and an attendant start them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.calibration import load

Run = Callable[..., subprocess.CompletedProcess[str]]


def stand_before(config_file: Path, surface_c: float, error_c: float) -> None:
    """Somebody, or a source, stands before a sensor that reads so much too high."""
    visit = {"reader": "in", "at_s": 0, "stay_s": 600, "face_from_s": 0, "surface_c": surface_c}
    config_file.with_name("people.json").write_text(json.dumps([visit]))
    text = config_file.read_text()
    text = text.replace(
        '[reader.thermometer]\ndriver = "sim"',
        f'[reader.thermometer]\ndriver = "sim"\nerror_c = {error_c}',
    )
    config_file.write_text(text + '\n[sim]\nscript = "people.json"\nambient_c = 24.0\n')


def test_a_source_is_measured_shown_and_kept(run: Run, config_file: Path) -> None:
    stand_before(config_file, 37.0, 0.6)
    done = run(
        "--config", config_file, "calibrate", "in", "--source", "37.0",
        "--reference", "BB-12", "--yes", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["offset_c"] == pytest.approx(-0.6, abs=0.05)
    assert 0.2 < told["uncertainty_c"] < 0.5
    stored = load(config_file.parent / "records" / "screening", "in")
    assert stored is not None
    assert (stored.reference, stored.method) == ("BB-12", "source")
    assert len(stored.sensor) == 16


def test_a_person_is_compared_with_the_estimate(run: Run, config_file: Path) -> None:
    stand_before(config_file, 34.2, 0.0)
    done = run("--config", config_file, "calibrate", "in", "--person", "36.7", "--yes")
    assert done.returncode == 0, done.stderr
    assert "uncertainty ±0.80 °C" in done.stdout
    stored = load(config_file.parent / "records" / "screening", "in")
    assert stored is not None
    # 34.2 + 2.3 at 24 °C is 0.2 below what the clinical thermometer says
    assert stored.offset_c == pytest.approx(0.2, abs=0.06)


def test_a_sensor_that_is_far_off_is_refused(run: Run, config_file: Path) -> None:
    stand_before(config_file, 37.0, 3.0)
    done = run("--config", config_file, "calibrate", "in", "--source", "37", "--yes")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "look at emissivity" in done.stderr
    assert load(config_file.parent / "records" / "screening", "in") is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["nowhere", "--source", "37", "--yes"], "no thermometer at a reader 'nowhere'"),
        (["in", "--yes"], "give one --person, or one or two --source"),
        (["in", "--source", "37", "--person", "36.6", "--yes"], "give one --person"),
        (["in", "--person", "39", "--yes"], "39"),
    ],
)
def test_bad_input_is_one_line(run: Run, config_file: Path, arguments: list[str], why: str) -> None:
    done = run("--config", config_file, "calibrate", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert why in done.stderr


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["--reader", "in", "--value", "36.8"], "does not answer"),
        (["--reader", "in", "--value", "98.6"], "not what a clinical thermometer shows"),
    ],
)
def test_an_attendants_value_that_can_not_be_entered(
    run: Run, config_file: Path, arguments: list[str], why: str
) -> None:
    (config_file.parent / "records").mkdir(exist_ok=True)
    done = run("--config", config_file, "secondary", *arguments)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert why in done.stderr
