"""A sender gone wild fills no disk, and costs no good record."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from feed.codec import record_hash
from feed.topics import GateTopics
from hub.arrival import Arrival, Unreadable, examine
from hub.ingest.intake import Bounds, Taken, take
from hub.monitor.health import totals
from hub.standing import Standing
from hub.store.base import Store
from hub.store.engine import connect
from hub.store.opening import open_store
from tests.hub.support import PLACE, START, Chain, alarms, loss, rows, standing_of, stored

FEW = Bounds(streams=3, islands=5, alarms=4, letters=4, letter_bytes=100)


def give(store: Store, batch: Sequence[Arrival | Unreadable], bounds: Bounds = FEW) -> Taken:
    with store.transaction() as tx:
        return take(tx, batch, START, bounds)


def wild(chain: Chain, seq: int) -> Arrival:
    """A record of any seq, as nobody's journal holds it."""
    parts = json.loads(chain.raws[1]) | {"seq": seq, "prev": "0" * 64}
    found = examine(PLACE.record, json.dumps(parts, separators=(",", ":")).encode())
    assert isinstance(found, Arrival)
    return found


def letter(number: int, size: int) -> Unreadable:
    return Unreadable(PLACE.record, f"{number:04d}".encode().ljust(size, b"x"), "nonsense")


def letters(where: str | Path) -> list[tuple[bytes | None, str]]:
    return [(raw, reason) for raw, reason in rows(
        where, "SELECT raw, reason FROM dead_letters ORDER BY id")]  # fmt: skip


def counted(where: str | Path) -> int:
    engine = connect(where)
    try:
        with engine.connect() as connection:
            return totals(connection).dead_letters
    finally:
        engine.dispose()


# --- wild seqs ------------------------------------------------------------------------------


