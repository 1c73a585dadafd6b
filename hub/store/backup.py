"""A copy of the store made while a hub writes it, and the way back.

A restored store begins a new epoch: gates learn from its receipts that it has forgotten what came
after the copy was made, and offer that again.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing, suppress
from pathlib import Path

from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from hub.store.base import StoreError
from hub.store.engine import BUSY_S, connect
from hub.store.migrations import check, check_ready, version_of
from hub.store.opening import open_store
from hub.store.sqlite import lock

# who is logged in now, and what they trace: a restored store must not open what was closed since
_LEFT_OUT = ("questions", "sessions", "login_tries")


def back_up(store: str | Path, target: Path) -> None:
    """The store as it is at one moment, on disk in `target` when this returns.

    `target` is new or stays as it was. Raises StoreError.
    """
    if target.exists():
        raise StoreError(f"{target} is there already: name another file")
    if not target.parent.is_dir():
        raise StoreError(f"{target}: there is no folder {target.parent}: make it first")
    _check_store(store)
    part = target.with_name(target.name + ".part")
    try:
        if isinstance(store, Path):
            _copy(store, part)
        else:
            left_out = [f"--exclude-table-data={table}" for table in _LEFT_OUT]
            _run("pg_dump", "--format=custom", *left_out, f"--file={part}", f"--dbname={store}")
        _sync(part)
        part.rename(target)
        _sync(target.parent)
    except OSError as error:
        raise StoreError(f"{part}: {error.strerror}") from error
    finally:
        with suppress(OSError):  # nothing is left half done
            part.unlink(missing_ok=True)


def restore(store: str | Path, source: Path) -> str:
    """Put what `back_up` wrote in the store's place, in a new epoch: its id.

    No hub may run. A file that is there is kept beside it with `.before-restore` at its end; a
    database must be empty. Raises StoreError.
    """
    if not source.exists():
        raise StoreError(f"{source}: no such file")
    if isinstance(store, Path):
        return _restore_file(store, source)
    return _restore_database(store, source)


def _check_store(store: str | Path) -> None:
    if isinstance(store, Path) and not store.exists():
        raise StoreError(f"{store}: no such file; name the store with --store")
    engine = connect(store, read_only=True)
    try:
        with engine.connect() as connection:
            check_ready(connection, str(store))
    except SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise StoreError(f"{store}: {cause}") from error
    finally:
        engine.dispose()


# --- SQLite ---------------------------------------------------------------------------------


def _copy(store: Path, part: Path) -> None:
    try:
        part.touch(mode=0o600)  # as the store itself: who may read it, may read all of it
        with (
            closing(sqlite3.connect(f"{store.absolute().as_uri()}?mode=ro", uri=True,
                                    timeout=BUSY_S)) as db,
            closing(sqlite3.connect(part)) as copy,
        ):  # fmt: skip
            # all of it in one step: a reader holds no writer up, and the copy is of one moment
            db.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
            for table in _LEFT_OUT:
                copy.execute(f"DELETE FROM {table}")  # noqa: S608 - a name of ours
            copy.commit()
            _check(copy, part)
    except sqlite3.Error as error:
        raise StoreError(f"{store} into {part}: {error}") from error


def _check(db: sqlite3.Connection, name: Path) -> None:
    (found,) = db.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise StoreError(f"{name}: damaged: {found}")
    db.execute("SELECT value FROM hub WHERE name = 'epoch'").fetchone()


def _restore_file(store: Path, source: Path) -> str:
    part = store.with_name(store.name + ".part")
    held = lock(store)
    try:
        shutil.copyfile(source, part)
        with closing(sqlite3.connect(part)) as db:
            _check(db, source)
        # the new epoch stands in it before it takes the store's place
        _check_version(part, source)
        epoch = _renewed(part)
        _sync(part)
        kept = store.with_name(store.name + ".before-restore")
        if store.exists():
            _fold_in_log(store)
            store.rename(kept)
        for end in ("-wal", "-shm"):
            store.with_name(store.name + end).unlink(missing_ok=True)
        part.rename(store)
        _sync(store.parent)
    except sqlite3.Error as error:
        raise StoreError(f"{source}: no backup of a hub: {error}") from error
    except OSError as error:
        raise StoreError(f"{error.filename or part}: {error.strerror}") from error
    finally:
        os.close(held)
        for end in ("", "-wal", "-shm", ".lock"):
            with suppress(OSError):  # of a restore that failed
                part.with_name(part.name + end).unlink(missing_ok=True)
    return epoch


def _check_version(part: Path, source: Path) -> None:
    """By the name that a person knows it by."""
    engine = connect(part, read_only=True)
    try:
        with engine.connect() as connection:
            check(version_of(connection), str(source))
    finally:
        engine.dispose()


def _fold_in_log(store: Path) -> None:
    """So that the file alone is all of it. One that is damaged is kept as it is."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(store)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# --- PostgreSQL -----------------------------------------------------------------------------


def _restore_database(store: str, source: Path) -> str:
    engine = connect(store)
    try:
        tables = inspect(engine).get_table_names()
    except SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise StoreError(f"{store}: {cause}") from error
    finally:
        engine.dispose()
    if tables:
        raise StoreError(f"{store} is not empty: make a new database with createdb and name that")
    _run("pg_restore", "--no-owner", "--exit-on-error", "--single-transaction",
         f"--dbname={store}", str(source))  # fmt: skip
    return _renewed(store)


def _run(program: str, *words: str) -> None:
    try:
        done = subprocess.run(
            [program, *words], capture_output=True, text=True, errors="replace", check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise StoreError(f"{program} is missing: apt install postgresql-client") from error
    if done.returncode != 0:
        raise StoreError(" ".join(done.stderr.split()) or f"{program} ended with an error")


# --- both -----------------------------------------------------------------------------------


def _renewed(store: str | Path) -> str:
    opened = open_store(store)
    try:
        return opened.renew_epoch()
    finally:
        opened.close()


def _sync(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
