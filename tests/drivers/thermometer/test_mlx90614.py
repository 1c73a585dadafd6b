"""What the driver lets through, what it re-reads, and how it names what went wrong."""

import builtins
import errno
import itertools
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any, NoReturn

import pytest

from edge.config.model import Mlx90614Table
from edge.drivers.base import DeviceError
from edge.drivers.sim.i2c import Chip, SimI2C
from edge.drivers.sim.mlx90614 import SimMlx90614
from edge.drivers.thermometer import mlx90614, registers
from edge.drivers.thermometer.mlx90614 import ATTEMPTS, Mlx90614Thermometer
from edge.drivers.thermometer.pec import read_pec
from edge.gate.reasons import Cause, Device


class Bus(SimI2C):
    """A bus that raises the planned errors, one a transfer."""

    def __init__(self, *chips: Chip) -> None:
        super().__init__(*chips)
        self.errors: list[int] = []
        self.transfers = 0

    def writeto_then_readfrom(self, *args: Any, **options: Any) -> None:
        self.transfers += 1
        if self.errors:
            number = self.errors.pop(0)
            if number:
                raise OSError(number, "planned")
        super().writeto_then_readfrom(*args, **options)


class Bench:
    def __init__(self, **table: Any) -> None:
        self.now_s = 50.0
        self.chip = SimMlx90614(lambda _: (36.6, 25.0), monotonic=lambda: self.now_s)
        self.bus = Bus(self.chip)
        self.driver = Mlx90614Thermometer(
            Mlx90614Table(driver="mlx90614", **table),
            bus=self.bus,
            monotonic=lambda: self.now_s,
            sleep=self.sleep,
        )

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    with made.driver:
        yield made


def test_a_glitch_is_read_again_and_nobody_notices(bench: Bench) -> None:
    bench.bus.errors = [errno.EREMOTEIO, errno.EIO]
    assert bench.driver.read().object_c == pytest.approx(36.6, abs=0.011)
    described = bench.driver.describe()
    assert described["faults_no_answer"] == "1"
    assert described["faults_bus_error"] == "1"


@pytest.mark.parametrize(
    ("number", "cause"),
    [
        (errno.EREMOTEIO, Cause.UNPLUGGED),
        (errno.ENXIO, Cause.UNPLUGGED),
        (errno.ENODEV, Cause.UNPLUGGED),
        (errno.EIO, Cause.BUS_ERROR),
        (errno.ETIMEDOUT, Cause.BUS_ERROR),
        (errno.EAGAIN, Cause.BUS_ERROR),
    ],
)
def test_what_the_bus_says_becomes_a_cause(bench: Bench, number: int, cause: Cause) -> None:
    bench.bus.errors = [number] * ATTEMPTS
    before = bench.bus.transfers
    with pytest.raises(DeviceError) as raised:
        bench.driver.read()
    assert raised.value.cause == cause
    assert raised.value.device == Device.THERMOMETER
    assert bench.bus.transfers - before == ATTEMPTS
    assert bench.driver.read().object_c > 36  # the bus's lock was given back


def test_no_reply_with_one_or_two_wrong_bits_becomes_a_temperature(bench: Bench) -> None:
    for first, second in itertools.combinations_with_replacement(range(24), 2):
        bench.chip.spoil = partial(_flip, 1 << first | 1 << second)
        with pytest.raises(DeviceError) as raised:
            bench.driver.read()
        assert raised.value.cause == Cause.BAD_DATA
    assert bench.driver.describe()["faults_pec"] == str(300 * ATTEMPTS)


@pytest.mark.parametrize("word", [0x0000, 0xFFFF, 0x27AC])
def test_words_no_sensor_can_measure_are_refused_even_with_a_good_pec(
    bench: Bench, word: int
) -> None:
    low, high = word & 0xFF, word >> 8
    bench.chip.spoil = lambda _: bytes((low, high, read_pec(0x5A, 0x06, low, high)))
    with pytest.raises(DeviceError) as raised:
        bench.driver.read()
    assert raised.value.cause == Cause.BAD_DATA


def test_the_sensors_own_error_flag_is_heeded(bench: Bench) -> None:
    bench.chip.error_flag = True
    with pytest.raises(DeviceError) as raised:
        bench.driver.read()
    assert raised.value.cause == Cause.BAD_DATA
    assert bench.driver.describe()["faults_error_flag"] == str(ATTEMPTS)


def test_a_slow_bus_ends_with_a_timeout(bench: Bench) -> None:
    def slow(_: bytes) -> bytes:
        bench.now_s += 3
        return bytes(3)

    bench.chip.spoil = slow
    with pytest.raises(DeviceError) as raised:
        bench.driver.read()
    assert raised.value.cause == Cause.TIMEOUT


def test_a_stuck_sensor_tells_the_technician_to_cycle_its_power(bench: Bench) -> None:
    bench.chip.stuck = True
    with pytest.raises(DeviceError, match="power off and on") as raised:
        bench.driver.read()
    assert raised.value.cause == Cause.BAD_DATA


def test_a_word_that_one_read_alone_shows_is_not_believed(bench: Bench) -> None:
    """PEC lets one of 256 random words pass: this one has a good PEC and is a fever."""
    word = registers.word(39.0)
    low, high = word & 0xFF, word >> 8
    fever = bytes((low, high, read_pec(0x5A, registers.TOBJ1, low, high)))
    true = iter([None, None, fever])  # ambient twice, then the object once

    bench.chip.spoil = lambda reply: next(true, None) or reply
    assert bench.driver.read().object_c == pytest.approx(36.6, abs=0.011)


