"""Limits: what happens when records are old, many, or more than the disk may hold."""

from __future__ import annotations

import queue
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from edge.clock import SystemClock
from edge.gate.events import Event, Write
from edge.gate.reasons import Cause
from edge.records.journal import Journal
from edge.records.recorder import Recorder, WriteQueue
from edge.records.simdisk import SimDisk
from tests.records.support import Bench, small

SIX_FILES = 6 * 4096 / (1 << 20)  # MiB


def first_seq(journal: Journal) -> int:
    return next(iter(journal.iterate())).seq


def test_at_the_limit_a_gate_that_must_stop_refuses_and_keeps_all(bench: Bench) -> None:
    journal = bench.open(max_mib=SIX_FILES)
    written, cause = bench.add_until_refused(journal)
    assert cause is Cause.DISK_FULL
    assert "max_mib" in str(journal.fault)
    assert len(journal) == written > 40
    assert len(bench.segments()) == 6
    journal.confirm(written - 20)
    assert bench.add(journal, "room again") == written + 1


def test_confirmed_records_make_room_before_anything_is_refused(bench: Bench) -> None:
    journal = bench.open(max_mib=SIX_FILES)
    for number in range(200):
        journal.confirm(bench.add(journal, str(number)))
    assert journal.last_seq == 200
    assert len(bench.segments()) <= 6
    assert journal.unreported == ()


def test_drop_oldest_accounts_for_what_it_drops(bench: Bench) -> None:
    journal = bench.open(max_mib=SIX_FILES, when_full="drop-oldest")
    for number in range(100):
        bench.add(journal, str(number))
    first = first_seq(journal)
    assert journal.dropped == first - 1 > 0
    assert {why for _, _, why in journal.unreported} == {"dropped"}
    journal.report_losses(at=bench.clock.now(), clock=bench.clock.stamp())
    assert journal.unreported == ()
    [loss] = [one for one in journal.all() if one["kind"] == "loss"]
    lost = [seq for low, high, _ in loss["ranges"] for seq in range(low, high + 1)]
    assert lost == list(range(1, first))
    assert journal.unconfirmed(0, 1)[0].seq == first
    journal.close()
    journal = bench.open(max_mib=SIX_FILES, when_full="drop-oldest")
    assert (journal.unreported, journal.last_seq) == ((), 101)


@pytest.mark.parametrize("files", [3, 6])
def test_a_loss_record_that_is_dropped_itself_is_written_again(bench: Bench, files: int) -> None:
    journal = bench.open(max_mib=files * 4096 / (1 << 20), when_full="drop-oldest")
    for number in range(5):
        bench.add(journal, str(number))
    now, stamp = bench.clock.now(), bench.clock.stamp()
    journal.confirm(2)
    journal.refuse(4, "too long", at=now, clock=stamp)
    for number in range(120):
        bench.add(journal, str(number))
        journal.report_losses(at=now, clock=stamp)
    first = first_seq(journal)
    assert first > 60
    lost = {
        seq
        for one in journal.all()
        if one["kind"] == "loss"
        for low, high, _ in one["ranges"]
        for seq in range(low, high + 1)
    }
    assert lost == set(range(3, first))
    journal.close()
    assert bench.open().unreported == ()


def test_a_power_cut_between_a_drop_and_its_loss_record_hides_nothing(bench: Bench) -> None:
    journal = bench.open(max_mib=SIX_FILES, when_full="drop-oldest")
    for number in range(100):
        bench.add(journal, str(number))
    first = first_seq(journal)
    bench.kill(journal)
    journal = bench.open()
    assert journal.unreported == ((1, first - 1, "damaged"),)


@pytest.mark.parametrize("when_full", ["stop", "drop-oldest"])
def test_a_full_disk_is_as_the_limit(bench: Bench, when_full: str) -> None:
    disk = SimDisk(free_bytes=40_000)
    journal = bench.open(disk=disk, when_full=when_full)
    written, cause = bench.add_until_refused(journal, most=300)
    if when_full == "stop":
        assert cause is Cause.DISK_FULL
        assert written == len(journal) < 150
    else:
        assert cause is None
        assert journal.dropped > 0


