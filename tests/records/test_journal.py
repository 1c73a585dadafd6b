"""The journal: what was acknowledged is there after anything, and says so in TinyDB's words."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError
from tinydb import Query

from edge.gate.reasons import Cause
from edge.records.journal import Journal, JournalError, RecordsNeverChangeError
from edge.records.lines import scan
from feed.codec import CodecError, decode, encode, record_hash
from feed.record import Draft, Happening
from tests.records.support import PLACE, Bench, small


def test_records_are_there_after_closing_and_opening(bench: Bench) -> None:
    journal = bench.open()
    assert [bench.add(journal, text) for text in "abc"] == [1, 2, 3]
    stream = journal.stream
    journal.close()
    journal = bench.open()
    assert (journal.stream, journal.last_seq) == (stream, 3)
    assert bench.add(journal, "d") == 4


def test_records_are_there_though_nobody_closed_the_journal(
    bench: Bench, texts: Callable[[Journal], list[str]]
) -> None:
    journal = bench.open()
    bench.add(journal, "a")
    bench.kill(journal)
    assert texts(bench.open()) == ["a"]


def test_every_record_names_the_hash_of_the_one_before_across_files(bench: Bench) -> None:
    journal = bench.open()
    for number in range(40):
        bench.add(journal, str(number))
    assert len(bench.segments()) > 2
    journal.close()
    journal = bench.open()
    bench.add(journal, "after")
    stored = journal.read(1, 41)
    assert [one.seq for one in stored] == list(range(1, 42))
    assert decode(stored[0].raw).prev is None
    for before, after in itertools.pairwise(stored):
        assert decode(after.raw).prev == record_hash(before.raw)


def test_the_line_holds_exactly_the_bytes_that_are_published(bench: Bench) -> None:
    journal = bench.open()
    record = journal.append(
        small("mở cổng"), at=datetime(2021, 8, 23, 1, 2, 3, 456789, UTC), clock=bench.clock.stamp()
    )
    assert record.at == datetime(2021, 8, 23, 1, 2, 3, 456000, UTC)
    [stored] = journal.unconfirmed(0, 10)
    assert stored.raw == encode(record)
    data = bench.segments()[0].read_bytes()
    assert stored.raw in [data[start:end] for start, end in scan(data).bodies]


def test_a_torn_tail_is_cut_at_open(bench: Bench, texts: Callable[[Journal], list[str]]) -> None:
    journal = bench.open()
    bench.add(journal, "a")
    journal.close()
    [file] = bench.segments()
    data = file.read_bytes()
    end = scan(data).end
    file.write_bytes(data[:end] + data[end - 101 : end - 1] + bytes(len(data) - end - 100))
    journal = bench.open()
    assert (texts(journal), journal.set_aside, journal.unreported) == (["a"], 0, ())
    assert bench.add(journal, "b") == 2
    journal.close()
    assert texts(bench.open()) == ["a", "b"]


def damage(file: Path, marker: bytes) -> bytes:
    """Change one byte at the marker."""
    data = bytearray(file.read_bytes())
    data[data.index(marker)] ^= 1
    file.write_bytes(data)
    return bytes(data)


def test_a_damaged_line_is_set_aside_and_nothing_after_it_is_dropped(
    bench: Bench, texts: Callable[[Journal], list[str]]
) -> None:
    journal = bench.open()
    for text in ("one", "two", "three"):
        bench.add(journal, text)
    journal.close()
    damage(bench.segments()[0], b'"two"')
    journal = bench.open()
    assert texts(journal) == ["one", "three"]
    assert (journal.set_aside, journal.unreported) == (1, ((2, 2, "damaged"),))
    [aside] = (bench.path / "quarantine").iterdir()
    assert b"wo" in aside.read_bytes()
    assert bench.add(journal, "four") == 4


def test_a_loss_record_ends_the_report_of_a_loss(bench: Bench) -> None:
    journal = bench.open()
    for text in ("one", "two", "three"):
        bench.add(journal, text)
    journal.close()
    damage(bench.segments()[0], b'"two"')
    journal = bench.open()
    loss = Draft(kind="loss", ranges=((2, 2, "damaged"),))
    journal.append(loss, at=bench.clock.now(), clock=bench.clock.stamp())
    assert journal.unreported == ()
    journal.close()
    journal = bench.open()
    assert (journal.unreported, journal.set_aside) == ((), 0)


def test_the_seq_of_a_damaged_last_record_is_never_given_again(bench: Bench) -> None:
    journal = bench.open()
    for text in ("one", "two"):
        bench.add(journal, text)
    journal.close()
    damage(bench.segments()[0], b'"two"')
    for _ in range(2):
        journal = bench.open()
        assert (journal.last_seq, journal.unreported) == (2, ((2, 2, "damaged"),))
        journal.close()
    journal = bench.open()
    assert bench.add(journal, "three") == 3
    assert journal.unreported == ((2, 2, "damaged"),)


def test_damage_that_was_confirmed_is_no_loss(bench: Bench) -> None:
    journal = bench.open()
    for text in ("one", "two"):
        bench.add(journal, text)
    journal.confirm(2)
    journal.close()
    damage(bench.segments()[0], b'"two"')
    journal = bench.open()
    assert (journal.unreported, journal.set_aside, journal.last_seq) == ((), 1, 2)


def test_a_file_that_is_gone_is_a_loss(bench: Bench) -> None:
    journal = bench.open()
    for number in range(40):
        bench.add(journal, str(number))
    journal.close()
    files = bench.segments()
    gone = int(files[1].stem), int(files[2].stem) - 1, "damaged"
    files[1].unlink()
    journal = bench.open()
    assert journal.unreported == (gone,)
    assert journal.last_seq == 40


def test_the_outbox_holds_what_is_not_confirmed_in_order(bench: Bench) -> None:
    journal = bench.open()
    for number in range(50):
        bench.add(journal, str(number))
    journal.confirm(12)
    journal.confirm(5)
    assert journal.confirmed_upto == 12
    assert [one.seq for one in journal.unconfirmed(0, 5)] == [13, 14, 15, 16, 17]
    assert [one.seq for one in journal.unconfirmed(47, 5)] == [48, 49, 50]
    assert [one.seq for one in journal.read(1, 3)] == [1, 2, 3]
    oldest = decode(journal.read(13, 13)[0].raw).at
    assert journal.oldest_unconfirmed_at() == oldest
    journal.confirm(99)
    assert (journal.confirmed_upto, journal.oldest_unconfirmed_at()) == (50, None)
    assert journal.unconfirmed(0, 5) == []


@pytest.mark.parametrize("carried_by", ["append", "settle", "close"])
def test_a_confirmation_outlives_the_process(bench: Bench, carried_by: str) -> None:
    journal = bench.open()
    for number in range(3):
        bench.add(journal, str(number))
    journal.confirm(2)
    if carried_by == "append":
        bench.add(journal, "carrier")
    elif carried_by == "settle":
        journal.settle()
    else:
        journal.close()
    bench.kill(journal)
    assert bench.open().confirmed_upto == 2


def test_a_record_too_long_is_refused_and_others_go_on(bench: Bench) -> None:
    journal = bench.open()
    with pytest.raises(ValueError, match="too long"):
        bench.add(journal, "x" * 5000)
    with pytest.raises(CodecError):
        bench.add(journal, "\ud800")
    assert bench.add(journal, "a") == 1


def test_a_second_process_is_told_who_has_the_journal(bench: Bench) -> None:
    bench.open()
    code = (
        "from pathlib import Path; from edge.records.journal import Journal, JournalError\n"
        "from edge.config.model import GateTable\n"
        "try: Journal(Path(__import__('sys').argv[1]), GateTable(park='p', site='s', gate='g'))\n"
        "except JournalError as error: print(error)"
    )
    run = [sys.executable, "-c", code, str(bench.path)]
    said = subprocess.run(run, capture_output=True, text=True, check=True).stdout
    assert "lock is held by process" in said
    with pytest.raises(JournalError, match="stop that one first") as raised:
        bench.open(lenient=True)
    assert raised.value.cause is Cause.BUSY


# --- TinyDB ---------------------------------------------------------------------------------


def test_tinydbs_queries_work_over_all_files(bench: Bench) -> None:
    journal = bench.open()
    for number in range(40):
        bench.add(journal, str(number))
    journal.append(
        Draft(kind="alarm", event=Happening(name="fire")),
        at=bench.clock.now(),
        clock=bench.clock.stamp(),
    )
    record = Query()
    [alarm] = journal.search(record.kind == "alarm")
    assert (alarm.doc_id, alarm["event"]) == (41, {"name": "fire"})
    found = journal.get(record.event.detail.text == "7")
    assert found is not None
    assert found.doc_id == 8
    assert journal.get(doc_id=99) is None
    by_id = journal.get(doc_id=3)
    assert by_id is not None
    assert by_id["event"]["detail"]["text"] == "2"
    assert [one.doc_id for one in journal.get(doc_ids=[2, 40])] == [2, 40]
    assert journal.contains(doc_id=1)
    assert (len(journal), journal.count(record.kind == "gate")) == (41, 40)
    assert [document.doc_id for document in journal] == list(range(1, 42))
    assert journal.tables() == {"_default"}


def test_an_insert_takes_a_drafts_parts_and_gives_its_seq(bench: Bench) -> None:
    journal = bench.open()
    assert journal.insert({"kind": "gate", "event": {"name": "started"}}) == 1
    assert journal.insert_multiple([{"kind": "check"}, {"kind": "audit", "ref": 1}]) == [2, 3]
    record = decode(journal.read(3, 3)[0].raw)
    assert (record.ref, record.at, record.clock) == (1, bench.clock.now(), bench.clock.stamp())
    assert journal.search(Query().kind == "check")[0].doc_id == 2
    with pytest.raises(ValidationError):
        journal.insert({"kinds": "gate"})


@pytest.mark.parametrize(
    "change",
    [
        lambda journal: journal.update({"kind": "x"}),
        lambda journal: journal.update({"kind": "x"}, Query().kind == "gate"),
        lambda journal: journal.update({"kind": "x"}, doc_ids=[1]),
        lambda journal: journal.update_multiple([({"kind": "x"}, Query().kind == "gate")]),
        lambda journal: journal.upsert({"kind": "x"}, Query().kind == "gate"),
        lambda journal: journal.remove(Query().kind == "gate"),
        lambda journal: journal.remove(doc_ids=[1]),
        lambda journal: journal.truncate(),
        lambda journal: journal.drop_tables(),
        lambda journal: journal.drop_table("_default"),
        lambda journal: journal.storage.write({}),
        lambda journal: journal.table("other").insert({"kind": "gate"}),
    ],
)
def test_records_never_change(bench: Bench, change: Callable[[Journal], object]) -> None:
    journal = bench.open()
    bench.add(journal, "a")
    with pytest.raises(RecordsNeverChangeError, match="write a correction"):
        change(journal)
    assert [one.seq for one in journal.read(1, 9)] == [1]


def test_the_private_parts_of_tinydb_that_are_relied_on() -> None:
    """tinydb<5 is pinned for these: look at edge.records.journal when one of them changes."""
    from inspect import getsource, signature

    from tinydb.database import TinyDB
    from tinydb.table import Table
    from tinydb.utils import LRUCache

    assert list(signature(Table._update_table).parameters) == ["self", "updater"]
    for name in ("update", "update_multiple", "remove", "truncate", "insert", "insert_multiple"):
        assert "self._update_table(" in getsource(getattr(Table, name)), name
    assert "self.update(" in getsource(Table.upsert)
    assert "tables = self._storage.read()" in getsource(Table._read_table)
    assert "table.get(str(doc_id)" in getsource(Table.get)
    assert ".write(" not in getsource(Table).replace("self._storage.write(tables)", "")
    assert "storage(*args, **kwargs)" in getsource(TinyDB.__init__)
    cache: LRUCache[int, int] = LRUCache(capacity=0)
    cache[1] = 1
    assert len(cache) == 0


# --- time -----------------------------------------------------------------------------------


def test_a_clock_that_jumps_breaks_neither_order_nor_seq(bench: Bench) -> None:
    journal = bench.open()
    times = [datetime(year, 1, 1, tzinfo=UTC) for year in (2021, 1970, 2099, 2021)]
    for at in times:
        journal.append(small("x"), at=at, clock=bench.clock.stamp())
    journal.close()
    journal = bench.open()
    records = [decode(one.raw) for one in journal.unconfirmed(0, 9)]
    assert [(record.seq, record.at) for record in records] == list(enumerate(times, 1))


# --- faults of the folder -------------------------------------------------------------------


def test_a_folder_that_cant_be_made_says_why(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(JournalError, match="file") as raised:
        Journal(tmp_path / "file" / "records", PLACE)
    assert raised.value.cause is Cause.NOT_FOUND


def test_a_lenient_journal_opens_as_soon_as_its_disk_is_there(bench: Bench) -> None:
    bench.path.parent.joinpath("records").write_text("in the way")
    journal = bench.open(lenient=True)
    assert journal.fault is not None
    assert (journal.stream, journal.last_seq, journal.unconfirmed(0, 1)) == ("", 0, [])
    with pytest.raises(JournalError):
        bench.add(journal, "a")
    bench.path.unlink()
    assert bench.add(journal, "a") == 1
    assert journal.fault is None


def test_documents_are_the_records_json(bench: Bench) -> None:
    journal = bench.open()
    bench.add(journal, "a")
    assert journal.all() == [json.loads(journal.read(1, 1)[0].raw)]
