"""What samples of the thermometer come to."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.estimate import Correction
from edge.gate.screening import (
    ReadingFlag,
    Scene,
    ScreeningRules,
    concluded,
    last_reading,
    observe,
    steady_reading,
)
from feed.record import Reading

# the simplest thermometer: it shows the body's temperature
RULES = ScreeningRules(correction=Correction(offset_c=0.0, ambient_slope=0.0))
STEP_S = 0.1


def seen(
    *objects_c: float, ambient_c: float = 26.0, rules: ScreeningRules = RULES, **options: Any
) -> Scene:
    scene = Scene()
    for number, object_c in enumerate(objects_c):
        scene = observe(rules, scene, object_c, ambient_c, now=number * STEP_S, **options)
    return scene


def verdict(scene: Scene, rules: ScreeningRules = RULES) -> str | None:
    reading = steady_reading(rules, scene)
    return None if reading is None else reading.verdict


def test_somebody_who_stands_there_when_the_gate_starts_is_seen():
    assert seen(36.5).present


def test_a_warm_wall_is_nobody_and_becomes_the_baseline():
    scene = seen(*[30.0] * 400, ambient_c=28.0)
    assert not scene.present
    assert scene.baseline_c is not None
    assert abs(scene.baseline_c - 30.0) < 0.1


def test_a_scene_that_changed_for_good_does_not_count_as_a_person_for_ever():
    assert not seen(26.0, *[33.0] * 1300).present


def test_who_showed_a_code_is_not_taken_for_the_scene_however_long_it_takes():
    assert seen(26.0, *[36.5] * 1300, code_in_view=True).present


def test_on_a_hot_day_a_face_is_seen_because_a_code_was_shown():
    room, face = [35.0] * 20, [36.4] * 8
    assert not seen(*room, *face, ambient_c=35.0).present
    scene = seen(*room, *face, ambient_c=35.0, code_in_view=True)
    assert scene.present
    reading = steady_reading(RULES, scene)
    assert reading is not None
    assert reading.flags == (ReadingFlag.AMBIENT_OUT_OF_RANGE,)


@pytest.mark.parametrize(("ambient_c", "same_as_c"), [(35.0, 29.1), (12.0, 20.5)])
def test_the_correction_is_never_drawn_on_where_nobody_was_measured(
    ambient_c: float, same_as_c: float
) -> None:
    correction = Correction()
    assert correction.of(ambient_c) == correction.of(same_as_c)
    assert not correction.fits(ambient_c)
    assert correction.fits(same_as_c)


@given(st.floats(37.5, 42.5), st.lists(st.floats(-0.1, 0.1), min_size=5, max_size=5))
def test_a_fever_is_never_read_as_normal(fever_c: float, noise: list[float]) -> None:
    scene = seen(26.0, *(fever_c + 0.1 + part for part in noise))
    reading = last_reading(RULES, scene)
    assert reading is not None
    assert reading.verdict != "normal"


def test_raw_values_stand_beside_the_estimate():
    rules = ScreeningRules(correction=Correction(offset_c=0.5, ambient_slope=0.0))
    reading = steady_reading(rules, seen(26.0, *[36.4] * 5, rules=rules))
    assert reading is not None
    assert (reading.object_c, reading.ambient_c, reading.estimate_c) == (36.4, 26.0, 36.9)
    assert (reading.samples, reading.spread_c, reading.verdict) == (4, 0.0, "normal")
    assert reading.flags is None


def test_the_limit_is_kept_to_a_hundredth():
    assert verdict(seen(26.0, *[37.49] * 5)) == "normal"
    assert verdict(seen(26.0, *[37.5] * 5)) == "high"


def test_samples_from_before_somebody_came_never_count():
    assert steady_reading(RULES, seen(26.0, 26.0, 26.0, 36.5, 36.5)) is None


def test_samples_that_the_sensors_filter_still_shapes_never_count():
    rising = [29.0, 34.0, 36.0, *[36.5] * 5]
    slow = seen(26.0, *rising, settling_s=0.35)
    assert [object_c for object_c, _ in slow.window] == [36.5] * 4


@pytest.mark.parametrize("step_c", [0.06, -0.06], ids=["a_sensor_that_warms", "a_cup_that_cools"])
def test_a_window_that_goes_one_way_is_not_steady(step_c: float) -> None:
    assert steady_reading(RULES, seen(26.0, *(36.5 + n * step_c for n in range(5)))) is None


def test_a_hot_cup_is_no_face_even_while_it_is_half_out_of_view():
    assert verdict(seen(26.0, *[62.0] * 8)) == "not_a_face"
    half_out = seen(26.0, *[62.0] * 8, *[36.6] * 8)
    assert verdict(half_out) == "not_a_face"
    reading = last_reading(RULES, half_out)
    assert reading is not None
    assert reading.verdict == "not_a_face"


def test_a_face_after_the_cup_was_taken_away_is_a_face():
    assert verdict(seen(26.0, *[62.0] * 8, 26.0, *[36.6] * 8)) == "normal"


def test_sun_that_slowly_warms_the_scene_is_nobody():
    warming = (26.0 + 0.01 * number for number in range(1200))
    assert not seen(*warming).present


# --- rounds ---------------------------------------------------------------------------------


def reading_of(estimate_c: float) -> Reading:
    high = estimate_c >= RULES.limit_c
    return Reading(
        verdict="high" if high else "normal",
        estimate_c=estimate_c, object_c=estimate_c - 2, ambient_c=25.0, samples=5, spread_c=0.1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("estimates_c", "expected"),
    [
        ([36.6], "normal"),
        ([38.0], None),
        ([38.0, 38.1], "high"),
        ([38.0, 36.6], None),
        ([38.0, 36.6, 36.7], "normal"),
        ([38.0, 36.6, 37.9], "high"),
    ],
)
def test_the_median_of_the_rounds_decides_once_it_is_certain(
    estimates_c: list[float], expected: str | None
) -> None:
    reading = concluded(RULES, tuple(map(reading_of, estimates_c)))
    assert (reading and reading.verdict) == expected


@given(st.lists(st.floats(36, 41), min_size=3, max_size=3))
def test_stopping_early_never_changes_what_all_rounds_would_have_said(
    estimates_c: list[float],
) -> None:
    rounds = tuple(map(reading_of, estimates_c))
    if rounds[0].verdict == "normal":
        return
    full = concluded(RULES, rounds)
    assert full is not None
    early = concluded(RULES, rounds[:2])
    assert early is None or early.verdict == full.verdict


def test_every_round_keeps_its_raw_value():
    reading = concluded(RULES, tuple(map(reading_of, [38.0, 36.6, 37.9])))
    assert reading is not None
    assert reading.rounds_c == (36.0, 34.6, 35.9)
    assert reading.estimate_c == 37.9
