"""The SQLite file: durable, whole, one writer, and errors that say what to do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hub.store.base import StoreError
from hub.store.sqlite import SqliteStore
from tests.hub.support import Chain, give, standing_of, stored

ROOT = Path(__file__).parents[3]


def test_a_commit_is_synced_before_it_returns(store: SqliteStore, path: Path) -> None:
    with store.transaction() as tx:
        assert tx._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert tx._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert path.with_name("hub.db-wal").exists()


def test_a_full_disk_is_told_and_nothing_of_the_batch_is_kept(
    store: SqliteStore, path: Path, chain: Chain
) -> None:
    give(store, chain.grow(3).arrivals([1, 2, 3]))
    store._connection().execute("PRAGMA max_page_count = 1")  # raised to what is used already
    chain.grow(2_000)
    with pytest.raises(StoreError, match="full"):
        give(store, chain.arrivals(range(1, 2_001)))
    assert sorted(stored(path)) == [1, 2, 3]
    store.reopen()
    assert give(store, chain.arrivals(range(1, 2_001))).stored == 1_997
    assert standing_of(store).upto == 2_000


def test_a_store_that_became_read_only_is_told_and_taken_up_again(
    store: SqliteStore, path: Path, chain: Chain
) -> None:
    store._connection().execute("PRAGMA query_only = ON")  # SQLITE_READONLY, as a disk gives it
    with pytest.raises(StoreError, match="readonly"):
        give(store, chain.grow(2).arrivals([1, 2]))
    store.reopen()
    assert give(store, chain.arrivals([1, 2])).stored == 2


def test_reopening_leaves_nothing_in_the_log_that_a_failed_sync_may_have_lost(
    store: SqliteStore, path: Path, chain: Chain
) -> None:
    give(store, chain.grow(3).arrivals([1, 2, 3]))
    log = path.with_name("hub.db-wal")
    assert log.stat().st_size > 0
    store.reopen()
    assert log.stat().st_size == 0
    assert sorted(stored(path)) == [1, 2, 3]


def test_a_second_hub_is_refused(store: SqliteStore, path: Path) -> None:
    with pytest.raises(StoreError, match="in use by another hub: stop that one first"):
        SqliteStore(path)


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"something else entirely" * 100)
    with pytest.raises(StoreError, match="not a database"):
        SqliteStore(path)


def test_a_folder_that_is_missing_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does the folder exist"):
        SqliteStore(tmp_path / "nowhere" / "hub.db")


WRITER = """
import sys
from pathlib import Path
from hub.store.sqlite import SqliteStore
from tests.hub.support import START, Chain, give
store = SqliteStore(Path(sys.argv[1]))
chain = Chain()
while True:
    chain.grow(7)
    last = len(chain.raws)
    give(store, chain.arrivals(range(last - 6, last + 1)))
    print(last, flush=True)
"""


def test_a_hub_killed_in_mid_commit_keeps_its_word(path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) as writer:
        assert writer.stdout is not None
        for _ in range(40):
            told = int(writer.stdout.readline())
        writer.kill()
        told = max([told, *map(int, writer.stdout.read().split("\n")[:-1])])
    log = path.with_name("hub.db-wal")
    assert log.stat().st_size > 0
    store = SqliteStore(path)
    assert log.stat().st_size == 0  # it may never have been synced: now it was
    upto = standing_of(store).upto
    assert upto in {told, told + 7}
    assert sorted(stored(path)) == list(range(1, upto + 1))
    store.close()