def test_metal_that_heats_by_degrees_at_once_is_no_temperature() -> None:
    bench = Bench()
    air_c = [25.0]
    bench.chip.scene = lambda _: (36.6, air_c[0])
    with bench.driver:
        bench.driver.read()
        bench.now_s += 0.05
        air_c[0] = 31.0
        with pytest.raises(DeviceError, match=r"ambient jumped from 24\.99") as raised:
            bench.driver.read()
        assert raised.value.cause == Cause.BAD_DATA
        assert bench.driver.describe()["faults_jump"] == str(ATTEMPTS)
    with bench.driver:  # after opening it anew, it is what it is
        assert bench.driver.read().ambient_c == pytest.approx(31.0, abs=0.011)


def test_a_person_who_steps_in_is_no_jump() -> None:
    bench = Bench()
    seen_c = [22.0]
    bench.chip.scene = lambda _: (seen_c[0], 22.0)
    with bench.driver:
        bench.driver.read()
        seen_c[0] = 36.6
        for _ in range(4):
            bench.now_s += 0.1
            bench.driver.read()
        assert bench.driver.read().object_c == pytest.approx(36.6, abs=0.011)
        assert "faults_jump" not in bench.driver.describe()


def test_it_knows_how_long_its_own_filter_takes() -> None:
    bench = Bench(variant="BAA", distance_cm=3.0)
    with bench.driver:
        assert bench.driver.settling_s == pytest.approx(0.10)
        assert bench.driver.describe()["settling_s"] == "0.10"


@pytest.mark.parametrize(
    ("variant", "distance_cm", "spot_cm"),
    [("BCC", 5, "3.2"), ("DCH", 20, "4.2"), ("BCI", 50, "4.4"), ("BCF", 30, "5.2")],
)
def test_it_tells_the_spot_it_sees(variant: str, distance_cm: float, spot_cm: str) -> None:
    bench = Bench(variant=variant, distance_cm=distance_cm)
    with bench.driver:
        described = bench.driver.describe()
    assert described["spot_cm"] == spot_cm
    assert described["accuracy"] == ("medical" if variant[0] == "D" else "industrial")


@pytest.mark.parametrize(("variant", "distance_cm"), [("BAA", 5.0), ("BCC", 10.0), ("BCI", 70.0)])
def test_a_spot_larger_than_a_forehead_is_refused(variant: str, distance_cm: float) -> None:
    with pytest.raises(ValueError, match=r"sees a spot of .* more than a forehead \(6 cm\)"):
        Mlx90614Table(driver="mlx90614", variant=variant, distance_cm=distance_cm)


def test_it_says_who_it_is(bench: Bench) -> None:
    described = bench.driver.describe()
    assert described["address"] == "0x5a"
    assert described["emissivity"] == "0.980"
    assert len(described["id"]) == 16
    assert described["reads"] == "0"


def test_another_emissivity_than_configured_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(emissivity=0.95)
    with bench.driver:
        pass
    assert [vars(record)["action"] for record in caplog.records] == ["emissivity_differs"]


def test_a_missing_bus_names_the_line_that_enables_it() -> None:
    with pytest.raises(DeviceError, match=r"dtparam=i2c_arm=on") as raised:
        Mlx90614Thermometer(Mlx90614Table(driver="mlx90614", bus=31)).open()
    assert raised.value.cause == Cause.NOT_FOUND


def test_a_bus_one_may_not_open_names_the_group(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("adafruit_extended_bus.path.exists", lambda _: True)
    monkeypatch.setattr(builtins, "open", refuse)
    driver = Mlx90614Thermometer(Mlx90614Table(driver="mlx90614", bus=31))
    with pytest.raises(DeviceError, match="group i2c") as raised:
        driver.open()
    monkeypatch.undo()
    assert raised.value.cause == Cause.PERMISSION


@pytest.mark.parametrize("missing", ["adafruit_extended_bus", "adafruit_mlx90614"])
def test_a_missing_library_is_named(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "edge.drivers.thermometer.checked", raising=False)
    bus = None if missing == "adafruit_extended_bus" else Bench().bus
    with pytest.raises(DeviceError, match=missing) as raised:
        Mlx90614Thermometer(Mlx90614Table(driver="mlx90614", bus=31), bus=bus).open()
    assert raised.value.cause == Cause.MISSING_LIBRARY


def test_a_sensor_that_is_not_there_at_open_is_unplugged() -> None:
    bench = Bench()
    bench.chip.unplugged = True
    with pytest.raises(DeviceError, match="nothing answers at address 0x5a of bus 1") as raised:
        bench.driver.open()
    assert raised.value.cause == Cause.UNPLUGGED
    bench.chip.unplugged = False
    with bench.driver:
        assert bench.driver.read().object_c > 36


def test_a_bus_held_low_at_open_is_a_bus_error() -> None:
    bench = Bench()
    bench.bus.held_low = True
    with pytest.raises(DeviceError, match="short") as raised:
        bench.driver.open()
    assert raised.value.cause == Cause.BUS_ERROR


def test_retries_are_few_enough_for_a_gate() -> None:
    assert ATTEMPTS * mlx90614.RETRY_PAUSE_S < 0.1  # seconds, one sample at 10 a second


def _flip(mask: int, reply: bytes) -> bytes:
    return (int.from_bytes(reply) ^ mask).to_bytes(3)
