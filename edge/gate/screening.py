"""From samples of a thermometer to a reading: is a face there, is it steady, is it a fever. Pure.

All temperatures are °C, times monotonic seconds. What a reading means is edge.gate.estimate's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from statistics import fmean, median
from typing import Literal

from edge.gate.estimate import Calibration, Correction, estimate_core_c
from feed.record import Reading

__all__ = [
    "Calibration",
    "ReadingFlag",
    "Scene",
    "ScreeningRules",
    "Verdict",
    "concluded",
    "estimate_core_c",
    "last_reading",
    "observe",
    "steady_reading",
]

# part of the distance to a new level that the empty scene's baseline takes in a second
_BASELINE_GAIN_HZ = 0.2
_LONGEST_STEP_S = 1.0
# part of `max_spread_c` that a window may rise or fall by: the sensor is still warming to the
# face, or what stands there cools (a cup)
_TREND_PART = 1 / 3


class Verdict(StrEnum):
    """What a reading says."""

    NORMAL = "normal"
    HIGH = "high"
    LOW = "low"
    UNSTEADY = "unsteady"
    NOT_A_FACE = "not_a_face"


class ReadingFlag(StrEnum):
    """What is odd about a reading."""

    AMBIENT_OUT_OF_RANGE = "ambient_out_of_range"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreeningRules:
    """When a temperature counts as measured, its limits, and what follows from them.

    `presence_c` above the empty scene is somebody; with a code in view `presence_with_code_c` is
    enough. Warmer than `hottest_c` is no face. What is there for `changed_scene_s` without a code
    is taken for the scene itself. A high reading is measured again `repeats` times, each after
    `repeat_pause_s`. `secondary_s` is how long an attendant may enter a clinical thermometer's
    value after a refusal, and how long a normal one counts; 0 where there is no attendant.
    """

    limit_c: float = 37.5
    low_limit_c: float = 34.5
    hottest_c: float = 43.0
    presence_c: float = 3.0
    presence_with_code_c: float = 1.0
    changed_scene_s: float = 120.0
    samples: int = 4
    max_spread_c: float = 0.5
    correction: Correction = field(default_factory=Correction)
    enforce: Literal["deny", "flag"] = "deny"
    repeats: int = 2
    repeat_pause_s: float = 1.0
    secondary_s: float = 900.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What one thermometer has seen: the empty scene, and the samples of the face before it.

    `since_s` is when the face appeared, `peak_c` the warmest of it since, `last_s` when the newest
    sample was taken.
    """

    baseline_c: float | None = None
    present: bool = False
    since_s: float = 0.0
    peak_c: float | None = None
    last_s: float | None = None
    window: tuple[tuple[float, float], ...] = ()

    def cleared(self) -> Scene:
        """The same scene with measuring begun anew."""
        return replace(self, window=())


def observe(
    rules: ScreeningRules,
    scene: Scene,
    object_c: float,
    ambient_c: float,
    *,
    now: float,
    settling_s: float = 0.0,
    code_in_view: bool = False,
) -> Scene:
    """The scene after one more sample. Samples within `settling_s` of the face's appearance show
    the sensor's filter and not the face: they don't count.
    """
    baseline_c = scene.baseline_c
    if baseline_c is None:
        # someone may stand there already at the first sample: ambient is the better guess then
        baseline_c = min(object_c, ambient_c)
    step_s = min(now - scene.last_s, _LONGEST_STEP_S) if scene.last_s is not None else 0.0
    if not object_c >= baseline_c + _threshold_c(rules, code_in_view=code_in_view):
        gain = min(1.0, _BASELINE_GAIN_HZ * step_s)
        return Scene(baseline_c=baseline_c + gain * (object_c - baseline_c), last_s=now)
    since_s = scene.since_s if scene.present else now
    if now - since_s >= rules.changed_scene_s and not code_in_view:
        # sun on the wall, a lamp: nobody stands so long without showing a code
        return Scene(baseline_c=object_c, last_s=now)
    window = scene.window
    if now - since_s >= settling_s:
        window = (*window, (object_c, ambient_c))[-rules.samples :]
    return Scene(
        baseline_c=baseline_c,
        present=True,
        since_s=since_s,
        peak_c=object_c if scene.peak_c is None else max(scene.peak_c, object_c),
        last_s=now,
        window=window,
    )


def _threshold_c(rules: ScreeningRules, *, code_in_view: bool) -> float:
    return min(rules.presence_c, rules.presence_with_code_c) if code_in_view else rules.presence_c


