"""Stores to derive into: SQLite always, PostgreSQL where a server is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, event, text

from hub.store.engine import connect
from hub.store.schema import metadata

_PG = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def as_postgres(*command: str | Path) -> None:
    """Run as user postgres: a server refuses to run as root."""
    user = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    subprocess.run(
        command, check=True, user=user.pw_uid, group=user.pw_gid, cwd="/",
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a server of our own, on a socket alone."""
    if not _PG:
        pytest.skip("no PostgreSQL is installed")
    folder = Path(tempfile.mkdtemp(prefix="eg-pg-", dir="/tmp"))
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
    try:
        as_postgres(
            _PG[-1] / "initdb", "-D", folder / "data", "-A", "trust", "-N", "-U", "postgres"
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        as_postgres(
            _PG[-1] / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w",
            "-o", options, "start",
        )  # fmt: skip
        yield f"postgresql://postgres@/postgres?host={folder}"
        as_postgres(_PG[-1] / "pg_ctl", "-D", folder / "data", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty store."""
    if request.param == "sqlite":
        made = connect(tmp_path / "hub.db")
        event.listen(made, "connect", lambda db, _: db.execute("PRAGMA synchronous = OFF"))
        metadata.create_all(made)
        yield made
        made.dispose()
        return
    url = request.getfixturevalue("postgres")
    name = f"t{uuid4().hex}"
    admin = connect(url).execution_options(isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    made = connect(url.replace("/postgres?", f"/{name}?"))
    metadata.create_all(made)
    yield made
    made.dispose()
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    admin.dispose()


def emptied(engine: Engine) -> Engine:
    """The same store without a row, which is quicker than another one."""
    with engine.begin() as tx:
        for table in reversed(metadata.sorted_tables):
            tx.execute(table.delete())
    return engine
