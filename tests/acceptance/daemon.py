"""The daemon as its users run it: a process with a configuration, signals, a disk and a broker."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from edge.drivers.sim.world import Visit, visit_to_json
from edge.records.query import read_records
from feed.record import Record

ROOT = Path(__file__).parents[2]
WAIT_S = 60.0
CARD = "079087000001||Lê Văn Tú|18011987|Nam|Khu phố 3, Thủ Đức|01062021"

CONFIG = """
[gate]
park = "kcn"
site = "nha-may-a"
gate = "cong-1"

[door]
driver = "sim"
lock = "fail_secure"
open_s = 3.0

[[reader]]
name = "in"
direction = "in"
camera = {{ driver = "sim", frame_rate_hz = 10 }}
thermometer = {thermometer}
signals = {{ driver = "sim", green_pin = 5, red_pin = 6, buzzer_pin = 13 }}

[scan]
hang_s = 1.0

[identity]
key_file = "park.key"

[records]
path = "records"

[mqtt]
host = "127.0.0.1"
port = {port}
reconnect_longest_s = 1.0

[sim]
script = "people.json"
"""


class Daemon:
    """A gate in `folder`. `visits` count from the daemon's own start."""

    def __init__(
        self,
        folder: Path,
        visits: Sequence[Visit] = (),
        *,
        port: int = 1,
        faults: Sequence[dict[str, Any]] = (),
        thermometer: str = '{ driver = "sim" }',
        extra: str = "",
    ) -> None:
        self.folder = folder
        self.log: list[str] = []
        self.said: list[str] = []
        self._told = threading.Condition()
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread()
        key = folder / "park.key"
        key.touch(mode=0o600)
        key.write_bytes(bytes(range(32)))
        script = {"visits": [visit_to_json(visit) for visit in visits], "faults": list(faults)}
        (folder / "people.json").write_text(json.dumps(script), encoding="utf-8")
        config = CONFIG.format(port=port, thermometer=thermometer) + extra
        (folder / "config.toml").write_text(config, encoding="utf-8")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(folder / "notify"))
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, *, ready: bool = True) -> Daemon:
        """Start it, and wait until it says READY=1."""
        self.said.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "edge", "--config", self.folder / "config.toml", "run"],
            cwd=ROOT,
            env={**os.environ, "NOTIFY_SOCKET": str(self.folder / "notify")},
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, args=[self._process], daemon=True)
        self._reader.start()
        if ready:
            self.wait(lambda: "READY=1" in self.said, "READY=1")
        return self

    @property
    def process(self) -> subprocess.Popen[str]:
        assert self._process is not None
        return self._process

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self) -> int:
        """Wait for its end and its last word: the exit code."""
        code = self.process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        return code

    def stop(self) -> int:
        self.send(signal.SIGTERM)
        return self.ended()

    def close(self) -> None:
        """End it in any case."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self.ended()
        self._notify.close()

    def records(self) -> list[Record]:
        """What is on its disk now, oldest first."""
        path = self.folder / "records"
        if not path.exists():
            return []
        return sorted(read_records(path), key=lambda record: (record.stream, record.seq))

    def of_kind(self, kind: str) -> list[Record]:
        return [record for record in self.records() if record.kind == kind]

    @property
    def decisions(self) -> list[tuple[str, tuple[str, ...]]]:
        return [
            (record.decision.result, record.decision.reasons)
            for record in self.of_kind("passage")
            if record.decision is not None
        ]

    @property
    def outcomes(self) -> list[str]:
        return [record.outcome.result for record in self.of_kind("outcome") if record.outcome]

    def alarms(self, *devices: str) -> list[tuple[str, str]]:
        """State and cause of the fault alarms of these devices."""
        return [
            (str(detail.get("state")), str(detail.get("cause", "")))
            for record in self.of_kind("alarm")
            if record.event is not None
            and (detail := dict(record.event.detail or {})).get("device") in devices
        ]

    def children(self) -> list[int]:
        """Processes that it started: the scan process of each reader."""
        pid = self.process.pid
        text = "".join(
            path.read_text(encoding="ascii")
            for path in Path(f"/proc/{pid}/task").glob("*/children")
        )
        return [int(word) for word in text.split()]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until something is true; fails with the log."""
        deadline_s = time.monotonic() + WAIT_S
        while not condition():
            if time.monotonic() > deadline_s:
                raise AssertionError(f"never: {what}\n" + "".join(self.log))
            with self._told:
                self._told.wait(0.1)

    def _listen(self) -> None:
        while True:
            try:
                message = self._notify.recv(4096).decode()
            except OSError:
                return
            with self._told:
                self.said.append(message)
                self._told.notify_all()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        with process.stderr as lines:
            for line in lines:
                with self._told:
                    self.log.append(line)
                    self._told.notify_all()
