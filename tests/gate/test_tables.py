"""The tables are total, and the page of the docs shows them as they are."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pytest

from edge.gate.diagram import page
from edge.gate.table import Row, Table, on, stay

DOCS = Path(__file__).parents[2] / "docs/reference/machine.md"


class Light(StrEnum):
    ON = "on"
    OFF = "off"


class Press(StrEnum):
    BUTTON = "button"


def test_the_diagram_in_the_docs_is_the_one_the_machine_runs():
    assert DOCS.read_text(encoding="utf-8") == page(), (
        "run: .venv/bin/python -m edge.gate.diagram > docs/reference/machine.md"
    )


def test_a_table_with_a_hole_is_refused():
    with pytest.raises(ValueError, match=r"\(off, button\) needs a row"):
        Table(Light, Press, on(Light.ON, Press.BUTTON, Light.OFF))


def test_the_first_row_that_fits_runs_and_the_rest_stays():
    rows: list[Row[Light, Press, int]] = on(Light.ON, Press.BUTTON, Light.OFF, guard=bool)
    table: Table[Light, Press, int] = Table(Light, Press, [*rows, *stay(Light, Press, rows)])
    assert table.find(Light.ON, Press.BUTTON, 1).target is Light.OFF
    assert table.find(Light.ON, Press.BUTTON, 0).target is None
    assert [row.state for row in table.moves()] == [Light.ON]
