"""A noisy cable: of all words that arrive broken, none becomes a temperature."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from edge.config.model import Mlx90614Table
from edge.drivers.base import DeviceError
from edge.drivers.sim.i2c import SimI2C
from edge.drivers.sim.mlx90614 import SimMlx90614
from edge.drivers.thermometer import registers
from edge.drivers.thermometer.mlx90614 import Mlx90614Thermometer
from edge.drivers.thermometer.pec import read_pec

BROKEN = 0.1  # of the replies
OBJECT_C, AMBIENT_C = 36.6, 25.0


class Cable:
    """Spoils replies: single bits, bursts, whole words, lines that hang; counts what PEC passes."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.register = 0
        self.counts: Counter[str] = Counter()

    def spoil(self, reply: bytes) -> bytes:
        if self.rng.random() >= BROKEN:
            return reply
        spoilt = self.spoilt(reply)
        if spoilt != reply:
            self.counts["broken"] += 1
            low, high, pec = spoilt
            passes = any(
                read_pec(registers.ADDRESS, register, low, high) == pec
                for register in (registers.TA, registers.TOBJ1)
            )
            self.counts["with a good PEC"] += passes
        return spoilt

    def spoilt(self, reply: bytes) -> bytes:
        kind = self.rng.randrange(4)
        if kind == 0:
            return (int.from_bytes(reply) ^ 1 << self.rng.randrange(24)).to_bytes(3)
        if kind == 1:  # a burst
            return (int.from_bytes(reply) ^ self.rng.getrandbits(24)).to_bytes(3)
        if kind == 2:
            return self.rng.randbytes(3)
        return bytes([self.rng.choice((0x00, 0xFF))] * 3)


def run(reads: int, seed: int) -> tuple[Counter[str], dict[str, str]]:
    cable = Cable(seed)
    now_s = [100.0]
    chip = SimMlx90614(lambda _: (OBJECT_C, AMBIENT_C), monotonic=lambda: now_s[0])
    driver = Mlx90614Thermometer(
        Mlx90614Table(driver="mlx90614"),
        bus=SimI2C(chip),
        monotonic=lambda: now_s[0],
        sleep=lambda _: None,
    )
    counts = cable.counts
    with driver:
        chip.spoil = cable.spoil
        for _ in range(reads):
            now_s[0] += 0.05
            try:
                measured = driver.read()
            except DeviceError:
                counts["refused reads"] += 1
                continue
            good = (
                abs(measured.object_c - OBJECT_C) < 0.02
                and abs(measured.ambient_c - AMBIENT_C) < 0.02
            )
            counts["good reads" if good else "wrong reads"] += 1
        return counts, driver.describe()


def check(reads: int, seed: int) -> None:
    counts, described = run(reads, seed)
    told = {**counts, **{name: text for name, text in described.items() if "faults" in name}}
    print(f"{reads} reads: {told}")
    assert counts["wrong reads"] == 0, told
    assert counts["good reads"] + counts["refused reads"] == reads
    # they did come, and something else than PEC caught them
    assert counts["with a good PEC"] > counts["broken"] / 2000
    caught = sum(int(described.get(f"faults_{kind}", 0)) for kind in ("error_flag", "range"))
    assert caught > 0


def test_no_broken_word_becomes_a_temperature() -> None:
    check(20_000, 1)


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_no_broken_word_of_a_million_reads_becomes_a_temperature() -> None:
    check(1_000_000, 2)
