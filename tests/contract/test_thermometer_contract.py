"""What every thermometer must do, whatever is behind it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from edge.config.model import Mlx90614Table, SimThermometerTable
from edge.drivers.base import DeviceError
from edge.drivers.sim.i2c import SimI2C
from edge.drivers.sim.mlx90614 import SimMlx90614
from edge.drivers.sim.world import ScriptedCrowd, Visit, World
from edge.drivers.thermometer.mlx90614 import Mlx90614Thermometer
from edge.drivers.thermometer.sim import SimThermometer
from edge.gate.reasons import Cause, Device


class RealDriver:
    """The driver of the real sensor, over a simulated bus that it was given."""

    def __init__(self) -> None:
        self.chip = SimMlx90614(lambda _: (36.5, 25.0))
        bus = SimI2C(self.chip)
        self.driver = Mlx90614Thermometer(Mlx90614Table(driver="mlx90614"), bus=bus)

    def unplug(self, *, unplugged: bool) -> None:
        self.chip.unplugged = unplugged


class Simulated:
    """The simulator, with a person of the world before it."""

    def __init__(self) -> None:
        visit = Visit(reader="in", at_s=0, stay_s=600, face_from_s=0, surface_c=36.5)
        self.unplugged = False
        world = _World(ScriptedCrowd([visit]), time.monotonic(), 25.0)
        object.__setattr__(world, "harness", self)
        self.driver = SimThermometer(
            SimThermometerTable(driver="sim", noise_c=0), world=world, reader="in"
        )

    def unplug(self, *, unplugged: bool) -> None:
        self.unplugged = unplugged


class _World(World):
    harness: Simulated

    def fault(self, device: Device, reader: str | None, monotonic_s: float) -> str | None:
        return "unplugged" if self.harness.unplugged else None


Harness = RealDriver | Simulated


@pytest.fixture(params=[RealDriver, Simulated])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    made: Harness = request.param()
    yield made
    made.driver.close()


def test_it_reads_both_temperatures_with_their_time(harness: Harness) -> None:
    with harness.driver as driver:
        before_s = time.monotonic()
        measured = driver.read()
        assert before_s <= measured.taken_s <= time.monotonic()
        assert measured.object_c == pytest.approx(36.5, abs=0.03)
        assert measured.ambient_c == pytest.approx(25.0, abs=0.03)


def test_closing_twice_or_unopened_is_harmless(harness: Harness) -> None:
    harness.driver.close()
    harness.driver.open()
    harness.driver.close()
    harness.driver.close()


def test_it_can_be_opened_again(harness: Harness) -> None:
    for _ in range(2):
        with harness.driver as driver:
            driver.read()


def test_opening_twice_is_a_mistake_of_the_program(harness: Harness) -> None:
    with harness.driver as driver, pytest.raises(RuntimeError):
        driver.open()


def test_reading_a_closed_one_is_a_mistake_of_the_program(harness: Harness) -> None:
    with pytest.raises(RuntimeError):
        harness.driver.read()


def test_a_fault_is_a_device_error_and_the_driver_works_again_after_it(harness: Harness) -> None:
    harness.driver.open()
    harness.unplug(unplugged=True)
    with pytest.raises(DeviceError) as raised:
        harness.driver.read()
    assert (raised.value.device, raised.value.cause) == (Device.THERMOMETER, Cause.UNPLUGGED)
    harness.driver.close()
    with pytest.raises(DeviceError):
        harness.driver.open()
    harness.unplug(unplugged=False)
    with harness.driver as driver:
        driver.read()


def test_it_describes_itself(harness: Harness) -> None:
    with harness.driver as driver:
        assert {"id", "emissivity", "address"} <= set(driver.describe())


def test_no_thread_is_left_behind(harness: Harness) -> None:
    before = threading.active_count()
    with harness.driver as driver:
        driver.read()
    assert threading.active_count() == before
