"""A gate that writes what no gate would must not stop what the others' records mean."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, update

from feed.codec import encode
from feed.topics import GateTopics
from hub.derive.follower import Follower
from hub.derive.meaning import Derivable
from hub.store.schema import alarms, islands, passages, records, streams, visits
from tests.hub.derive.parks import START, Gate, put, rows

LONG = random.Random(1).randbytes(50_000).hex()  # nothing that a database could shorten
CLOCKS = {"boot": "b", "uptime_s": 1.0}
TOKEN = {"kid": "k1", "scope": "park", "v": "t"}


def passage(**changed: Any) -> dict[str, Any]:
    gate = Gate("evil", GateTopics("park", "s1", "g1"))
    whole: dict[str, Any] = json.loads(encode(gate.passes("evil", "in", START)))
    return whole | changed


def person(**changed: Any) -> dict[str, Any]:
    return passage(person={"scheme": "cccd", "token": TOKEN | changed})


def clock(offset_s: Any, **changed: Any) -> dict[str, Any]:
    event = {"name": "synced", "detail": {"offset_s": offset_s}}
    whole = passage(kind="clock", event=event, **changed)
    return {name: whole[name] for name in whole if name not in {"person", "decision", "reading"}}


def unsynced(**changed: Any) -> dict[str, Any]:
    return {"state": "unsynced", **CLOCKS, **changed}


HOSTILE: Mapping[str, list[dict[str, Any]]] = {
    "a NUL in a token": [person(v="a\0b")],
    "a NUL in a key id": [person(kid="\0")],
    "a NUL in a category": [passage(person={"scheme": "a\0", "category": "b\0", "token": TOKEN})],
    "a NUL in a reason": [passage(decision={"result": "denied", "reasons": ["a\0"]})],
    "a NUL in an answer": [passage(declaration={"a\0": "b\0"})],
    "a NUL in a reader": [passage(reader="a\0")],
    "a NUL in a boot": [passage(clock=unsynced(boot="a\0")), clock(5.0)],
    "a NUL in an alarm": [passage(kind="alarm", event={"name": "a\0", "detail": {"b\0": "c\0"}})],
    "a long token": [person(v=LONG)],
    "a long scope": [person(scope=LONG)],
    "a long boot": [passage(clock=unsynced(boot=LONG))],
    "a long alarm": [passage(kind="alarm", event={"name": LONG, "detail": {"x": LONG}})],
    "a long reason": [passage(decision={"result": "denied", "reasons": [LONG]})],
    "a long reader": [passage(reader=LONG)],
    "a long verdict": [passage(reading={"verdict": LONG})],
    "an endless temperature": [passage(reading={"verdict": "normal", "estimate_c": float("inf")})],
    "no number of a temperature": [
        passage(reading={"verdict": "normal", "estimate_c": float("nan")})
    ],
    "a temperature like no other": [passage(reading={"verdict": "normal", "object_c": 1e308})],
    "an endless uptime": [passage(clock=unsynced(uptime_s=1e308)), clock(5.0)],
    "no number of an uptime": [passage(clock=unsynced(uptime_s=float("nan"))), clock(5.0)],
    "a time before time": [passage(clock=unsynced(), at="0001-01-01T00:00:00.000Z"), clock(-1e9)],
    "a time after time": [passage(clock=unsynced(), at="9999-12-31T23:59:59.999Z"), clock(1e9)],
    "an endless step of the clock": [passage(clock=unsynced()), clock(1e308)],
    "no number of a step": [passage(clock=unsynced()), clock(float("nan"))],
    "a step in words": [passage(clock=unsynced()), clock("soon")],
    "an outcome of itself": [
        passage(kind="outcome", ref=1, outcome={"result": "passed"}),
    ],
    "an outcome of what never comes": [
        passage(kind="outcome", ref=2**53 - 1, outcome={"result": "passed"}),
    ],
    "an outcome of a number that no store holds": [
        passage(kind="outcome", ref=10**30, outcome={"result": "passed"}),
    ],
}


@pytest.mark.parametrize("which", HOSTILE)
def test_the_records_of_other_gates_are_derived_all_the_same(engine: Engine, which: str) -> None:
    good = Gate("good", GateTopics("park", "s1", "g2"))
    good.passes("an", "in", START, "passed")
    put(engine, good.records)
    with engine.begin() as tx:
        tx.execute(insert(streams).values(id=99, stream="evil", park="park", site="s1", gate="g1"))
        for seq, whole in enumerate(HOSTILE[which], 1):
            raw = json.dumps(whole | {"seq": seq, "stream": "evil"}).encode()
            row = {"stream": 99, "seq": seq, "arrived_ms": 0, "kind": "x", "raw": raw}
            tx.execute(insert(records).values(**row))
        tx.execute(update(streams).where(streams.c.id == 99).values(upto=len(HOSTILE[which])))
    assert Follower(engine, longest_stay_h=16).catch_up() == 2 + len(HOSTILE[which])
    assert 1 <= len(rows(engine, visits)) <= 2


class Stumbling(Follower):
    """A version that a record of `evil` is too much for."""

    def _derive(self, tx: Connection, derivables: list[Derivable]) -> None:
        super()._derive(tx, derivables)
        if any(one.stream == 99 and one.seq == 3 for one in derivables):
            raise LookupError


def test_a_record_that_nobody_foresaw_is_passed_over_and_told(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    good = Gate("good", GateTopics("park", "s1", "g2"))
    for minute in range(40):
        good.passes("an", "in", START + timedelta(minutes=minute), "passed")
    put(engine, good.records)
    with engine.begin() as tx:
        tx.execute(insert(streams).values(id=99, stream="evil", park="park", site="s1", gate="g1"))
        for seq in range(1, 6):
            raw = json.dumps(passage(seq=seq, stream="evil")).encode()
            row = {"stream": 99, "seq": seq, "arrived_ms": 0, "kind": "x", "raw": raw}
            tx.execute(insert(records).values(**row))
        tx.execute(update(streams).where(streams.c.id == 99).values(upto=5))
    follower = Stumbling(engine, longest_stay_h=16)
    assert follower.catch_up() == 85
    assert follower.step() == 0
    assert len(rows(engine, passages)) == 44
    assert [(one.name, one.stream, one.seq) for one in rows(engine, alarms)] == [
        ("not_derived", 99, 0)
    ]
    assert [one.message for one in caplog.records] == ["record 3 of stream evil is passed over"]
    # a version that knows what it means makes it mean something
    follower.forget()
    assert Follower(engine, longest_stay_h=16).catch_up() == 85
    assert len(rows(engine, passages)) == 45


def test_a_record_that_comes_in_meanwhile_is_not_the_one_that_is_passed_over(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Gate("good", GateTopics("park", "s1", "g2"))
    good.passes("an", "in", START, "passed")
    put(engine, good.records)  # the first stream, so its records are next in turn
    with engine.begin() as tx:
        tx.execute(insert(streams).values(id=99, stream="evil", park="park", site="s1", gate="g1"))
        raw = json.dumps(passage(seq=3, stream="evil")).encode()
        tx.execute(insert(records).values(stream=99, seq=3, arrived_ms=0, kind="x", raw=raw))
        tx.execute(insert(islands).values(stream=99, first=3, last=3))
    pass_over = Follower._pass_over

    def late(self: Follower, *given: Any) -> int:
        good.passes("binh", "in", START + timedelta(minutes=1), "passed")
        put(engine, good.records[-2:])
        return pass_over(self, *given)

    monkeypatch.setattr(Follower, "_pass_over", late)
    Stumbling(engine, longest_stay_h=16).catch_up()
    assert len(rows(engine, passages)) == 2
    assert [one.stream for one in rows(engine, alarms)] == [99]
