"""Disks that fail: nothing half-written, nothing lost, and on again without a restart."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.gate.reasons import Cause
from edge.records.journal import Journal, JournalError
from edge.records.simdisk import Cut, SimDisk, power_cut
from tests.records.support import Bench, quick

METHODS = ["write", "sync", "sync_folder", "rename", "create"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("records_before", [0, 3, 7, 8, 9, 10, 11, 12])
def test_after_a_failed_call_the_next_append_works_or_fails_whole(
    bench: Bench, texts: Callable[[Journal], list[str]], method: str, records_before: int
) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    expected = [str(number) for number in range(records_before)]
    for text in expected:
        bench.add(journal, text)
    disk.fails = {method}
    for attempt in range(3):
        written, cause = bench.add_until_refused(journal, most=1)
        assert (journal.fault is None) == (cause is None)
        assert cause in {None, Cause.IO_ERROR}
        expected += ["0"] * written
        assert journal.last_seq == len(expected), attempt
    disk.fails = set()
    for text in ("after", "all"):
        expected.append(text)
        assert bench.add(journal, text) == len(expected)
    assert texts(journal) == expected
    bench.kill(journal)
    journal = bench.open()
    assert texts(journal) == expected
    assert journal.unreported == ()


def test_a_failed_sync_is_not_believed_again_just_because_the_next_one_works(
    bench: Bench, tmp_path: Path
) -> None:
    """Linux reports a lost write once, and goes on showing it from its cache."""
    disk = SimDisk()
    journal = bench.open(disk=disk)
    bench.add(journal, "before")
    disk.fails = {"sync"}
    with pytest.raises(JournalError):
        bench.add(journal, "lost")
    disk.fails = set()
    bench.add(journal, "after")
    journal.close()
    power_cut(disk.ops, Cut(names=0, writes="none"), bench.path, tmp_path / "device")
    device = Bench(tmp_path / "device").open()
    said = [document["event"]["detail"]["text"] for document in device.all()]
    device.close()
    assert said == ["before", "after"]


def test_a_record_that_a_dead_process_had_not_synced_is_synced_before_it_is_told_of(
    bench: Bench, tmp_path: Path
) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    bench.add(journal, "before")
    disk.fails = {"sync"}
    with pytest.raises(JournalError):
        bench.add(journal, "in flight")
    bench.kill(journal)
    disk.fails = set()
    journal = bench.open(disk=disk)
    told = [stored.raw for stored in journal.unconfirmed(0, 9)]
    power_cut(disk.ops, Cut(names=0, writes="none"), bench.path, tmp_path / "device")
    device = Bench(tmp_path / "device").open()
    assert [stored.raw for stored in device.read(1, 9)] == told
    device.close()


def test_a_full_disk_stops_new_files_only(bench: Bench) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    journal.prepare()
    disk.free_bytes = 0
    written, cause = bench.add_until_refused(journal)
    assert cause is Cause.DISK_FULL
    assert len(bench.segments()) == 2
    with pytest.raises(JournalError):
        bench.add(journal, "still full")
    disk.free_bytes = 10_000
    assert bench.add(journal, "room again") == written + 1


def test_confirmations_wait_until_the_disk_works(bench: Bench) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    bench.add(journal, "a")
    journal.confirm(1)
    disk.broken = errno.EROFS
    with pytest.raises(JournalError) as raised:
        journal.settle()
    assert raised.value.cause is Cause.READ_ONLY
    assert journal.confirmed_upto == 1
    disk.broken = None
    journal.settle()
    bench.kill(journal)
    assert bench.open().confirmed_upto == 1


def test_a_folder_taken_away_and_brought_back_is_opened_anew(bench: Bench) -> None:
    journal = bench.open()
    bench.add(journal, "a")
    journal.prepare()
    away = bench.path.rename(bench.path.with_name("away"))
    assert bench.add_until_refused(journal)[1] is Cause.NOT_FOUND
    seq = journal.last_seq
    away.rename(bench.path)
    assert bench.add(journal, "b") > seq


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 64 KiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_real_full_disk_and_then_room_again(tiny_disk: Path) -> None:
    bench = Bench(tiny_disk / "records")
    journal = bench.open()
    ballast = tiny_disk / "ballast"
    ballast.write_bytes(bytes(32 << 10))
    written, cause = bench.add_until_refused(journal)
    assert cause is Cause.DISK_FULL
    ballast.unlink()
    assert bench.add(journal, "room again") == written + 1
    journal.close()


def test_a_real_read_only_disk_and_then_not(tiny_disk: Path) -> None:
    bench = Bench(tiny_disk / "records")
    bench.open().close()
    remount = ["mount", "-o", "remount,ro", str(tiny_disk)]
    subprocess.run(remount, check=True, capture_output=True)
    journal = bench.open(lenient=True)
    with pytest.raises(JournalError) as raised:
        bench.add(journal, "a")
    assert raised.value.cause is Cause.READ_ONLY
    subprocess.run([*remount[:2], "remount,rw", str(tiny_disk)], check=True, capture_output=True)
    assert bench.add(journal, "a") == 1
    journal.close()


@quick
@given(st.lists(st.sampled_from(["add", "confirm", "settle", *METHODS, "repair"]), max_size=40))
def test_faults_in_any_order_never_lose_or_repeat_a_seq(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    bench = Bench(tmp_path_factory.mktemp("faults") / "records")
    disk = SimDisk()
    journal = bench.open(disk=disk, segment_bytes=2048)
    acknowledged: dict[int, str] = {}
    for number, step in enumerate([*steps, "repair", "add"]):
        if step in METHODS:
            disk.fails ^= {step}
        elif step == "repair":
            disk.fails = set()
        elif step == "confirm":
            journal.confirm(journal.last_seq)
        else:
            try:
                if step == "settle":
                    journal.settle()
                else:
                    seq = bench.add(journal, str(number))
                    assert seq == len(acknowledged) + 1
                    acknowledged[seq] = str(number)
            except JournalError:
                assert disk.fails
    bench.kill(journal)
    journal = bench.open(segment_bytes=2048)
    found = {one.doc_id: one["event"]["detail"]["text"] for one in journal.all()}
    bench.kill(journal)
    assert found == acknowledged
