"""Tones that can be told apart, and lamps that tell the same story as the screen."""

from __future__ import annotations

import io
import itertools
import wave
from pathlib import Path

import pytest

from edge.drivers.signals.patterns import OFF, PATTERNS
from edge.gate.events import Signal
from edge.kiosk.message import LOOPED_S, TONES
from edge.kiosk.tones import NOTES, RATE_HZ, Tone, wav
from edge.kiosk.view import SIGNALS, Screen

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("tone", list(Tone))
def test_a_tone_is_a_file_that_plays_as_long_as_its_notes(tone: Tone) -> None:
    with wave.open(io.BytesIO(wav(tone))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, RATE_HZ)
        assert file.getnframes() / RATE_HZ == pytest.approx(sum(s for _, s in NOTES[tone]), 0.01)
        samples = memoryview(file.readframes(file.getnframes())).cast("h")
    assert max(samples) > 10_000
    assert abs(samples[0]) < 500, "it begins with a click"
    assert abs(samples[-1]) < 500, "it ends with a click"


def test_who_hears_no_pitch_can_tell_the_tones_apart() -> None:
    def rhythm(tone: Tone) -> tuple[tuple[bool, float], ...]:
        return tuple((hertz > 0, seconds) for hertz, seconds in NOTES[tone])

    rhythms = [rhythm(tone) for tone in Tone]
    assert len(set(rhythms)) == len(rhythms)


def test_yes_and_no_never_sound_alike() -> None:
    go = [hertz for hertz, _ in NOTES[Tone.GO] if hertz]
    stop = [hertz for hertz, _ in NOTES[Tone.STOP] if hertz]
    assert go == sorted(go)
    assert stop == sorted(stop, reverse=True)
    assert min(go) > max(stop)


def test_the_evacuation_signal_has_three_pulses_and_a_pause() -> None:
    """ISO 8201: three pulses of 0.5 s on and 0.5 s off, then 1.5 s of silence in all."""
    assert NOTES[Tone.FIRE][:6:2] == NOTES[Tone.FIRE][:1] * 3
    silence_s = sum(s for hertz, s in itertools.takewhile(lambda n: n[0] == 0,
                                                          reversed(NOTES[Tone.FIRE])))  # fmt: skip
    assert silence_s == pytest.approx(1.5)
    assert Screen.EVACUATE in LOOPED_S


def test_what_asks_something_of_people_is_heard_and_an_idle_gate_is_quiet() -> None:
    quiet = {Screen.STARTING, Screen.SHOW_CODE, Screen.SHOW_FACE, Screen.PASS, Screen.WAIT,
             Screen.CLOSED, Screen.SILENT}  # fmt: skip
    assert set(Screen) - set(TONES) == quiet


@pytest.mark.parametrize("screen", list(Screen))
def test_every_screen_has_a_pattern_of_lamps(screen: Screen) -> None:
    for signal in SIGNALS[screen]:
        pattern = PATTERNS[signal]
        if signal is not Signal.OFF:
            assert pattern.green != OFF or pattern.red != OFF
    if screen in {Screen.WELCOME, Screen.GOODBYE, Screen.PASS, Screen.REFUSED, Screen.EVACUATE}:
        (signal,) = SIGNALS[screen]
        assert PATTERNS[signal].buzzer != OFF, "an answer that can't be heard"


def test_what_the_page_tells_over_and_over_the_buzzer_does_too() -> None:
    for screen, signals in SIGNALS.items():
        for signal in signals:
            buzzer = PATTERNS[signal].buzzer
            lasts = buzzer != OFF and buzzer.times is None
            assert lasts == (screen in LOOPED_S), screen
            assert not lasts or screen in TONES, "only the buzzer is heard"


def test_the_table_in_the_guide_names_every_screen_with_its_signal() -> None:
    for name in ("kiosk.md", "kiosk.vi.md"):
        rows = (ROOT / "docs/how-to" / name).read_text(encoding="utf-8").splitlines()
        for screen, signals in SIGNALS.items():
            (row,) = [row for row in rows if row.startswith(f"| `{screen}` |")]
            assert all(f"`{signal}`" in row for signal in signals), row
