"""A PostgreSQL of the tests' own: made when it is first wanted, on a socket in its folder, no TCP.

Nothing of the system's cluster is touched. PostgreSQL does not run as root: there the programs run
as the user `postgres` that its package made.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from itertools import count
from pathlib import Path

import psycopg

from hub.store.postgres import PostgresStore
from hub.store.schema import metadata

_WHERE = "/usr/lib/postgresql"  # Debian keeps each version's programs apart
_USER = "postgres"
# the data goes with the tests: nothing of it has to survive a power cut
_QUICK = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")
_NAMES = count()


def programs() -> Path | None:
    """The folder of the newest server from 15 on, or None."""
    found = [
        path.parent
        for path in Path(_WHERE).glob("*/bin/initdb")
        if path.parts[-3].isdigit() and int(path.parts[-3]) >= 15
    ]
    return max(found, key=lambda path: int(path.parts[-2]), default=None)


class Cluster:
    """Started when made. `durable`: with everything synced, as in earnest."""

    def __init__(self, *, durable: bool = False) -> None:
        where = programs()
        assert where is not None, "no PostgreSQL server is installed"
        self._programs = where
        self._user = _USER if os.geteuid() == 0 else None
        # short: a socket's path has 107 bytes. Not pytest's folder, which is root's alone
        self.folder = Path(tempfile.mkdtemp(prefix="edge-pg-"))
        if self._user is not None:
            shutil.chown(self.folder, self._user)
        self._process: subprocess.Popen[bytes] | None = None
        self._durable = durable
        self._ready: str | None = None
        self._run(
            "initdb", "--pgdata", "data", "--auth", "trust", "--username", _USER,
            "--encoding", "UTF8", "--no-locale", "--no-sync",
        )  # fmt: skip
        self.start()

    def url(self, database: str) -> str:
        return f"postgresql:///{database}?host={self.folder}&user={_USER}"

    def start(self) -> None:
        settings = () if self._durable else _QUICK
        words = [word for one in settings for word in ("-c", one)]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres", "-D", "data", "-k", self.folder,
                    "-c", "listen_addresses=", *words,
                ],
                cwd=self.folder, stdout=log, stderr=log, user=self._user,
            )  # fmt: skip
        self._run("pg_isready", "--host", str(self.folder), "--quiet", tries=600)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: rolls back what is under way. SIGQUIT: as if the power went."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def empty(self) -> str:
        """The URL of a new database with nothing in it."""
        name = f"t{next(_NAMES)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as db:
            db.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY FILE_COPY")
        return self.url(name)

    def database(self) -> str:
        """The URL of the one database with the hub's schema, emptied."""
        if self._ready is None:
            self._ready = self.empty()
            PostgresStore(self._ready).close()
        names = ", ".join(table.name for table in metadata.sorted_tables)
        with psycopg.connect(self._ready) as db:
            db.execute(f"TRUNCATE {names} RESTART IDENTITY")
        return self._ready

    def _run(self, name: str, *words: str, tries: int = 1) -> None:
        said = ""
        for left in reversed(range(tries)):
            done = subprocess.run(
                [self._programs / name, *words], cwd=self.folder, user=self._user,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if done.returncode == 0:
                return
            said = done.stderr
            if self._process is not None and self._process.poll() is not None:
                break
            if left:
                signal.sigtimedwait([], 0.05)
        log = self.folder / "log"
        raise RuntimeError(f"{name}: {said}{log.read_text() if log.exists() else ''}")
