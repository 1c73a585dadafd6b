"""Signals that everyone can tell apart, and that harm nobody."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.signals import patterns
from edge.drivers.signals.patterns import OFF, ON, PATTERNS, Pattern, Rhythm
from edge.gate.events import Signal

STEP_S = 0.01


def light(pattern: Pattern, until_s: float = 12.0) -> tuple[bool, ...]:
    """Whether any lamp is lit, hundredth by hundredth of a second."""
    return tuple(
        pattern.green.lit(tick * STEP_S) or pattern.red.lit(tick * STEP_S)
        for tick in range(int(until_s / STEP_S))
    )


def test_every_signal_has_a_pattern() -> None:
    assert set(PATTERNS) == set(Signal)


def test_who_sees_no_colours_and_hears_nothing_can_tell_all_signals_apart() -> None:
    rhythms = [light(pattern) for pattern in PATTERNS.values()]
    assert len(set(rhythms)) == len(rhythms)


def test_green_means_go_only() -> None:
    assert {signal for signal in Signal if PATTERNS[signal].green != OFF} == {
        Signal.GRANTED,
        Signal.FIRE,
    }


def test_granted_and_denied_sound_different() -> None:
    assert PATTERNS[Signal.GRANTED].buzzer != PATTERNS[Signal.DENIED].buzzer
    assert OFF not in {PATTERNS[Signal.GRANTED].buzzer, PATTERNS[Signal.DENIED].buzzer}


@pytest.mark.parametrize("signal", list(Signal))
def test_no_light_flashes_more_than_three_times_in_a_second(signal: Signal) -> None:
    lit = light(PATTERNS[signal])
    starts = [
        tick for tick, (before, now) in enumerate(itertools.pairwise(lit)) if now and not before
    ]
    for start in starts:
        assert sum(start <= other < start + 1 / STEP_S for other in starts) <= 3


def test_the_table_in_the_text_names_every_signal() -> None:
    assert patterns.__doc__ is not None
    for signal in Signal:
        assert f"| {signal} |" in patterns.__doc__


def test_a_steady_lamp_never_changes() -> None:
    assert ON.lit(0)
    assert ON.lit(1e9)
    assert math.isinf(ON.next_change_s(5))
    assert not OFF.lit(5)


def test_beeps_end() -> None:
    beep = PATTERNS[Signal.DENIED].buzzer
    sounding = [beep.lit(tick * STEP_S) for tick in range(500)]
    assert sum(now and not before for before, now in itertools.pairwise([False, *sounding])) == 3
    assert not any(sounding[100:])
    assert math.isinf(beep.next_change_s(10))


@given(
    st.lists(st.floats(0.05, 3), min_size=2, max_size=6).map(tuple),
    st.none() | st.integers(1, 4),
    st.floats(0, 100),
)
def test_between_now_and_the_next_change_nothing_changes(
    steps_s: tuple[float, ...], times: int | None, since_s: float
) -> None:
    rhythm = Rhythm(steps_s, times)
    wait_s = rhythm.next_change_s(since_s)
    assert wait_s > 0
    if math.isfinite(wait_s):
        assert rhythm.lit(since_s + wait_s / 2) == rhythm.lit(since_s)
