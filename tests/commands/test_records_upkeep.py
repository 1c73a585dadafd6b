"""records status, quarantined, dead-letters, verify, purge: as a person at the gate starts them."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from edge.clock import ManualClock
from edge.clockwatch import ClockWatch
from edge.config.model import GateTable
from edge.records.journal import Journal
from feed.codec import record_hash
from feed.record import Draft, Happening

Run = Callable[..., subprocess.CompletedProcess[str]]


class Gate:
    """A journal of small files and the clock that it is written by."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock(datetime(2021, 8, 23, tzinfo=UTC))
        self.journal = self.open()

    def open(self) -> Journal:
        place = GateTable(park="p", site="s", gate="g")
        self.journal = Journal(self.path, place, clock=self.clock, segment_bytes=4096)
        return self.journal

    def write(self, count: int, kind: str = "gate", event: Happening | None = None) -> None:
        for _ in range(count):
            self.clock.advance(60)
            draft = Draft(kind=kind, event=event or Happening(name="started"))
            self.journal.append(draft, at=self.clock.now(), clock=self.clock.stamp())

    def files(self) -> list[Path]:
        return sorted(self.path.glob("0*/0*.log"))


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    """Thirty records, twenty of them confirmed; the daemon still runs."""
    gate = Gate(tmp_path / "records")
    gate.write(30)
    gate.journal.confirm(20)
    gate.journal.settle()
    yield gate
    gate.journal._let_go()


def spoil(file: Path) -> None:
    data = bytearray(file.read_bytes())
    data[data.index(b'"kind"')] ^= 1
    file.write_bytes(data)


def test_status_tells_what_waits_and_since_when(run: Run, config_file: Path, gate: Gate) -> None:
    now = gate.clock.now()
    gate.journal.refuse(22, "too long", at=now, clock=gate.clock.stamp())
    done = run("--config", config_file, "records", "status", "--json")
    found = json.loads(done.stdout)
    [stream] = found["streams"]
    assert (stream["first_seq"], stream["last_seq"], stream["confirmed_upto"]) == (1, 31, 20)
    assert stream["unconfirmed"] == 10
    assert stream["oldest_unconfirmed_at"] == "2021-08-23T00:21:00.000Z"
    assert stream["oldest_unconfirmed_s"] > 86_400
    assert stream["files"] == len(gate.files())
    assert (found["limit_bytes"], found["dead_letters"]) == (512 << 20, 1)
    assert found["bytes"] == stream["bytes"] >= 4096 * stream["files"]
    table = run("records", "status", "--path", gate.path).stdout.splitlines()
    headings = "stream records confirmed unconfirmed oldest waits files size"
    assert " ".join(table[0].split()) == headings
    assert table[1].split()[:5] == [stream["stream"], "1-31", "up", "to", "20"]
    assert table[2].endswith("quarantine: 0; dead letters: 1")


def test_records_are_listed_by_their_state(run: Run, config_file: Path, gate: Gate) -> None:
    gate.journal.refuse(22, "too long", at=gate.clock.now(), clock=gate.clock.stamp())
    seqs = {}
    for state in ("confirmed", "unconfirmed", "dead-letter"):
        done = run("--config", config_file, "records", "--state", state, "--csv")
        rows = list(csv.DictReader(io.StringIO(done.stdout)))
        assert {row["state"] for row in rows} == {state}
        assert {row["stream"] for row in rows} == {gate.journal.stream}
        seqs[state] = [int(row["seq"]) for row in rows]
    assert seqs["confirmed"] == list(range(1, 21))
    assert seqs["unconfirmed"] == [21, *range(23, 32)]
    assert seqs["dead-letter"] == [22]


def test_a_time_before_the_first_synchronisation_is_shown_as_it_really_was(
    run: Run, config_file: Path, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "records")
    gate.clock.set(datetime(1970, 1, 1, tzinfo=UTC))
    gate.clock.state = "unsynced"
    watch = ClockWatch(gate.clock)
    gate.write(1)
    in_utc = {"TZ": "UTC"}
    [_, lone] = run("--config", config_file, "records", environ=in_utc).stdout.splitlines()
    assert "1970-01-01 00:01:00 ?" in lone
    gate.clock.set(datetime(2021, 8, 23, 7, 0, tzinfo=UTC))
    gate.clock.state = "synced"
    noted = watch.look()
    assert noted is not None
    gate.write(1, "clock", Happening(name=noted.name, detail=noted.detail))
    gate.journal.close()
    for limit in ([], ["--limit", "2"]):
        done = run("--config", config_file, "records", *limit, environ=in_utc)
        [_, first, second] = done.stdout.splitlines()
        assert "2021-08-23 07:00:00 ~" in first
        assert "2021-08-23 07:01:00  " in second
    done = run("--config", config_file, "records", "--csv")
    row = next(csv.DictReader(io.StringIO(done.stdout)))
    assert (row["at"], row["corrected_at"]) == (
        "1970-01-01T00:01:00.000Z",
        "2021-08-23T07:00:00.000Z",
    )


