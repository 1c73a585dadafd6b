"""registry, report, alarms, user and api as their users type them."""

from __future__ import annotations

import io
import json
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import click
import httpx
import pytest
from sqlalchemy import insert, select

from hub.cli import command, main
from hub.store.engine import connect
from hub.store.schema import alarms, audit, gates, offline, sites
from tests.hub.park.support import Park, ms

ROOT = Path(__file__).parents[3]
GROUPS = ("registry", "report", "alarms", "user")


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


def run(*words: str | Path) -> Done:
    """The command within this process: a program of its own takes seconds to start."""
    out, err = io.TextIOWrapper(io.BytesIO(), encoding="utf-8"), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as left:
        main([str(word) for word in words])
    out.flush()
    assert isinstance(out.buffer, io.BytesIO)
    code = left.value.code
    assert isinstance(code, int)
    return Done(code, out.buffer.getvalue().decode(), err.getvalue())


def done(*words: str | Path) -> str:
    made = run(*words)
    assert made.returncode == 0, made.stderr
    return made.stdout


def refused(*words: str | Path) -> str:
    made = run(*words)
    assert made.returncode == 2
    assert "Traceback" not in made.stderr
    return made.stderr


def commands() -> Iterator[tuple[str, str]]:
    for group in GROUPS:
        found = command(group)
        assert isinstance(found, click.Group)
        yield from ((group, name) for name in found.commands)


@pytest.mark.parametrize(("group", "name"), list(commands()))
def test_help_ends_with_an_example_that_exists(group: str, name: str) -> None:
    found = command(group)
    assert isinstance(found, click.Group)
    context = click.Context(found.commands[name], info_name=name)
    text = found.commands[name].get_help(context)
    example = text.split("Example:\n")[1].split()
    assert example[:3] == ["edge-hub", group, name]
    for word in example:
        if word.startswith("--"):
            assert word in text.split("Example:")[0]
    assert "--json" in text


def test_a_registry_goes_in_is_listed_and_comes_out(file: Path, tmp_path: Path) -> None:
    source = tmp_path / "sites.csv"
    source.write_text("Mã khu;Mã điểm;Tên điểm\nkcn;a;=1+1\n", encoding="utf-8-sig")
    checked = done("registry", "import", source, "--check", "--store", file)
    assert checked == "nothing is changed; there would be sites: 1 added, 0 changed, 0 unchanged\n"
    taken = done("registry", "import", source, "--store", file, "--json", "--purpose", "season")
    assert json.loads(taken)["added"] == 1
    assert json.loads(done("registry", "list", "--store", file, "--json"))[0]["sites"] == 1
    out = tmp_path / "out.xlsx"
    done("registry", "export", "sites", "--out", out, "--store", file)
    again = json.loads(done("registry", "import", out, "--store", file, "--json"))
    assert (again["unchanged"], again["added"], again["changed"]) == (1, 0, 0)
    engine = connect(file)
    with engine.connect() as connection:
        rows = connection.execute(select(audit.c.action, audit.c.purpose, audit.c.role)).all()
    engine.dispose()
    assert [tuple(row) for row in rows] == [
        ("registry import", "season", "operator"),
        ("registry export", "", "operator"),
        ("registry import", "", "operator"),
    ]


