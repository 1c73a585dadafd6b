"""A gate's records and a hub, real and whole: journal, recorder, publisher, broker, hub process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edge.clock import SystemClock
from edge.gate.events import Event, Write
from edge.mqtt.publisher import Publisher
from edge.records.journal import Journal
from edge.records.recorder import Recorder, WriteQueue
from edge.worker import Worker
from hub.store.base import StoreError
from hub.store.status import read_status
from tests.hub.support import rows
from tests.mqtt.support import config, no_handler, passage, wait_until

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0


class Gate:
    """The records of one gate: what lies between the door's decision and the broker."""

    def __init__(self, folder: Path, port: int, **mqtt: Any) -> None:
        self.config = config(port, **{"confirm": "hub", "receipt_timeout_s": 1.0} | mqtt)
        self.clock = SystemClock()
        self.journal = Journal(folder / "journal", self.config.gate)
        self.writes = WriteQueue(self._emit)
        self.publisher = Publisher(
            self.config, self.journal, handler=no_handler, version="1", ack_timeout_s=2.0
        )
        self.recorder = Recorder(
            self.journal, self.writes, self._emit, clock=self.clock, on_written=self.publisher.wake
        )
        self.request = 0

    def start(self) -> Gate:
        workers: Sequence[Worker] = (self.publisher, self.recorder)
        for worker in workers:
            worker.start()
        return self

    def _emit(self, event: Event) -> None:
        del event

    def put(self, count: int = 1) -> None:
        """Records as the gate thread asks for them."""
        for _ in range(count):
            self.request += 1
            write = Write(request=self.request, draft=passage(), ref_request=None)
            self.writes.put(write, at=self.clock.now(), clock=self.clock.stamp())

    def written(self) -> int:
        """Wait until all of it is on disk: how many records there are."""
        assert wait_until(lambda: len(self.writes) == 0, WAIT_S)
        return self.journal.last_seq

    def fill(self, count: int) -> None:
        """Records written before anything else begins, without waiting for the disk."""
        disk = self.journal._disk
        disk.sync = lambda fd: None  # type: ignore[method-assign]
        for _ in range(count):
            self.journal.append(passage(), at=self.clock.now(), clock=self.clock.stamp())
        del disk.sync

    @property
    def empty(self) -> bool:
        journal = self.journal
        return journal.confirmed_upto == journal.last_seq > 0 and not journal.earlier

    def all_confirmed(self, timeout_s: float = WAIT_S) -> bool:
        return wait_until(lambda: len(self.writes) == 0 and self.empty, timeout_s)

    def stop(self) -> None:
        assert self.recorder.stop()
        assert self.publisher.stop()
        self.journal.close()


class HubProcess:
    """`edge-hub serve` as its users run it."""

    def __init__(
        self,
        folder: Path,
        port: int,
        *,
        prefix: Sequence[str] = (),
        store: str | Path | None = None,
        name: str = "hub",
        share: str | None = None,
    ) -> None:
        self.store = store or folder / "hub.db"
        self._name = name
        self._share = share
        self._log = folder / f"{name}.log"
        self._config = folder / f"{name}.toml"
        self._prefix = prefix
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(port)

    def configure(self, port: int, *, host: str = "127.0.0.1", **ingest: Any) -> None:
        wanted = {"gap_patience_s": 0.5, "receipt_ms": 20} | ingest
        lines = [f"{key} = {json.dumps(value)}" for key, value in wanted.items()]
        where = "path" if isinstance(self.store, Path) else "url"
        share = f'share = "{self._share}"\n' if self._share else ""
        self._config.write_text(
            f'[store]\n{where} = "{self.store}"\n'
            f'[mqtt]\nhost = "{host}"\nport = {port}\nreconnect_longest_s = 0.2\nkeepalive_s = 5\n'
            f'client_id = "{self._name}"\n{share}'
            "[ingest]\n" + "\n".join(lines) + "\n"
        )

    def start(
        self, *, module: Sequence[str] = ("hub",), environ: Mapping[str, str] | None = None
    ) -> HubProcess:
        env = {**os.environ, **(environ or {})}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self.command(module), cwd=ROOT, stderr=log, env=env)
        return self

    def command(self, module: Sequence[str] = ("hub",)) -> list[str]:
        config = str(self._config)
        return [*self._prefix, sys.executable, "-m", *module, "serve", "--config", config]

    def connected(self) -> HubProcess:
        """Wait until the broker let it in."""
        assert wait_until(lambda: "connected" in self.log, WAIT_S), self.log
        return self

    @property
    def log(self) -> str:
        return self._log.read_text() if self._log.exists() else ""

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(how)
        code = self._process.wait(WAIT_S)
        self._process = None
        return code

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def status(self) -> dict[str, Any]:
        with contextlib.suppress(StoreError):
            return read_status(self.store)
        return {"streams": [], "records": 0, "alarms": [], "dead_letters": []}

    def raws(self, stream: str) -> dict[int, bytes]:
        """Every record of a stream, by seq; fails where a key stands twice."""
        found = rows(
            self.store,
            "SELECT seq, records.raw FROM records JOIN streams ON streams.id = records.stream"
            f" WHERE streams.stream = '{stream}'",
        )
        assert len({seq for seq, _ in found}) == len(found)
        return dict(found)


def assert_each_once(gate: Gate, hub: HubProcess) -> None:
    """Every record arrived, byte for byte; each counted once; the outbox is empty."""
    journal = gate.journal
    stored = hub.raws(journal.stream)
    assert stored == {one.seq: one.raw for one in journal.read(1, journal.last_seq)}
    assert list(stored) == list(range(1, journal.last_seq + 1)) or sorted(stored) == list(
        range(1, journal.last_seq + 1)
    )
    assert journal.confirmed_upto == journal.last_seq
    status = hub.status()
    (standing,) = status["streams"]
    assert (standing["upto"], standing["gaps"]) == (journal.last_seq, [])
    assert status["records"] == journal.last_seq
    assert (status["alarms"], status["dead_letters"]) == ([], [])
