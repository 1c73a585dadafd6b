"""What samples of the thermometer come to."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.gate.screening import Scene, ScreeningRules, last_reading, observe, steady_reading

RULES = ScreeningRules()


def seen(*objects_c: float, ambient_c: float = 26.0, rules: ScreeningRules = RULES) -> Scene:
    scene = Scene()
    for object_c in objects_c:
        scene = observe(rules, scene, object_c, ambient_c)
    return scene


def test_somebody_who_stands_there_when_the_gate_starts_is_seen():
    assert seen(36.5).present


def test_a_warm_wall_is_nobody_and_becomes_the_baseline():
    scene = seen(*[30.0] * 400, ambient_c=28.0)
    assert not scene.present
    assert scene.baseline_c is not None
    assert abs(scene.baseline_c - 30.0) < 0.1


def test_a_scene_that_changed_for_good_does_not_count_as_a_person_for_ever():
    assert not seen(26.0, *[33.0] * 1300).present


@given(st.floats(37.5, 43.0), st.lists(st.floats(-0.1, 0.1), min_size=5, max_size=5))
def test_a_fever_is_never_read_as_normal(fever_c: float, noise: list[float]) -> None:
    scene = seen(26.0, *(fever_c + 0.1 + part for part in noise))
    reading = last_reading(RULES, scene)
    assert reading is not None
    assert reading.verdict != "normal"


@given(st.floats(30, 42), st.floats(0, 1.5))
def test_the_estimate_follows_the_surface_one_to_one(surface_c: float, more_c: float) -> None:
    rules = ScreeningRules(offset_c=0.4, ambient_slope=-0.165, ambient_ref_c=25.0)
    first = rules.estimate(surface_c, 30.0)
    assert abs(rules.estimate(surface_c + more_c, 30.0) - first - more_c) < 1e-9


def test_raw_values_stand_beside_the_estimate():
    rules = ScreeningRules(offset_c=0.5)
    reading = steady_reading(rules, seen(26.0, *[36.4] * 5, rules=rules))
    assert reading is not None
    assert (reading.object_c, reading.ambient_c, reading.estimate_c) == (36.4, 26.0, 36.9)
    assert (reading.samples, reading.spread_c, reading.verdict) == (5, 0.0, "normal")


def test_samples_from_before_somebody_came_never_count():
    assert steady_reading(RULES, seen(26.0, 26.0, 26.0, 36.5, 36.5)) is None
