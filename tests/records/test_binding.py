"""Copies: a journal that is not where it was made never gives a key that another one gave."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edge.gate.reasons import Cause
from edge.records import binding
from edge.records.binding import device_id, is_same
from edge.records.disk import Disk
from edge.records.journal import Journal
from edge.records.simdisk import SimDisk
from edge.records.verify import verify
from feed.codec import decode, record_hash
from tests.records.support import Bench


@pytest.fixture
def real(bench: Bench) -> Bench:
    """A bench whose journals look at the real files."""
    return bench


def opened(bench: Bench, device: str = "device-1") -> Journal:
    return bench.open(disk=Disk(), device=device)


def test_the_same_journal_on_the_same_device_keeps_its_stream(real: Bench) -> None:
    journal = opened(real)
    stream = journal.stream
    for number in range(30):
        real.add(journal, str(number))
    journal.close()
    journal = opened(real)
    assert (journal.stream, journal.earlier) == (stream, [])


def test_a_card_in_a_second_device_begins_a_new_stream_and_delivers_the_old_one(
    real: Bench,
) -> None:
    journal = opened(real)
    old = journal.stream
    for text in ("a", "b", "c"):
        real.add(journal, text)
    journal.confirm(1)
    journal.close()
    journal = opened(real, device="device-2")
    assert journal.stream != old
    assert real.add(journal, "d") == 1
    [earlier] = journal.earlier
    assert (earlier.stream, earlier.last_seq, earlier.confirmed_upto) == (old, 3, 1)
    assert [decode(one.raw).seq for one in earlier.unconfirmed(0, 9)] == [2, 3]
    earlier.confirm(3)
    assert journal.earlier == []
    journal.close()
    journal = opened(real, device="device-2")
    assert (journal.last_seq, journal.earlier) == (1, [])


def test_a_journal_copied_back_from_a_backup_begins_a_new_stream(
    real: Bench, tmp_path: Path
) -> None:
    journal = opened(real)
    old = journal.stream
    real.add(journal, "a")
    journal.close()
    shutil.copytree(real.path, tmp_path / "backup")
    journal = opened(real)
    real.add(journal, "after the backup")
    journal.close()
    shutil.rmtree(real.path)
    shutil.copytree(tmp_path / "backup", real.path)
    journal = opened(real)
    assert journal.stream != old
    assert [earlier.stream for earlier in journal.earlier] == [old]


def test_a_receipt_beyond_the_newest_record_tells_that_the_card_was_set_back(
    bench: Bench,
) -> None:
    journal = bench.open()
    old = journal.stream
    real_head = ""
    for text in ("a", "b"):
        real_head = record_hash(journal.read(*[bench.add(journal, text)] * 2)[0].raw)
    journal.close()
    journal = bench.open()
    first = bench.add(journal, "c")
    bench.add(journal, "d", ref=first)
    assert journal.receipt(2, real_head)
    assert not journal.receipt(150, "0" * 64)
    assert journal.confirmed_upto == 2
    assert bench.add(journal, "e") == 3
    assert journal.stream != old
    records = [decode(one.raw) for one in journal.read(1, 9)]
    assert [record.event and record.event.detail for record in records] == [
        {"text": text} for text in "cde"
    ]
    assert [record.ref for record in records] == [None, 1, None]
    assert journal.earlier == []


def test_a_receipt_for_another_record_tells_it_too(bench: Bench) -> None:
    journal = bench.open()
    old = journal.stream
    for text in ("a", "b"):
        bench.add(journal, text)
    assert not journal.receipt(1, "0" * 64)
    journal.settle()
    assert (journal.stream != old, journal.last_seq, journal.confirmed_upto) == (True, 2, 0)


def test_a_disk_that_fails_while_a_stream_begins_again_repeats_nothing(bench: Bench) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    for number in range(40):
        bench.add(journal, str(number))
    assert not journal.receipt(99, None)
    disk.free_bytes = 12_000
    assert bench.add_until_refused(journal, most=1) == (0, Cause.DISK_FULL)
    assert len(list(bench.path.glob("0*.new"))) <= 1
    disk.free_bytes = 1 << 20
    assert bench.add(journal, "on") == 41
    assert len(list(bench.path.glob("0*"))) == 2


def test_a_stream_begins_again_in_the_room_of_what_has_arrived(bench: Bench) -> None:
    disk = SimDisk()
    journal = bench.open(disk=disk)
    for number in range(100):
        bench.add(journal, str(number))
    journal.confirm(80)
    assert not journal.receipt(999, None)
    disk.free_bytes = 8_192
    assert bench.add(journal, "on") == 21


def test_a_power_cut_before_a_new_stream_is_there_does_not_hide_what_it_is_for(
    bench: Bench,
) -> None:
    journal = bench.open()
    bench.add(journal, "from before the image")
    journal.close()
    disk = SimDisk()
    journal = bench.open(disk=disk)
    bench.add(journal, "a", ref=1)
    bench.add(journal, "b", ref=2)
    assert not journal.receipt(150, "0" * 64)
    disk.fails = {"make_folder"}
    assert bench.add_until_refused(journal) == (0, Cause.IO_ERROR)
    bench.kill(journal)
    journal = bench.open()
    journal.settle()
    records = [decode(one.raw) for one in journal.read(1, 9)]
    assert [(one.event and one.event.detail, one.ref) for one in records] == [
        ({"text": "a"}, None),
        ({"text": "b"}, 1),
    ]
    assert records[1].prev == record_hash(journal.read(1, 1)[0].raw)
    assert (journal.earlier, journal.confirmed_upto) == ([], 0)


def test_what_was_lost_before_a_set_back_hides_nothing_after_it(bench: Bench) -> None:
    journal = bench.open()
    for text in ("a", "b", "c"):
        bench.add(journal, text)
    journal.refuse(1, "too long", at=bench.clock.now(), clock=bench.clock.stamp())
    assert not journal.receipt(150, "0" * 64)
    assert bench.add(journal, "d") == 3
    assert [one.seq for one in journal.unconfirmed(0, 9)] == [1, 2, 3]
    assert [one["event"]["detail"]["text"] for one in journal.all()] == ["b", "c", "d"]


def test_a_new_stream_takes_as_many_files_as_it_needs(bench: Bench) -> None:
    journal = bench.open()
    for number in range(100):
        bench.add(journal, str(number))
    assert not journal.receipt(150, "0" * 64)
    journal.settle()
    journal.close()
    journal = bench.open()
    assert [one["event"]["detail"]["text"] for one in journal.all()] == [
        str(number) for number in range(100)
    ]
    assert (journal.earlier, journal.unreported) == ([], ())
    assert all(not verdict.findings for verdict in verify(bench.path))


def test_the_word_that_a_stream_was_replaced_needs_no_sync_of_its_own(bench: Bench) -> None:
    journal = bench.open()
    old = journal.stream
    bench.add(journal, "a")
    assert not journal.receipt(150, "0" * 64)
    bench.add(journal, "b")
    bench.kill(journal)
    journal = bench.open()
    assert journal.stream != old
    assert [one["event"]["detail"]["text"] for one in journal.all()] == ["a", "b"]
    assert journal.earlier == []


def test_a_stream_that_was_delivered_goes_after_its_days(real: Bench) -> None:
    journal = opened(real)
    real.add(journal, "a")
    journal.close()
    journal = opened(real, device="device-2")
    real.clock.advance(31 * 86_400)
    assert journal.retire() == 0
    [earlier] = journal.earlier
    earlier.confirm(1)
    assert journal.retire() == 1
    assert len(list(real.path.glob("0*"))) == 1
    assert real.add(journal, "b") == 1


def test_a_journal_whose_header_cant_be_read_goes_on_in_a_new_stream(bench: Bench) -> None:
    journal = bench.open()
    old = journal.stream
    bench.add(journal, "a")
    journal.close()
    [file] = bench.segments()
    data = bytearray(file.read_bytes())
    data[3] ^= 1
    file.write_bytes(data)
    journal = bench.open()
    assert journal.stream != old
    [earlier] = journal.earlier
    assert [one.seq for one in earlier.unconfirmed(0, 9)] == [1]


def test_a_device_is_known_by_its_processor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial, machine = tmp_path / "serial-number", tmp_path / "machine-id"
    monkeypatch.setattr(binding, "_SERIAL", serial)
    monkeypatch.setattr(binding, "_MACHINE_ID", machine)
    assert device_id() == "unknown"
    machine.write_bytes(b"0123456789abcdef\n")
    by_card = device_id()
    serial.write_bytes(b"10000000abcdef01\0")
    assert device_id() not in {by_card, "unknown"}


def test_a_file_system_that_keeps_whole_seconds_is_no_copy() -> None:
    made = {"device": "d", "inode": "7", "changed": "1629700000123456789"}
    assert is_same(made, made | {"changed": "1629700000000000000"})
    assert not is_same(made, made | {"changed": "1629700001000000000"})
    assert not is_same(made, made | {"inode": "8"})
    assert not is_same({}, made)
