"""The catalogue: nothing that can be shown lacks words, and the speech says what is written."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import unicodedata
from pathlib import Path

import pytest

from edge.gate.admission import _DENYING
from edge.gate.reasons import Reason
from edge.kiosk.texts import FILE, LANGUAGES, Catalogue, degrees
from edge.kiosk.view import Screen, View

ROOT = Path(__file__).parents[2]
TEXTS = tomllib.loads(FILE.read_text(encoding="utf-8"))
PLACES = [(Screen.REFUSED, reason) for reason in Reason] + [
    (Screen.OUT_OF_ORDER, reason)
    for reason in (Reason.CAMERA_FAULT, Reason.SENSOR_FAULT, Reason.DOOR_FAULT)
]


@pytest.mark.parametrize(("screen", "reason"), PLACES)
def test_every_reason_says_why_and_what_to_do_in_both_languages(
    screen: Screen, reason: Reason
) -> None:
    for saying in Catalogue.load().say(View(screen=screen, reason=reason), LANGUAGES):
        assert saying.title
        assert saying.why
        assert saying.todo
        # no name of the software's stands for words
        assert "_" not in saying.why + saying.todo


def test_no_words_are_left_over_and_each_language_has_its_own() -> None:
    assert set(TEXTS["screen"]) == set(Screen)
    assert set(TEXTS["reason"]) == set(Reason)
    for table in (*TEXTS["screen"].values(), *TEXTS["reason"].values()):
        assert set(table) == set(LANGUAGES)
        assert table["vi"] != table["en"]


def test_different_refusals_are_told_in_different_words() -> None:
    for lang in LANGUAGES:
        told = [tuple(TEXTS["reason"][reason][lang]) for reason in _DENYING]
        assert len(set(told)) == len(told)


def test_vietnamese_is_written_with_composed_letters() -> None:
    """Decomposed marks stand beside their letters in some fonts."""
    text = FILE.read_text(encoding="utf-8")
    assert unicodedata.is_normalized("NFC", text)


def test_words_are_short_enough_to_be_read_in_passing() -> None:
    for table in TEXTS["screen"].values():
        for title, todo in table.values():
            assert len(title) <= 24
            assert len(todo) <= 48
    for table in TEXTS["reason"].values():
        for why, todo in table.values():
            assert len(why) <= 44
            assert len(todo) <= 56


def test_a_missing_text_is_named() -> None:
    short = {**TEXTS, "reason": {k: v for k, v in TEXTS["reason"].items() if k != "door_open"}}
    with pytest.raises(ValueError, match=r"reason\.door_open\] vi is no pair"):
        Catalogue(short)


def test_a_temperature_is_written_as_people_write_it() -> None:
    assert degrees(36.57, "vi") == "36,6 °C"
    assert degrees(36.57, "en") == "36.6 °C"


def test_the_speech_was_made_from_these_texts() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/speech.py", "--check"],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_speech_takes_less_than_a_megabyte() -> None:
    files = list((ROOT / "edge/kiosk/speech").glob("*/*.ogg"))
    assert files
    assert sum(file.stat().st_size for file in files) < 1_000_000
