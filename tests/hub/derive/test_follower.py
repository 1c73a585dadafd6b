from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Engine

from feed.topics import GateTopics
from hub.store.schema import passages, visits
from tests.hub.derive.parks import MINUTE, START, Gate, derive, minutes, put, rows

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