def test_what_was_put_aside_is_listed_whole(run: Run, config_file: Path, gate: Gate) -> None:
    gate.journal.refuse(22, "too long", at=gate.clock.now(), clock=gate.clock.stamp())
    gate.journal.close()
    spoil(gate.files()[-1])
    gate.open()
    done = run("--config", config_file, "records", "quarantined", "--json")
    piece = json.loads(done.stdout)
    assert (piece["segment"], piece["bytes"]) == (str(gate.files()[-1]), len(piece["text"]))
    assert '"stream"' in piece["text"]
    table = run("--config", config_file, "records", "quarantined").stdout.splitlines()
    assert table[1].split()[0] == Path(piece["file"]).name
    letter = json.loads(run("--config", config_file, "records", "dead-letters", "--json").stdout)
    assert (letter["seq"], letter["reason"]) == (22, "too long")
    assert json.loads(letter["text"])["seq"] == 22
    table = run("--config", config_file, "records", "dead-letters").stdout.splitlines()
    assert table[1].split() == [gate.journal.stream, "22", "gate", "too", "long"]


def test_verify_is_content_with_a_journal_as_the_hub_knows_it(
    run: Run, config_file: Path, gate: Gate, tmp_path: Path
) -> None:
    [stored] = gate.journal.read(20, 20)
    stream, head = gate.journal.stream, record_hash(stored.raw)
    of_another_gate = {"stream": "ffffffffffffffff", "upto": 9, "head": "0" * 64}
    empty = {"stream": "eeeeeeeeeeeeeeee", "upto": 0, "head": None}
    known = {"streams": [{"stream": stream, "upto": 20, "head": head}, of_another_gate, empty]}
    heads = tmp_path / "heads.json"
    heads.write_text(json.dumps(known))
    done = run("--config", config_file, "records", "verify", "--heads", heads)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"{stream}: 30 records, 1 to 30, confirmed up to 20, the hub's head is 20",
        "all is well",
    ]
    done = run("records", "verify", "--path", gate.path, "--json", "--head", f"{stream}:20:{head}")
    found = json.loads(done.stdout)
    assert (done.returncode, found["ok"], found["findings"]) == (0, True, [])
    assert found["streams"][0]["head_seq"] == 20


def test_verify_tells_in_one_line_each_what_is_wrong(
    run: Run, config_file: Path, gate: Gate
) -> None:
    stream = gate.journal.stream
    gate.journal.close()
    spoil(gate.files()[0])
    done = run(
        "--config", config_file, "records", "verify",
        "--head", f"{stream}:30:{'0' * 64}", "--head", f"{'f' * 16}:3:{'0' * 64}",
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith(f"{stream} 0 to 1: damaged: {gate.files()[0]}, bytes ")
    assert "replace it" in lines[0]
    assert lines[1].startswith(f"{stream} 30: head: the hub holds another record")
    assert lines[2].startswith(f"{stream} 1: missing: ")
    assert lines[3].startswith(f"{'f' * 16} 3: head: this journal has no such stream")
    assert lines[-1] == "something is wrong"
    found = json.loads(run("records", "verify", "--path", gate.path, "--json").stdout)
    assert (found["ok"], [one["what"] for one in found["findings"]]) == (
        False,
        ["damaged", "missing"],
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--head", "abc"], "write STREAM:SEQ:HASH"),
        (["--head", f"abc:0:{'0' * 64}"], "write STREAM:SEQ:HASH"),
        (["--heads", "pyproject.toml"], "edge-hub status"),
        (["--heads", "no-such-file"], "can't be read"),
    ],
)
def test_verify_refuses_heads_that_are_none(
    run: Run, tmp_path: Path, arguments: list[str], says: str
) -> None:
    done = run("records", "verify", "--path", tmp_path, *arguments)
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_purge_waits_until_the_daemon_is_stopped(run: Run, config_file: Path, gate: Gate) -> None:
    before = gate.files()
    command = ("--config", config_file, "records", "purge", "--older-than", "0")
    done = run(*command)
    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (2, "", 1)
    assert "stop that one first" in done.stderr
    told = run(*command, "--dry-run").stdout.splitlines()
    assert told[-1] == f"{len(told) - 1} would go"
    assert gate.files() == before
    gate.journal.close()
    done = run(*command, "--json")
    assert (
        json.loads(done.stdout)["files"]
        == told[:-1]
        == [str(file) for file in before[:-1]][: len(told) - 1]
    )
    assert gate.files() == before[len(told) - 1 :]
    journal = gate.open()
    assert [one.seq for one in journal.unconfirmed(0, 99)] == list(range(21, 31))


def test_purge_needs_to_be_told_how_old(run: Run, config_file: Path) -> None:
    done = run("--config", config_file, "records", "purge")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "--older-than" in done.stderr
