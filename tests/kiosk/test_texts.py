"""The catalogue: nothing that can be shown lacks words, and the speech says what is written."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from edge.gate.admission import _DENYING
from edge.gate.hours import Closure
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
    for each in TEXTS["ordered"].values():
        assert all(len(why) <= 44 for why in each.values())


@pytest.mark.parametrize(
    ("opens_at", "days", "vi", "en"),
    [
        ("2026-11-25T13:00+07:00", 0, "Mở lại lúc 13:00", "Opens again at 13:00"),
        (
            "2026-11-29T06:30+07:00", 4,
            "Mở lại lúc 06:30 Chủ nhật", "Opens again on Sunday at 06:30",
        ),
        (
            "2027-02-11T06:00+07:00", 7,
            "Mở lại 06:00 thứ Năm, 11/2", "Opens Thursday 11 February, 06:00",
        ),
    ],
)  # fmt: skip
def test_when_it_opens_is_told_so_that_it_stays_true(
    opens_at: str, days: int, vi: str, en: str
) -> None:
    """ "Tomorrow" would be wrong after midnight."""
    for screen, reason in ((Screen.CLOSED, None), (Screen.REFUSED, Reason.OUT_OF_HOURS)):
        view = View(screen=screen, reason=reason, closure=Closure(opens_at=opens_at, days=days))
        told = [one.todo for one in Catalogue.load().say(view, ("vi", "en"))]
        assert told == [vi, en]


def test_the_longest_opening_can_be_read_in_passing() -> None:
    days = [datetime(2026, 9, 1, 20, 30, tzinfo=UTC) + timedelta(days=n) for n in range(120)]
    for lang in LANGUAGES:
        for day in days:
            assert len(Catalogue.load().opening(day, 9, lang)) <= 48


def test_a_gate_that_opens_nobody_knows_when_says_what_to_do() -> None:
    view = View(screen=Screen.CLOSED, closure=Closure())
    assert [one.todo for one in Catalogue.load().say(view, ("en",))] == ["Please use another gate"]


def test_a_missing_text_is_named() -> None:
    short = {**TEXTS, "reason": {k: v for k, v in TEXTS["reason"].items() if k != "door_open"}}
    with pytest.raises(ValueError, match=r"reason\.door_open\] vi is no pair"):
        Catalogue(short)


def test_a_missing_reason_of_an_order_is_named() -> None:
    short = {k: v for k, v in TEXTS["ordered"].items() if k != "incident"}
    with pytest.raises(ValueError, match=r"\[ordered\] lacks .*incident"):
        Catalogue({**TEXTS, "ordered": short})


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
