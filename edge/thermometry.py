"""What the daemon keeps of its thermometers beside the machine: calibrations and drift.

`took` is called in the gate thread and only counts; files are written from `look`, which the main
thread calls.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

from edge.calibration import Stored, load, state_folder
from edge.clock import Clock
from edge.config.model import Config, SimThermometerTable
from edge.drift import Drift
from edge.gate import events as ev
from edge.gate.estimate import Calibration
from edge.gate.reasons import Alarm
from edge.gate.screening import Verdict
from edge.summary import ReaderFigures
from edge.wholefile import write_whole
from feed.record import Detail, Kind

log = logging.getLogger(__name__)

LOOK_EVERY_S = 60.0
SAVE_EVERY_S = 600.0  # at most ten minutes of people are forgotten by a power cut
FILE = "drift.json"


class Thermometry:
    """Raises edge.calibration.CalibrationError when made, for a calibration that can't be used."""

    def __init__(self, config: Config, clock: Clock) -> None:
        self._rules = config.screening
        self._clock = clock
        self._folder = state_folder(config)
        readers = [reader for reader in config.reader if reader.thermometer is not None]
        self._stored = {reader.name: load(self._folder, reader.name) for reader in readers}
        self._simulated = {
            reader.name for reader in readers if isinstance(reader.thermometer, SimThermometerTable)
        }
        self._lock = threading.Lock()  # between the gate thread, which counts, and the main one
        self._drift = _read(self._folder / FILE, self._since())
        self._ambient_c: dict[str, float] = {}  # not kept over a restart: the air changes
        self._due: set[str] = set()
        self._looked_s: float | None = None
        self._saved_s = clock.monotonic()
        self._changed = False

    @property
    def calibrations(self) -> dict[str, Calibration]:
        """By reader, for edge.config.rules.to_rules."""
        return {name: stored.calibration for name, stored in self._stored.items() if stored}

    def sensor(self, reader: str) -> str | None:
        """The id of the sensor that a reader's calibration was made for."""
        stored = self._stored.get(reader)
        return None if stored is None else stored.sensor

    def begun(self) -> Iterator[ev.Noted]:
        """What is to be recorded at the start: the calibrations in force."""
        for name, stored in self._stored.items():
            if stored is not None:
                yield ev.Noted(
                    kind=Kind.CALIBRATION, name="in_force", reader=name, detail=_detail(stored)
                )

    def took(self, effects: Iterable[ev.Effect]) -> None:
        """Count the people who were read as healthy among these effects."""
        for effect in effects:
            if not isinstance(effect, ev.Write):
                continue
            reading, reader = effect.draft.reading, effect.draft.reader
            if effect.draft.kind != Kind.PASSAGE or reading is None or reader is None:
                continue
            if reading.ambient_c is None:
                continue
            with self._lock:
                self._ambient_c[reader] = round(reading.ambient_c, 2)
                if reading.estimate_c is not None and reading.verdict == Verdict.NORMAL:
                    self._drift[reader].add(reading.estimate_c, reading.ambient_c)
                    self._changed = True

    def figures(self, reader: str) -> ReaderFigures:
        """What the gate's state tells of a reader's thermometer."""
        with self._lock:
            drift = self._drift.get(reader, Drift())
            return ReaderFigures(
                drift.median_c, len(drift.newest), drift.drift_c, self._ambient_c.get(reader)
            )

    def look(self) -> Iterator[ev.Noted]:
        """Alarms that begin or end now; saves from time to time. Called often."""
        now_s = self._clock.monotonic()
        if self._looked_s is not None and now_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = now_s
        yield from self._due_alarms()
        yield from self._drift_alarms()
        if now_s - self._saved_s >= SAVE_EVERY_S:
            self.save()

    def save(self) -> None:
        """Write what was counted. A disk that can't take it is logged: no decision needs it."""
        self._saved_s = self._clock.monotonic()
        with self._lock:
            if not self._changed:
                return
            self._changed = False
            text = json.dumps({name: drift.to_json() for name, drift in self._drift.items()})
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / FILE, text)
        except OSError as error:
            log.warning("action=drift_not_saved file=%s: %s", self._folder / FILE, error)

    def _since(self) -> dict[str, str]:
        return {
            name: "" if stored is None else stored.at.isoformat()
            for name, stored in self._stored.items()
        }

    def _due_alarms(self) -> Iterator[ev.Noted]:
        for name, stored in self._stored.items():
            if stored is None:
                due = self._rules.calibration_days > 0 and name not in self._simulated
                why = "never calibrated"
            else:
                due = stored.due(self._clock.now(), self._rules.calibration_days)
                why = f"last calibrated on {stored.at:%Y-%m-%d}"
            if due != (name in self._due):
                self._due ^= {name}
                yield _alarm(Alarm.CALIBRATION_DUE, name, raised=due, detail={"why": why})

    def _drift_alarms(self) -> Iterator[ev.Noted]:
        with self._lock:
            for name, drift in self._drift.items():
                raised = drift.judge(self._rules.drift_c)
                if raised is not None:
                    self._changed = True
                    detail: dict[str, Detail] = {"drift_c": drift.drift_c}
                    yield _alarm(Alarm.TEMPERATURE_DRIFT, name, raised=raised, detail=detail)


def _alarm(name: Alarm, reader: str, *, raised: bool, detail: dict[str, Detail]) -> ev.Noted:
    state = "raised" if raised else "cleared"
    return ev.Noted(kind=Kind.ALARM, name=name, reader=reader, detail={"state": state, **detail})


def _detail(stored: Stored) -> dict[str, Detail]:
    return {
        "at": stored.at.isoformat(timespec="seconds"),
        "method": stored.method,
        "reference": stored.reference,
        "sensor": stored.sensor,
        "points": len(stored.points),
        "offset_c": round(stored.offset_c, 3),
        "gain": round(stored.gain, 4),
        "uncertainty_c": round(stored.uncertainty_c, 2),
    }


def _read(path: Path, since: dict[str, str]) -> dict[str, Drift]:
    """What was counted before, of readers whose calibration is still the same."""
    fresh = {name: Drift(since=at) for name, at in since.items()}
    try:
        values = json.loads(path.read_bytes())
        known = {name: Drift.from_json(one) for name, one in values.items() if name in since}
    except FileNotFoundError:
        return fresh
    except (OSError, KeyError, TypeError, ValueError, AttributeError) as error:
        log.warning("action=drift_begins_anew file=%s: %s", path, error)
        return fresh
    return fresh | {name: one for name, one in known.items() if one.since == since[name]}
