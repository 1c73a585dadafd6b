"""From samples of a thermometer to a reading: is a face there, is it steady, is it a fever. Pure.

All temperatures are °C. The estimate is

    estimate = object + offset_c + ambient_slope * (ambient - ambient_ref_c)

with a slope of exactly 1 on the object: anything less would pull fevers towards normal.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import fmean, median

from feed.record import Reading

# part of the distance to a new level that the empty scene's baseline takes in one sample
_BASELINE_GAIN = 0.02
# samples without a break after which "someone" is taken for a changed scene (sun on the wall)
_LONGEST_PRESENCE = 1200
# part of `max_spread_c` that a window may rise by: the sensor is still warming to the face
_RISE_PART = 1 / 3


class Verdict(StrEnum):
    """What a reading says."""

    NORMAL = "normal"
    HIGH = "high"
    LOW = "low"
    UNSTEADY = "unsteady"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRules:
    """When a temperature counts as measured, and its limits."""

    limit_c: float = 37.5
    low_limit_c: float = 34.5
    presence_c: float = 3.0
    samples: int = 5
    max_spread_c: float = 0.5
    offset_c: float = 0.0
    ambient_slope: float = 0.0
    ambient_ref_c: float = 25.0

    def estimate(self, object_c: float, ambient_c: float) -> float:
        """Body temperature from the forehead's surface and the surroundings."""
        correction_c = self.ambient_slope * (ambient_c - self.ambient_ref_c)
        return object_c + self.offset_c + correction_c


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What one thermometer has seen: the empty scene, and the samples of the face before it."""

    baseline_c: float | None = None
    present: bool = False
    present_for: int = 0
    window: tuple[tuple[float, float], ...] = ()

    def cleared(self) -> Scene:
        """The same scene with measuring begun anew."""
        return replace(self, window=())


def observe(rules: ScreeningRules, scene: Scene, object_c: float, ambient_c: float) -> Scene:
    """The scene after one more sample."""
    baseline_c = scene.baseline_c
    if baseline_c is None:
        # someone may stand there already at the first sample: ambient is the better guess then
        baseline_c = min(object_c, ambient_c)
    present = object_c >= baseline_c + rules.presence_c
    if present and scene.present_for < _LONGEST_PRESENCE:
        window = (*scene.window, (object_c, ambient_c))[-rules.samples :]
        return Scene(
            baseline_c=baseline_c, present=True, present_for=scene.present_for + 1, window=window
        )
    if present:
        return Scene(baseline_c=object_c)
    return Scene(baseline_c=baseline_c + _BASELINE_GAIN * (object_c - baseline_c))


def steady_reading(rules: ScreeningRules, scene: Scene) -> Reading | None:
    """A reading when the window is full, narrow and no longer rising; None before that."""
    if len(scene.window) < rules.samples:
        return None
    reading = _summary(rules, scene)
    objects_c = [object_c for object_c, _ in scene.window]
    half = len(objects_c) // 2
    rise_c = fmean(objects_c[-half:]) - fmean(objects_c[:half]) if half else 0.0
    if (reading.spread_c or 0.0) > rules.max_spread_c or rise_c > rules.max_spread_c * _RISE_PART:
        return None
    return reading


def last_reading(rules: ScreeningRules, scene: Scene) -> Reading | None:
    """What can be said when time is up: low, or unsteady; None without a sample."""
    if not scene.window:
        return None
    steady = steady_reading(rules, scene)
    return steady or replace(_summary(rules, scene), verdict=Verdict.UNSTEADY)


def _summary(rules: ScreeningRules, scene: Scene) -> Reading:
    objects_c = [object_c for object_c, _ in scene.window]
    object_c = median(objects_c)
    ambient_c = median(ambient_c for _, ambient_c in scene.window)
    estimate_c = round(rules.estimate(object_c, ambient_c), 2)
    return Reading(
        verdict=_verdict(rules, estimate_c),
        estimate_c=estimate_c,
        object_c=round(object_c, 2),
        ambient_c=round(ambient_c, 2),
        samples=len(objects_c),
        spread_c=round(max(objects_c) - min(objects_c), 2),
    )


def _verdict(rules: ScreeningRules, estimate_c: float) -> Verdict:
    if estimate_c >= rules.limit_c:
        return Verdict.HIGH
    return Verdict.LOW if estimate_c < rules.low_limit_c else Verdict.NORMAL
