"""Each record once: any order, duplication, loss and restart ends in the same store."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from feed.codec import erase_sealed, record_hash
from feed.record import Draft, Kind, Person, Sealed
from feed.topics import GateTopics
from hub.arrival import Arrival, Unreadable, examine
from hub.ingest.intake import take
from hub.store.base import Store
from hub.store.opening import open_store
from tests.hub.support import (
    PLACE,
    START,
    Chain,
    alarms,
    execute,
    give,
    loss,
    rows,
    standing_of,
    stored,
)
from tests.pgcluster import Cluster


def test_a_record_that_comes_twice_is_stored_once_and_counted(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(3)
    first = give(any_store, chain.arrivals([1, 2, 2]))
    again = give(any_store, chain.arrivals([1, 3, 2]))
    assert (first.stored, first.duplicates) == (2, 1)
    assert (again.stored, again.duplicates) == (1, 2)
    assert stored(where) == chain.raws
    assert standing_of(any_store).duplicates == 3


def test_another_record_under_the_same_key_never_takes_its_place(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(2)
    other = Chain(chain.stream)
    other.add(event=None, kind="other")
    takes = [give(any_store, [chain.arrival(1), other.arrival(1)]) for _ in range(3)]
    assert [taken.duplicates for taken in takes] == [0, 1, 1]
    assert stored(where) == {1: chain.raws[1]}
    assert alarms(where) == [("conflict", 1)]
    (letter,) = rows(where, "SELECT seq, reason, raw, deliveries FROM dead_letters")
    assert letter == (1, f"another record is stored as 1 of stream {chain.stream}",
                      other.raws[1], 3)  # fmt: skip


def test_a_record_whose_identity_was_erased_here_is_no_other_record(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    sealed = Sealed(kid="k", alg="x", ct="c2VjcmV0")
    raw = chain.add(Draft(kind=Kind.PASSAGE, person=Person(scheme="cccd", sealed=sealed)))
    erased = examine(PLACE.record, erase_sealed(raw))
    assert give(any_store, [erased]).stored == 1
    assert give(any_store, chain.arrivals([1])).duplicates == 1
    assert alarms(where) == []


def test_what_can_not_be_read_is_kept_once_with_the_reason(
    any_store: Store, where: str | Path
) -> None:
    letter = Unreadable(PLACE.record, b"\x00garbage", "not a record: whole: it is garbage")
    assert [give(any_store, [letter, letter]).dead_letters for _ in range(2)] == [1, 0]
    found = rows(where, "SELECT topic, raw, reason, deliveries FROM dead_letters")
    assert found == [(letter.topic, letter.raw, letter.reason, 4)]


def test_a_record_of_which_only_the_key_is_understood_is_stored_and_counts(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    """A gate that was updated before the hub must not be held up for ever."""
    chain.grow(1)
    newer = json.dumps(json.loads(chain.add()) | {"v": 2, "clock": "new"}).encode()
    arrival = examine(PLACE.record, newer)
    chain.prev = record_hash(newer)
    chain.add()
    give(any_store, [chain.arrival(1), arrival, chain.arrival(3)])
    assert stored(where)[2] == newer
    assert standing_of(any_store).upto == 3
    assert alarms(where) == []
    ((reason, raw),) = rows(where, "SELECT reason, raw FROM dead_letters")
    assert "clock" in reason
    assert raw is None  # it stands among the records


# --- the chain ------------------------------------------------------------------------------


def altered(chain: Chain, seq: int) -> Arrival:
    raw = chain.raws[seq].replace(b'"opened"', b'"closed"')
    assert raw != chain.raws[seq]
    found = examine(chain.place.record, raw)
    assert isinstance(found, Arrival)
    return found


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (1, 3, 2), (2, 1, 3)])
@pytest.mark.parametrize("together", [True, False])
def test_an_altered_record_shows_in_whatever_order_it_comes(
    any_store: Store, where: str | Path, chain: Chain, order: tuple[int, ...], together: bool
) -> None:
    chain.grow(3)
    arrivals = [altered(chain, 2) if seq == 2 else chain.arrival(seq) for seq in order]
    if together:
        give(any_store, arrivals)
    else:
        for one in arrivals:
            give(any_store, [one])
    assert alarms(where) == [("chain_broken", 3)]
    assert standing_of(any_store).upto == 3  # kept all the same: evidence, and the gate goes on


def test_a_stream_that_begins_in_the_middle_shows(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.add(prev="0" * 64)
    give(any_store, chain.arrivals([1]))
    assert alarms(where) == [("chain_broken", 1)]


def test_a_stream_that_comes_from_another_place_is_told_and_answered_there(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    """A gate that was renamed keeps its journal."""
    chain.grow(1)
    give(any_store, chain.arrivals([1]))
    chain.place = GateTopics("park-1", "site-1", "gate-renamed")
    chain.grow(1)
    give(any_store, chain.arrivals([2]))
    assert standing_of(any_store).place == chain.place
    assert alarms(where) == [("moved", None)]


# --- losses ---------------------------------------------------------------------------------


def test_a_loss_accounts_for_the_seqs_it_names(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(5)
    chain.add(loss((2, 3), (5, 5)))
    give(any_store, chain.arrivals([1, 4]))
    give(any_store, chain.arrivals([6]))
    standing = standing_of(any_store)
    assert (standing.upto, standing.head) == (6, record_hash(chain.raws[6]))
    assert sorted(stored(where)) == [1, 4, 6]
    assert rows(where, "SELECT seq, first, last, reason FROM lost ORDER BY first") == [
        (6, 2, 3, "damaged"),
        (6, 5, 5, "damaged"),
    ]


def test_a_lost_record_that_comes_after_all_is_stored_and_checked(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(4)
    chain.add(loss((2, 2), (4, 4)))
    give(any_store, chain.arrivals([1, 3, 5]))
    give(any_store, [altered(chain, 2), chain.arrival(4)])
    assert sorted(stored(where)) == [1, 2, 3, 4, 5]
    assert alarms(where) == [("chain_broken", 3)]


def test_a_receipt_up_to_a_lost_record_names_no_head(any_store: Store, chain: Chain) -> None:
    chain.grow(4)
    chain.add(loss((3, 3)))
    give(any_store, chain.arrivals([1, 2, 5]))
    receipt = standing_of(any_store).receipt("e")
    assert (receipt.upto, receipt.head) == (3, None)
    give(any_store, chain.arrivals([4]))
    receipt = standing_of(any_store).receipt("e")
    assert (receipt.upto, receipt.head) == (5, record_hash(chain.raws[5]))


# --- any order ------------------------------------------------------------------------------


class Deliveries(RuleBasedStateMachine):
    """Two gates, a broker that loses and repeats, a hub that dies before or after its commit.

    `empty` names an empty store each time.
    """

    empty: Callable[[], str | Path]

    @initialize()
    def begin(self) -> None:
        self.where = self.empty()
        self.store = open_store(self.where)
        self.chains = [Chain("a" * 16), Chain("b" * 16, GateTopics("p", "s", "g2"))]
        self.at_broker: list[tuple[int, int]] = []
        self.given: Counter[tuple[int, int]] = Counter()
        self.lost: list[set[int]] = [set(), set()]

    @rule(gate=st.integers(0, 1), count=st.integers(1, 5))
    def write(self, gate: int, count: int) -> None:
        for _ in range(count):
            self.chains[gate].add()
            self.at_broker.append((gate, len(self.chains[gate].raws)))

    @rule(gate=st.integers(0, 1), data=st.data())
    def lose_on_the_card(self, gate: int, data: st.DataObject) -> None:
        chain = self.chains[gate]
        if chain.raws:
            first = data.draw(st.integers(1, len(chain.raws)))
            last = data.draw(st.integers(first, len(chain.raws)))
            chain.add(loss((first, last)))
            self.at_broker.append((gate, len(chain.raws)))

    @rule(data=st.data(), repeat=st.booleans())
    def deliver(self, data: st.DataObject, repeat: bool) -> None:
        if not self.at_broker:
            return
        some = data.draw(st.lists(st.sampled_from(self.at_broker), max_size=8))
        self.commit(some)
        if not repeat:
            self.at_broker = [one for one in self.at_broker if one not in some]

    @precondition(lambda self: self.at_broker)
    @rule(data=st.data(), restart=st.booleans())
    def fail_before_the_commit(self, data: st.DataObject, restart: bool) -> None:
        some = data.draw(st.lists(st.sampled_from(self.at_broker), max_size=4))

        def die() -> None:
            with self.store.transaction() as tx:
                take(tx, [self.chains[gate].arrival(seq) for gate, seq in some], START)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            die()
        if restart:
            self.restart()

    @rule()
    def restart(self) -> None:
        self.store.close()
        self.store = open_store(self.where)

    @rule()
    def the_broker_forgets(self) -> None:
        self.at_broker.clear()

    @rule(gate=st.integers(0, 1))
    def the_gate_sends_again(self, gate: int) -> None:
        """From the receipt on, as HubDrain does."""
        upto = next(
            (one.upto for one in self.store.all_standings()
             if one.stream == self.chains[gate].stream), 0,
        )  # fmt: skip
        self.at_broker += [(gate, seq) for seq in range(upto + 1, len(self.chains[gate].raws) + 1)]

    def commit(self, some: list[tuple[int, int]]) -> None:
        give(self.store, [self.chains[gate].arrival(seq) for gate, seq in some])
        self.given.update(some)
        for gate, seq in some:
            for first, last, _ in self.chains[gate].arrival(seq).lost:
                self.lost[gate] |= set(range(first, last + 1))

    @invariant()
    def the_store_is_what_was_delivered_each_once(self) -> None:
        if not hasattr(self, "store"):
            return
        found = rows(self.where, "SELECT streams.stream, seq, records.raw FROM records"
                                " JOIN streams ON streams.id = records.stream")  # fmt: skip
        wanted = {
            (self.chains[gate].stream, seq): self.chains[gate].raws[seq] for gate, seq in self.given
        }
        assert len(found) == len(wanted)
        assert {(stream, seq): raw for stream, seq, raw in found} == wanted
        standings = {one.stream: one for one in self.store.all_standings()}
        for gate, chain in enumerate(self.chains):
            seqs = {seq for which, seq in self.given if which == gate}
            accounted = seqs | self.lost[gate]
            if not accounted:
                continue
            standing = standings[chain.stream]
            upto = next(seq for seq in range(1, 10_000) if seq not in accounted) - 1
            assert standing.upto == upto
            head = record_hash(chain.raws[upto]) if upto in seqs else None
            assert standing.head == head
            beyond = {seq for first, last in standing.islands for seq in range(first, last + 1)}
            assert beyond == {seq for seq in accounted if seq > upto}
            repeated = sum(n - 1 for (which, _), n in self.given.items() if which == gate)
            assert standing.duplicates == repeated
        if isinstance(self.where, Path):  # ingest's own connection does not look
            assert rows(self.where, "PRAGMA foreign_key_check") == []
        told = "SELECT (SELECT count(*) FROM alarms), (SELECT count(*) FROM dead_letters)"
        assert rows(self.where, told) == [(0, 0)]

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        for gate in (0, 1):
            self.the_gate_sends_again(gate)
        self.commit(self.at_broker)
        for one in self.store.all_standings():
            chain = next(chain for chain in self.chains if chain.stream == one.stream)
            assert one.upto == len(chain.raws)
        self.the_store_is_what_was_delivered_each_once()
        self.store.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> type[Deliveries]:
    if request.param == "sqlite":
        numbers = count()
        return type("OverSqlite", (Deliveries,), {"empty": lambda _: tmp_path / f"{next(numbers)}"})
    cluster: Cluster = request.getfixturevalue("cluster")
    url = cluster.database()

    def emptied(_: Deliveries) -> str:
        execute(url, "TRUNCATE streams CASCADE; TRUNCATE dead_letters, alarms")
        return url

    return type("OverPostgresql", (Deliveries,), {"empty": emptied})


def test_any_deliveries_end_in_the_same_store_and_the_right_receipts(
    machine: type[Deliveries],
) -> None:
    examples = 40 if machine.__name__ == "OverSqlite" else 10
    run_state_machine_as_test(
        machine, settings=settings(max_examples=examples, stateful_step_count=20, deadline=None)
    )


@pytest.mark.proof
@pytest.mark.timeout(7200)
def test_any_deliveries_long(machine: type[Deliveries]) -> None:
    run_state_machine_as_test(
        machine, settings=settings(max_examples=2000, stateful_step_count=50, deadline=None)
    )