def test_wild_seqs_make_no_islands_without_bound(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(1)
    taken = [give(any_store, [wild(chain, 10 * n)]) for n in range(1, 21)]
    assert sum(one.refused for one in taken) == 15
    assert rows(where, "SELECT count(*) FROM islands") == [(5,)]
    assert len(stored(where)) == 5
    assert [name for name, _ in alarms(where) if name == "scattered"] == ["scattered"]
    assert [bool(one.alarms) for one in taken].count(True) == 1
    # counted in one letter, not in one each
    assert rows(where, "SELECT deliveries, raw FROM dead_letters") == [(15, None)]


def test_what_was_refused_is_not_in_the_receipt(any_store: Store, chain: Chain) -> None:
    chain.grow(1)
    give(any_store, [chain.arrival(1), *(wild(chain, 10 * n) for n in range(1, 21))])
    standing = standing_of(any_store)
    assert standing.receipt("e").upto == 1
    assert standing.has(50)
    assert not standing.has(60)


def test_a_gate_in_whose_name_someone_sends_wild_seqs_gets_all_its_records_through(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(40)
    give(any_store, [wild(chain, 1_000 * n) for n in range(1, 11)])
    for first in range(1, 41, 10):
        assert give(any_store, chain.arrivals(range(first, first + 10))).refused == 0
    assert standing_of(any_store).upto == 40
    assert {seq: stored(where)[seq] for seq in range(1, 41)} == chain.raws


def test_what_was_refused_is_taken_when_it_comes_in_its_order(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(20)
    assert give(any_store, chain.arrivals(range(2, 21, 2))).refused == 5
    give(any_store, chain.arrivals(range(1, 21)))
    assert stored(where) == chain.raws
    standing = standing_of(any_store)
    assert (standing.upto, standing.head) == (20, record_hash(chain.raws[20]))


def test_a_gate_with_a_card_damaged_in_many_places_is_not_held_up(
    any_store: Store, chain: Chain
) -> None:
    """The record of loss that moves the stream on makes more pieces than the bound allows."""
    chain.grow(40)
    chain.add(loss(*((seq, seq) for seq in range(1, 41, 3))))
    give(any_store, chain.arrivals(seq for seq in range(1, 41) if seq % 3 == 2))
    assert give(any_store, chain.arrivals([41])).refused == 0
    give(any_store, chain.arrivals(seq for seq in range(1, 41) if seq % 3 != 1))
    assert standing_of(any_store).upto == 41


def test_a_record_of_loss_that_scatters_without_moving_on_is_refused(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(40)
    chain.add(loss(*((seq, seq) for seq in range(3, 41, 2))))
    assert give(any_store, chain.arrivals([41])).refused == 1
    assert rows(where, "SELECT count(*) FROM lost") == [(0,)]
    assert stored(where) == {}


@given(
    order=st.permutations(range(1, 31)),
    cuts=st.sets(st.integers(1, 29), max_size=10),
    junk=st.lists(st.integers(40, 9_000), max_size=30),
)
@settings(max_examples=30, deadline=None)
def test_whatever_comes_the_pieces_stay_few_and_sending_again_in_order_ends_it(
    order: list[int], cuts: set[int], junk: list[int]
) -> None:
    chain = Chain().grow(30)
    edges = [0, *sorted(cuts), 30]
    batches = [order[low:high] for low, high in pairwise(edges)]
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(Path(folder) / "hub.db")
        give(store, [wild(chain, seq) for seq in junk])
        for batch in batches:
            give(store, chain.arrivals(batch))
            assert len(standing_of(store).islands) <= FEW.islands
        if standing_of(store).upto < 30:
            give(store, chain.arrivals(range(standing_of(store).upto + 1, 31)))
        assert standing_of(store).upto >= 30
        found = stored(Path(folder) / "hub.db")
        assert {seq: found[seq] for seq in range(1, 31)} == chain.raws
        store.close()


def test_a_gate_that_was_offline_for_weeks_is_far_from_the_bound(chain: Chain) -> None:
    """Two hubs each see every other of the hundred records a gate has under way."""
    standing = Standing(1, chain.stream, PLACE)
    for seq in range(2, 102, 2):
        standing.account(seq, seq)
    assert len(standing.islands) * 10 < Bounds().islands


# --- wild streams ---------------------------------------------------------------------------

NEIGHBOUR = GateTopics("park-1", "site-1", "gate-2")


def begun(count: int, place: GateTopics = PLACE) -> list[Chain]:
    """New streams of one gate, of two records each."""
    return [Chain(f"{place.gate}-{number}", place).grow(2) for number in range(count)]


def streams_of(where: str | Path) -> set[str]:
    return {name for (name,) in rows(where, "SELECT stream FROM streams")}


@pytest.mark.parametrize("together", [True, False])
def test_streams_made_up_by_a_gate_are_few_and_counted(
    any_store: Store, where: str | Path, together: bool
) -> None:
    batches = [chain.arrivals([1, 2]) for chain in begun(9)]
    whole = [one for batch in batches for one in batch]
    taken = [give(any_store, one) for one in ([whole] if together else batches)]
    assert sum(one.stored for one in taken) == 6
    assert sum(one.refused for one in taken) == 12
    assert streams_of(where) == {"gate-1-0", "gate-1-1", "gate-1-2"}
    assert alarms(where) == [("streams_refused", None)]
    assert [len(one.alarms) for one in taken if one.alarms] == [1]
    # counted in one letter, not in one each
    assert rows(where, "SELECT deliveries, raw FROM dead_letters") == [(12, None)]


def test_a_gate_with_too_many_streams_is_told_from_its_neighbour(
    any_store: Store, where: str | Path
) -> None:
    flood, neighbour = begun(9), begun(2, NEIGHBOUR)
    give(any_store, [one for chain in [*flood, *neighbour] for one in chain.arrivals([1])])
    assert streams_of(where) >= {"gate-2-0", "gate-2-1"}
    # what it had goes on
    assert give(any_store, flood[0].arrivals([2])).refused == 0
    assert give(any_store, neighbour[0].arrivals([2])).stored == 1
    give(any_store, [one for chain in begun(9, NEIGHBOUR) for one in chain.arrivals([1])])
    assert len(alarms(where)) == 2  # one a gate


def test_a_refused_stream_gets_no_receipt_and_is_taken_when_the_bound_is_raised(
    any_store: Store,
) -> None:
    chains = begun(4)
    arrivals = [one for chain in chains for one in chain.arrivals([1, 2])]
    assert {one.stream for one in give(any_store, arrivals).standings} == {
        "gate-1-0", "gate-1-1", "gate-1-2",
    }  # fmt: skip
    assert give(any_store, arrivals, Bounds()).stored == 2


def test_alarms_about_one_stream_are_few(any_store: Store, where: str | Path, chain: Chain) -> None:
    chain.grow(1)
    told = [give(any_store, [wild(chain, seq)]).alarms for seq in range(1, 21)]  # no chain holds
    found = alarms(where)
    assert [seq for _, seq in found] == [1, 2, 3, 4, None]
    assert {name for name, _ in found} == {"chain_broken"}
    assert sum(map(len, told)) == 5
    assert len(stored(where)) == 20  # nothing is refused for it


# --- dead letters ---------------------------------------------------------------------------


def test_dead_letters_stay_few_the_newest_are_kept_and_all_are_counted(
    any_store: Store, where: str | Path
) -> None:
    told = [give(any_store, [letter(number, 4)]).alarms for number in range(10)]
    assert [raw for raw, _ in letters(where)] == [b"0006", b"0007", b"0008", b"0009"]
    assert counted(where) == 10
    assert [bool(one) for one in told] == [False] * 4 + [True] + [False] * 5  # told once
    assert alarms(where) == [("dead_letters_dropped", None)]


def test_the_oldest_bytes_go_first_and_their_reason_stays(
    any_store: Store, where: str | Path
) -> None:
    for number in range(4):
        give(any_store, [letter(number, 40)])
    gone, kept = letters(where)[:2], letters(where)[2:]
    assert [(raw, reason.startswith("nonsense (")) for raw, reason in gone] == [(None, True)] * 2
    assert [(len(raw or b""), reason) for raw, reason in kept] == [(40, "nonsense")] * 2
    assert counted(where) == 4


def test_a_letter_whose_bytes_were_dropped_is_still_known(
    any_store: Store, where: str | Path
) -> None:
    for number in (0, 1, 2, 0):
        give(any_store, [letter(number, 40)])
    assert rows(where, "SELECT deliveries FROM dead_letters ORDER BY id") == [(2,), (1,), (1,)]


def test_a_flood_in_one_batch_is_bounded_too(any_store: Store, where: str | Path) -> None:
    give(any_store, [letter(number, 4) for number in range(50)])
    assert len(letters(where)) == 4
    assert counted(where) == 50
