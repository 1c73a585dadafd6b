"""A backup made while a hub runs, and what gates do about what it lacks."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.store.backup import back_up, restore
from hub.store.base import StoreError
from hub.store.opening import open_store
from hub.store.status import read_status
from tests.hub.support import START, Chain, execute, give, rows, stored
from tests.integration.support import ROOT, Gate, HubProcess, assert_each_once
from tests.mqtt.support import Broker
from tests.pgcluster import Cluster

StartGate = Callable[..., Gate]


def edge_hub(*words: str | Path) -> Any:
    done = subprocess.run(
        [sys.executable, "-m", "hub", *map(str, words), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restored_hub_gets_back_what_the_backup_lacks(
    broker: Broker, start_gate: StartGate, tmp_path: Path, kind: str,
    request: pytest.FixtureRequest,
) -> None:  # fmt: skip
    """Also when the broker forgot everything, so that nothing else could tell."""
    where: str | Path = tmp_path / "hub.db"
    again = where
    if kind == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        where, again = cluster.database(), cluster.empty()
    hub = HubProcess(tmp_path, broker.port, store=where)
    try:
        hub.start().connected()
        gate = start_gate(broker.port, before=40)
        assert gate.all_confirmed()
        copy = tmp_path / "copy"
        assert edge_hub("backup", copy, "--store", where)["bytes"] > 0
        gate.put(60)
        assert gate.all_confirmed()
        epoch = hub.status()["epoch"]
        hub.stop()
        assert edge_hub("restore", copy, "--store", again)["epoch"] != epoch
        assert read_status(again)["records"] == 40
        broker.restart()
        hub = HubProcess(tmp_path, broker.port, store=again)
        hub.start()
        gate.put(5)
        assert gate.written() == 105
        assert gate.all_confirmed(), hub.log
        from tests.mqtt.support import wait_until

        assert wait_until(lambda: hub.status()["records"] == 105), hub.log
        assert_each_once(gate, hub)
    finally:
        hub.stop()


def filled(where: Path, count: int) -> Chain:
    store = open_store(where)
    chain = Chain().grow(count)
    give(store, chain.arrivals(range(1, count + 1)))
    store.close()
    return chain


def test_what_stood_there_is_kept_whole(tmp_path: Path) -> None:
    where, copy = tmp_path / "hub.db", tmp_path / "copy.db"
    filled(where, 3)
    back_up(where, copy)
    store = open_store(where)
    chain = Chain().grow(5)
    give(store, chain.arrivals([4, 5]))
    store._close()  # type: ignore[attr-defined] # as a kill leaves it: with a log
    store.close()
    restore(where, copy)
    assert sorted(stored(where)) == [1, 2, 3]
    assert sorted(stored(tmp_path / "hub.db.before-restore")) == [1, 2, 3, 4, 5]
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_restored_store_opens_no_session_that_was_closed_since(
    tmp_path: Path, kind: str, request: pytest.FixtureRequest
) -> None:
    where: str | Path = tmp_path / "hub.db"
    again = where
    if kind == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        where, again = cluster.database(), cluster.empty()
    open_store(where).close()
    values = "('d', 'lan', 'manager', 1, 1, 9)"
    names = "digest, name, role, begun_ms, seen_ms, until_ms"
    execute(where, f"INSERT INTO sessions ({names}) VALUES {values}")
    back_up(where, tmp_path / "copy")
    restore(again, tmp_path / "copy")
    assert rows(again, "SELECT digest FROM sessions") == []
    if again is not where:
        assert rows(where, "SELECT digest FROM sessions") == [("d",)]


def test_a_backup_holds_the_plans_of_the_sites(tmp_path: Path) -> None:
    where = tmp_path / "hub.db"
    open_store(where).close()
    execute(where, "INSERT INTO sites (id, park, site) VALUES (1, 'kcn', 'a')")
    execute(where, "INSERT INTO site_plans VALUES (1, 'd', 40, 30, 'lan', 1, x'52494646')")
    back_up(where, tmp_path / "copy")
    restore(tmp_path / "again.db", tmp_path / "copy")
    assert rows(tmp_path / "again.db", "SELECT picture FROM site_plans") == [(b"RIFF",)]


def test_a_backup_never_takes_another_ones_place(tmp_path: Path) -> None:
    filled(tmp_path / "hub.db", 1)
    back_up(tmp_path / "hub.db", tmp_path / "copy.db")
    with pytest.raises(StoreError, match="is there already"):
        back_up(tmp_path / "hub.db", tmp_path / "copy.db")


def test_what_is_no_backup_is_refused_and_the_store_stays(tmp_path: Path) -> None:
    where = tmp_path / "hub.db"
    filled(where, 2)
    (tmp_path / "junk").write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreError, match="junk: no backup of a hub"):
        restore(where, tmp_path / "junk")
    with pytest.raises(StoreError, match="no such file"):
        restore(where, tmp_path / "missing")
    assert sorted(stored(where)) == [1, 2]
    assert not list(tmp_path.glob("*.part*"))


@pytest.mark.parametrize("how", ["newer", "empty", "no folder"])
def test_a_backup_that_could_not_be_used_is_not_made(tmp_path: Path, how: str) -> None:
    path, target = tmp_path / "hub.db", tmp_path / "backup.db"
    if how == "empty":
        path.touch()
    else:
        open_store(path).close()
    if how == "newer":
        execute(path, "UPDATE alembic_version SET version_num = '9999'")
    if how == "no folder":
        target = tmp_path / "nowhere" / "backup.db"
    says = {"newer": "by a newer hub", "empty": "has no table", "no folder": "there is no folder"}
    with pytest.raises(StoreError, match=says[how]):
        back_up(path, target)
    assert not target.exists()
    with pytest.raises(StoreError, match=says[how] if how != "no folder" else "no such file"):
        read_status(path) if how != "no folder" else restore(path, target)


def test_a_backup_of_a_newer_hub_is_named_as_it_was_given(tmp_path: Path) -> None:
    path, backup = tmp_path / "hub.db", tmp_path / "backup.db"
    open_store(path).close()
    back_up(path, backup)
    execute(backup, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match=rf"^{backup} was written by a newer hub"):
        restore(tmp_path / "other.db", backup)


def test_a_backup_is_readable_by_who_made_it_alone(tmp_path: Path) -> None:
    path, backup = tmp_path / "hub.db", tmp_path / "backup.db"
    open_store(path).close()
    back_up(path, backup)
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_nothing_is_put_under_a_running_hub(tmp_path: Path) -> None:
    where, copy = tmp_path / "hub.db", tmp_path / "copy.db"
    filled(where, 2)
    back_up(where, copy)
    store = open_store(where)
    with pytest.raises(StoreError, match="in use by another hub"):
        restore(where, copy)
    store.close()


def test_a_database_that_holds_something_is_not_restored_into(
    cluster: Cluster, tmp_path: Path
) -> None:
    url = cluster.database()
    back_up(url, tmp_path / "copy")
    with pytest.raises(StoreError, match="is not empty"):
        restore(url, tmp_path / "copy")


def test_old_records_are_dropped_by_the_command(tmp_path: Path) -> None:
    where = tmp_path / "hub.db"
    filled(where, 4)  # they arrived in START's year
    assert START.year < 2026
    assert edge_hub("purge", "--keep-days", "30", "--store", where) == {"dropped": 4}
    assert stored(where) == {}
