from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, event, insert, select

from feed.record import Record
from hub.derive.follower import Follower
from hub.store.schema import gates, people, sites, streams, visits
from tests.hub.derive.brute import Stay, persons, stays
from tests.hub.derive.conftest import emptied
from tests.hub.derive.draw import gates as drawn_gates
from tests.hub.derive.draw import parks
from tests.hub.derive.lengths import proof, short
from tests.hub.derive.parks import derive, put

STAY_H = 8.0


def begin(engine: Engine) -> None:
    """Streams get their keys in the order of their names, whoever comes first."""
    emptied(engine)
    with engine.begin() as tx:
        for gate in drawn_gates():
            place = gate.place
            tx.execute(
                insert(streams).values(
                    stream=gate.stream, park=place.park, site=place.site, gate=place.gate
                )
            )


def derived(engine: Engine, every: Sequence[Record]) -> set[Stay]:
    who = persons(every)
    out_gates = gates.alias()
    query = (
        select(
            streams.c.stream, visits.c.seq, people.c.token, sites.c.site, visits.c.in_ms,
            visits.c.out_ms, gates.c.gate, out_gates.c.gate.label("out"), visits.c.at_known,
            visits.c.assumed,
        )
        .join(streams, streams.c.id == visits.c.stream)
        .join(people, people.c.id == visits.c.person)
        .join(sites, sites.c.id == visits.c.site)
        .join(gates, gates.c.id == visits.c.in_gate)
        .outerjoin(out_gates, out_gates.c.id == visits.c.out_gate)
    )  # fmt: skip
    found = set()
    with engine.connect() as connection:
        for row in connection.execute(query):
            assert row.assumed == (row.out is None)
            found.add(
                Stay(
                    row.stream, row.seq, who[row.token], row.token, row.site, row.in_ms,
                    row.out_ms, row.gate, row.out, row.at_known,
                )
            )  # fmt: skip
    return found


_orders = given(every=parks(), seed=st.integers(0, 1_000), turn=st.sampled_from([1, 3, 2_000]))


def every_order_of_arrival_gives_the_visits_that_all_records_tell(
    engine: Engine, every: list[Record], seed: int, turn: int
) -> None:
    begin(engine)
    chance = random.Random(seed)
    arriving = [*every, *chance.sample(every, len(every) // 3)]
    chance.shuffle(arriving)
    while arriving:
        some = chance.randint(1, len(arriving))
        put(engine, arriving[:some])
        arriving = arriving[some:]
        derive(engine, turn, STAY_H)
    assert derived(engine, every) == stays(every, int(STAY_H * 60))


test_every_order_of_arrival_gives_the_visits_that_all_records_tell = short(12)(
    _orders(every_order_of_arrival_gives_the_visits_that_all_records_tell)
)
test_every_order_of_arrival_gives_the_visits_that_all_records_tell_at_length = proof(
    _orders(every_order_of_arrival_gives_the_visits_that_all_records_tell)
)


_anew = given(every=parks(), turns=st.integers(0, 5))


def made_anew_the_tables_are_the_same(engine: Engine, every: list[Record], turns: int) -> None:
    begin(engine)
    put(engine, every)
    derive(engine, 2_000, STAY_H)
    follower = Follower(engine, longest_stay_h=STAY_H, turn_records=3)
    follower.forget()
    for _ in range(turns):  # killed on the way
        follower.step()
    derive(engine, 5, STAY_H)
    assert derived(engine, every) == stays(every, int(STAY_H * 60))


test_made_anew_the_tables_are_the_same = short(12)(_anew(made_anew_the_tables_are_the_same))
test_made_anew_the_tables_are_the_same_at_length = proof(_anew(made_anew_the_tables_are_the_same))


class DyingError(Exception):
    pass


_killed = given(every=parks(), after=st.integers(1, 60))


def killed_within_a_turn_nothing_is_lost_or_doubled(
    engine: Engine, every: list[Record], after: int
) -> None:
    begin(engine)
    put(engine, every)
    left = after

    def count(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise DyingError

    event.listen(engine, "before_cursor_execute", count)
    try:
        derive(engine, 4, STAY_H)
    except DyingError:
        pass
    finally:
        event.remove(engine, "before_cursor_execute", count)
    derive(engine, 4, STAY_H)
    assert derived(engine, every) == stays(every, int(STAY_H * 60))


test_killed_within_a_turn_nothing_is_lost_or_doubled = short(12)(
    _killed(killed_within_a_turn_nothing_is_lost_or_doubled)
)
test_killed_within_a_turn_nothing_is_lost_or_doubled_at_length = proof(
    _killed(killed_within_a_turn_nothing_is_lost_or_doubled)
)
