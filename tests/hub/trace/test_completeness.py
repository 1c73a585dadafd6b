"""What an answer says that it lacks."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import Engine, insert, select, update

from feed.topics import GateTopics
from hub.store.schema import gate_states, gates, lost, offline, streams
from hub.trace import lookup
from hub.trace.answers import Completeness, Period
from hub.trace.questions import Where, contacts_of, visits_of
from tests.hub.derive.parks import MINUTE, START, Gate, derive, put, rows

HOUR_MS = 3_600_000
START_MS = int(START.timestamp() * 1000)
DAY = Period(START_MS - HOUR_MS, START_MS + 12 * HOUR_MS)


@pytest.fixture
def gate() -> Gate:
    """A person in and out, four records an hour apart."""
    here = Gate("stream-1", GateTopics("park", "s1", "g1"))
    here.passes("an", "in", START, "passed")
    here.passes("an", "out", START + 60 * MINUTE, "passed")
    here.passes("binh", "in", START + 120 * MINUTE, "passed")
    here.passes("binh", "out", START + 180 * MINUTE, "passed")
    return here


def told(engine: Engine, period: Period = DAY, token: str = "an") -> Completeness:
    with engine.connect() as connection:
        return visits_of(connection, [lookup.by_token(connection, token)], period).completeness


def gaps(engine: Engine, period: Period = DAY) -> list[tuple[str, int, int]]:
    return [(one.why, one.first, one.last) for one in told(engine, period).gaps]


def test_all_that_is_here_is_complete(engine: Engine, gate: Gate) -> None:
    put(engine, gate.records)
    derive(engine)
    assert told(engine).complete


def test_a_hole_is_missing_and_has_the_times_around_it(engine: Engine, gate: Gate) -> None:
    put(engine, [*gate.records[:4], *gate.records[6:]])
    derive(engine)
    (gap,) = told(engine).gaps
    assert (gap.why, gap.first, gap.last, gap.gate) == ("missing", 5, 6, "g1")
    assert gap.from_ms == START_MS + HOUR_MS + 1_000
    assert gap.to_ms == START_MS + 3 * HOUR_MS
    before = Period(DAY.from_ms, START_MS + HOUR_MS)
    assert gaps(engine, before) == []


def test_stored_and_not_derived_is_said(engine: Engine, gate: Gate) -> None:
    put(engine, gate.records[:4])
    derive(engine)
    put(engine, gate.records)
    assert gaps(engine) == [("not_derived", 5, 8)]


def test_what_the_gate_still_has_is_said(engine: Engine, gate: Gate) -> None:
    put(engine, gate.records)
    derive(engine)
    state = json.dumps({"records": {"stream": gate.stream, "seq": 11}})
    with engine.begin() as tx:
        tx.execute(insert(gate_states).values(gate=1, heard_ms=0, online=True, state=state))
    (gap,) = told(engine).gaps
    assert (gap.why, gap.first, gap.last, gap.to_ms) == ("at_gate", 9, 11, None)


def test_what_a_gate_lost_is_said_in_its_time_alone(engine: Engine, gate: Gate) -> None:
    put(engine, gate.records)
    derive(engine)
    key = rows(engine, streams)[0].id
    with engine.begin() as tx:
        tx.execute(insert(lost).values(stream=key, seq=8, first=3, last=4, reason="damaged"))
    assert gaps(engine) == [("lost", 3, 4)]
    assert gaps(engine, Period(START_MS + 5 * HOUR_MS, DAY.to_ms)) == []


def test_a_gate_tells_of_its_own_stream_alone(engine: Engine, gate: Gate) -> None:
    """Another gate of the site could make every answer there look incomplete."""
    other = Gate("stream-2", GateTopics("park", "s1", "g2"))
    other.passes("chi", "in", START, "passed")
    put(engine, [*gate.records, *other.records])
    derive(engine)
    state = json.dumps({"records": {"stream": gate.stream, "seq": 11}})
    with engine.begin() as tx:
        second = tx.scalar(select(gates.c.id).where(gates.c.gate == "g2"))
        tx.execute(insert(gate_states).values(gate=second, heard_ms=0, online=True, state=state))
    assert gaps(engine) == []


def test_a_registered_gate_that_was_never_heard_is_said(engine: Engine, gate: Gate) -> None:
    put(engine, gate.records)
    derive(engine)
    with engine.begin() as tx:
        tx.execute(update(gates).values(registered=True))
        tx.execute(insert(gates).values(site=1, gate="g9", registered=True))
        tx.execute(insert(gates).values(site=1, gate="spare", registered=False))
    found = told(engine)
    assert [(place.path, name) for place, name in found.unheard] == [("park/s1", "g9")]
    assert not found.complete
    with engine.begin() as tx:
        ninth = tx.scalar(select(gates.c.id).where(gates.c.gate == "g9"))
        tx.execute(insert(gate_states).values(gate=ninth, heard_ms=0, online=True, state="{}"))
    assert told(engine).complete


@pytest.mark.parametrize(("to_ms", "expected"), [(START_MS + HOUR_MS, 1), (None, 1), (0, 0)])
def test_a_gate_that_was_silent_is_said(
    engine: Engine, gate: Gate, to_ms: int | None, expected: int
) -> None:
    put(engine, gate.records)
    derive(engine)
    with engine.begin() as tx:
        tx.execute(insert(offline).values(gate=1, from_ms=-1, to_ms=to_ms))
    found = told(engine)
    assert len(found.offline) == expected
    assert found.complete == (expected == 0)


def test_people_and_doors_that_tell_too_little_are_counted(engine: Engine, gate: Gate) -> None:
    gate.passes(None, "in", START + 30 * MINUTE, "passed")
    gate.passes("chi", "in", START + 40 * MINUTE)
    gate.passes("an", "out", START + 300 * MINUTE, "passed")
    gate.reboot(START + 400 * MINUTE, timedelta(days=-9), synced=False)
    gate.passes("dung", "in", START + 401 * MINUTE, "passed")
    put(engine, gate.records)
    derive(engine)
    found = told(engine, Period(START_MS - 30 * 24 * HOUR_MS, DAY.to_ms))
    assert found.unidentified == 1
    assert found.unknown_outcomes == 1
    assert found.unmatched_exits == 1
    assert found.unsynced == 1
    assert not found.gaps


def test_a_site_without_a_visit_is_looked_at_where_it_is_asked_for(
    engine: Engine, gate: Gate
) -> None:
    put(engine, gate.records[:2])
    put(engine, gate.records[4:])
    derive(engine)
    with engine.connect() as connection:
        who = [lookup.by_token(connection, "binh")]
        where = Where(lookup.place(connection, "park/s1"))
        early = Period(START_MS + HOUR_MS, START_MS + 2 * HOUR_MS)
        found = contacts_of(connection, who, early, where)
    assert found.contacts == ()
    assert [one.why for one in found.completeness.gaps] == ["missing"]