def test_confirmed_files_go_after_their_days(bench: Bench) -> None:
    journal = bench.open(keep_days=10)
    for number in range(60):
        bench.add(journal, str(number))
    journal.confirm(40)
    assert journal.retire() == 0
    bench.clock.advance(11 * 86_400)
    for number in range(20):
        bench.add(journal, str(number))
    before = len(bench.segments())
    gone = journal.retire()
    assert gone > 0
    assert len(bench.segments()) == before - gone
    assert first_seq(journal) <= 41
    assert journal.retire() == 0
    journal.close()
    journal = bench.open()
    assert (journal.last_seq, journal.confirmed_upto, journal.unreported) == (80, 40, ())


def test_a_clock_that_is_not_synced_removes_nothing(bench: Bench) -> None:
    journal = bench.open(keep_days=1)
    for number in range(60):
        bench.add(journal, str(number))
    journal.confirm(60)
    bench.clock.state = "unsynced"
    bench.clock.set(datetime(2099, 1, 1, tzinfo=UTC))
    assert journal.retire() == 0


def test_records_of_an_unsynced_clock_go_with_those_after_them(bench: Bench) -> None:
    journal = bench.open(keep_days=10)
    bench.clock.state = "unsynced"
    today = bench.clock.now()
    bench.clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    for number in range(40):
        bench.add(journal, str(number))
    bench.clock.state = "synced"
    bench.clock.set(today)
    assert journal.retire() == 0
    for number in range(40):
        bench.add(journal, str(number))
    journal.confirm(80)
    assert journal.retire() == 0
    bench.clock.set(today + timedelta(days=11))
    assert journal.retire() > 0
    assert first_seq(journal) > 40


def test_a_hundred_thousand_unconfirmed_records_fit_the_default_limit_many_times() -> None:
    assert 512 * (1 << 20) / 100_000 > 5 * 900  # bytes of a passage with a sealed identity


def alarms(journal: Journal) -> list[str]:
    return [one["event"]["name"] for one in journal.all() if one["kind"] == "alarm"]


def recorded(bench: Bench, journal: Journal, count: int) -> None:
    """Let a recorder write this many records."""
    inbox: queue.SimpleQueue[Event] = queue.SimpleQueue()
    writes = WriteQueue(inbox.put)
    recorder = Recorder(journal, writes, inbox.put, clock=SystemClock())
    recorder.start()
    for request in range(count):
        write = Write(request=request, draft=small(str(request)))
        writes.put(write, at=bench.clock.now(), clock=bench.clock.stamp())
    for _ in range(count):
        inbox.get(timeout=20)
    assert recorder.stop()


def test_a_journal_that_is_nearly_full_says_so_once(bench: Bench) -> None:
    journal = bench.open(max_mib=10 * 4096 / (1 << 20), segment_bytes=4096)
    recorded(bench, journal, 50)
    assert alarms(journal) == []
    recorded(bench, journal, 55)
    assert alarms(journal) == ["records_nearly_full"]


def test_dropped_records_stand_in_loss_records_and_alarms(bench: Bench) -> None:
    journal = bench.open(max_mib=SIX_FILES, when_full="drop-oldest")
    recorded(bench, journal, 120)
    assert "records_dropped" in alarms(journal)
    waiting = {stored.seq for stored in journal.unconfirmed(0, 1000)}
    lost = {
        seq
        for one in journal.all()
        if one["kind"] == "loss"
        for low, high, _ in one["ranges"]
        for seq in range(low, high + 1)
    }
    unreported = {seq for low, high, _ in journal.unreported for seq in range(low, high + 1)}
    assert waiting | lost | unreported >= set(range(max(1, min(lost)), journal.last_seq + 1))


def test_reading_older_files_keeps_only_a_few_in_memory(
    bench: Bench, texts: Callable[[Journal], list[str]]
) -> None:
    journal = bench.open()
    for number in range(100):
        bench.add(journal, str(number))
    journal.close()
    journal = bench.open()
    assert texts(journal) == [str(number) for number in range(100)]
    current = journal._current
    assert current is not None
    assert len(current._sealed) == 2
