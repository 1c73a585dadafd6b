"""`edge-hub serve` with its child that derives, over a real broker."""

from __future__ import annotations

import os
import select
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from feed.record import Decision, Draft, Kind, Outcome, Person, Token
from tests.hub.support import Chain
from tests.mqtt.support import Broker, wait_until
from tests.mqtt.watcher import Watcher

ROOT = Path(__file__).parents[3]
CONFIG = """
[mqtt]
host = "127.0.0.1"
port = {port}
reconnect_longest_s = 0.1
[ingest]
receipt_ms = 0
"""


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    store: Path
    log: Path
    watcher: Watcher
    chain: Chain

    def passes(self, name: str, direction: str) -> None:
        """A passage with its outcome, published."""
        person = Person(scheme="pass", token=Token(kid="k1", scope="park", v=name))
        decision = Decision(result="granted", reasons=("code_accepted",))
        self.chain.add(
            Draft(
                kind=Kind.PASSAGE,
                reader=direction,
                direction=direction,  # type: ignore[arg-type]
                person=person,
                decision=decision,
            )
        )
        ref = len(self.chain.raws)
        self.chain.add(Draft(kind=Kind.OUTCOME, ref=ref, outcome=Outcome(result="passed")))

    def comes(self, *expected: tuple[str, int]) -> bool:
        """Whether these visits come, by token and whether the end is assumed; sent as gates send:
        again and again.
        """

        def there() -> bool:
            for raw in self.chain.raws.values():
                self.watcher.send(self.chain.place.record, raw)
            return wait_until(lambda: self.visits() == sorted(expected), 0.5)

        return wait_until(there, 60)

    def visits(self) -> list[tuple[str, int]]:
        query = (
            "SELECT token, assumed FROM visits JOIN people ON people.id = visits.person "
            "ORDER BY token, assumed"
        )
        if not self.store.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as db:
            try:
                return db.execute(query).fetchall()
            except sqlite3.OperationalError:  # the tables are not there yet
                return []

    def child(self) -> int | None:
        """The process that derives, while there is one."""
        found = [
            int(pid)
            for task in Path(f"/proc/{self.process.pid}/task").iterdir()
            for pid in (task / "children").read_text().split()
        ]
        return found[0] if found else None


@pytest.fixture
def served(broker: Broker, tmp_path: Path) -> Iterator[Served]:
    config = tmp_path / "hub.toml"
    config.write_text(CONFIG.format(port=broker.port))
    store = tmp_path / "hub.db"
    watcher = Watcher(broker.port)
    log = tmp_path / "log"
    with log.open("wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "hub", "serve", "--config", config, "--store", store],
            cwd=ROOT, stderr=stderr,
        )  # fmt: skip
    try:
        yield Served(process, store, log, watcher, Chain())
    finally:
        process.terminate()
        process.wait(30)
        watcher.stop()


def test_a_killed_child_comes_back_and_doubles_nothing(served: Served) -> None:
    served.passes("an", "in")
    served.passes("binh", "in")
    served.passes("an", "out")
    assert served.comes(("an", 0), ("binh", 1))
    first = served.child()
    assert first is not None
    os.kill(first, signal.SIGKILL)
    served.passes("binh", "out")
    served.passes("chi", "in")
    assert served.comes(("an", 0), ("binh", 0), ("chi", 1))
    assert served.child() not in {None, first}


def test_a_hub_that_is_told_to_stop_ends_in_peace(served: Served) -> None:
    """Told as a service manager does: every process of the service at once."""
    served.passes("an", "in")
    assert served.comes(("an", 1))
    child = served.child()
    assert child is not None
    watched = os.pidfd_open(child)
    os.kill(child, signal.SIGTERM)
    try:
        assert select.select([watched], [], [], 20)[0]
    finally:
        os.close(watched)
    served.process.terminate()
    assert served.process.wait(30) == 0
    told = served.log.read_text()
    assert "Fatal" not in told
    assert "ERROR" not in told


def test_the_child_ends_with_its_parent_however_that_ends(served: Served) -> None:
    served.passes("an", "in")
    assert served.comes(("an", 1))
    child = served.child()
    assert child is not None
    watched = os.pidfd_open(child)
    served.process.kill()
    served.process.wait(30)
    try:
        # readable when the process has ended
        assert select.select([watched], [], [], 20)[0]
    finally:
        os.close(watched)
