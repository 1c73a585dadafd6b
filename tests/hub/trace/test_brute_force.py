"""Answers equal those of plain Python over all records, on random parks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from feed.record import Record
from hub.store.schema import links, people
from hub.store.sql import insert_new
from hub.trace import lookup, presence
from hub.trace.answers import Period
from hub.trace.questions import NEAR_MINUTES, Where, at_place, contacts_of, visits_of
from tests.hub.derive.brute import Stay, overlap_ms, persons, stays
from tests.hub.derive.conftest import emptied
from tests.hub.derive.draw import crowded, parks
from tests.hub.derive.lengths import proof, short
from tests.hub.derive.parks import START, derive, put

STAY_H = 8.0
START_MS = int(START.timestamp() * 1000)
_minute = st.integers(-2_000, 4_000)


def reached(
    every: set[Stay], seed: str, low: int, high: int, hops: int, least_ms: float
) -> dict[str, tuple[int, int, int]]:
    """Hop, first contact and ms with those of earlier hops, by person: by its definition."""
    since, hop = {seed: low}, {seed: 0}
    with_whom: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for number in range(1, hops + 1):
        meetings = defaultdict(list)
        for one in every:
            for other in every:
                if one.person in since and one.person != other.person:
                    begin = max(one.in_ms, other.in_ms, since[one.person])
                    ms = overlap_ms(one, other, since[one.person], high)
                    if ms:
                        meetings[one.person, other.person].append((begin, ms))
        after = dict(since)
        for (via, who), those in meetings.items():
            if sum(ms for _, ms in those) >= least_ms:
                with_whom[via, who] = those
                after[who] = min(after.get(who, high), min(those)[0])
                hop.setdefault(who, number)
        since = after
    found = {}
    for person, number in hop.items():
        those = [
            met
            for (via, who), some in with_whom.items()
            if who == person and hop[via] < number
            for met in some
        ]
        if number:
            found[person] = (number, min(those)[0], sum(ms for _, ms in those))
    return found


def link(engine: Engine, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """As `edge-hub link`: those of these tokens that are known."""
    with engine.begin() as tx:
        ids = dict(tx.execute(select(people.c.token, people.c.id)).tuples().all())
        done = [pair for pair in pairs if set(pair) <= ids.keys() and pair[0] != pair[1]]
        for number, names in enumerate({frozenset(pair) for pair in done}):
            one, other = sorted(ids[name] for name in names)
            row = {"person": one, "other": other, "source": "authority", "at_ms": 1_000 + number}
            insert_new(tx, links, [row])  # a record may have said so before
    return done


_tokens = st.sampled_from([f"p{number}-{key}" for number in range(4) for key in ("k1", "k2")])


_questions = given(
    every=parks(most=24),
    pairs=st.lists(st.tuples(_tokens, _tokens), max_size=2),
    span=st.tuples(_minute, _minute),
    hops=st.integers(1, 3),
    least_min=st.sampled_from([0.0, 5.0, 60.0]),
)


def contacts_visits_and_presence(
    engine: Engine,
    every: list[Record],
    pairs: list[tuple[str, str]],
    span: tuple[int, int],
    hops: int,
    least_min: float,
) -> None:
    emptied(engine)
    put(engine, every)
    derive(engine, 7, STAY_H)
    done = link(engine, pairs)
    derive(engine, 7, STAY_H)
    low, high = (START_MS + minute * 60_000 for minute in sorted(span))
    truth = stays(every, int(STAY_H * 60), done)
    who = persons(every, done)
    period = Period(low, high)
    with engine.connect() as connection:
        known = set(connection.execute(select(people.c.token)).scalars())
        assert known == who.keys()
        for name in sorted(known)[:4]:
            asked = [lookup.by_token(connection, name)]
            assert set(asked[0].tokens) == {one for one in who if who[one] == who[name]}
            mine = {one for one in truth if one.person == who[name]}
            expected = sorted(
                (one.in_ms, one.out_ms, one.site, one.in_gate, one.out_gate)
                for one in mine
                if one.in_ms < high and one.out_ms > low
            )
            found = visits_of(connection, asked, period)
            assert expected == sorted(
                (one.in_ms, one.out_ms, one.place.site, one.in_gate, one.out_gate)
                for one in found.stays
            )
            assert found.completeness.assumed_ends == sum(one[4] is None for one in expected)
            answer = contacts_of(connection, asked, period, hops=hops, min_minutes=least_min)
            assert {
                who[one.who.token]: (one.hop, one.from_ms, one.ms) for one in answer.contacts
            } == reached(truth, who[name], low, high, hops, max(1, least_min * 60_000))
        for place in lookup.places(connection).values():
            here = at_place(connection, place, period)
            total: defaultdict[str, int] = defaultdict(int)
            for one in truth:
                ms = min(one.out_ms, high) - max(one.in_ms, low)
                if one.site == place.site and ms > 0:
                    total[one.person] += ms
            assert {who[one.who.token]: one.ms for one in here.people} == total
            inside = {
                one.person
                for one in truth
                if one.site == place.site and one.in_ms <= low < one.out_ms
            }
            list_ = presence.muster(connection, place, low)
            assert {who[one.who.token] for one in list_.inside} == inside
            (count,) = presence.occupancy(connection, low, place).counts
            assert count.inside == len(inside)


def test_a_crowded_park(engine: Engine) -> None:
    """Hypothesis draws few visits: here everybody meets everybody several times."""
    contacts_visits_and_presence(
        engine, crowded(1), [("p1-k1", "p2-k1")], (300, 1_500), hops=2, least_min=5
    )


test_contacts_visits_and_presence = short(10)(_questions(contacts_visits_and_presence))
test_contacts_visits_and_presence_at_length = proof(_questions(contacts_visits_and_presence))


_gates = given(every=parks(most=24), within_min=st.sampled_from([5, 60, 600]))


def narrowing_to_a_gate_used_by_both(engine: Engine, every: list[Record], within_min: int) -> None:
    emptied(engine)
    put(engine, every)
    derive(engine, 100, STAY_H)
    truth = stays(every, int(STAY_H * 60))
    who = persons(every)
    period = Period(START_MS - 10**9, START_MS + 10**9)

    def uses(one: Stay) -> list[tuple[str | None, int]]:
        return [(one.in_gate, one.in_ms), (one.out_gate, one.out_ms)]

    def near(one: Stay, other: Stay, minutes: float) -> bool:
        return any(
            gate is not None and gate == other_gate and abs(at - other_at) <= minutes * 60_000
            for gate, at in uses(one)
            for other_gate, other_at in uses(other)
        )

    with engine.connect() as connection:
        for name in sorted(who)[:3]:
            asked = [lookup.by_token(connection, name)]
            answer = contacts_of(connection, asked, period, same_gate_minutes=within_min)
            expected: defaultdict[str, int] = defaultdict(int)
            for one in truth:
                for other in truth:
                    if one.person == who[name] != other.person and near(one, other, within_min):
                        ms = overlap_ms(one, other, period.from_ms, period.to_ms)
                        if ms:
                            expected[other.person] += ms
            assert {who[one.who.token]: one.ms for one in answer.contacts} == expected
            assert all(one.same_gate for one in answer.meetings)
            whole = contacts_of(connection, asked, period)
            assert sorted(
                (who[one.who.token], one.from_ms, one.to_ms, one.same_gate)
                for one in whole.meetings
            ) == sorted(
                (other.person, max(one.in_ms, other.in_ms), min(one.out_ms, other.out_ms),
                 near(one, other, NEAR_MINUTES))
                for one in truth
                for other in truth
                if one.person == who[name] != other.person
                and overlap_ms(one, other, period.from_ms, period.to_ms)
            )  # fmt: skip
            for place in lookup.places(connection).values():
                here = visits_of(connection, asked, period, Where(place))
                assert {one.place.site for one in here.stays} <= {place.site}


test_narrowing_to_a_gate_used_by_both = short(10)(_gates(narrowing_to_a_gate_used_by_both))
test_narrowing_to_a_gate_used_by_both_at_length = proof(_gates(narrowing_to_a_gate_used_by_both))
