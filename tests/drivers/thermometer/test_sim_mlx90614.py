"""The simulated sensor behaves as Melexis' documents say, byte for byte."""

import errno
from typing import Any

import pytest
from adafruit_mlx90614 import MLX90614

from edge.drivers.sim.i2c import SimI2C
from edge.drivers.sim.mlx90614 import Imperfections, SimMlx90614
from edge.drivers.thermometer import registers
from edge.drivers.thermometer.checked import CheckedMlx90614
from edge.drivers.thermometer.pec import write_pec


class Bench:
    """A sensor on a bus, a scene and a clock that the test moves."""

    def __init__(self, **options: Any) -> None:
        self.now_s = 1000.0
        self.surface_c = 36.5
        self.ambient_c = 25.0
        self.chip = SimMlx90614(
            lambda _: (self.surface_c, self.ambient_c), monotonic=lambda: self.now_s, **options
        )
        self.bus = SimI2C(self.chip)

    def write(
        self, command: int, word: int, *, pec: int | None = None, address: int = 0x5A
    ) -> None:
        data = bytes((command, word & 0xFF, word >> 8))
        pec = write_pec(address, data) if pec is None else pec
        self.bus.writeto(address, data + bytes((pec,)))
        self.now_s += registers.EEPROM_WRITE_S

    def read(self, command: int, address: int = 0x5A) -> int:
        reply = bytearray(3)
        self.bus.writeto_then_readfrom(address, bytes((command,)), reply)
        return reply[0] | reply[1] << 8


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_the_unchanged_adafruit_class_reads_it(bench: Bench) -> None:
    sensor = MLX90614(bench.bus)
    assert sensor.object_temperature == pytest.approx(36.5, abs=0.011)
    assert sensor.ambient_temperature == pytest.approx(25, abs=0.011)


def test_a_cell_must_be_erased_before_it_is_written(bench: Bench) -> None:
    before = bench.read(registers.EMISSIVITY)
    bench.write(registers.EMISSIVITY, 0x1234)
    assert bench.read(registers.EMISSIVITY) == before | 0x1234  # a mix, as on the real thing
    bench.write(registers.EMISSIVITY, 0)
    bench.write(registers.EMISSIVITY, 0x1234)
    assert bench.read(registers.EMISSIVITY) == 0x1234


def test_a_write_with_a_wrong_pec_is_refused_and_changes_nothing(bench: Bench) -> None:
    before = bench.chip.cells
    with pytest.raises(OSError, match=r".*") as raised:
        bench.write(registers.EMISSIVITY, 0, pec=0)
    assert raised.value.errno == errno.EREMOTEIO
    assert bench.chip.cells == before


def test_factory_calibration_can_not_be_overwritten(bench: Bench) -> None:
    before = bench.chip.cells
    bench.write(registers.EEPROM | 0x1C, 0)
    bench.write(registers.EEPROM | 0x0A, 0)
    assert bench.chip.cells == before


def test_a_write_during_a_write_is_lost(bench: Bench) -> None:
    bench.bus.writeto(0x5A, _write_of(registers.EMISSIVITY, 0))
    assert bench.read(registers.READ_FLAGS) & registers.FLAG_EEBUSY
    bench.bus.writeto(0x5A, _write_of(registers.EMISSIVITY, 0x1234))
    bench.now_s += 1
    assert bench.read(registers.EMISSIVITY) == 0
    assert not bench.read(registers.READ_FLAGS) & registers.FLAG_EEBUSY


def test_a_new_address_counts_from_the_next_power_on(bench: Bench) -> None:
    bench.write(registers.SMBUS_ADDRESS, 0)
    bench.write(registers.SMBUS_ADDRESS, 0x2B)
    assert bench.bus.scan() == [0x5A]
    bench.chip.power_cycle()
    assert bench.bus.scan() == [0x2B]
    assert bench.read(registers.SMBUS_ADDRESS, address=0x00) == 0x2B  # 0x00 always answers


def test_emissivity_set_too_high_reads_skin_too_cold() -> None:
    bench = Bench(emissivity=1.0)
    shown_c = CheckedMlx90614(bench.bus, 0x5A).object_temperature
    assert 36.2 < shown_c < 36.4


