"""A sensor that goes and comes back: told once, read again, no restart."""

from __future__ import annotations

import queue
import time
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest

from edge.config.model import SimThermometerTable
from edge.drivers.sim.world import Fault, ScriptedCrowd, Visit, World
from edge.drivers.thermometer.sim import SimThermometer
from edge.drivers.thermometer.worker import ThermometerWorker
from edge.gate.events import Event, Faulted, Recovered, Sample
from edge.gate.reasons import Cause, Device
from feed.backoff import Backoff

_Kind = TypeVar("_Kind")

TABLE = SimThermometerTable(driver="sim", noise_c=0)


class Rig:
    """A worker over a simulated sensor whose faults the test switches."""

    def __init__(self, **options: Any) -> None:
        self.kind: str | None = None
        self.opened: list[SimThermometer] = []
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.worker = ThermometerWorker(
            "in",
            self.make,
            self.events.put,
            rate_hz=20,
            backoff=Backoff(first_s=0.01, longest_s=0.02),
            **options,
        )

    def make(self) -> SimThermometer:
        driver = SimThermometer(TABLE, world=_Switched(self), reader="in")
        self.opened.append(driver)
        return driver

    def next(self, *kinds: type[_Kind]) -> _Kind:
        """The next event of these kinds."""
        while not isinstance(event := self.events.get(timeout=10), kinds):
            pass
        return event


class _Switched(World):
    """A world with nobody in it and one switchable fault."""

    rig: Rig

    def __init__(self, rig: Rig) -> None:
        super().__init__(ScriptedCrowd([]), time.monotonic())
        object.__setattr__(self, "rig", rig)

    def fault(self, device: Device, reader: str | None, monotonic_s: float) -> str | None:
        return self.rig.kind


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    made.worker.start()
    yield made
    assert made.worker.stop()
    assert made.worker.error is None


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        ("unplugged", Cause.UNPLUGGED),
        ("bit_flips", Cause.BAD_DATA),
        ("stuck", Cause.BAD_DATA),
        ("bus_held_low", Cause.BUS_ERROR),
    ],
)
def test_a_sensor_that_goes_and_comes_back_is_told_once_each_way(
    rig: Rig, kind: str, cause: Cause
) -> None:
    rig.next(Sample)
    rig.kind = kind
    faulted = rig.next(Faulted)
    assert (faulted.device, faulted.cause, faulted.reader) == (Device.THERMOMETER, cause, "in")
    assert faulted.detail
    tries = len(rig.opened)
    while len(rig.opened) < tries + 3:  # it goes on trying, and says no more about it
        time.sleep(0.005)
    rig.kind = None
    kinds: tuple[type[Faulted | Recovered], ...] = (Faulted, Recovered)
    assert isinstance(rig.next(*kinds), Recovered)
    rig.next(Sample)
    assert rig.events.empty() or not isinstance(rig.events.get(), (Faulted, Recovered))


def test_another_cause_is_told_too(rig: Rig) -> None:
    rig.kind = "unplugged"
    assert rig.next(Faulted).cause == Cause.UNPLUGGED
    rig.kind = "bus_held_low"
    assert rig.next(Faulted).cause == Cause.BUS_ERROR
    rig.kind = None
    rig.next(Recovered)


def test_a_sensor_missing_at_start_is_read_when_it_is_plugged_in() -> None:
    rig = Rig()
    rig.kind = "unplugged"
    rig.worker.start()
    rig.next(Faulted)
    rig.kind = None
    rig.next(Recovered)
    assert rig.worker.stop()


def test_a_healthy_sensor_sends_samples_only(rig: Rig) -> None:
    assert all(isinstance(rig.events.get(timeout=10), Sample) for _ in range(5))


def test_the_worker_after_one_that_died_tells_of_the_recovery() -> None:
    rig = Rig(faulted=True)
    rig.worker.start()
    assert isinstance(rig.events.get(timeout=10), Recovered)
    assert rig.worker.stop()


def test_stopping_does_not_wait_for_a_retry() -> None:
    rig = Rig()
    rig.worker._teller._backoff = Backoff(first_s=60, longest_s=60)
    rig.kind = "unplugged"
    rig.worker.start()
    rig.next(Faulted)
    assert rig.worker.stop(5)


def test_a_person_is_measured_as_warm_as_the_script_says() -> None:
    epoch_s = time.monotonic()
    visit = Visit(reader="in", at_s=0, stay_s=60, face_from_s=0, surface_c=38.4)
    world = World(ScriptedCrowd([visit]), epoch_s, 24.0)
    with SimThermometer(TABLE, world=world, reader="in") as inside:
        assert inside.read().object_c == pytest.approx(38.4, abs=0.011)
        assert inside.read().ambient_c == pytest.approx(24.0, abs=0.011)
    with SimThermometer(TABLE, world=world, reader="out") as outside:
        assert outside.read().object_c == pytest.approx(24.0, abs=0.011)


def test_a_planned_fault_befalls_the_reader_it_names() -> None:
    fault = Fault(device=Device.THERMOMETER, kind="unplugged", from_s=0, reader="in")
    world = World(ScriptedCrowd([]), time.monotonic() - 1, faults=(fault,))
    with SimThermometer(TABLE, world=world, reader="out") as outside:
        outside.read()
    with pytest.raises(Exception, match="nothing answers"):
        SimThermometer(TABLE, world=world, reader="in").open()
