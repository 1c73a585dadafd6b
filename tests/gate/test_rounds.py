"""A high reading is measured again before it denies, and an attendant may measure after it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge.gate import events as ev
from edge.gate.reasons import Cause, Device, Reason
from edge.gate.rules import Rules
from edge.gate.state import LaneState
from tests.gate.gatebench import RULES, Bench, with_lane, with_policy

SCREENING = replace(RULES.screening, repeats=2, secondary_s=600.0)
REPEATING = replace(RULES, screening=SCREENING)
WARM = ("temperature_high", "secondary_check")


def with_screening(rules: Rules = REPEATING, **parts: Any) -> Rules:
    return replace(rules, screening=replace(rules.screening, **parts))


def state(bench: Bench) -> LaneState:
    return bench.state.lane("in").state


def warm(bench: Bench, *, then_c: float = 38.5) -> None:
    """A first round that is high, then another temperature for as long as it takes."""
    bench.code()
    bench.nobody()
    bench.samples(38.5, 6)
    assert state(bench) is LaneState.PAUSING
    bench.samples(then_c, 60)


def secondary(bench: Bench, value_c: float, **parts: Any) -> None:
    bench.send(ev.SecondaryReading(reader="in", value_c=value_c, **parts))


def test_a_high_reading_is_measured_again_and_the_person_sees_why_they_wait():
    bench = Bench(REPEATING)
    bench.code()
    bench.nobody()
    bench.samples(38.5, 6)
    assert bench.decisions == []
    shown = bench.shown["in"]
    assert (shown.signal, shown.reasons) == (ev.Signal.HOLD_STILL, (Reason.TEMPERATURE_REPEATED,))


def test_a_fever_that_stays_is_denied_with_all_its_rounds_in_the_record():
    bench = Bench(REPEATING)
    warm(bench)
    assert bench.decisions == [("denied", WARM)]
    reading = bench.of_kind("passage")[0].reading
    assert reading is not None
    assert reading.rounds_c == (38.5, 38.5)


def test_one_high_reading_of_a_healthy_person_keeps_nobody_out():
    bench = Bench(REPEATING)
    warm(bench, then_c=36.6)
    assert bench.decisions[0][0] == "granted"
    assert bench.decisions[0][1][1:] == ("temperature_normal", "temperature_repeated")
    reading = bench.of_kind("passage")[0].reading
    assert reading is not None
    assert reading.rounds_c == (38.5, 36.6, 36.6)


@pytest.mark.parametrize("after_s", [0.0, RULES.measuring_s + 2])
def test_stepping_back_after_a_high_round_does_not_wash_it_off(after_s: float) -> None:
    bench = Bench(REPEATING)
    bench.code()
    bench.nobody()
    bench.samples(38.5, 6)
    bench.nobody()
    bench.after(after_s)
    bench.after(RULES.temperature_wait_s)
    assert bench.decisions == [("denied", WARM)]


def test_a_sensor_that_fails_after_a_high_round_admits_nobody():
    bench = Bench(with_policy(REPEATING, Device.THERMOMETER, "admit"))
    bench.code()
    bench.nobody()
    bench.samples(38.5, 6)
    bench.send(ev.Faulted(device=Device.THERMOMETER, cause=Cause.UNPLUGGED, reader="in"))
    assert bench.decisions == [("denied", WARM)]


def test_who_walks_off_after_a_high_round_is_in_the_records_also_without_a_code():
    bench = Bench(with_lane(REPEATING, mode="temperature_only"))
    bench.nobody()
    bench.samples(38.5, 6)
    bench.nobody()
    assert bench.decisions == [("denied", WARM)]


def test_a_hat_during_the_repeat_is_no_healthy_round():
    bench = Bench(REPEATING)
    warm(bench, then_c=31.0)
    bench.after(RULES.measuring_s)
    assert bench.decisions == [("denied", WARM)]


def test_flagging_lets_in_and_says_so():
    bench = Bench(with_screening(enforce="flag"))
    warm(bench)
    assert bench.decisions[0][0] == "granted"
    assert "temperature_high" in bench.decisions[0][1]


@pytest.mark.parametrize(("object_c", "reason"), [(31.0, "temperature_low"), (60.0, "not_a_face")])
def test_flagging_names_what_was_no_forehead(object_c: float, reason: str) -> None:
    bench = Bench(with_screening(enforce="flag"))
    bench.code()
    bench.face(object_c)
    bench.after(RULES.measuring_s)
    assert bench.decisions[0][0] == "granted"
    assert reason in bench.decisions[0][1]


def test_a_cup_is_refused_as_what_it_is():
    bench = Bench(REPEATING)
    bench.code()
    bench.face(60.0)
    assert bench.shown["in"].signal is ev.Signal.COME_CLOSER
    bench.after(RULES.measuring_s)
    assert bench.decisions == [("denied", ("not_a_face",))]


@pytest.mark.parametrize("object_c", [36.6, 38.6])
def test_air_that_nobody_was_measured_in_is_flagged_whatever_the_answer(object_c: float) -> None:
    bench = Bench(replace(REPEATING, measuring_s=20.0))
    bench.samples(33.0, 20, ambient_c=33.0)
    bench.code()
    bench.samples(object_c, 60, ambient_c=33.0)
    assert "ambient_out_of_range" in bench.decisions[0][1]


# --- the attendant --------------------------------------------------------------------------


def test_a_clinical_value_is_recorded_with_the_refusal_it_follows():
    bench = Bench(REPEATING)
    warm(bench)
    secondary(bench, 38.2)
    check, ref = next(item for item in bench.drafts.values() if item[0].kind == "check")
    assert check.reading is not None
    assert (check.reading.verdict, check.reading.estimate_c) == ("high", 38.2)
    assert ref is not None
    assert bench.drafts[ref][0].decision is not None


def test_who_was_found_normal_shows_the_code_again_and_gets_in_once():
    bench = Bench(REPEATING)
    warm(bench)
    secondary(bench, 36.8)
    bench.after(5)
    bench.code()
    assert bench.decisions[-1] == ("granted", ("code_accepted", "secondary_normal"))
    bench.walk_through()
    bench.after(RULES.repeat_s + 1)
    bench.code()
    assert state(bench) is LaneState.CODE_SEEN, "the next time they are measured like everybody"


def test_a_normal_value_opens_for_nobody_else():
    bench = Bench(REPEATING)
    warm(bench)
    secondary(bench, 36.8)
    bench.after(5)
    bench.code("079087000002")
    assert state(bench) is LaneState.CODE_SEEN


def test_a_high_value_opens_for_nobody():
    bench = Bench(REPEATING)
    warm(bench)
    secondary(bench, 37.5)
    bench.after(5)
    bench.code()
    assert state(bench) is LaneState.CODE_SEEN


def test_of_two_who_wait_the_record_says_which_is_meant():
    bench = Bench(REPEATING)
    warm(bench)
    first = bench.seq
    bench.after(10)
    bench.code("079087000002")
    bench.nobody()
    bench.samples(38.5, 60)
    secondary(bench, 36.8, seq=first)
    bench.after(10)
    bench.code("079087000002")
    assert state(bench) is LaneState.CODE_SEEN
    bench.after(30)
    bench.code()
    assert bench.decisions[-1][1] == ("code_accepted", "secondary_normal")


@pytest.mark.parametrize("late_s", [0.0, 601.0])
def test_a_value_for_nobody_is_refused_and_recorded(late_s: float) -> None:
    bench = Bench(REPEATING)
    if late_s:
        warm(bench)
        bench.after(late_s)
    secondary(bench, 36.8)
    assert bench.of_kind("check") == []
    audits = [draft.event.name for draft in bench.of_kind("audit") if draft.event]
    assert audits == ["secondary_refused"]


def test_a_normal_value_is_forgotten_after_its_time():
    bench = Bench(REPEATING)
    warm(bench)
    secondary(bench, 36.8)
    bench.after(601)
    bench.code()
    assert state(bench) is LaneState.CODE_SEEN
