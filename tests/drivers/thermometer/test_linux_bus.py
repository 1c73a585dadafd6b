"""The driver over Linux's own I2C interface: ExtendedI2C and Adafruit's libraries, unmodified."""

from __future__ import annotations

import errno
import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.drivers.thermometer import registers

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


class Rig:
    """A process that reads the preloaded bus when asked."""

    def __init__(self, library: Path, state: Path) -> None:
        self.state = state
        self.set()
        environment = {
            **os.environ,
            "LD_PRELOAD": str(library),
            "FAKE_I2C_STATE": str(state),
            "PYTHONPATH": str(ROOT),
        }
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", str(HERE / "read_thermometer.py")],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def set(self, *, error: int = 0, spoil: int = 0, object_c: float = 36.6) -> None:
        """What the bus does from now on."""
        words = [0] * 64
        words[registers.TA] = registers.word(24.0)
        words[registers.TOBJ1] = registers.word(object_c)
        words[registers.EMISSIVITY] = round(0.98 * registers.EMISSIVITY_ONE)
        words[registers.IDS[0]] = 0xBEEF
        content = struct.pack("<BB64H", error, spoil, *words)
        fresh = self.state.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(self.state)

    def read(self) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write("read\n")
        self.process.stdin.flush()
        told: dict[str, Any] = json.loads(self.process.stdout.readline())
        return told


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs gcc on Linux to build the stand-in for /dev/i2c-1")
    built = tmp_path_factory.mktemp("fake_i2c") / "fake_i2c_dev.so"
    source = HERE / "fake_i2c_dev.c"
    subprocess.run(
        [compiler, "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-o", built, source],
        check=True,
    )
    return built


@pytest.fixture
def rig(library: Path, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(library, tmp_path / "state")
    yield made
    made.process.communicate(timeout=20)
    assert made.process.returncode == 0


def test_it_reads_through_the_kernels_interface(rig: Rig) -> None:
    told = rig.read()
    assert told["object_c"] == pytest.approx(36.6, abs=0.011)
    assert told["emissivity"] == "0.980"
    assert told["id"] == "beef000000000000"
    rig.set(object_c=38.2)
    assert rig.read()["object_c"] == pytest.approx(38.2, abs=0.011)


@pytest.mark.parametrize("at", ["open", "reading"])
@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ({"error": errno.EREMOTEIO}, "unplugged"),
        ({"error": errno.EIO}, "bus_error"),
        ({"error": errno.ETIMEDOUT}, "bus_error"),
        ({"spoil": 0x10}, "bad_data"),
    ],
)
def test_a_fault_has_its_cause_and_passes(
    rig: Rig, at: str, fault: dict[str, int], cause: str
) -> None:
    if at == "reading":
        assert "object_c" in rig.read()
    rig.set(**fault)
    told = rig.read()
    assert told["cause"] == cause, told
    assert "cause" in rig.read()
    rig.set()
    assert "object_c" in rig.read()
