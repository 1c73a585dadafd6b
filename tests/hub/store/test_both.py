"""What every store does: the same tests over SQLite and PostgreSQL."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path

import pytest

from feed.codec import record_hash
from feed.topics import GateTopics
from hub.ingest.intake import take
from hub.store.base import Store
from hub.store.opening import open_store
from hub.store.status import read_status
from tests.hub.support import START, Chain, alarms, execute, give, loss, rows, standing_of, stored

LATER = START + timedelta(days=2)


def test_what_was_committed_is_there_after_a_restart(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(5)
    give(any_store, chain.arrivals([1, 2, 5]))
    epoch = any_store.epoch()
    any_store.close()
    again = open_store(where)
    standing = standing_of(again)
    assert (standing.upto, standing.head) == (2, record_hash(chain.raws[2]))
    assert list(standing.holes()) == [(3, 4)]
    assert again.epoch() == epoch
    again.close()


def test_a_batch_that_fails_leaves_nothing(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(3)

    def die_half_way() -> None:
        with any_store.transaction() as tx:
            standing = tx.begin({chain.stream: chain.place})[chain.stream]
            standing.account(1, 3)
            tx.insert(standing.key, chain.arrivals([1, 2, 3]), START)
            tx.save(standing)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die_half_way()
    assert stored(where) == {}
    assert list(any_store.all_standings()) == []
    assert give(any_store, chain.arrivals([1, 2, 3])).stored == 3


def test_a_batch_that_fails_and_comes_again_is_stored(any_store: Store, chain: Chain) -> None:
    """A receipt for it would have the gate forget what nobody holds."""
    give(any_store, chain.grow(6).arrivals([1, 2, 3]))

    def die_after_it_was_taken() -> None:
        with any_store.transaction() as tx:
            take(tx, chain.arrivals([4, 5, 6]), START)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        die_after_it_was_taken()
    again = give(any_store, chain.arrivals([4, 5]))
    assert (again.stored, again.standings[0].upto) == (2, 5)


def test_every_epoch_is_another(any_store: Store, where: str | Path) -> None:
    first = any_store.epoch()
    second = any_store.renew_epoch()
    assert first != second == any_store.epoch() == read_status(where)["epoch"]


def test_many_islands_are_saved_as_they_come_and_go(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(60)
    give(any_store, chain.arrivals(range(2, 61, 2)))
    assert len(rows(where, "SELECT * FROM islands")) == 30
    give(any_store, chain.arrivals([5, 11]))
    assert standing_of(any_store).has(11)
    assert len(rows(where, "SELECT * FROM islands")) == 28
    give(any_store, chain.arrivals(range(1, 60, 2)))
    assert rows(where, "SELECT * FROM islands") == []
    assert standing_of(any_store).upto == 60


def test_a_large_batch_of_many_streams_is_one_batch(any_store: Store) -> None:
    places = [GateTopics("park-1", "site-1", f"gate-{number}") for number in range(1_200)]
    chains = [Chain(f"{number:016x}", place).grow(1) for number, place in enumerate(places)]
    taken = give(any_store, [chain.arrival(1) for chain in chains])
    assert taken.stored == len(taken.standings) == 1_200
    assert {one.upto for one in any_store.all_standings()} == {1}


def test_the_standings_that_are_asked_for_are_as_they_are_now(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    give(any_store, chain.grow(3).arrivals([1, 3]))
    key = standing_of(any_store).key
    other = Chain("other").grow(1)
    give(any_store, [other.arrival(1)])
    (found,) = any_store.standings_of([key])
    assert (found.stream, [*found.holes()]) == (chain.stream, [(2, 2)])
    assert [*any_store.standings_of([])] == []


def test_every_byte_comes_back_as_it_was_written(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.add(kind="việc khác \U0001f642")
    chain.add(kind="\0nul")
    give(any_store, chain.arrivals([1, 2]))
    assert stored(where) == chain.raws
    assert rows(where, "SELECT kind FROM records ORDER BY seq") == [
        ("việc khác \U0001f642",),
        ("\ufffdnul",),
    ]


# --- records that are older than they are kept -----------------------------------------------


def purge(store: Store) -> int:
    gone = 0
    while some := store.purge(LATER):
        gone += some
    return gone


def later(store: Store, chain: Chain, *seqs: int) -> None:
    """Records that arrive after those that `purge` drops."""
    from hub.ingest.intake import take

    with store.transaction() as tx:
        take(tx, chain.arrivals(seqs), LATER + timedelta(hours=1))


def test_dropped_records_leave_receipts_and_the_chain_as_they_were(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    give(any_store, chain.grow(6).arrivals([1, 2, 3]))
    assert purge(any_store) == 3
    standing = standing_of(any_store)
    assert (standing.upto, standing.head) == (3, record_hash(chain.raws[3]))
    assert standing.purged_upto == 3
    later(any_store, chain, 4, 5)
    assert purge(any_store) == 0
    assert sorted(stored(where)) == [4, 5]
    assert standing_of(any_store).receipt("e").head == record_hash(chain.raws[5])
    assert alarms(where) == []


def test_a_dropped_record_that_comes_again_is_counted_and_not_kept_anew(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    give(any_store, chain.grow(3).arrivals([1, 2, 3]))
    purge(any_store)
    assert give(any_store, chain.arrivals([2])).duplicates == 1
    assert stored(where) == {}
    assert standing_of(any_store).upto == 3


def test_a_hole_between_dropped_records_can_still_be_filled(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    give(any_store, chain.grow(4).arrivals([1, 4]))
    purge(any_store)
    assert [*standing_of(any_store).holes()] == [(2, 3)]
    later(any_store, chain, 2, 3)
    assert sorted(stored(where)) == [2, 3]
    assert standing_of(any_store).upto == 4


def test_what_follows_from_dropped_records_goes_with_them(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    chain.grow(4)
    chain.add(loss((2, 2)))
    give(any_store, chain.arrivals([1, 3, 4, 5]))
    key = standing_of(any_store).key
    chain.grow(1)
    later(any_store, chain, 6)
    execute(where, "INSERT INTO sites (id, park, site) VALUES (1, 'p', 's')")
    execute(where, "INSERT INTO gates (id, site, gate) VALUES (1, 1, 'g')")
    for seq in (1, 6):
        execute(
            where,
            "INSERT INTO passages (stream, seq, at_ms, at_known, gate, site, granted, reasons)"
            f" VALUES ({key}, {seq}, 0, true, 1, 1, true, 'x')",
        )
    purge(any_store)
    assert rows(where, "SELECT seq FROM passages") == [(6,)]
    assert rows(where, "SELECT * FROM lost") == []


def test_clocks_of_boots_and_outcomes_go_when_their_records_are_gone(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    give(any_store, chain.grow(6).arrivals(range(1, 7)))
    key = standing_of(any_store).key
    chain.grow(3)
    later(any_store, chain, 7, 8, 9)
    for boot, first in (("a", 1), ("b", 4), ("c", 8)):
        execute(
            where,
            f"INSERT INTO boots (stream, boot, first_seq) VALUES ({key}, '{boot}', {first})",
        )
    for ref, seq in ((2, 3), (5, 8)):
        execute(
            where,
            "INSERT INTO early_outcomes (stream, ref, seq, outcome)"
            f" VALUES ({key}, {ref}, {seq}, 'passed')",
        )
    purge(any_store)
    # record 7 is of boot b, and may still need its clock
    assert rows(where, "SELECT boot FROM boots ORDER BY first_seq") == [("b",), ("c",)]
    assert rows(where, "SELECT ref, seq FROM early_outcomes") == [(5, 8)]


def test_records_of_many_days_go_by_the_day_and_the_oldest_first(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    from hub.ingest.intake import take

    chain.grow(5)
    for seq in range(1, 6):
        with any_store.transaction() as tx:
            take(tx, chain.arrivals([seq]), START + timedelta(days=seq))
    while any_store.purge(START + timedelta(days=3, hours=20)):
        pass
    assert sorted(stored(where)) == [4, 5] if isinstance(where, str) else [3, 4, 5]
    assert standing_of(any_store).upto == 5


# --- anything that may come ------------------------------------------------------------------


def test_random_hostile_messages_are_answered_and_the_rest_is_stored(
    any_store: Store, where: str | Path, chain: Chain
) -> None:
    """No message may end a hub, or come again and again because it can't be stored."""
    from hub.arrival import examine

    rng = random.Random(7)
    chain.grow(60)
    hostile = [
        b"\0", b"", b"[" * 100_000, b'{"stream":"\\u0000","seq":1}', b"\xff" * 70_000,
        b'{"stream":"s","seq":' + b"9" * 5_000 + b"}", b'{"stream":1e999,"seq":true}',
    ]  # fmt: skip
    topics = [chain.place.record, "gate/v1/\ud83d/s/g/record", "x", "gate/v1/a/b/c/record",
              f"gate/v1/{'p' * 3_000}/{'s' * 3_000}/g/record", "gate/v1/á/\t/g/record"]  # fmt: skip
    batch = [chain.arrival(seq) for seq in range(1, 61)]
    for _ in range(300):
        raw = bytearray(rng.choice([*hostile, *chain.raws.values()]))
        for _ in range(rng.randrange(4)):
            if raw:
                raw[rng.randrange(len(raw))] = rng.choice(b'\0"{}[]:,\\u19\xe1\xff')
        batch.append(examine(rng.choice(topics), bytes(raw)))  # type: ignore[arg-type]
    rng.shuffle(batch)
    give(any_store, batch)
    give(any_store, batch)
    found = {one.stream: one for one in any_store.all_standings()}[chain.stream]
    assert found.upto == 60
    assert read_status(where)["dead_letters"]


@pytest.mark.parametrize("length", [64, 128])
def test_the_longest_names_can_be_stored_and_told(
    any_store: Store, where: str | Path, length: int
) -> None:
    """An index entry of PostgreSQL is at most 2,704 bytes."""
    from feed.topics import GateTopics
    from hub.arrival import Unreadable, examine

    rng = random.Random(1)
    names = ["".join(chr(rng.randrange(0x1F300, 0x1F5FF)) for _ in range(length)) for _ in range(6)]
    stream = "".join(chr(rng.randrange(0x1F300, 0x1F5FF)) for _ in range(128))
    moved = Chain(stream, GateTopics(*names[:3])).grow(1)
    moved.place = GateTopics(*names[3:])
    moved.grow(1)
    places = [GateTopics(*names[:3]), GateTopics(*names[3:])]
    found = [examine(places[n].record, moved.raws[n + 1]) for n in (0, 1)]
    give(any_store, found)
    give(any_store, found)
    assert any(isinstance(one, Unreadable) for one in found) == (length > 64)
    told = read_status(where)
    assert len(told["dead_letters" if length > 64 else "streams"]) == (2 if length > 64 else 1)
