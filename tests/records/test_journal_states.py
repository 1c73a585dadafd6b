"""The journal against a model, with kills, tears and flipped bits between the appends."""

from __future__ import annotations

import secrets
import shutil
import tempfile
import zlib
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from edge.records.journal import Journal
from edge.records.lines import scan
from tests.records.support import Bench, quick

SEGMENT_BYTES = 3072


class JournalMachine(RuleBasedStateMachine):
    """Everything acknowledged stays as it was, but for lines that were damaged on the card."""

    def __init__(self) -> None:
        super().__init__()
        self.fixed = pytest.MonkeyPatch()  # no chance but hypothesis's own
        self.fixed.setattr(secrets, "token_hex", lambda count: "5" * count * 2)
        self.folder = Path(tempfile.mkdtemp())
        self.bench = Bench(self.folder / "records")
        self.journal = self.open()
        self.stream = self.journal.stream
        self.written: dict[int, bytes] = {}  # by seq
        self.damaged: set[int] = set()
        self.confirmed = 0  # at most, after a start: a damaged confirmation is no confirmation

    def open(self) -> Journal:
        return self.bench.open(segment_bytes=SEGMENT_BYTES)

    @rule(length=st.integers(0, 700))
    def append(self, length: int) -> None:
        seq = self.bench.add(self.journal, "é" * (length // 2))
        assert seq == max(self.written, default=0) + 1
        [stored] = self.journal.read(seq, seq)
        self.written[seq] = stored.raw

    @rule(back=st.integers(0, 20))
    def confirm(self, back: int) -> None:
        upto = max(0, self.journal.last_seq - back)
        self.journal.confirm(upto)
        self.confirmed = max(self.confirmed, upto)
        assert self.journal.confirmed_upto == self.confirmed

    @rule()
    def settle(self) -> None:
        self.journal.settle()
        self.journal.prepare()

    @rule()
    def stop_and_start(self) -> None:
        self.journal.close()
        self.start_again(self.confirmed)

    @rule()
    def kill_and_start(self) -> None:
        self.bench.kill(self.journal)
        self.start_again(0)

    @rule(data=st.data(), length=st.integers(1, 900))
    def die_in_mid_write(self, data: st.DataObject, length: int) -> None:
        """Any beginning of a line that was never acknowledged."""
        self.bench.kill(self.journal)
        file = self.bench.segments()[-1]
        content = file.read_bytes()
        end = scan(content).end
        length = min(length, len(content) - end)
        line = (b'0badf00d {"v":1,"stream":"' + b"t" * 900)[:length]
        file.write_bytes(content[:end] + line + content[end + length :])
        self.start_again(0)

    @rule(data=st.data())
    def flip_a_bit(self, data: st.DataObject) -> None:
        self.bench.kill(self.journal)
        file = data.draw(st.sampled_from(self.bench.segments()))
        content = bytearray(file.read_bytes())
        # without any header a journal can't be told from a copy, and begins a new stream
        is_oldest = file == self.bench.segments()[0]
        least = content.index(b"\n") + 1 if is_oldest else 0
        place = data.draw(st.integers(least, len(content) - 1))
        before = {bytes(content[start:end]) for start, end in scan(bytes(content)).bodies}
        content[place] ^= 1 << data.draw(st.integers(0, 7))
        file.write_bytes(content)
        after = {bytes(content[start:end]) for start, end in scan(bytes(content)).bodies}
        assert len(before - after) <= 1
        # the same bit twice brings a line back; nothing else may appear
        assert all(raw in self.written.values() for raw in after - before if b'{"v":' in raw)
        for seq, raw in self.written.items():
            if raw in before - after:
                self.damaged.add(seq)
            elif raw in after - before:
                self.damaged.discard(seq)
        self.start_again(0)

    def start_again(self, least_confirmed: int) -> None:
        self.journal = self.open()
        assert self.journal.stream == self.stream
        assert least_confirmed <= self.journal.confirmed_upto <= self.confirmed
        self.confirmed = self.journal.confirmed_upto
        lost = {seq for first, last, _ in self.journal.unreported for seq in range(first, last + 1)}
        assert lost == {seq for seq in self.damaged if seq > self.confirmed}
        assert self.journal.last_seq == max(self.written, default=0)

    @invariant()
    def everything_is_there(self) -> None:
        here = {stored.seq: stored.raw for stored in self.journal.read(1, 10_000)}
        expected = {seq: raw for seq, raw in self.written.items() if seq not in self.damaged}
        assert here == expected
        waiting = [stored.seq for stored in self.journal.unconfirmed(0, 10_000)]
        assert waiting == [seq for seq in expected if seq > self.confirmed]

    def teardown(self) -> None:
        self.bench.kill(self.journal)
        self.fixed.undo()
        shutil.rmtree(self.folder)


def test_a_journal_with_kills_tears_and_flipped_bits() -> None:
    run_state_machine_as_test(JournalMachine, settings=quick)


@pytest.mark.proof
@pytest.mark.timeout(1800)
def test_a_journal_with_kills_tears_and_flipped_bits_for_long() -> None:
    long = settings(max_examples=1500, stateful_step_count=60, deadline=None)
    run_state_machine_as_test(JournalMachine, settings=long)


def test_without_a_checksum_flipped_bits_are_noticed_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machine above goes red for a journal whose checksum says nothing."""
    monkeypatch.setattr(zlib, "crc32", lambda data: 0)
    hasty = settings(quick, max_examples=300, phases=[Phase.generate], report_multiple_bugs=False)
    # what was flipped is taken for a record, or is none and can't be read
    with pytest.raises((AssertionError, ValueError)):
        run_state_machine_as_test(JournalMachine, settings=hasty)
