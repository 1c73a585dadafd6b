"""A disk of the hub's own that is full or read-only: nothing is acknowledged, nothing lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.support import ROOT, Gate, HubProcess, assert_each_once
from tests.mqtt.support import Broker, wait_until

StartGate = Callable[..., Gate]
TROUBLE = "nothing is acknowledged until the store works"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0 or _mount("-t", "tmpfs", "-o", "size=1m", "none", str(folder)):
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(*words: str) -> int:
    return subprocess.run(["mount", *words], capture_output=True, check=False).returncode


@pytest.fixture
def small_hub(broker: Broker, disk: Path) -> Iterator[HubProcess]:
    made = HubProcess(disk, broker.port)
    yield made
    made.stop()


def test_a_full_disk_stops_acknowledging_until_there_is_room(
    broker: Broker, small_hub: HubProcess, start_gate: StartGate, disk: Path
) -> None:
    small_hub.start().connected()
    gate = start_gate(broker.port, before=10)
    assert gate.all_confirmed()
    ballast = disk / "ballast"
    _fill(ballast)
    gate.put(200)
    gate.written()
    assert wait_until(lambda: TROUBLE in small_hub.log), small_hub.log
    assert gate.journal.confirmed_upto < 210
    ballast.unlink()
    assert gate.all_confirmed(), small_hub.log
    assert_each_once(gate, small_hub)
    assert "the store works again" in small_hub.log


def test_a_read_only_disk_at_the_start_is_told_and_nothing_is_taken(
    broker: Broker, small_hub: HubProcess, start_gate: StartGate, disk: Path
) -> None:
    small_hub.start().connected()
    gate = start_gate(broker.port, before=10)
    assert gate.all_confirmed()
    small_hub.stop()
    assert _mount("-o", "remount,ro", str(disk)) == 0
    # a log of its own: the disk can't be written
    done = subprocess.run(small_hub.command(), cwd=ROOT, capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert done.returncode == 2
    assert "Read-only file system" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    gate.put(20)
    gate.written()
    assert _mount("-o", "remount,rw", str(disk)) == 0
    small_hub.start()
    assert gate.all_confirmed(), small_hub.log
    assert_each_once(gate, small_hub)


def _fill(ballast: Path) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096):
            try:
                while True:
                    file.write(b"\1" * size)
            except OSError:
                continue
