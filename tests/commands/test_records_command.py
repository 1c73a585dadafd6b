"""records: table, JSON, CSV, filters, export."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from edge.clock import ManualClock
from edge.config.model import GateTable
from edge.records.journal import Journal
from feed.record import Decision, Draft, Happening, Person, Reading, Token

Run = Callable[..., subprocess.CompletedProcess[str]]

PERSON = Person(scheme="cccd", token=Token(kid="k1", scope="park", v="abcdefghijkl"))
PLAIN = Person(scheme="cccd", plain={"name": "Lê Văn Tú"})
DRAFTS = (
    Draft(kind="gate", event=Happening(name="started", detail={"version": "0.1.0"})),
    Draft(
        kind="passage",
        reader="in",
        direction="in",
        person=PERSON,
        reading=Reading(verdict="normal", estimate_c=36.5, object_c=34.2, ambient_c=26.0),
        decision=Decision(result="granted", reasons=("code_accepted", "temperature_normal")),
    ),
    Draft(
        kind="passage",
        reader="out",
        direction="out",
        person=PLAIN,
        reading=Reading(verdict="high", estimate_c=38.25),
        decision=Decision(result="denied", reasons=("temperature_high",)),
    ),
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    """A journal that stays open, as the daemon's does, a record an hour from 2021-08-23 00:00."""
    clock = ManualClock()
    journal = Journal(tmp_path / "records", GateTable(park="p", site="s", gate="g"), clock=clock)
    for draft in DRAFTS:
        journal.append(draft, at=clock.now(), clock=clock.stamp())
        clock.advance(timedelta(hours=1).total_seconds())
    yield journal
    journal.close()


def test_a_table_is_plain_and_whole_when_piped(
    run: Run, config_file: Path, journal: Journal
) -> None:
    done = run("--config", config_file, "records", environ={"TZ": "UTC", "COLUMNS": "20"})
    head, started, granted, denied = done.stdout.splitlines()
    assert " ".join(head.split()) == "seq time state kind reader person °C result why"
    assert started.endswith("started version=0.1.0")
    assert "cccd abcdefgh" in granted
    assert granted.endswith("code_accepted, temperature_normal")
    assert "Lê Văn Tú" in denied
    assert denied.index("denied") == granted.index("granted")
    assert "38.25" in denied


def test_json_is_the_very_record(run: Run, config_file: Path, journal: Journal) -> None:
    done = run("--config", config_file, "records", "--json")
    stored = [one.raw.decode() for one in journal.read(1, 3)]
    assert done.stdout.splitlines() == stored


def test_csv_has_one_row_for_each_record(run: Run, config_file: Path, journal: Journal) -> None:
    done = run("--config", config_file, "records", "list", "--csv", "--kind", "passage")
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert [row["result"] for row in rows] == ["granted", "denied"]
    assert rows[0]["reasons"] == "code_accepted temperature_normal"
    assert rows[0]["object_c"] == "34.2"
    assert json.loads(rows[1]["detail"]) == {"name": "Lê Văn Tú"}


@pytest.mark.parametrize(
    ("filters", "seqs"),
    [
        (["--result", "denied"], [3]),
        (["--reason", "code_accepted"], [2]),
        (["--reader", "out"], [3]),
        (["--kind", "gate"], [1]),
        (["--limit", "2"], [2, 3]),
        (["--kind", "unheard_of"], []),
        (["--since", "1h"], []),
    ],
)
def test_filters(
    run: Run, config_file: Path, journal: Journal, filters: list[str], seqs: list[int]
) -> None:
    done = run("--config", config_file, "records", "--json", *filters)
    assert done.returncode == 0
    assert [json.loads(line)["seq"] for line in done.stdout.splitlines()] == seqs


def test_times_without_a_zone_are_local(run: Run, config_file: Path, journal: Journal) -> None:
    second = json.loads(journal.read(2, 2)[0].raw)["at"]
    local = second.replace("Z", "")
    done = run("--config", config_file, "records", "--json", "--since", local,
               environ={"TZ": "UTC"})  # fmt: skip
    assert [json.loads(line)["seq"] for line in done.stdout.splitlines()] == [2, 3]
    east = run("--config", config_file, "records", "--json", "--since", local,
               environ={"TZ": "Asia/Ho_Chi_Minh"})  # fmt: skip
    assert len(east.stdout.splitlines()) == 3


@pytest.mark.parametrize("name", ["out.json", "out.jsonl", "out.csv"])
def test_export_writes_the_format_that_the_name_asks_for(
    run: Run, config_file: Path, journal: Journal, tmp_path: Path, name: str
) -> None:
    target = tmp_path / name
    done = run("--config", config_file, "records", "export", "--kind", "passage", target)
    assert (done.returncode, done.stderr) == (0, f"2 records in {target}\n")
    assert seqs_in(target) == [2, 3]


def seqs_in(target: Path) -> list[int]:
    text = target.read_text()
    match target.suffix:
        case ".csv":
            return [int(row["seq"]) for row in csv.DictReader(io.StringIO(text))]
        case ".jsonl":
            return [json.loads(line)["seq"] for line in text.splitlines()]
        case _:
            return [record["seq"] for record in json.loads(text)]


def test_export_of_nothing_is_an_empty_array(
    run: Run, config_file: Path, journal: Journal, tmp_path: Path
) -> None:
    run("--config", config_file, "records", "export", "--kind", "none", tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text()) == []


def test_export_replaces_a_file_only_when_told_to(
    run: Run, config_file: Path, journal: Journal, tmp_path: Path
) -> None:
    target = tmp_path / "out.json"
    target.write_text("precious")
    refused = run("--config", config_file, "records", "export", target)
    assert refused.returncode == 2
    assert target.read_text() == "precious"
    forced = run("--config", config_file, "records", "export", "--force", target)
    assert forced.returncode == 0
    assert len(json.loads(target.read_text())) == 3


def test_a_failed_export_leaves_nothing_behind(run: Run, config_file: Path, tmp_path: Path) -> None:
    done = run("--config", config_file, "records", "export", tmp_path / "out.json")
    assert done.returncode == 2
    assert "not_found" in done.stderr
    assert not list(tmp_path.glob("*out.json*"))


def test_filters_by_path_need_no_configuration(run: Run, journal: Journal, tmp_path: Path) -> None:
    done = run("records", "--path", tmp_path / "records", "--json", cwd=tmp_path)
    assert len(done.stdout.splitlines()) == 3
