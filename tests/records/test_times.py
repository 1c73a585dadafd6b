"""A clock that is wrong or jumps: order, files and retention do not depend on it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.records.journal import Journal
from edge.records.purge import carry_out, held, plan
from edge.records.query import find_records
from edge.records.simdisk import SimDisk
from edge.records.verify import verify
from feed.codec import decode
from tests.records.support import Bench, quick

NOW = datetime(2021, 8, 23, 7, 0, tzinfo=UTC)
JUMPS = [datetime(1970, 1, 1, tzinfo=UTC), datetime(2069, 6, 1, tzinfo=UTC), NOW]


def written(bench: Bench, journal: Journal, count: int) -> None:
    for number in range(count):
        bench.add(journal, str(number))


@pytest.mark.parametrize("confirmed", [0, 60])
def test_a_clock_that_jumps_decades_breaks_neither_order_nor_files(
    bench: Bench, confirmed: int
) -> None:
    journal = bench.open()
    for at in (*JUMPS, *reversed(JUMPS)):
        bench.clock.set(at)
        written(bench, journal, 10)
        journal.retire()
    journal.confirm(confirmed)
    journal.close()
    assert [int(file.stem) for file in bench.segments()] == sorted(
        int(file.stem) for file in bench.segments()
    )
    journal = bench.open()
    assert [one.seq for one in journal.read(1, 99)] == list(range(1, 61))
    assert [found.record.seq for found in find_records(bench.path)] == list(range(1, 61))
    assert (journal.last_seq, journal.unreported, journal.set_aside) == (60, (), 0)
    [verdict] = verify(bench.path)
    assert verdict.findings == ()


def test_a_jump_into_the_future_while_the_clock_is_not_synced_retires_nothing(
    bench: Bench,
) -> None:
    journal = bench.open(keep_days=30)
    written(bench, journal, 60)
    journal.confirm(60)
    bench.clock.state = "unsynced"
    for at in JUMPS:
        bench.clock.set(at)
        assert journal.retire() == 0
    assert len(journal) == 60


def test_records_written_in_1970_are_not_taken_for_fifty_years_old(bench: Bench) -> None:
    bench.clock.state = "unsynced"
    bench.clock.set(JUMPS[0])
    journal = bench.open(keep_days=30)
    written(bench, journal, 40)
    bench.clock.state = "synced"
    bench.clock.set(NOW)
    written(bench, journal, 40)
    journal.confirm(80)
    assert journal.retire() == 0
    assert [one.seq for one in journal.read(1, 99)] == list(range(1, 81))


def test_what_was_written_before_the_first_synchronisation_says_so(bench: Bench) -> None:
    bench.clock.state = "unsynced"
    bench.clock.set(JUMPS[0])
    journal = bench.open()
    bench.add(journal, "early")
    bench.clock.set(NOW)
    bench.clock.state = "synced"
    bench.add(journal, "later")
    early, later = (decode(one.raw).clock for one in journal.read(1, 2))
    assert (early.state, later.state) == ("unsynced", "synced")
    assert early.boot == later.boot == bench.clock.boot
    assert (early.uptime_s, later.uptime_s) == (1.0, 2.0)


@quick
@given(
    st.lists(
        st.tuples(
            st.sampled_from(JUMPS), st.sampled_from(["synced", "unsynced"]), st.integers(0, 9)
        ),
        min_size=1,
        max_size=6,
    )
)
def test_whatever_the_clock_says_no_record_that_waits_is_removed(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[datetime, str, int]]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("times") / "records")
    journal = bench.open(disk=SimDisk(), keep_days=1, segment_bytes=2048)
    for at, state, confirmed in steps:
        bench.clock.state = state  # type: ignore[assignment]
        bench.clock.set(at)
        written(bench, journal, 8)
        journal.confirm(journal.confirmed_upto + confirmed)
        journal.retire()
    confirmed, last = journal.confirmed_upto, journal.last_seq
    journal.close()
    with held(bench.path):
        carry_out(bench.path, plan(bench.path, NOW - NOW, clock=bench.clock))
    journal = bench.open(segment_bytes=2048)
    assert (journal.confirmed_upto, journal.last_seq, journal.unreported) == (confirmed, last, ())
    assert [one.seq for one in journal.unconfirmed(0, 99)] == list(range(confirmed + 1, last + 1))
    bench.kill(journal)