def test_each_fault_of_a_file_is_a_line(file: Path, tmp_path: Path) -> None:
    source = tmp_path / "roster.csv"
    source.write_text("park,holder,phone\nkcn,1,12\nkcn,,0912345678\n", encoding="utf-8")
    told = refused("registry", "import", source, "--store", file).splitlines()
    assert [line.split(": ")[1:3] for line in told] == [["line 2", "phone"], ["line 3", "holder"]]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["registry", "list", "--store", "/nowhere/hub.db"], "no such file"),
        (["registry", "import", "/nowhere.csv"], "/nowhere.csv: No such file"),
        (["registry", "export", "people"], "Invalid value for"),
        (["registry", "export", "sites", "--out", "x.doc"], "ends in none of"),
        (["report", "entries", "--from", "yesterday"], "Invalid value for '--from'"),
        (["report", "entries", "--from", "2021-08-02", "--to", "2021-08-01"], "before it begins"),
        (["report", "entries", "--out", "x.doc"], "ends in none of"),
        (["report", "entries", "--out", "x.csv", "--table", "x"], "give one of by_day"),
        (["report", "entries", "--table", "by_day"], "--table is for a CSV"),
        (["report", "entries", "--out", "x.pdf", "--table", "by_day"], "--table is for a CSV"),
        (["report", "entries", "--from", "9999-12-31"], "give days from 1970 to 9998"),
        (["report", "entries", "--to", "0001-01-02"], "give days from 1970 to 9998"),
        (["report", "entries", "--from", "2000-01-01"], "ask in parts"),
        (["report", "entries", "--park", "nowhere"], "no such park; there are kcn, truong"),
        (["report", "entries", "--site", "nowhere"], "no such site; write park/site"),
        (["report", "entries", "--site", "a"], "there are several: kcn/a, truong/a"),
        (["report", "entries", "--park", "kcn", "--site", "truong/a"], "no such site in park kcn"),
        (["report", "coverage", "--park", "nowhere"], "no such park"),
        (["alarms", "list", "--park", "nowhere"], "no such park"),
        (["registry", "export", "sites", "--park", "nowhere"], "no such park"),
        (["report", "compliance", "/nowhere.txt"], "No such file"),
        (["alarms", "acknowledge", "7"], "there is no alarm 7"),
        (["alarms", "acknowledge", "9" * 20], "is not in the range"),
        (["alarms", "acknowledge"], "Missing argument"),
        (["user", "add", "Lan!", "--role", "viewer"], "is no user name"),
        (["user", "token", "nobody"], "there is no user nobody"),
        (["user", "add", "lan"], "Missing option '--role'"),
        (["api", "--listen", "x"], "give HOST:PORT"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(file: Path, words: list[str], says: str) -> None:
    engine = connect(file)
    park = Park(engine)
    for name in ("kcn", "truong"):
        park.site("a", park=name)
    engine.dispose()
    store = [] if "--store" in words else ["--store", str(file)]
    told = refused(*words, *store)
    assert says in told
    assert len(told.splitlines()) == 1


@pytest.mark.parametrize("words", [["registry", "list"], ["report", "coverage"]])
def test_it_is_a_program(file: Path, words: list[str]) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "hub", *words, "--store", file, "--json"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=100,
    )  # fmt: skip
    assert json.loads(made.stdout) is not None


def test_a_store_of_another_version_is_told(tmp_path: Path) -> None:
    engine = connect(tmp_path / "old.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE sites (id INTEGER)")
    engine.dispose()
    told = refused("registry", "list", "--store", tmp_path / "old.db")
    assert re.search(r"has no table \w+; start `edge-hub serve`", told)


def test_reports_are_written_by_their_ending(file: Path, tmp_path: Path) -> None:
    engine = connect(file)
    park = Park(engine)
    park.passage(park.site("a"), "2021-08-23 07:00")
    engine.dispose()
    days = ("--from", "2021-08-23", "--to", "2021-08-23", "--store", file)
    figures = json.loads(done("report", "entries", *days, "--json"))["figures"]
    assert figures["granted"] == {"count": 1, "of": 1}
    text = done("report", "entries", *days, "--language", "en")
    assert "Granted: 1 (100.0 % of 1 decisions)" in text
    for ending in ("xlsx", "csv", "json", "html", "pdf"):
        out = tmp_path / f"r.{ending}"
        done("report", "coverage", *days, "--out", out)
        assert out.stat().st_size > 20


def test_a_report_of_a_site_says_whose_and_what_it_may_lack(file: Path) -> None:
    engine = connect(file)
    park = Park(engine)
    for name in ("kcn", "truong"):
        park.passage(park.site("a", park=name, registered=False), "2021-08-23 07:00")
    with engine.begin() as connection:
        quiet = connection.scalar(select(gates.c.id).join(sites).where(sites.c.park == "kcn"))
        connection.execute(
            insert(offline).values(gate=quiet, from_ms=ms("2021-08-23 08:00"), to_ms=None)
        )
    engine.dispose()
    days = ("--from", "2021-08-23", "--to", "2021-08-23", "--store", file, "--json")
    told = json.loads(done("report", "entries", *days, "--site", "kcn/a", "--language", "en"))
    assert (told["park"], told["site"]) == ("kcn", "a")
    assert told["figures"]["granted"] == {"count": 1, "of": 1}
    assert not told["completeness"]["complete"]
    assert any(note.startswith("Not heard at times: kcn/a/") for note in told["notes"])
    other = json.loads(done("report", "entries", *days, "--site", "truong/a", "--language", "en"))
    assert "Complete as far as the hub knows." in other["notes"]