def steady_reading(
    rules: ScreeningRules, scene: Scene, calibration: Calibration | None = None
) -> Reading | None:
    """A reading when the window is full, narrow, and neither rises nor falls; None before that."""
    if len(scene.window) < rules.samples:
        return None
    reading = _summary(rules, scene, calibration)
    objects_c = [object_c for object_c, _ in scene.window]
    half = len(objects_c) // 2
    trend_c = fmean(objects_c[-half:]) - fmean(objects_c[:half]) if half else 0.0
    steps_c = [later - sooner for sooner, later in pairwise(objects_c)]
    one_way = all(step > 0 for step in steps_c) or all(step < 0 for step in steps_c)
    allowed_c = rules.max_spread_c * _TREND_PART * (0.5 if one_way and len(steps_c) > 2 else 1.0)
    if (reading.spread_c or 0.0) > rules.max_spread_c or abs(trend_c) > allowed_c:
        return None
    return reading


def last_reading(
    rules: ScreeningRules, scene: Scene, calibration: Calibration | None = None
) -> Reading | None:
    """What can be said when time is up: low, not a face, or unsteady; None without a sample."""
    if not scene.window:
        return None
    steady = steady_reading(rules, scene, calibration)
    if steady is not None:
        return steady
    summary = _summary(rules, scene, calibration)
    if summary.verdict == Verdict.NOT_A_FACE:
        return summary
    return replace(summary, verdict=Verdict.UNSTEADY)


def concluded(rules: ScreeningRules, rounds: tuple[Reading, ...]) -> Reading | None:
    """The reading that several rounds come to, or None while another is wanted.

    A first round that is not high stands. Else the median of all rounds decides, and no further
    one is asked for once it can't change that.
    """
    if not rounds:
        return None
    if len(rounds) == 1 and (rounds[0].verdict != Verdict.HIGH or not rules.repeats):
        return rounds[0]
    wanted = rules.repeats + 1
    high = sum(reading.verdict == Verdict.HIGH for reading in rounds)
    certain = max(high, len(rounds) - high) * 2 > wanted
    return combined(rules, rounds) if certain or len(rounds) >= wanted else None


def combined(rules: ScreeningRules, rounds: tuple[Reading, ...]) -> Reading:
    """One reading from several: medians, and the raw object temperature of each round."""
    estimate_c = round(median(reading.estimate_c or 0.0 for reading in rounds), 2)
    flags = dict.fromkeys(flag for reading in rounds for flag in reading.flags or ())
    return Reading(
        verdict=_verdict(rules, estimate_c),
        estimate_c=estimate_c,
        object_c=round(median(reading.object_c or 0.0 for reading in rounds), 2),
        ambient_c=round(median(reading.ambient_c or 0.0 for reading in rounds), 2),
        samples=sum(reading.samples for reading in rounds),
        spread_c=max(reading.spread_c or 0.0 for reading in rounds),
        rounds_c=tuple(reading.object_c or 0.0 for reading in rounds),
        flags=tuple(flags) or None,
    )


def window_estimate(objects_c: list[float]) -> float:
    """One value of a steady window: the warmest. Whatever comes between sensor and forehead (hair,
    the edge of the face, distance) cools the reading, and a steady window leaves noise little room.
    Chosen by bench/bench_screening.py, on people and on the simulator.
    """
    return max(objects_c)


def _summary(rules: ScreeningRules, scene: Scene, calibration: Calibration | None) -> Reading:
    objects_c = [object_c for object_c, _ in scene.window]
    object_c = window_estimate(objects_c)
    ambient_c = median(ambient_c for _, ambient_c in scene.window)
    estimate_c = round(estimate_core_c(object_c, ambient_c, calibration, rules.correction), 2)
    fits = rules.correction.fits(ambient_c)
    verdict = _verdict(rules, estimate_c)
    peak_c = max(objects_c) if scene.peak_c is None else scene.peak_c
    if estimate_core_c(peak_c, ambient_c, calibration, rules.correction) >= rules.hottest_c:
        # a cup that is half out of view, or cools, passes through every temperature of a face
        verdict = Verdict.NOT_A_FACE
    return Reading(
        verdict=verdict,
        estimate_c=estimate_c,
        object_c=round(object_c, 2),
        ambient_c=round(ambient_c, 2),
        samples=len(objects_c),
        spread_c=round(max(objects_c) - min(objects_c), 2),
        flags=None if fits else (ReadingFlag.AMBIENT_OUT_OF_RANGE,),
    )


def _verdict(rules: ScreeningRules, estimate_c: float) -> Verdict:
    if estimate_c >= rules.hottest_c:
        return Verdict.NOT_A_FACE
    if estimate_c >= rules.limit_c:
        return Verdict.HIGH
    return Verdict.LOW if estimate_c < rules.low_limit_c else Verdict.NORMAL
