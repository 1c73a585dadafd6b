from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event, text, update

from feed.topics import GateTopics
from hub.derive import follower
from hub.derive.follower import RUSH, Follower, Inflow
from hub.store.engine import connect
from hub.store.opening import open_store
from hub.store.schema import clock_records, early_outcomes, passages, sites, visits
from tests.hub.derive.parks import MINUTE, START, Gate, derive, minutes, put, rows
from tests.hub.support import Chain, give

HOUR = 60 * MINUTE


def gate(name: str = "g1", site: str = "s1") -> Gate:
    return Gate(f"stream-{site}-{name}", GateTopics("park", site, name))


def stays(engine: Engine) -> list[tuple[float, float, bool]]:
    return [(minutes(row.in_ms), minutes(row.out_ms), row.assumed) for row in rows(engine, visits)]


def test_an_entry_and_the_exit_after_it_are_one_visit(engine: Engine) -> None:
    one = gate()
    one.passes("an", "in", START, "opened", "passed")
    one.passes("an", "out", START + 2 * HOUR, "opened", "passed")
    put(engine, one.records)
    derive(engine)
    assert stays(engine) == [(0, 120, False)]
    assert derive(engine) == 0


def test_a_clock_that_was_set_later_moves_the_visit(engine: Engine) -> None:
    one = gate()
    one.reboot(START - MINUTE, timedelta(days=-9000), synced=False)
    one.passes("an", "in", START, "opened", "passed")
    put(engine, one.records)
    derive(engine)
    assert not rows(engine, passages)[0].at_known
    one.set_clock(START + MINUTE)
    one.passes("an", "out", START + 2 * HOUR, "opened", "passed")
    put(engine, one.records)
    derive(engine)
    assert rows(engine, passages)[0].at_known
    assert stays(engine) == [(0, 120, False)]


def test_another_longest_stay_of_a_site_cuts_its_visits_anew(engine: Engine) -> None:
    for name in ("s1", "s2"):
        one = gate(site=name)
        one.passes("an", "in", START, "passed")
        one.passes("an", "out", START + 10 * HOUR, "passed")
        one.passes("binh", "in", START, "passed")
        put(engine, one.records)
    derive(engine)
    whole = [(0, 600, False), (0, 960, True)]
    assert stays(engine) == [*whole, *whole]
    with engine.begin() as tx:
        tx.execute(update(sites).where(sites.c.site == "s2").values(longest_stay_min=8 * 60))
    derive(engine)
    assert stays(engine) == [*whole, (0, 480, True), (0, 480, True)]
    with engine.begin() as tx:
        tx.execute(update(sites).values(longest_stay_min=None))
    derive(engine)
    assert stays(engine) == [*whole, *whole]
    assert derive(engine) == 0


def test_an_outcome_that_comes_before_its_passage_waits_for_it(engine: Engine) -> None:
    one = gate()
    one.passes("an", "in", START, "passed")
    one.passes("an", "out", START + 2 * HOUR, "opened", "passed")
    passage, opened, passed = one.records[2:]
    put(engine, [*one.records[:2], passed])
    derive(engine)
    assert stays(engine) == [(0, 960, True)]
    assert [row.outcome for row in rows(engine, early_outcomes)] == ["passed"]
    put(engine, [opened])  # of two the newer one tells
    derive(engine)
    assert [row.outcome for row in rows(engine, early_outcomes)] == ["passed"]
    put(engine, [passage])
    derive(engine)
    assert stays(engine) == [(0, 120, False)]
    assert rows(engine, early_outcomes) == []
    assert rows(engine, passages)[1].outcome == "passed"


def test_a_stay_is_found_by_its_person_and_not_by_reading_the_site(tmp_path: Path) -> None:
    """SQLite chose the other index in a store without statistics, and a day took hours."""
    open_store(tmp_path / "hub.db").close()  # it depends on the order in which indexes are made
    store = connect(tmp_path / "hub.db")
    one = gate()
    one.passes("an", "in", START, "passed")
    put(store, one.records)
    asked: list[tuple[str, Any]] = []
    event.listen(
        store,
        "before_cursor_execute",
        lambda _c, _u, words, values, *_: asked.append((words, values)),
    )
    derive(store)
    with store.connect() as connection:
        plans = [
            str(row)
            for words, values in list(asked)
            if words.startswith("WITH given") and "site" in words and "JOIN" in words
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {words}", values)
        ]
    store.dispose()
    assert any("visits_person" in plan for plan in plans)
    assert any("passages_person" in plan for plan in plans)
    assert not any("_site" in plan for plan in plans)


@pytest.mark.parametrize(("a_second", "rests"), [(700, 0), (800, 1)])
def test_in_a_rush_the_gates_receipts_come_first(a_second: int, rests: int) -> None:
    inflow = Inflow()
    inflow.look(behind=900, taken=800, at_s=10.0)
    assert inflow.per_s == 0  # how fast they came is not known yet
    inflow.look(behind=100 + 2 * a_second, taken=800, at_s=12.0)
    assert (inflow.per_s > RUSH) == bool(rests)


class FakeClock:
    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


class Clocked(Follower):
    """Turns of a second each, by a clock of the test's, and records that come in meanwhile."""

    def __init__(self, engine: Engine, arriving: list[int], clock: FakeClock) -> None:
        super().__init__(engine, longest_stay_h=16)
        self._arriving, self._clock = arriving, clock

    def step(self) -> int:
        if not self._arriving:
            return 0
        self._inflow.look(self._arriving.pop(0), 0, self._clock.now_s)
        self._clock.now_s += 1
        return 1


def test_it_rests_while_records_rush_in_and_not_while_it_catches_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = FakeClock()
    monkeypatch.setattr(follower, "time", clock)
    engine = connect(tmp_path / "hub.db")
    waits: list[float] = []
    one = Clocked(engine, [5_000, 5_000, 9_000, 9_100, 9_100], clock)
    one._follow(lambda: follower.IDLE_S in waits, waits.append)
    # after 4,000 came within a second, and not after 100
    assert waits == [follower.LONGEST_REST_S, follower.IDLE_S]
    engine.dispose()


def test_who_derives_does_not_hold_up_ingest(postgres: str) -> None:
    """Passages refer to streams, whose rows ingest locks: a batch once waited for each turn."""
    admin = connect(postgres).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE holdup"))
        connection.execute(text("ALTER DATABASE holdup SET lock_timeout = '5s'"))
    url = postgres.replace("/postgres?", "/holdup?")
    store, chain = open_store(url), Chain()
    chain.grow(2)
    give(store, chain.arrivals([1]))
    engine = connect(url)
    with engine.begin() as tx:
        tx.execute(clock_records.insert().values(stream=1, seq=1, boot="b"))
        assert give(store, chain.arrivals([2])).stored == 1
    store.close()
    engine.dispose()
    with admin.connect() as connection:
        connection.execute(text("DROP DATABASE holdup"))
    admin.dispose()