def test_a_list_asked_of_one_site_says_so(file: Path, tmp_path: Path) -> None:
    engine = connect(file)
    Park(engine).site("a", park="kcn")
    engine.dispose()
    asked = tmp_path / "l.txt"
    asked.write_text("42\n", encoding="utf-8")
    told = done("report", "compliance", asked, "--site", "kcn/a", "--store", file, "--json")
    assert json.loads(told)["site"] == "a"


def test_a_name_from_outside_obeys_no_terminal(file: Path) -> None:
    engine = connect(file)
    Park(engine).site("a", park="kcn", registered=False)
    with engine.begin() as connection:
        evil = {"at_ms": 0, "name": "\x1b[2J", "detail": "\u202e\x07", "stream": 0, "seq": 0}
        connection.execute(insert(alarms).values(**evil))
    engine.dispose()
    for words in (("alarms", "list"), ("status",)):
        told = done(*words, "--store", file)
        assert "?[2J" in told
        assert not set(told) & {"\x1b", "\x07", "\u202e"}


def test_what_is_written_is_for_the_user_alone(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "roster.csv"
    done("registry", "export", "roster", "--out", out, "--store", file)
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_alarms_are_listed_and_acknowledged(file: Path) -> None:
    engine = connect(file)
    with engine.begin() as connection:
        connection.execute(insert(alarms).values(at_ms=0, name="fire", detail="x", stream=0, seq=0))
    engine.dispose()
    assert "1970-01-01T00:00:00.000Z  fire" in done("alarms", "list", "--store", file)
    assert done("alarms", "acknowledge", "1", "--store", file) == "1 acknowledged\n"
    assert json.loads(done("alarms", "list", "--store", file, "--json")) == []
    (one,) = json.loads(done("alarms", "list", "--all", "--store", file, "--json"))
    assert one["acknowledged_by"]


def test_a_list_of_alarms_that_is_cut_says_how_to_go_on(file: Path) -> None:
    engine = connect(file)
    with engine.begin() as connection:
        for seq in (1, 2):
            row = {"at_ms": 9, "name": "fire", "detail": "x", "stream": 0, "seq": seq}
            connection.execute(insert(alarms).values(**row))
    engine.dispose()
    words = ["alarms", "list", "--name", "fire", "--limit", "1", "--store", str(file)]
    first = run(*words, "--json")
    assert [one["seq"] for one in json.loads(first.stdout)] == [2]
    assert first.stderr == "there are more: --before 9-2\n"
    rest = run(*words, "--before", "9-2", "--json")
    assert [one["seq"] for one in json.loads(rest.stdout)] == [1]
    assert rest.stderr == ""
    bad = run(*words, "--before", "gestern")
    assert (bad.returncode, "is no key of an alarm" in bad.stderr) == (2, True)


def test_a_user_s_token_opens_the_interface(file: Path, tmp_path: Path) -> None:
    token = done("user", "add", "grafana", "--role", "viewer", "--store", file).strip()
    password = tmp_path / "password"
    password.write_text("a long password\n", encoding="utf-8")
    made = done("user", "add", "lan", "--role", "manager", "--password-file", password,
                "--store", file)  # fmt: skip
    assert made == "lan may log in\n"
    server = subprocess.Popen(
        [sys.executable, "-m", "hub", "api", "--store", file, "--listen", "127.0.0.1:0", "--json"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None
        url = json.loads(server.stdout.readline())["url"]
        with httpx.Client(base_url=url, trust_env=False, verify=False, timeout=60) as client:
            bearer = {"Authorization": f"Bearer {token}"}
            assert client.get("/api/v1/me", headers=bearer).json()["name"] == "grafana"
            sent = {"name": "lan", "password": "a long password"}
            assert client.post("/api/v1/login", json=sent).json()["role"] == "manager"
            done("user", "remove", "grafana", "--store", file)
            assert client.get("/api/v1/me", headers=bearer).status_code == 401
            assert client.get("/health").json()["broker"] == "not watched here"
        server.send_signal(signal.SIGTERM)
        _, errors = server.communicate(timeout=60)
    finally:
        server.kill()
        server.wait()
    assert server.returncode == 0, errors
    assert [one["name"] for one in json.loads(done("user", "list", "--store", file, "--json"))] == [
        "lan"
    ]
