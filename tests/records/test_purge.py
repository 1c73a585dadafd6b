"""Purging by hand removes what has arrived and is old, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from edge.gate.reasons import Cause
from edge.records.deadletters import read_dead_letters
from edge.records.disk import JournalError
from edge.records.journal import Journal
from edge.records.purge import carry_out, held, plan
from edge.records.quarantine import read_quarantine
from edge.records.verify import verify
from tests.records.support import Bench

DAY = timedelta(days=1)
EVER = timedelta(0)


def filled(bench: Bench, count: int = 60) -> Journal:
    journal = bench.open()
    for number in range(count):
        bench.add(journal, str(number))
    return journal


def purge(bench: Bench, older_than: timedelta = EVER, **what: bool) -> int:
    bench.clock.advance(1)
    with held(bench.path):
        planned = plan(bench.path, older_than, clock=bench.clock, **what)
        carry_out(bench.path, planned)
    return sum(map(len, (planned.files, planned.streams, planned.pieces, planned.letters)))


def test_only_whole_files_of_records_that_arrived_go(bench: Bench) -> None:
    journal = filled(bench)
    journal.confirm(30)
    journal.close()
    before = bench.segments()
    count = purge(bench)
    assert 0 < count < len(before)
    assert bench.segments() == before[count:]
    following = int(bench.segments()[1].stem)
    assert following - 1 > 30, "the first file that stays holds a record that waits"
    journal = bench.open()
    assert (journal.confirmed_upto, journal.last_seq, journal.unreported) == (30, 60, ())
    assert [one.seq for one in journal.unconfirmed(0, 99)] == list(range(31, 61))
    assert bench.add(journal, "on") == 61
    [verdict] = verify(bench.path)
    assert verdict.findings == ()


def test_even_when_all_has_arrived_the_file_that_is_written_to_stays(bench: Bench) -> None:
    journal = filled(bench)
    journal.confirm(60)
    journal.close()
    assert purge(bench) > 0
    assert len(bench.segments()) == 1
    journal = bench.open()
    assert (journal.confirmed_upto, journal.last_seq, journal.unreported) == (60, 60, ())


def test_a_file_just_begun_holds_no_word_yet_so_the_one_before_stays(bench: Bench) -> None:
    journal = filled(bench)
    journal.confirm(60)
    journal.settle()
    current = journal._current
    assert current is not None
    current._roll()
    bench.kill(journal)
    purge(bench)
    assert len(bench.segments()) == 2
    journal = bench.open()
    assert (journal.confirmed_upto, journal.last_seq, journal.unreported) == (60, 60, ())


def test_what_is_younger_stays(bench: Bench) -> None:
    journal = filled(bench, 30)
    bench.clock.advance(10 * 86_400)
    for number in range(30):
        bench.add(journal, str(number))
    journal.confirm(60)
    journal.close()
    assert purge(bench, 20 * DAY) == 0
    assert purge(bench, 5 * DAY) > 0
    journal = bench.open()
    assert {one.seq for one in journal.read(1, 60)} > set(range(31, 61))


def test_a_wrong_clock_removes_nothing(bench: Bench) -> None:
    journal = filled(bench)
    journal.confirm(60)
    journal.close()
    bench.clock.state = "unsynced"
    bench.clock.set(datetime(2099, 1, 1, tzinfo=UTC))
    assert purge(bench, DAY) == 0


def test_records_of_a_clock_that_was_never_right_are_not_old(bench: Bench) -> None:
    bench.clock.state = "unsynced"
    bench.clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    journal = filled(bench)
    journal.confirm(60)
    journal.close()
    assert purge(bench) == 0
    assert plan(bench.path, EVER, clock=bench.clock).before is None


def test_an_earlier_stream_goes_when_it_was_delivered_to_the_end(bench: Bench) -> None:
    journal = filled(bench, 20)
    journal.confirm(10)
    journal.close()
    journal = bench.open(device="device-2")
    journal.close()
    old = bench.segments()[0].parent
    purge(bench)
    assert old.is_dir()
    journal = bench.open(device="device-2")
    journal.earlier[0].confirm(20)
    journal.close()
    purge(bench)
    assert not old.exists()
    journal = bench.open(device="device-2")
    assert (bench.add(journal, "on"), journal.earlier) == (1, [])


def test_a_damaged_piece_stays_as_long_as_its_file(bench: Bench) -> None:
    journal = filled(bench)
    journal.close()
    file = bench.segments()[1]
    data = bytearray(file.read_bytes())
    data[data.index(b'"kind"')] ^= 1
    file.write_bytes(data)
    journal = bench.open()
    [*journal.iterate()]
    journal.settle()
    journal.confirm(1)
    journal.close()
    [piece] = read_quarantine(bench.path)
    assert (piece.segment, b'"kind"' in piece.raw) == (file, False)
    bench.clock.set(piece.found_at + DAY)
    assert purge(bench, quarantine=True) == 0
    journal = bench.open()
    journal.confirm(60)
    journal.close()
    assert purge(bench) > 0
    assert len(read_quarantine(bench.path)) == 1, "only when it is asked for"
    assert purge(bench, quarantine=True) == 1
    assert read_quarantine(bench.path) == []


def test_a_dead_letter_goes_when_the_hub_knows_of_its_loss(bench: Bench) -> None:
    journal = filled(bench, 5)
    for seq in (2, 4):
        journal.refuse(seq, "too long", at=bench.clock.now(), clock=bench.clock.stamp())
    journal.confirm(3)
    journal.close()
    owner = (bench.path / "dead-letters").stat()
    assert purge(bench) == 0
    assert purge(bench, dead_letters=True) == 1
    assert [letter.seq for letter in read_dead_letters(bench.path)] == [4]
    kept = (bench.path / "dead-letters").stat()
    assert (kept.st_uid, kept.st_gid) == (owner.st_uid, owner.st_gid)
    journal = bench.open()
    journal.refuse(5, "too long", at=bench.clock.now(), clock=bench.clock.stamp())
    assert [letter.seq for letter in read_dead_letters(bench.path)] == [4, 5]


def test_beside_a_running_gate_nothing_is_touched(bench: Bench) -> None:
    filled(bench)
    with pytest.raises(JournalError) as caught, held(bench.path):
        pass
    assert caught.value.cause is Cause.BUSY


def test_a_folder_that_is_no_journal_is_left_alone(bench: Bench) -> None:
    bench.path.mkdir()
    with pytest.raises(JournalError) as caught, held(bench.path):
        pass
    assert caught.value.cause is Cause.NOT_FOUND
    assert list(bench.path.iterdir()) == []
