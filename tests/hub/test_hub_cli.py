"""edge-hub as its users type it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import click
import pytest

from hub.cli import COMMANDS, command
from hub.store.sqlite import SqliteStore
from hub.store.status import read_status
from tests.hub.support import Chain, give

ROOT = Path(__file__).parents[2]


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hub", *map(str, words)],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


def refused(*words: str | Path) -> str:
    done = run(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr


@pytest.fixture
def filled(path: Path, chain: Chain) -> Path:
    store = SqliteStore(path)
    other = Chain(chain.stream)
    other.add(kind="other", event=None)
    give(store, chain.grow(5).arrivals([1, 2, 5, 5]))
    give(store, [other.arrival(1)])
    store.close()
    return path


@pytest.mark.parametrize("name", COMMANDS)
def test_help_ends_with_an_example_that_exists(name: str) -> None:
    done = run(name, "--help")
    assert done.returncode == 0
    example = done.stdout.split("Example:\n")[1].split()
    assert example[:2] == ["edge-hub", name]
    found = command(name)
    for word in example[2:]:
        if isinstance(found, click.Group):
            found = found.commands[word]
        elif word.startswith("--"):
            assert word in {name for one in found.params for name in one.opts}


def test_help_is_told_without_a_command() -> None:
    assert "edge-hub" in refused()
    assert run("--help").returncode == 0
    assert run("--version").stdout.startswith("edge-hub ")


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["serve", "--nonsense"],
        ["serve", "--broker", "a:b:c"],
        ["serve", "--store", "/nowhere/at/all/hub.db"],
        ["serve", "--config", "/nowhere/hub.toml"],
        ["status", "--store", "/nowhere/hub.db"],
        ["new-epoch", "--store", "/nowhere/hub.db"],
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(words: list[str]) -> None:
    assert len(refused(*words).splitlines()) == 1


def test_a_password_file_that_is_missing_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "hub.toml"
    path.write_text('[mqtt]\nusername = "hub"\npassword_file = "secret"\n')
    told = refused("serve", "--config", path)
    assert told == (
        f"edge-hub serve: mqtt.password_file: {tmp_path}/secret: No such file or directory\n"
    )
    path.write_text('[mqtt.tls]\nca_file = "ca.pem"\n')
    assert "mqtt.tls" in refused("serve", "--config", path)


def test_status_tells_gaps_alarms_and_dead_letters(filled: Path, chain: Chain) -> None:
    text = run("status", "--store", filled).stdout
    assert f"park-1/site-1/gate-1  {chain.stream}  stored up to 2, missing 3-4" in text
    assert "(1 deliveries beyond the first)" in text
    assert f"alarm conflict  {chain.stream} 1" in text
    assert "dead letter 1  gate/v1/park-1/site-1/gate-1/record  another record" in text
    assert json.loads(run("status", "--store", filled, "--json").stdout) == read_status(filled)


def test_status_reads_beside_a_running_hub(store: SqliteStore, path: Path) -> None:
    assert run("status", "--store", path).returncode == 0


def test_the_log_is_the_hubs_own_and_what_went_wrong_elsewhere() -> None:
    """Libraries tell of fonts and of start-ups, in dozens of lines, to whoever is on call."""
    code = (
        "import logging\n"
        "from hub.commands.logs import set_up\n"
        "set_up(as_json=False)\n"
        "for name in ('fontTools', 'alembic', 'uvicorn'): logging.getLogger(name).info('idle')\n"
        "logging.getLogger('hub.ingest').info('work')\n"
        "logging.getLogger('uvicorn').error('trouble')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert [line.split()[-1] for line in done.stderr.splitlines()] == ["work", "trouble"]


def test_a_new_epoch_is_another(filled: Path) -> None:
    before = read_status(filled)["epoch"]
    done = run("new-epoch", "--store", filled, "--json")
    assert json.loads(done.stdout)["epoch"] == read_status(filled)["epoch"] != before
    assert read_status(filled)["epoch"] in run("status", "--store", filled).stdout


def test_a_new_epoch_waits_until_the_hub_is_stopped(store: SqliteStore, path: Path) -> None:
    assert "in use by another hub" in refused("new-epoch", "--store", path)


def test_a_store_that_is_none_is_refused(path: Path) -> None:
    path.write_bytes(b"something else entirely" * 100)
    for name in ("serve", "status", "new-epoch"):
        assert "not a database" in refused(name, "--store", path)
