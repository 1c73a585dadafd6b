"""`records verify`: what was altered, taken out or damaged on the card shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.records.deadletters import read_dead_letters
from edge.records.disk import JournalError
from edge.records.journal import Journal
from edge.records.lines import to_line
from edge.records.query import read_status
from edge.records.verify import verify
from feed.codec import decode, erase_sealed, record_hash
from feed.record import Draft, Person, Sealed
from tests.records.support import Bench


def filled(bench: Bench, count: int = 30) -> Journal:
    journal = bench.open()
    for number in range(count):
        bench.add(journal, str(number))
    return journal


def rewrite(file: Path, old: bytes, new: bytes | None) -> None:
    """Change a line and its checksum too, as someone would who knows how; None takes it out."""
    lines = file.read_bytes().rstrip(b"\0").split(b"\n")
    kept = []
    for line in lines[:-1]:
        if old not in line:
            kept.append(line + b"\n")
        elif new is not None:
            kept.append(to_line(line[9:].replace(old, new)))
    file.write_bytes(b"".join(kept).ljust(4096, b"\0"))


def found(bench: Bench, **heads: tuple[int, str]) -> list[tuple[str, int, int]]:
    [verdict] = verify(bench.path, heads)
    return [(one.what, one.first, one.last) for one in verdict.findings]


def test_a_sound_journal_has_no_findings_even_while_it_is_written(bench: Bench) -> None:
    journal = filled(bench)
    [verdict] = verify(bench.path)
    assert (verdict.records, verdict.first_seq, verdict.last_seq) == (30, 1, 30)
    assert (verdict.stream, verdict.findings) == (journal.stream, ())


def test_a_record_altered_with_its_checksum_breaks_the_chain(bench: Bench) -> None:
    filled(bench)
    rewrite(bench.segments()[0], b'"text":"4"', b'"text":"5"')
    assert found(bench) == [("altered", 5, 5)]


def test_a_record_taken_out_is_missing(bench: Bench) -> None:
    filled(bench)
    rewrite(bench.segments()[0], b'"text":"4"', None)
    assert found(bench) == [("missing", 5, 5)]


def test_a_flipped_bit_is_damage_and_a_missing_record(bench: Bench) -> None:
    filled(bench)
    file = bench.segments()[0]
    file.write_bytes(file.read_bytes().replace(b'"text":"4"', b'"text":"5"'))
    assert found(bench) == [("damaged", 4, 5), ("missing", 5, 5)]


def test_against_the_hubs_head_a_cut_end_and_a_rewritten_one_show(bench: Bench) -> None:
    journal = filled(bench)
    stream, raw = journal.stream, journal.read(30, 30)[0].raw
    assert found(bench, **{stream: (30, record_hash(raw))}) == []
    assert found(bench, **{stream: (33, "0" * 64)}) == [("missing", 31, 33)]
    rewrite(bench.segments()[-1], b'"text":"29"', b'"text":"92"')
    assert found(bench) == []
    assert found(bench, **{stream: (30, record_hash(raw))}) == [("head", 30, 30)]


def test_what_a_loss_record_accounts_for_is_lost_and_not_missing(bench: Bench) -> None:
    journal = filled(bench, 5)
    journal.close()
    rewrite(bench.segments()[0], b'"text":"2"', None)
    journal = bench.open()
    journal.report_losses(at=bench.clock.now(), clock=bench.clock.stamp())
    assert found(bench) == [("lost", 3, 3)]


def test_an_erased_identity_does_not_break_the_chain(bench: Bench) -> None:
    journal = bench.open()
    sealed = Sealed(kid="s1", alg="x", ct="secret")
    person = Person(scheme="cccd", sealed=sealed)
    now = {"at": bench.clock.now(), "clock": bench.clock.stamp()}
    journal.append(Draft(kind="passage", person=person), **now)  # type: ignore[arg-type]
    bench.add(journal, "after")
    raw = journal.read(1, 1)[0].raw
    rewrite(bench.segments()[0], raw, erase_sealed(raw))
    assert found(bench) == []
    assert b"secret" not in bench.segments()[0].read_bytes()


def test_no_folder_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        verify(tmp_path / "none")


# --- refused records --------------------------------------------------------------------------


def test_a_refused_record_is_kept_aside_and_holds_up_nothing(bench: Bench) -> None:
    journal = filled(bench, 4)
    raw = journal.read(2, 2)[0].raw
    now = {"at": bench.clock.now(), "clock": bench.clock.stamp()}
    loss = journal.refuse(2, "packet too large", **now)  # type: ignore[arg-type]
    assert loss is not None
    assert (loss.seq, loss.ranges) == (5, ((2, 2, "refused: packet too large"),))
    assert journal.refuse(2, "again", **now) is None  # type: ignore[arg-type]
    for _ in range(2):
        assert [one.seq for one in journal.unconfirmed(0, 9)] == [1, 3, 4, 5]
        journal.close()
        journal = bench.open()
    [letter] = read_dead_letters(bench.path)
    assert (letter.seq, letter.reason, letter.raw) == (2, "packet too large", raw)
    assert read_status(bench.path).dead_letters == (letter,)


def test_a_confirmed_record_cant_be_refused(bench: Bench) -> None:
    journal = filled(bench, 3)
    journal.confirm(2)
    now = {"at": bench.clock.now(), "clock": bench.clock.stamp()}
    assert journal.refuse(2, "late", **now) is None  # type: ignore[arg-type]
    assert read_dead_letters(bench.path) == []


def test_a_torn_dead_letter_is_written_over(bench: Bench) -> None:
    journal = filled(bench, 3)
    (bench.path / "dead-letters").write_bytes(b'0badf00d {"dead":{"stream":"' + b"x" * 3000)
    now = {"at": bench.clock.now(), "clock": bench.clock.stamp()}
    journal.refuse(1, "no", **now)  # type: ignore[arg-type]
    journal.refuse(2, "no", **now)  # type: ignore[arg-type]
    assert [letter.seq for letter in read_dead_letters(bench.path)] == [1, 2]


def test_the_status_tells_what_the_files_show(bench: Bench) -> None:
    journal = filled(bench)
    journal.confirm(12)
    journal.settle()
    status = read_status(bench.path)
    [stream] = status.streams
    assert (stream.first_seq, stream.last_seq, stream.confirmed_upto) == (1, 30, 12)
    assert (stream.files, stream.bytes) == (len(bench.segments()), len(bench.segments()) * 4096)
    assert (status.quarantined, status.dead_letters) == ((), ())
    assert decode(journal.read(30, 30)[0].raw).seq == stream.last_seq
