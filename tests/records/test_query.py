"""Reading beside a running gate: what `edge-gate records` stands on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from edge.records.journal import Journal, JournalError
from edge.records.lines import scan
from edge.records.query import read_records
from feed.record import Decision, Draft, Outcome
from tests.records.support import Bench


def fill(bench: Bench) -> Journal:
    """Ten passages with their outcomes, a minute apart, every third denied."""
    journal = bench.open()
    for number in range(10):
        bench.clock.advance(60)
        denied = number % 3 == 0
        reason = "temperature_high" if denied else "code_accepted"
        draft = Draft(
            kind="passage",
            reader="in" if number % 2 else "out",
            decision=Decision(result="denied" if denied else "granted", reasons=(reason,)),
        )
        at, clock = bench.clock.now(), bench.clock.stamp()
        seq = journal.append(draft, at=at, clock=clock).seq
        result = Outcome(result="withheld" if denied else "passed", reasons=("interrupted",))
        journal.append(Draft(kind="outcome", outcome=result, ref=seq), at=at, clock=clock)
    return journal


def test_everything_is_read_while_the_gate_holds_the_journal(bench: Bench) -> None:
    fill(bench)
    assert [record.seq for record in read_records(bench.path)] == list(range(1, 21))


@pytest.mark.parametrize(
    ("given", "seqs"),
    [
        ({"kind": "outcome"}, list(range(2, 21, 2))),
        ({"reader": "in", "kind": "passage"}, [3, 7, 11, 15, 19]),
        ({"result": "denied"}, [1, 7, 13, 19]),
        ({"result": "withheld"}, [2, 8, 14, 20]),
        ({"reason": "temperature_high"}, [1, 7, 13, 19]),
        ({"reason": "interrupted", "limit": 2}, [18, 20]),
        ({"limit": 3}, [18, 19, 20]),
        ({"limit": 0}, []),
    ],
)
def test_records_are_chosen_by(bench: Bench, given: dict[str, object], seqs: list[int]) -> None:
    fill(bench)
    found = read_records(bench.path, **given)  # type: ignore[arg-type]
    assert [record.seq for record in found] == seqs


def test_records_are_chosen_by_time(bench: Bench) -> None:
    start = bench.clock.now()
    fill(bench)
    since, until = start + timedelta(minutes=3), start + timedelta(minutes=5)
    found = read_records(bench.path, since=since, until=until)
    assert [record.seq for record in found] == [5, 6, 7, 8]
    with pytest.raises(ValueError, match="no time zone"):
        read_records(bench.path, since=start.replace(tzinfo=None))


def test_a_line_that_is_just_being_written_is_passed_over(bench: Bench) -> None:
    fill(bench)
    file = bench.segments()[-1]
    data = file.read_bytes()
    end = scan(data).end
    file.write_bytes(data[:end] + b'0badcafe {"v":1,"str' + bytes(100))
    before = file.read_bytes()
    assert len(list(read_records(bench.path))) == 20
    assert file.read_bytes() == before


def test_no_journal_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file"):
        read_records(tmp_path / "none")
