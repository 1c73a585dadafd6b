"""Power cuts while records are dropped, refused, copied into a new stream, retired and purged.

As in test_power_cut, with another promise to hold: each record waits to be delivered under
exactly one key, unless it has arrived, or a loss record or a dead letter accounts for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from edge.records.deadletters import read_dead_letters
from edge.records.journal import Journal
from edge.records.outbox import Outbox
from edge.records.purge import carry_out, held, plan
from edge.records.segment import loss_ranges
from edge.records.simdisk import Cut, Op, SimDisk, power_cut
from edge.records.stream import Stream
from edge.records.verify import verify
from feed.codec import decode
from tests.records.powercut import bad_states, sample, states
from tests.records.support import PLACE, Bench, CopiedDisk

SEGMENT_BYTES = 3072
FIVE_FILES = 5 * SEGMENT_BYTES / (1 << 20)  # MiB
SHORT_FORM = 160  # states
NEVER = 10_000


@dataclass(frozen=True)
class On:
    """The journal is opened on this device."""

    device: str


@dataclass(frozen=True)
class Asked:
    text: str


@dataclass(frozen=True)
class Acknowledged:
    stream: str
    seq: int
    text: str


@dataclass(frozen=True)
class Arrived:
    """The hub has everything of a stream up to here."""

    stream: str
    upto: int


@dataclass(frozen=True)
class Refusing:
    text: str


@dataclass(frozen=True)
class Refused:
    text: str


@dataclass(frozen=True)
class Dropping:
    """From here on anything may be dropped for something newer, if it is accounted for."""


@dataclass(frozen=True)
class Dropped:
    """No more; these were."""

    texts: frozenset[str]


@dataclass(frozen=True)
class LettersMayGo:
    """Dead letters are being removed."""


@dataclass
class Promised:
    """What a gate has promised by some moment."""

    device: str = "none"
    keys: dict[tuple[str, int], str] = field(default_factory=dict)
    arrived: dict[str, int] = field(default_factory=dict)
    asked: str | None = None
    refusing: str | None = None
    refused: set[str] = field(default_factory=set)
    dropping: bool = False
    dropped: set[str] = field(default_factory=set)
    letters_may_go: bool = False

    def take(self, note: object) -> None:
        self.asked = self.refusing = None
        match note:
            case On(device):
                self.device = device
            case Asked(text):
                self.asked = text
            case Acknowledged(stream, seq, text):
                self.keys[stream, seq] = text
            case Arrived(stream, upto):
                self.arrived[stream] = upto
            case Refusing(text):
                self.refusing = text
            case Refused(text):
                self.refused.add(text)
            case Dropping():
                self.dropping = True
            case Dropped(texts):
                self.dropping = False
                self.dropped |= texts
            case LettersMayGo():
                self.letters_may_go = True

    def must_wait(self) -> set[str]:
        """Texts that nothing excuses."""
        arrived = {
            text for (stream, seq), text in self.keys.items() if seq <= self.arrived.get(stream, 0)
        }
        excused = arrived | self.refused | self.dropped | {self.refusing or ""}
        return set(self.keys.values()) - excused


class Gate:
    """Writes what a gate writes, and notes on the disk's list what it promised."""

    def __init__(self, disk: SimDisk, root: Path, turn: int) -> None:
        self.disk = disk
        self.bench = Bench(root)
        self.bench.clock.advance(turn * 200 * 86_400)
        self.turn = turn
        self.count = 0
        self.journal = self.open("a", max_mib=FIVE_FILES)

    def open(self, device: str, max_mib: float = 1) -> Journal:
        self.disk.note(On(f"{device}-{self.turn}"))
        self.journal = self.bench.open(
            disk=self.disk, segment_bytes=SEGMENT_BYTES, device=f"{device}-{self.turn}",
            max_mib=max_mib, when_full="drop-oldest",
        )  # fmt: skip
        return self.journal

    def add(self, count: int, length: int = 40) -> None:
        for _ in range(count):
            self.count += 1
            text = f"{self.turn}.{self.count}" + "x" * (self.count * 37 % length)
            self.disk.note(Asked(text))
            seq = self.bench.add(self.journal, text)
            self.disk.note(Acknowledged(self.journal.stream, seq, text))

    def note_again(self) -> None:
        """What was written once more has another key."""
        for stored in self.journal.read(1, NEVER):
            text = text_of(stored.raw)
            if text is not None:
                self.disk.note(Acknowledged(self.journal.stream, stored.seq, text))

    def arrive(self, stream: str, upto: int) -> None:
        self.disk.note(Arrived(stream, upto))
        self.outbox(stream).confirm(upto)

    def outbox(self, stream: str) -> Outbox:
        outboxes = (self.journal, *self.journal.earlier)
        return next(one for one in outboxes if one.stream == stream)

    def refuse(self, seq: int, stream: str) -> None:
        text = text_of(self.outbox(stream).read(seq, seq)[0].raw)
        assert text is not None
        self.disk.note(Refusing(text))
        clock = self.bench.clock
        assert self.journal.refuse(
            seq, "too long", at=clock.now(), clock=clock.stamp(), stream=stream
        )
        self.disk.note(Refused(text))


