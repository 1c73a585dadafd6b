from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from sqlalchemy import Engine, insert, select

from feed.topics import GateTopics
from hub.roles import user_name
from hub.store.engine import connect
from hub.store.schema import audit, metadata, people, roster
from identity import canonical
from identity.keys import make_token_key
from identity.token import Tokeniser
from tests.hub.derive.parks import MINUTE, START, Gate, derive, put, rows, token

ROOT = Path(__file__).parents[3]
PURPOSE = ("--purpose", "case 2021-0815, contacts of August")
PERIOD = ("--from", "2021-08-22", "--to", "2021-08-25")
NUMBER = "001087012345"
NAME = "Nguyễn Thị Ánh Tuyết"
FORMULA = '=HYPERLINK("http://evil")'


def run(*words: str | Path, stdin: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    """The program, with `more` in its environment."""
    return subprocess.run(
        [sys.executable, "-m", "hub", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False, input=stdin,
        env=os.environ | more,
    )  # fmt: skip


def refused(*words: str | Path) -> str:
    done = run(*words)
    assert done.returncode == 2, done.stdout
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    return done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of a morning at one gate, derived, and the park's key."""
    here = tmp_path_factory.mktemp("park")
    key = make_token_key(here / "token.key")
    case = token(Tokeniser(key, key_id="k1", scope="park").token(canonical.citizen(NUMBER)).v)
    gate = Gate("9f2c61d0a35be874", GateTopics("kcn", "nha-may-a", "g1"))
    gate.passes(case, "in", START, "opened", "passed")
    gate.passes("tuyet-token", "in", START + 10 * MINUTE, "opened", "passed")
    gate.passes("evil-token", "in", START + 20 * MINUTE, "opened", "passed")
    gate.passes("late-token", "in", START + 40 * MINUTE, "not_passed")
    gate.passes(case, "out", START + 60 * MINUTE, "opened", "passed")
    gate.passes("tuyet-token", "out", START + 90 * MINUTE, "opened", "passed")
    engine = connect(here / "hub.db")
    metadata.create_all(engine)
    put(engine, gate.records)
    derive(engine)
    with engine.begin() as tx:
        ids = dict(tx.execute(select(people.c.token, people.c.id)).tuples().all())
        for holder, name, who in (("NV-1", NAME, "tuyet-token"), ("NV-2", FORMULA, "evil-token")):
            tx.execute(insert(roster).values(park="kcn", holder=holder, name=name, person=ids[who]))
    engine.dispose()
    return here


@pytest.fixture
def store(folder: Path) -> Path:
    return folder / "hub.db"


@pytest.fixture
def opened(store: Path) -> Engine:
    return connect(store)


def asked(store: Path, *words: str | Path, stdin: str = "") -> Any:
    done = run("trace", "--store", store, *PERIOD, *PURPOSE, "--json", *words, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_citizen_number_and_the_parks_key_give_the_contacts(
    folder: Path, store: Path, opened: Engine
) -> None:
    answer = asked(
        store, "--credential", "-", "--key", folder / "token.key",
        "--xlsx", folder / "out.xlsx", "--graph", folder / "out.svg", stdin=f"{NUMBER}\n",
    )  # fmt: skip
    assert [(one["who"]["name"], one["minutes"]) for one in answer["contacts"]] == [
        (NAME, 50.0),
        (FORMULA, 40.0),
    ]
    assert answer["completeness"] == {
        "complete": False, "offline": [], "unheard": [], "gaps": [], "unsynced": 0,
        "assumed_ends": 1, "unidentified": 0, "unknown_outcomes": 0, "unmatched_exits": 0,
        "truncated": False,
    }  # fmt: skip
    line = rows(opened, audit)[-1]
    assert (line.action, line.role, line.purpose) == ("trace", "operator", PURPOSE[1])
    assert NUMBER not in line.asked + line.seen
    assert json.loads(line.seen)["people"] == 2
    page = load_workbook(folder / "out.xlsx")["contacts"]
    assert [page["B2"].value, page["B3"].value] == [NAME, FORMULA]
    assert page["B3"].data_type == "s"  # text, which nothing calculates
    assert NAME in (folder / "out.svg").read_text(encoding="utf-8") or "<svg" in (
        folder / "out.svg"
    ).read_text(encoding="utf-8")


def test_csv_runs_no_formula_and_keeps_vietnamese(store: Path) -> None:
    done = run(
        "trace", "--store", store, "--site", "kcn/nha-may-a", *PERIOD, *PURPOSE, "--csv", "-"
    )
    assert done.returncode == 0, done.stderr
    assert NAME in done.stdout
    assert "\n\"'=HYPERLINK" in done.stdout
    assert "\n=" not in done.stdout


def test_the_table_names_people_and_says_what_it_may_lack(store: Path) -> None:
    done = run("trace", "--store", store, "--holder", "NV-1", "--visits", *PERIOD, *PURPOSE)
    assert done.returncode == 0, done.stderr
    assert NAME in done.stdout
    assert "Complete as far as the hub knows." in done.stdout


def test_the_muster_list_says_who_is_inside(store: Path) -> None:
    at = (START + 70 * MINUTE).isoformat()
    done = run("muster", "--store", store, "--site", "kcn/nha-may-a", "--at", at, "--json")
    answer = json.loads(done.stdout)
    assert {one["who"]["name"] for one in answer["inside"]} == {NAME, FORMULA}
    assert answer["uncertainty"]["unused_grants"] == 1
    counted = run("muster", "--store", store, "--counts", "--at", at, "--json")
    assert json.loads(counted.stdout)["sites"][0]["inside"] == 2
    assert json.loads(counted.stdout)["completeness"]["assumed_ends"] == 1
    assert "token" not in counted.stdout


def test_who_was_never_seen_to_leave_is_told_beside_the_muster_list(store: Path) -> None:
    words = ("muster", "--store", store, "--site", "kcn/nha-may-a")
    told = run(*words, "--at", (START + timedelta(hours=17)).isoformat()).stdout
    assert "0 inside at 2021-08-24 00:00." in told
    assert "1 person was never seen to leave; past the longest stay" in told


def test_times_are_those_of_the_park_wherever_the_hub_stands(store: Path) -> None:
    """START is 7 in the morning of 23 August in Vietnam, and still the 22nd in New York."""
    words = ("--token", "evil-token", "--visits", "--from", "2021-08-23", "--to", "2021-08-23")
    done = run("trace", "--store", store, *words, *PURPOSE, TZ="America/New_York")
    assert "2021-08-23 07:20" in done.stdout
    before = ("--token", "evil-token", "--visits", "--from", "2021-08-22", "--to", "2021-08-22")
    assert "07:20" not in run("trace", "--store", store, *before, *PURPOSE).stdout


def test_a_day_is_included_however_it_is_written(store: Path) -> None:
    words = ("--token", "evil-token", "--visits", "--from", "20210823", "--to", "20210823")
    done = run("trace", "--store", store, *words, *PURPOSE, "--json")
    assert len(json.loads(done.stdout)["visits"]) == 1


def test_two_tokens_are_linked_and_parted(store: Path) -> None:
    both = ("tuyet-token", "evil-token")
    assert run("link", "--store", store, *both, *PURPOSE).returncode == 0
    answer = asked(store, "--token", "evil-token", "--visits")
    assert set(answer["asked"][0]["tokens"]) == set(both)
    assert [one["assumed"] for one in answer["visits"]] == [True, False]
    assert run("link", "--store", store, *both, "--remove", *PURPOSE).returncode == 0
    assert asked(store, "--token", "evil-token", "--visits")["asked"][0]["tokens"] == [both[1]]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--token", "tuyet-token"], "purpose"),
        (["--token", "nobody-here", *PURPOSE], "nobody-here"),
        (["--credential", NUMBER, *PURPOSE], "--key"),
        ([*PURPOSE], "--site"),
        (["--token", "tuyet-token", "--graph", "a.pdf", *PURPOSE], ".svg or .png"),
        (["--site", "nowhere", *PURPOSE], "nowhere"),
        (["--token", "tuyet", *PURPOSE], "write 6 characters of it or more"),
        (["--token", os.fsdecode(b"tuyet\xff\xfe"), *PURPOSE], "is not UTF-8 text"),
        (["--token", "tuyet-token", "--from", "0001-01-01", *PURPOSE], "a year from 1970 to"),
        (["--token", "tuyet-token", "--to", "9999-12-31", *PURPOSE], "a year from 1970 to"),
        (["--token", "tuyet-token", "--min-minutes", "nan", *PURPOSE], "no number of minutes"),
        (["--credential", "-", *PURPOSE], "--credential is empty"),
        (["--token", "tuyet-token", "--csv", "/nowhere/a.csv", *PURPOSE], "can't be written"),
    ],
)
def test_a_mistake_is_one_line(store: Path, words: list[str], told: str) -> None:
    assert told in refused("trace", "--store", store, *PERIOD, *words)


def test_only_a_tracer_traces(folder: Path, store: Path) -> None:
    config = folder / "hub.toml"
    words = ("--config", config, "--store", store)
    for role in ("viewer", "manager", "administrator"):
        config.write_text(f'[roles]\n{user_name(os.getuid())} = "{role}"\n')
        told = refused("trace", *words, "--token", "tuyet-token", *PERIOD, *PURPOSE)
        assert f"the role {role} lacks the right 'trace', which these have: tracer" in told
    assert "lacks the right 'muster'" not in run("muster", *words, "--site", "kcn/nha-may-a").stderr
    config.write_text(f'[roles]\n{user_name(os.getuid())} = "viewer"\n')
    assert "lacks the right 'muster'" in refused("muster", *words, "--site", "kcn/nha-may-a")
    assert "lacks the right 'users'" in refused("user", "list", *words)
    assert "lacks the right 'report'" in refused("report", "entries", *words)


def test_all_is_made_anew(store: Path) -> None:
    before = asked(store, "--site", "kcn/nha-may-a")
    assert run("derive", "--store", store, "--anew").returncode == 0
    assert asked(store, "--site", "kcn/nha-may-a") == before
