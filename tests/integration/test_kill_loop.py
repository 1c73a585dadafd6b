"""kill -9, gate and hub, again and again: what the gate acknowledged is at the hub, once."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.integration.support import ROOT, WAIT_S, HubProcess
from tests.mqtt.support import Broker


class GateProcess:
    """tests.integration.gate_process: `told` are the seqs that it said were durable."""

    def __init__(self, folder: Path, port: int, *, pause_s: float) -> None:
        command = [sys.executable, "-m", "tests.integration.gate_process"]
        self._process = subprocess.Popen(
            [*command, str(folder), "127.0.0.1", str(port), str(pause_s)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.told: list[int] = []
        self.last: int | None = None
        self._begun = threading.Event()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if not line.endswith("\n"):
                return  # cut off by its death
            if line.startswith("done"):
                self.last = int(line.split()[1])
            else:
                self.told.append(int(line))
            self._begun.set()

    def wait_until_it_writes(self) -> None:
        assert self._begun.wait(WAIT_S)

    def kill(self) -> None:
        self._process.kill()
        self._end()

    def finish(self) -> int:
        """Let it bring everything home: the seq of its newest record."""
        assert self._process.stdin is not None
        self._process.stdin.write("enough\n")
        self._process.stdin.flush()
        self._process.wait(WAIT_S)
        self._end()
        assert self.last is not None
        return self.last

    def _end(self) -> None:
        self._process.wait(WAIT_S)
        self._reader.join(WAIT_S)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()


def rounds(count: int, folder: Path, broker: Broker, hub: HubProcess) -> None:
    chance = random.Random(count)
    hub.start()
    told: set[int] = set()
    for number in range(count):
        gate = GateProcess(folder, broker.port, pause_s=chance.choice([0.001, 0.005, 0.02]))
        gate.wait_until_it_writes()
        time.sleep(chance.uniform(0.0, 0.4))  # the moment of its death is random, on purpose
        if number % 3 == 1:
            hub.kill()
            hub.start()
        if number % 10 == 5:
            broker.restart()
        gate.kill()
        assert not told & set(gate.told), "a seq was given twice"
        told |= set(gate.told)
    gate = GateProcess(folder, broker.port, pause_s=0.01)
    gate.wait_until_it_writes()
    last = gate.finish()
    told |= set(gate.told)
    (standing,) = hub.status()["streams"]
    stored = hub.raws(standing["stream"])  # fails where a key stands twice
    assert sorted(told - stored.keys()) == [], "acknowledged at the door and lost"
    assert sorted(stored) == list(range(1, last + 1))
    assert (standing["upto"], standing["gaps"]) == (last, [])
    status = hub.status()
    assert (status["alarms"], status["dead_letters"]) == ([], [])


def test_killed_ten_times(tmp_path: Path, broker: Broker, hub: HubProcess) -> None:
    rounds(10, tmp_path, broker, hub)


@pytest.mark.proof
@pytest.mark.timeout(3600)
def test_killed_two_hundred_times(tmp_path: Path, broker: Broker, hub: HubProcess) -> None:
    rounds(200, tmp_path, broker, hub)