def text_of(raw: bytes) -> str | None:
    """What a record of the workload says; None for those that the journal made itself."""
    event = decode(raw).event
    return str(event.detail["text"]) if event and event.detail else None


def waiting(journal: Journal) -> Counter[str]:
    """What is yet to be delivered, and under how many keys."""
    outboxes = (journal, *journal.earlier)
    texts = [text_of(one.raw) for outbox in outboxes for one in outbox.unconfirmed(0, NEVER)]
    return Counter(text for text in texts if text is not None)


def workload(disk: SimDisk, root: Path, rounds: int = 1) -> list[Op]:
    for turn in range(rounds):
        one_round(disk, root, turn)
    return disk.ops


def one_round(disk: SimDisk, root: Path, turn: int) -> None:
    gate = Gate(disk, root, turn)
    first_stream = gate.journal.stream
    gate.add(4)
    gate.arrive(first_stream, 2)
    gate.refuse(3, first_stream)
    gate.journal.settle()

    disk.note(Dropping())
    while not gate.journal.dropped:
        gate.add(1, 900)
    gate.journal.report_losses(at=gate.bench.clock.now(), clock=gate.bench.clock.stamp())
    notes = [op.note for op in disk.ops if op.what == "note"]
    written = {note.text for note in notes if isinstance(note, Acknowledged)}
    disk.note(Dropped(frozenset(written - waiting(gate.journal).keys())))
    gate.add(1)
    gate.bench.kill(gate.journal)

    gate.open("b")  # the card is in another device now
    gate.add(3)
    old = gate.outbox(first_stream)
    gate.refuse(next(one.seq for one in old.unconfirmed(0, 9) if text_of(one.raw)), first_stream)
    gate.arrive(first_stream, old.last_seq - 2)
    gate.add(1)
    gate.journal.close()

    gate.open("b")
    gate.arrive(gate.journal.stream, gate.journal.last_seq)
    gate.add(2)
    assert not gate.journal.receipt(99, "0" * 64)  # and was set back to an older image
    gate.add(1)
    gate.note_again()
    gate.add(8, 700)
    for earlier in gate.journal.earlier:
        gate.arrive(earlier.stream, earlier.last_seq)
    gate.arrive(gate.journal.stream, 6)
    gate.journal.settle()
    gate.bench.clock.advance(40 * 86_400)
    gate.journal.prepare()
    assert gate.journal.retire() > 1
    gate.add(1)
    gate.arrive(gate.journal.stream, gate.journal.last_seq - 1)
    gate.journal.close()

    gate.bench.clock.advance(40 * 86_400)
    disk.note(LettersMayGo())
    with held(root):
        clock = gate.bench.clock
        planned = plan(root, timedelta(days=1), clock=clock, quarantine=True, dead_letters=True)
        assert planned.files
        assert planned.letters
        carry_out(root, planned, disk)
    gate.open("b")
    gate.add(1)
    gate.journal.close()


