"""What pages ask every second is found by an index, not by reading years of entries through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event

from hub.monitor.alarms import Wanted, count_open, list_alarms, open_by_name
from hub.store.engine import connect
from hub.store.sqlite import SqliteStore
from hub.web.look import last_entries

NOW_MS = 1_630_000_000_000
QUESTIONS: dict[str, tuple[Callable[[Connection], Any], str]] = {
    "last entries": (lambda tx: last_entries(tx, NOW_MS), "passages_time"),
    "last entries of a gate": (lambda tx: last_entries(tx, NOW_MS, gate=1), "passages_site"),
    "open alarms": (lambda tx: list_alarms(tx, Wanted(only_open=True)), "alarms_open"),
    "open alarms counted": (count_open, "alarms_open"),
    "open alarms by name": (open_by_name, "alarms_open"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_of_every_second_goes_by_an_index(
    store: SqliteStore, path: Path, name: str
) -> None:
    ask, index = QUESTIONS[name]
    asked: list[tuple[str, Any]] = []
    engine = connect(path)
    with engine.connect() as tx:
        event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2:4]))
        ask(tx)
        plan = [
            str(row[-1])
            for statement, values in asked[:]
            for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]
    engine.dispose()
    found = [line for line in plan if "passages" in line or "alarms" in line]
    assert found
    by_key = "USING INTEGER PRIMARY KEY"  # the rows of a page that the index found
    assert any(index in line for line in found), found
    assert all(index in line or by_key in line for line in found), found
