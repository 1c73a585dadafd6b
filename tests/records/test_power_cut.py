"""Power cuts: every state the device may be left in is opened, and nothing acknowledged is missing.

The workload runs on a simulated disk that keeps every operation; the power goes after each of
them. What a card may then hold is laid out (names changed or not, unsynced writes arrived, torn,
in the wrong order, or as zeros only), and a gate starts on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from edge.records import segment as segment_module
from edge.records.journal import Journal
from edge.records.lines import Scan, scan
from edge.records.query import read_status
from edge.records.simdisk import Cut, Op, SimDisk, power_cut
from feed.codec import decode
from tests.records.powercut import bad_states, sample, states
from tests.records.support import PLACE, Bench, CopiedDisk

SEGMENT_BYTES = 3072
SHORT_FORM = 300  # states


@dataclass(frozen=True)
class Asked:
    text: str


@dataclass(frozen=True)
class Acknowledged:
    seq: int
    raw: bytes


@dataclass(frozen=True)
class MayGo:
    """Files with records up to here are being removed."""

    upto: int


@dataclass(frozen=True)
class Damaged:
    """The card lost this record, which was confirmed."""

    seq: int


def workload(disk: SimDisk, root: Path, rounds: int = 1) -> list[Op]:
    """Appends of all sizes, confirmations, new files, stops, starts, damage, and removals."""
    for turn in range(rounds):
        one_round(disk, root, turn)
    return disk.ops


def one_round(disk: SimDisk, root: Path, turn: int) -> None:
    bench = Bench(root)
    bench.clock.advance(turn * 100 * 86_400)
    journal = bench.open(disk=disk, segment_bytes=SEGMENT_BYTES)

    def add(text: str) -> None:
        disk.note(Asked(text))
        seq = bench.add(journal, text)
        disk.note(Acknowledged(seq, journal.read(seq, seq)[0].raw))

    base = journal.last_seq
    for number in range(turn, turn + 9):
        add("x" * (number * 211 % 700))
    journal.confirm(base + 4)
    add("carries a confirmation")
    journal.prepare()
    for number in range(9):
        add("y" * (number * 307 % 900))
    journal.confirm(base + 12)
    journal.settle()
    journal.close()
    journal = bench.open(disk=disk, segment_bytes=SEGMENT_BYTES)
    add("after a stop")
    bench.kill(journal)
    journal = bench.open(disk=disk, segment_bytes=SEGMENT_BYTES)
    for number in range(4):
        add("z" * (number * 401 % 1000))
    bench.kill(journal)
    confirmed = damage(disk, bench)
    journal = bench.open(disk=disk, segment_bytes=SEGMENT_BYTES)
    add("after damage was set aside")
    bench.clock.advance(40 * 86_400)
    disk.note(MayGo(confirmed))
    assert journal.retire() > 0
    add("after old files were removed")
    journal.close()


def damage(disk: SimDisk, bench: Bench) -> int:
    """Spoil one confirmed record in a file that is looked at when the journal is opened."""
    status = read_status(bench.path).streams[0]
    [file] = [path for path in bench.segments() if int(path.stem) <= status.confirmed_upto][-1:]
    data = file.read_bytes()
    place = data.index(b'"kind":"gate"')
    disk.note(Damaged(int(file.stem)))
    fd = disk.open(file)
    disk.write(fd, b"!", place)
    disk.sync(fd)
    disk.close(fd)
    return status.confirmed_upto


def complaints(ops: Sequence[Op], cut: Cut, root: Path, into: Path) -> list[str]:
    """What is wrong with the journal that a gate finds after this cut."""
    power_cut(ops, cut, root, into)
    notes = [op.note for op in ops if op.what == "note"]
    expected = {note.seq: note.raw for note in notes if isinstance(note, Acknowledged)}
    may_go = max([0, *(note.upto for note in notes if isinstance(note, MayGo))])
    damaged = {note.seq for note in notes if isinstance(note, Damaged)}
    in_flight = notes[-1].text if notes and isinstance(notes[-1], Asked) else None
    found = []
    disk = CopiedDisk()
    for turn in range(2):  # what is added after the cut must outlive the next start too
        journal = Journal(
            into, PLACE, segment_bytes=SEGMENT_BYTES, disk=disk, device="device-1", max_mib=1
        )
        try:
            here = {stored.seq: stored.raw for stored in journal.read(1, journal.last_seq)}
            newest = max(here, default=0)
            if turn == 0 and in_flight is not None and newest == max(expected, default=0) + 1:
                event = decode(here[newest]).event
                if event and event.detail and event.detail["text"] == in_flight:
                    expected[newest] = here[newest]
            oldest = min(here, default=1)
            gone = {seq for seq in expected if seq < oldest <= may_go + 1} | (damaged - set(here))
            if here != {seq: raw for seq, raw in expected.items() if seq not in gone}:
                found.append(f"turn {turn}: {sorted(here)} in place of {sorted(expected)}")
            if journal.unreported or journal.set_aside > len(damaged) * (turn == 0):
                found.append(f"turn {turn}: false alarm of {journal.unreported}")
            seq = journal.insert({"kind": "gate"})
            if seq != max(expected, default=0) + 1:
                found.append(f"turn {turn}: next seq is {seq}")
            expected[seq] = journal.read(seq, seq)[0].raw
        finally:
            journal._let_go()
    return found


def test_a_power_cut_loses_nothing_that_was_acknowledged(fast: Path) -> None:
    root = fast / "records"
    ops = workload(SimDisk(), root)
    assert bad_states(ops, sample(ops, SHORT_FORM), complaints, root, fast) == []


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_no_power_cut_at_all_loses_anything(fast: Path) -> None:
    root = fast / "records"
    ops = workload(SimDisk(), root, rounds=3)
    every = states(ops)
    assert len(every) >= 2000
    assert bad_states(ops, every, complaints, root, fast) == []


# --- the test itself: it goes red for a journal that leaves a step out --------------------------


class NoSync(SimDisk):
    def sync(self, fd: int) -> None:
        """Left out."""


class NoFolderSync(SimDisk):
    def sync_folder(self, path: Path) -> None:
        """Left out."""


@pytest.mark.parametrize("disk", [NoSync, NoFolderSync])
def test_the_states_tell_a_journal_that_does_not_sync(
    fast: Path, disk: Callable[[], SimDisk]
) -> None:
    root = fast / "records"
    ops = workload(disk(), root)
    assert bad_states(ops, sample(ops, 60), complaints, root, fast)


def test_the_states_tell_a_journal_that_leaves_torn_tails(
    fast: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fast / "records"
    ops = workload(SimDisk(), root)

    def uncut(data: bytes) -> Scan:
        seen = scan(data)
        return Scan(seen.bodies, seen.damaged, len(data.rstrip(b"\0")), torn=False)

    monkeypatch.setattr(segment_module, "scan", uncut)
    assert bad_states(ops, sample(ops, SHORT_FORM), complaints, root, fast)