def complaints(ops: Sequence[Op], cut: Cut, root: Path, into: Path) -> list[str]:
    """What is wrong with the journal that a gate finds after this cut."""
    power_cut(ops, cut, root, into)
    promised = Promised()
    for op in ops:
        if op.what == "note":
            promised.take(op.note)
    found: list[str] = []
    for turn in range(2):  # what is added after the cut must outlive the next start too
        journal = Journal(
            into, PLACE, segment_bytes=SEGMENT_BYTES, disk=CopiedDisk(), device=promised.device
        )
        try:
            found += [f"turn {turn}: {one}" for one in _look(journal, promised)]
            seq = journal.insert(
                {"kind": "gate", "event": {"name": "n", "detail": {"text": f"after {turn}"}}}
            )
            if (journal.stream, seq) in promised.keys:
                found.append(f"turn {turn}: seq {seq} of {journal.stream} was given before")
            promised.keys[journal.stream, seq] = f"after {turn}"
            stamp = journal.clock.stamp()
            journal.report_losses(at=journal.clock.now(), clock=stamp)
            findings = [one for verdict in verify(into) for one in verdict.findings]
            found += [f"turn {turn}: {one}" for one in findings if one.what != "lost"]
        finally:
            journal._let_go()
    return found


def _look(journal: Journal, promised: Promised) -> list[str]:
    found = []
    waits = waiting(journal)
    found += [f"{text[:8]} waits twice" for text, count in waits.items() if count > 1]
    strange = waits.keys() - set(promised.keys.values()) - {promised.asked}
    found += [f"{text} out of nowhere" for text in strange]
    letters = {text_of(letter.raw) for letter in read_dead_letters(journal.path)}
    accounted = _accounted(journal)
    for key, text in promised.keys.items():
        if waits[text] or text not in promised.must_wait() | {promised.refusing}:
            continue
        if promised.refusing == text and text in letters:
            continue
        if not (promised.dropping and key in accounted):
            found.append(f"{text[:8]} ({key}) is lost")
    for text in promised.refused:
        if waits[text]:
            found.append(f"{text[:8]} was refused, and waits")
        if text not in letters and not promised.letters_may_go:
            found.append(f"{text[:8]} is no dead letter")
    if journal.set_aside or (journal.unreported and not promised.dropping):
        found.append(f"false alarm of {journal.unreported}")
    return found


def _accounted(journal: Journal) -> set[tuple[str, int]]:
    spans = []
    for stream in journal._streams():
        spans += [(stream.stream, span) for span in stream.unreported]
        for stored in stream.read(1, NEVER):
            spans += [(stream.stream, span) for span in loss_ranges(stored.raw)]
    return {(stream, seq) for stream, (low, high, _) in spans for seq in range(low, high + 1)}


def test_a_power_cut_leaves_every_record_waiting_under_one_key(fast: Path) -> None:
    root = fast / "records"
    ops = workload(SimDisk(), root)
    assert bad_states(ops, sample(ops, SHORT_FORM), complaints, root, fast) == []


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_no_power_cut_at_all_leaves_a_record_under_two_keys_or_none(fast: Path) -> None:
    root = fast / "records"
    ops = workload(SimDisk(), root, rounds=3)
    every = states(ops)
    assert len(every) >= 2000
    assert bad_states(ops, every, complaints, root, fast) == []


# --- the test itself: it goes red for a journal that leaves a step out --------------------------


def test_the_states_tell_a_new_stream_that_does_not_say_what_it_replaces(
    fast: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stream, "replaced", lambda self: None)
    root = fast / "records"
    ops = workload(SimDisk(), root)
    assert bad_states(ops, sample(ops, SHORT_FORM), complaints, root, fast)


class NoFolderSync(SimDisk):
    def sync_folder(self, path: Path) -> None:
        """Left out."""


def test_the_states_tell_a_journal_that_does_not_sync_its_folders(fast: Path) -> None:
    root = fast / "records"
    ops = workload(NoFolderSync(), root)
    assert bad_states(ops, sample(ops, 60), complaints, root, fast)


def test_the_states_tell_a_loss_record_that_is_dropped_and_not_written_again(
    fast: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stream, "_accounted_in", lambda self, first: [])
    root = fast / "records"
    ops = workload(SimDisk(), root)
    assert bad_states(ops, sample(ops, SHORT_FORM), complaints, root, fast)
