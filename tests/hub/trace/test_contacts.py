"""People with several tokens, and what an answer is shown as."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from feed.record import Person
from feed.topics import GateTopics
from hub.store.schema import links, offline, people, roster
from hub.trace import graph, lookup, whom
from hub.trace.answers import Contacts, Period
from hub.trace.questions import contacts_of, visits_of
from identity import canonical
from tests.hub.derive.parks import MINUTE, START, Gate, derive, put, token

START_MS = int(START.timestamp() * 1000)
PERIOD = Period(START_MS - 10**8, START_MS + 10**9)
ROOT = Path(__file__).parents[3]


@pytest.fixture
def two_parks(engine: Engine) -> Engine:
    """One person under the key of each of two parks, beside another in each."""
    for park, scope in (("kcn", "park-kcn"), ("truong", "park-truong")):
        gate = Gate(f"stream-{park}", GateTopics(park, "s1", "g1"))
        for name in ("an", f"with-an-in-{park}"):
            gate.passes(token(f"{name}-{scope}", "k1", scope), "in", START, "passed")
        gate.passes(token(f"an-{scope}", "k1", scope), "out", START + 60 * MINUTE, "passed")
        put(engine, gate.records)
    derive(engine)
    return engine


def contacts(engine: Engine, name: str, hops: int = 1) -> Contacts:
    with engine.connect() as connection:
        who = [lookup.by_token(connection, name)]
        return contacts_of(connection, who, PERIOD, hops=hops)


def test_a_link_joins_the_scopes_of_two_parks(two_parks: Engine) -> None:
    assert len(contacts(two_parks, "an-park-kcn").contacts) == 1
    with two_parks.begin() as tx:
        ids = dict(tx.execute(select(people.c.token, people.c.id)).tuples().all())
        one, other = sorted((ids["an-park-kcn"], ids["an-park-truong"]))
        tx.execute(insert(links).values(person=one, other=other, source="authority", at_ms=1))
    derive(two_parks)
    for name in ("an-park-kcn", "an-park-truong"):
        found = contacts(two_parks, name)
        assert set(found.asked[0].tokens) == {"an-park-kcn", "an-park-truong"}
        assert {(one.who.token, one.places[0].path) for one in found.contacts} == {
            ("with-an-in-kcn-park-kcn", "kcn/s1"),
            ("with-an-in-truong-park-truong", "truong/s1"),
        }
    # and from the other side they are one person with both tokens
    (back,) = contacts(two_parks, "with-an-in-truong-park-truong").contacts
    assert len(back.who.tokens) == 2


def test_identities_that_stand_in_clear_are_found_by_their_number(engine: Engine) -> None:
    number = "001087012345"
    gate = Gate("stream-1", GateTopics("park", "s1", "g1"))
    plain = Person(scheme="cccd", plain={"canonical": canonical.citizen(number)})
    for direction, at in (("in", START), ("out", START + MINUTE)):
        passage = gate.passes(None, direction, at)
        gate.records[-1] = replace(passage, person=plain)
        gate.outcome(passage.seq, "passed", at)
    put(engine, gate.records)
    derive(engine)
    with engine.connect() as connection:
        who = whom.by_credential(connection, number, None)
        found = visits_of(connection, who, PERIOD)
    assert [(one.in_ms, one.out_ms) for one in found.stays] == [(START_MS, START_MS + 60_000)]
    assert number not in str(found)


@pytest.fixture
def chain(engine: Engine) -> Engine:
    """A meets B, then B meets C."""
    gate = Gate("stream-1", GateTopics("park", "s1", "g1"))
    for name, begin, end in (("a", 0, 60), ("b", 30, 120), ("c", 90, 180)):
        gate.passes(name, "in", START + begin * MINUTE, "passed")
        gate.passes(name, "out", START + end * MINUTE, "passed")
    gate.records.sort(key=lambda one: one.at)
    put(engine, gate.records)
    derive(engine)
    return engine


def test_minutes_count_once_with_one_who_stayed_while_the_other_came_twice(engine: Engine) -> None:
    gate = Gate("stream-1", GateTopics("park", "s1", "g1"))
    for name, begin, end in (("stays", 0, 240), ("a", 30, 60), ("a", 120, 150), ("a", 180, 190)):
        gate.passes(name, "in", START + begin * MINUTE, "passed")
        gate.passes(name, "out", START + end * MINUTE, "passed")
    put(engine, gate.records)
    derive(engine)
    (met,) = contacts(engine, "a").contacts
    assert (met.who.token, met.minutes, met.meetings) == ("stays", 70, 3)


@pytest.mark.parametrize(("form", "begin"), [("svg", b"<?xml"), ("png", b"\x89PNG\r\n\x1a\n")])
def test_the_same_answer_gives_the_same_picture(chain: Engine, form: str, begin: bytes) -> None:
    first = graph.picture(contacts(chain, "a", hops=2), form)
    assert first.startswith(begin)
    assert graph.picture(contacts(chain, "a", hops=2), form) == first
    assert graph.picture(contacts(chain, "a", hops=1), form) != first


def test_a_name_with_dollars_is_drawn_as_it_is(chain: Engine) -> None:
    with chain.begin() as tx:
        who = tx.scalar(select(people.c.id).where(people.c.token == "b"))
        name = r"A $\frac{x$ B"
        tx.execute(insert(roster).values(park="park", holder="1", name=name, person=who))
    assert graph.picture(contacts(chain, "a"), "svg").startswith(b"<?xml")


def test_a_picture_says_whether_it_is_complete(chain: Engine) -> None:
    """As text beside the glyphs, which matplotlib leaves in the SVG as a comment."""
    whole = graph.picture(contacts(chain, "a"), "svg").decode()
    assert "Complete as far as the hub knows." in whole
    with chain.begin() as tx:
        tx.execute(insert(offline).values(gate=1, from_ms=START_MS, to_ms=None))
    lacking = graph.picture(contacts(chain, "a"), "svg").decode()
    assert "Not complete: the answer's table says what it may lack." in lacking


def test_another_process_draws_the_same_picture(chain: Engine) -> None:
    """Hashes of texts differ between processes."""
    if chain.dialect.name != "sqlite":
        pytest.skip("the file of a store is named on the command line")
    code = (
        "import sys\n"
        "from hub.store.engine import connect\n"
        "from hub.trace import graph, lookup\n"
        "from hub.trace.answers import Period\n"
        "from hub.trace.questions import contacts_of\n"
        "with connect(sys.argv[1]).connect() as db:\n"
        "    period = Period(int(sys.argv[2]), int(sys.argv[3]))\n"
        "    found = contacts_of(db, [lookup.by_token(db, 'a')], period, hops=2)\n"
        "sys.stdout.buffer.write(graph.picture(found, 'svg'))\n"
    )
    words = [str(chain.url.database), str(PERIOD.from_ms), str(PERIOD.to_ms)]
    drawn = {
        subprocess.run(
            [sys.executable, "-c", code, *words], cwd=ROOT, check=True, capture_output=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""}, timeout=60,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert drawn == {graph.picture(contacts(chain, "a", hops=2), "svg")}


def test_meetings_are_told_in_order_and_count_the_same_twice(chain: Engine) -> None:
    found = contacts(chain, "a", hops=2)
    spans = [(one.via.token, one.who.token, one.ms // 60_000) for one in found.meetings]
    assert spans[0] == ("a", "b", 30)
    assert ("b", "c", 30) in spans
    assert len(found.meetings) == len(spans)
    assert found.meetings == contacts(chain, "a", hops=2).meetings
    assert found.meetings[:1] == (found.meetings[0],)


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((0, 100, 10, 300), True),  # in, both
        ((0, 100, 16, 116), False),
        ((0, 100, 20, 110), True),  # out, both
        ((0, 100, 90, 300), True),  # one out as the other came in
        ((50, 300, 0, 60), True),
        ((50, 300, 0, 70), False),
    ],
)
def test_a_meeting_says_whether_both_used_a_gate_within_a_quarter_of_an_hour(
    engine: Engine, times: tuple[int, int, int, int], expected: bool
) -> None:
    gates = [Gate(f"stream-{name}", GateTopics("park", "s1", name)) for name in ("g1", "g2")]
    for gate, who in zip(gates, ("elsewhere", "b"), strict=True):
        # whoever used the other gate at the same times is told apart
        gate.passes(who, "in", START + times[2] * MINUTE, "passed")
        gate.passes(who, "out", START + times[3] * MINUTE, "passed")
    gates[1].passes("a", "in", START + times[0] * MINUTE, "passed")
    gates[1].passes("a", "out", START + times[1] * MINUTE, "passed")
    put(engine, [record for gate in gates for record in gate.records])
    derive(engine)
    met = {one.who.token: one.same_gate for one in contacts(engine, "a").meetings}
    assert met == {"b": expected, "elsewhere": False}
