"""The history of alarms, a page at a time: the same as all of it, however it is asked for."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, func, insert, select

from hub.monitor import alarms as module
from hub.monitor.alarms import Alarm, Key, Wanted, count_open, list_alarms
from hub.store.engine import connect, writing
from hub.store.schema import alarms, streams

NAMES = ("door_forced", "fire", "device_fault")
PLACES = [("kcn", "a", "g1"), ("kcn", "a", "g2"), ("kcn", "b", "g1"), ("khác", "a", "g1")]
FILTERS: list[dict[str, Any]] = [
    {}, {"park": "kcn"}, {"park": "kcn", "site": "a"}, {"park": "kcn", "site": "a", "gate": "g1"},
    {"name": "fire"}, {"park": "kcn", "name": "fire"}, {"park": "nowhere"},
]  # fmt: skip


@pytest.fixture
def history(engine: Engine) -> Engine:
    """Many alarms at few moments: pages end among those of one moment."""
    rng = random.Random(7)
    with writing(engine) as connection:
        for number in range(6):  # a gate whose card was changed has a second journal
            park, site, gate = PLACES[number % 4]
            connection.execute(
                insert(streams).values(stream=f"s{number}", park=park, site=site, gate=gate)
            )
        for seq in range(1, 301):
            connection.execute(
                insert(alarms).values(
                    at_ms=rng.randrange(40), name=rng.choice(NAMES), stream=rng.randrange(7),
                    seq=seq, detail="{}", acknowledged_ms=rng.choice([None, 5]),
                )
            )  # fmt: skip
    return engine


def pages(connection: Connection, wanted: Wanted, limit: int) -> Iterator[tuple[Alarm, ...]]:
    key = None
    while True:
        found = list_alarms(connection, wanted, before=key, limit=limit)
        yield found.alarms
        if found.next is None:
            return
        key = Key.of(str(found.next))


def fits(one: Alarm, wanted: Wanted) -> bool:
    told = ((one.park, wanted.park), (one.site, wanted.site), (one.gate, wanted.gate),
            (one.name, wanted.name))  # fmt: skip
    return all(asked in {None, value} for value, asked in told) and (
        not wanted.only_open or one.acknowledged_ms is None
    )


@pytest.mark.parametrize("few", [100, 0])  # journals asked one by one, or the time walked
@pytest.mark.parametrize("only_open", [False, True])
@pytest.mark.parametrize("place", FILTERS)
def test_the_pages_together_are_every_alarm_once_in_order(
    history: Engine, monkeypatch: pytest.MonkeyPatch, place: dict[str, Any], only_open: bool,
    few: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(module, "_MOST_STREAMS", few)
    wanted = Wanted(**place, only_open=only_open)
    with history.connect() as connection:
        (every,) = pages(connection, Wanted(), 1_000)
        expected = [one for one in every if fits(one, wanted)]
        parts = list(pages(connection, wanted, 13))
        assert [one for part in parts for one in part] == expected
        assert [len(part) for part in parts[:-1]] == [13] * (len(parts) - 1)
        assert count_open(connection, wanted) == sum(
            one.acknowledged_ms is None for one in expected
        )
    assert every == tuple(sorted(every, key=lambda one: (one.at_ms, one.id), reverse=True))
    assert len(every) == 300


def test_an_alarm_that_comes_meanwhile_moves_nothing_to_another_page(history: Engine) -> None:
    with history.connect() as connection:
        (every,) = pages(connection, Wanted(), 1_000)
        first = list_alarms(connection, limit=50)
    with writing(history) as connection:
        row = {"at_ms": 99, "name": "fire", "stream": 1, "seq": 900, "detail": "{}"}
        connection.execute(insert(alarms).values(**row))
        second = list_alarms(connection, before=first.next, limit=50)
    assert first.alarms + second.alarms == every[:100]


@pytest.mark.parametrize("text", ["", "17", "a-b", "1-2-3", "-1-2", "٣-٤", "1" * 20 + "-1"])
def test_a_key_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no key of an alarm"):
        Key.of(text)


@pytest.mark.parametrize("place", FILTERS)
def test_a_page_in_the_middle_of_many_is_read_by_an_index(
    file: Path, place: dict[str, Any]
) -> None:
    """However old the page: SQLite tells each step of its plan, and none reads the table."""
    engine = connect(file)
    with writing(engine) as connection:
        for number, (park, site, gate) in enumerate(PLACES):
            connection.execute(
                insert(streams).values(stream=f"s{number}", park=park, site=site, gate=gate)
            )
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda *args: asked.append(args[2:4]))
    with engine.connect() as connection:
        list_alarms(connection, Wanted(**place), before=Key(5, 7), limit=50)
        statement, values = asked[-1]
        plan = [str(row[-1]) for row in
                connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]  # fmt: skip
        assert connection.execute(select(func.count()).select_from(alarms)).scalar_one() == 0
    engine.dispose()
    reads = [line for line in plan if line.startswith(("SCAN alarms", "SEARCH alarms"))]
    by_time = [line for line in reads if "at_ms<" in line.replace(" ", "")]
    if place.get("park") == "nowhere":
        return
    assert by_time, plan
    assert not [line for line in reads if line == "SCAN alarms"], plan
