"""What the daemon keeps of its thermometers, over restarts and over damaged files."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from edge.calibration import CalibrationError, Stored, save, state_folder
from edge.clock import SystemClock
from edge.config.model import Config
from edge.config.rules import to_rules
from edge.gate.events import Noted, Write
from edge.gate.machine import initial
from edge.summary import Counts, ReaderFigures, summarise
from edge.thermometry import FILE, LOOK_EVERY_S, SAVE_EVERY_S, Thermometry
from feed.record import Decision, Draft, Reading
from tests.acceptance.gates import config as make_config

NOW = datetime(2021, 8, 23, 7, 0, tzinfo=UTC)
STORED = Stored(
    reader="in", sensor="beef", method="source", reference="BB-12", at=NOW, points=(),
    offset_c=0.4, gain=1.0, pivot_c=37.0, uncertainty_c=0.3,
)  # fmt: skip


class TurnedClock(SystemClock):
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.past_s = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.past_s)

    def monotonic(self) -> float:
        return 1000.0 + self.past_s


class Bench:
    def __init__(self, folder: Path, **tables: Any) -> None:
        self.config: Config = make_config(folder, **tables)
        self.folder = state_folder(self.config)
        self.clock = TurnedClock()
        self.kept = Thermometry(self.config, self.clock)
        self.rng = random.Random(5)

    def people(self, count: int, *, shift_c: float = 0.0, verdict: str = "normal") -> None:
        for _ in range(count):
            estimate_c = self.rng.gauss(36.6, 0.2) + shift_c
            reading = Reading(verdict=verdict, estimate_c=estimate_c, ambient_c=25.0)
            draft = Draft(
                kind="passage",
                reader="in",
                reading=reading,
                decision=Decision(result="granted", reasons=("temperature_normal",)),
            )
            self.kept.took([Write(request=1, draft=draft)])

    def look(self, after_s: float = LOOK_EVERY_S) -> list[Noted]:
        self.clock.past_s += after_s
        return list(self.kept.look())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "gate")


def told(noted: list[Noted]) -> list[tuple[str, str | None, Any]]:
    return [(one.name, one.reader, (one.detail or {}).get("state")) for one in noted]


def test_a_drift_is_an_alarm_and_stands_in_the_figures(bench: Bench) -> None:
    bench.people(100)
    assert bench.look() == []
    bench.people(100, shift_c=0.6)
    assert told(bench.look()) == [("temperature_drift", "in", "raised")]
    median_c, people, drift_c, _ = bench.kept.figures("in")
    assert median_c == pytest.approx(37.2, abs=0.1)
    assert people == 100
    assert drift_c == pytest.approx(0.6, abs=0.1)
    bench.people(100)
    assert told(bench.look()) == [("temperature_drift", "in", "cleared")]


def test_only_people_who_were_read_as_healthy_count(bench: Bench) -> None:
    bench.people(60, verdict="high")
    assert bench.kept.figures("in")[:3] == (None, 0, None)


def test_the_state_tells_the_air_that_gates_are_compared_in(bench: Bench) -> None:
    rules = to_rules(bench.config)
    state = initial(rules)
    assert summarise(rules, state, Counts(), bench.kept.figures).readers[0].ambient_c is None
    bench.people(60)
    (reader,) = summarise(rules, state, Counts(), bench.kept.figures).readers
    assert (reader.ambient_c, reader.median_of) == (25.0, 60)


def test_what_was_counted_survives_a_restart(bench: Bench) -> None:
    bench.people(60)
    bench.look(SAVE_EVERY_S)
    again = Thermometry(bench.config, bench.clock)
    assert again.figures("in")[:3] == bench.kept.figures("in")[:3]
    assert again.figures("in").ambient_c is None  # the air may be another by now


@pytest.mark.parametrize("text", ["", "[]", '{"in": {"bands": 1}}', '{"in": 3}'])
def test_a_damaged_file_of_drift_keeps_no_gate_shut(bench: Bench, text: str) -> None:
    bench.people(60)
    bench.kept.save()
    (bench.folder / FILE).write_text(text)
    assert Thermometry(bench.config, bench.clock).figures("in") == ReaderFigures()


def test_a_new_calibration_begins_a_new_reference(bench: Bench) -> None:
    bench.people(60)
    bench.kept.save()
    save(bench.folder, STORED)
    assert Thermometry(bench.config, bench.clock).figures("in") == ReaderFigures()


def test_a_calibration_in_force_is_recorded_at_the_start(bench: Bench) -> None:
    save(bench.folder, STORED)
    kept = Thermometry(bench.config, bench.clock)
    (noted,) = kept.begun()
    assert (noted.kind, noted.reader) == ("calibration", "in")
    assert noted.detail is not None
    assert noted.detail["reference"] == "BB-12"
    assert kept.calibrations["in"].of(36.0) == pytest.approx(36.4)
    assert kept.sensor("in") == "beef"


def test_a_calibration_that_can_not_be_read_is_not_passed_over(bench: Bench) -> None:
    save(bench.folder, STORED).write_text("{")
    with pytest.raises(CalibrationError):
        Thermometry(bench.config, bench.clock)


def test_an_old_calibration_is_an_alarm(bench: Bench) -> None:
    save(bench.folder, replace(STORED, at=NOW - timedelta(days=364)))
    bench.kept = Thermometry(bench.config, bench.clock)
    assert bench.look() == []
    assert told(bench.look(2 * 86_400)) == [("calibration_due", "in", "raised")]
    assert bench.look() == []


def test_a_real_sensor_that_was_never_calibrated_is_an_alarm(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "gate", reader={"thermometer": {"driver": "mlx90614"}})
    assert told(bench.look()) == [("calibration_due", "in", "raised")]


def test_a_simulated_one_needs_none(bench: Bench) -> None:
    assert bench.look() == []
