"""The catalogue: whole, in both languages, and covering what gates say."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

from edge.gate.reasons import Alarm, Cause, Device, Reason
from edge.gate.state import DoorState
from feed.messages import CloseReason
from hub.derive.follower import NOT_DERIVED
from hub.ingest import intake
from hub.monitor.alarms import DRIFT
from hub.monitor.gates import Status
from hub.registry.columns import COLUMNS
from hub.roles import Role
from hub.web.texts import CATALOGUE, name_of, say
from hub.words import read_catalogue

WEB = Path(__file__).parents[2] / "hub/web"
SOURCES = [*WEB.glob("*.py"), *WEB.glob("templates/*")]
KEY = re.compile(r"""(?:\bt|\bsay|Error)\([^"'()]*["']([a-z_]+\.[a-z_]+[a-z])["']""")
# letters that Vietnamese has and English doesn't
VIETNAMESE = re.compile(
    "[àáảãạăằắẳẵặâầấẩẫậđèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵ]", re.IGNORECASE
)


HIDDEN = {"token", "credential"}  # columns that no page shows


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_text_that_a_page_asks_for_is_there() -> None:
    asked = {key for path in SOURCES for key in KEY.findall(path.read_text(encoding="utf-8"))}
    assert len(asked) > 150
    assert asked - CATALOGUE.keys() == set()


def test_both_languages_have_the_same_places_to_fill() -> None:
    assert [key for key, (vi, en) in CATALOGUE.items() if places(vi) != places(en)] == []


def test_vietnamese_is_written_with_its_diacritics() -> None:
    # words that are the same in both, or have no marks at all
    plain = {
        "phase.faulted",
        "nav.trace",
        "entries.out",
        "charts.left",
        "answer.via",
        "registry.after",
    }
    bare = [
        key
        for key, (vi, _) in CATALOGUE.items()
        if not VIETNAMESE.search(vi) and key not in plain and len(vi) > 6
    ]
    assert bare == []


def test_no_text_is_left_in_the_other_language() -> None:
    assert [key for key, (_, en) in CATALOGUE.items() if VIETNAMESE.search(en)] == []


@pytest.mark.parametrize(
    ("table", "names"),
    [
        ("reason", Reason), ("alarm", {*Alarm, *intake.Alarm, DRIFT, NOT_DERIVED}),
        ("alarm_about", {*intake.Alarm, NOT_DERIVED}),
        ("device", Device), ("cause", Cause),
        ("phase", DoorState), ("status", Status), ("role", Role),
        ("close_reason", CloseReason),
        ("column", {one.name for kind in COLUMNS.values() for one in kind} - HIDDEN),
    ],
)  # fmt: skip
def test_everything_that_gates_and_files_name_has_words(table: str, names: set[str]) -> None:
    assert [str(name) for name in names if f"{table}.{name}" not in CATALOGUE] == []


# what stands in the audit log, as pages, commands and the interface for programs write it
ACTIONS = {
    "trace", "trace answer", "trace export", "muster", "acknowledge", "alarms acknowledge",
    "registry import", "registry export", "site plan", "gate close", "gate reopen", "unseal",
    "link", "unlink", "report entries", "report coverage", "report compliance", "user add",
    "user password", "user remove", "user token",
}  # fmt: skip
WRITTEN = re.compile(r'''(?:action=|note\(\s*(?:ask, )?connection, |write\(\s*ask, )"([a-z ]+)"''')


def test_every_action_of_the_audit_log_has_words() -> None:
    sources = [*WEB.parent.rglob("*.py")]
    found = {one for path in sources for one in WRITTEN.findall(path.read_text(encoding="utf-8"))}
    assert len(found) > 5
    assert found - ACTIONS == set()
    keys = {f"action.{one.replace(' ', '_')}" for one in ACTIONS}
    assert keys - CATALOGUE.keys() == set()


def test_a_name_of_a_newer_gate_stands_as_it_is() -> None:
    assert name_of("vi", "reason", "code_from_mars") == "code from mars"


def test_a_text_with_braces_in_what_fills_it_is_no_format() -> None:
    assert say("en", "error.question", what="{__class__}").endswith("{__class__}")


def test_a_catalogue_that_lacks_a_language_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "texts.toml"
    path.write_text('[a]\nb = ["một"]\n', encoding="utf-8")
    with pytest.raises(ValueError, match="a\\.b: give one text for each language"):
        read_catalogue(path)
