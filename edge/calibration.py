"""Calibrations of a gate's thermometers: found by a technician, kept as one JSON file a reader.

A file names the sensor it was made for (the factory's id), when, against what, and how far it can
be trusted. Temperatures are °C.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, FiniteFloat, TypeAdapter, ValidationError

from edge.config.model import Config
from edge.gate.estimate import (
    Calibration,
    Correction,
    ImplausibleError,
    calibrate_one,
    calibrate_two,
)
from edge.wholefile import write_whole

Method = Literal["source", "person"]

# Samples of one point, and how far they may scatter: a source or a person that keeps still
SAMPLES = 60
LARGEST_SPREAD_C = 0.5
READS_OF_ONE = 4  # samples at 20 Hz that may show one and the same output of the sensor's filter
# What the reference itself may be off (one standard deviation) where nothing better is known: a
# small black-body source; a clinical thermometer in the mouth, and how far one person's forehead
# lies from the population's (the spread of normal people in Wang et al. 2023 is 0.4 °C)
REFERENCE_C: dict[Method, float] = {"source": 0.15, "person": 0.4}
# An uncertainty beyond this (coverage 95 %) would hide more than it corrects
LARGEST_UNCERTAINTY_C: dict[Method, float] = {"source": 0.5, "person": 1.0}


class CalibrationError(ValueError):
    """A calibration that can't be read, or must not be used. One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What the sensor said before a reference: medians, and the scatter of its samples."""

    true_c: FiniteFloat
    object_c: FiniteFloat
    ambient_c: FiniteFloat
    sigma_c: FiniteFloat
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One calibration. `uncertainty_c` covers 95 %."""

    reader: str
    sensor: str
    method: Method
    reference: str
    at: AwareDatetime
    points: tuple[Point, ...]
    offset_c: FiniteFloat
    gain: FiniteFloat
    pivot_c: FiniteFloat
    uncertainty_c: FiniteFloat

    @property
    def calibration(self) -> Calibration:
        """As the decision core takes it."""
        return Calibration(offset_c=self.offset_c, gain=self.gain, pivot_c=self.pivot_c)

    def due(self, now: datetime, days: int) -> bool:
        """Whether it is older than `days`; 0 asks for none."""
        return days > 0 and now - self.at >= timedelta(days=days)


_STORED = TypeAdapter(Stored)


def state_folder(config: Config) -> Path:
    """Where calibrations and drift of a gate are kept."""
    return config.screening.state_path or config.records.path / "screening"


def fit(
    method: Method,
    points: Sequence[Point],
    correction: Correction,
    *,
    reference_sigma_c: float | None = None,
) -> tuple[Calibration, float]:
    """The calibration of one or two points, and its uncertainty (95 %), °C.

    A source is the surface itself. A person's mouth is compared with the estimate, so that the
    calibration takes in how foreheads at this site differ. Raises CalibrationError.
    """
    if method == "person" and len(points) != 1:
        raise CalibrationError("a person gives one point; two need a reference source")
    for point in points:
        if method == "person" and not correction.fits(point.ambient_c):
            raise CalibrationError(
                f"the air has {point.ambient_c:.1f} °C; a person calibrates only between "
                f"{correction.fitted_low_c:g} and {correction.fitted_high_c:g} °C"
            )
    pairs = [(point.object_c, _surface_c(method, point, correction)) for point in points]
    try:
        calibration = calibrate_one(*pairs[0]) if len(pairs) == 1 else calibrate_two(*pairs)
    except ImplausibleError as error:
        raise CalibrationError(str(error)) from error
    reference_c = REFERENCE_C[method] if reference_sigma_c is None else reference_sigma_c
    worst = max(
        point.sigma_c / math.sqrt(max(1.0, point.samples / READS_OF_ONE)) for point in points
    )
    uncertainty_c = 2 * math.hypot(reference_c, worst)
    if uncertainty_c > LARGEST_UNCERTAINTY_C[method]:
        raise CalibrationError(
            f"the uncertainty is ±{uncertainty_c:.2f} °C, more than "
            f"±{LARGEST_UNCERTAINTY_C[method]:g}: use a better reference"
        )
    return calibration, uncertainty_c


def _surface_c(method: Method, point: Point, correction: Correction) -> float:
    if method == "source":
        return point.true_c
    return point.true_c - correction.of(point.ambient_c)


def save(folder: Path, stored: Stored) -> Path:
    """Write it, whole or not at all. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = _path(folder, stored.reader)
    values = asdict(stored) | {"at": stored.at.isoformat(timespec="seconds")}
    write_whole(path, json.dumps(values, ensure_ascii=False, indent=1))
    return path


def load(folder: Path, reader: str) -> Stored | None:
    """A reader's calibration, None where there is none. Raises CalibrationError."""
    path = _path(folder, reader)
    try:
        stored = _STORED.validate_json(path.read_bytes())
        _ = stored.calibration
    except FileNotFoundError:
        return None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _damaged(path, f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    return stored


def _path(folder: Path, reader: str) -> Path:
    return folder / f"calibration-{reader}.json"


def _damaged(path: Path, why: str) -> CalibrationError:
    return CalibrationError(f"{path}: {why}; calibrate anew, or remove it")