def test_sleep_answers_nothing_until_sda_is_held_low_long_enough(bench: Bench) -> None:
    bench.bus.writeto(0x5A, bytes((registers.SLEEP, write_pec(0x5A, [registers.SLEEP]))))
    assert bench.bus.scan() == []
    bench.bus.hold_sda_low(0.02)
    assert bench.bus.scan() == []
    bench.bus.hold_sda_low(0.034)
    assert bench.bus.scan() == [0x5A]
    assert not bench.read(registers.READ_FLAGS) & registers.FLAG_INIT
    assert bench.read(registers.TOBJ1) == 0  # not a temperature yet
    bench.now_s += registers.FIRST_DATA_S
    assert registers.celsius(bench.read(registers.TOBJ1)) == pytest.approx(36.5, abs=0.011)


def test_without_a_repeated_start_the_command_is_forgotten(bench: Bench) -> None:
    reply = bytearray(3)
    bench.bus.writeto_then_readfrom(0x5A, bytes((registers.TOBJ1,)), reply, stop=True)
    assert reply == b"\xff\xff\xff"


def test_bytes_after_the_pec_are_ones(bench: Bench) -> None:
    reply = bytearray(5)
    bench.bus.writeto_then_readfrom(0x5A, bytes((registers.TOBJ1,)), reply)
    assert reply[3:] == b"\xff\xff"


@pytest.mark.parametrize("two_piles", [False, True])
@pytest.mark.parametrize("taps", [4, 5, 6, 7])
@pytest.mark.parametrize("iir", range(8))
def test_it_follows_a_person_within_the_time_its_filter_takes(
    iir: int, taps: int, two_piles: bool
) -> None:
    config = 0x9FB4 & ~0x0707 | taps << 8 | iir
    bench = Bench(config=config, two_piles=two_piles)
    bench.surface_c = 25.0
    bench.read(registers.TOBJ1)
    step_s, share = registers.filter_of(config, two_piles=two_piles)
    settling_s = registers.settling_s(config, two_piles=two_piles)
    bench.surface_c = 36.5
    # the step falls into the middle of an output, as it may
    bench.now_s += step_s
    early_c = registers.celsius(bench.read(registers.TOBJ1))
    bench.now_s += settling_s + step_s
    assert registers.celsius(bench.read(registers.TOBJ1)) == pytest.approx(36.5, abs=0.14)
    if share < 0.6:
        assert early_c < 33


@pytest.mark.parametrize(
    ("config", "two_piles", "expected_s"),
    [(0x9FB4, False, 0.10), (0x9FB4, True, 0.14), (0x9FB0, False, 0.86), (0x9FB0, True, 1.33)],
)
def test_settling_times_are_those_of_the_data_sheet(
    config: int, two_piles: bool, expected_s: float
) -> None:
    assert registers.settling_s(config, two_piles=two_piles) == pytest.approx(expected_s, abs=0.01)


def test_noise_is_that_of_the_moment_however_often_it_is_read() -> None:
    bench = Bench(imperfections=Imperfections(noise_c=0.2))
    once = bench.read(registers.TOBJ1)
    assert bench.read(registers.TOBJ1) == once
    words = set()
    for _ in range(20):
        bench.now_s += 0.1
        words.add(bench.read(registers.TOBJ1))
    assert len(words) > 5


def test_drift_adds_up_over_hours() -> None:
    bench = Bench(imperfections=Imperfections(drift_c_per_h=0.1))
    bench.now_s += 5 * 3600
    assert registers.celsius(bench.read(registers.TA)) == pytest.approx(25.5, abs=0.011)


def test_a_writing_of_no_bytes_is_not_supported_as_on_the_pi(bench: Bench) -> None:
    with pytest.raises(OSError, match=r".*") as raised:
        bench.bus.writeto(0x5A, b"")
    assert raised.value.errno == errno.EOPNOTSUPP


def _write_of(command: int, word: int) -> bytes:
    data = bytes((command, word & 0xFF, word >> 8))
    return data + bytes((write_pec(0x5A, data),))
