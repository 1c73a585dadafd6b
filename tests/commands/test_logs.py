"""How log lines look, for people, for systemd's journal, for programs."""

from __future__ import annotations

import json
import logging

import pytest

from edge.commands.logs import JournalLines, JsonLines


def record(level: int, text: str) -> logging.LogRecord:
    return logging.LogRecord("edge.app", level, __file__, 1, text, None, None)


@pytest.mark.parametrize(
    ("level", "priority"),
    [(logging.DEBUG, 7), (logging.INFO, 6), (logging.WARNING, 4), (logging.CRITICAL, 3)],
)
def test_the_journal_is_told_the_priority(level: int, priority: int) -> None:
    assert JournalLines("%(message)s").format(record(level, "text")) == f"<{priority}>text"


def test_every_line_of_a_traceback_has_its_priority() -> None:
    lines = JournalLines("%(message)s").format(record(logging.ERROR, "one\ntwo")).splitlines()
    assert lines == ["<3>one", "<3>two"]


def test_a_line_for_programs_is_one_json_object() -> None:
    told = record(logging.ERROR, "died")
    error = ValueError("Lê Văn Tú\nsecond line")
    told.exc_info = (ValueError, error, None)
    line = JsonLines().format(told)
    assert "\n" not in line
    parts = json.loads(line)
    assert (parts["level"], parts["logger"], parts["message"]) == ("error", "edge.app", "died")
    assert "Lê Văn Tú" in parts["traceback"]
