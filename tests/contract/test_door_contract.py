"""What every door must do, whatever is behind its pins."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import pytest
from gpiozero.pins.mock import MockFactory

from edge.config.model import GpioDoorTable, SimDoorTable
from edge.drivers.base import DeviceError
from edge.drivers.door import Door, DoorEvent
from edge.drivers.door.gpio import GpioDoor
from edge.drivers.door.sim import SimDoor
from edge.drivers.gpio import Board, Pins
from edge.drivers.sim.doorway import Doorway
from edge.drivers.sim.pins import SimPins
from edge.drivers.sim.world import ScriptedCrowd, World
from edge.gate.events import Contact, ExitPressed, FireInput
from edge.gate.reasons import Cause, Device

RELAY, CONTACT, EXIT, FIRE = 17, 22, 23, 24


class OnMockPins:
    """The real driver on gpiozero's own mock pins, which the test drives."""

    def __init__(self, revision: str) -> None:
        self.factory = MockFactory(revision=revision)
        self.events: queue.SimpleQueue[DoorEvent] = queue.SimpleQueue()
        table = GpioDoorTable(driver="gpio", lock="fail_secure", debounce_ms=5)
        self.pins = Pins(lambda _: Board(self.factory, ()))
        self.door: Door = GpioDoor(table, self.events.put, pins=self.pins)
        self.second: Door = GpioDoor(table, self.events.put, pins=self.pins)

    def leaf(self, *, is_open: bool) -> None:
        pin = self.factory.pin(CONTACT)
        (pin.drive_high if is_open else pin.drive_low)()

    def fire(self, *, active: bool) -> None:
        pin = self.factory.pin(FIRE)
        (pin.drive_high if active else pin.drive_low)()

    def press_exit(self) -> None:
        self.factory.pin(EXIT).drive_low()

    def released(self) -> bool:
        pin = self.factory.pin(RELAY)
        return bool(pin.function == "output" and pin.state)


class Simulated:
    """The simulator: the doorway moves the pins."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[DoorEvent] = queue.SimpleQueue()
        table = SimDoorTable(driver="sim", lock="fail_secure", debounce_ms=5)
        self.doorway = Doorway(World(ScriptedCrowd([]), time.monotonic()), ["in"])
        pins = SimPins()
        self._sim = SimDoor(table, self.events.put, pins=pins, doorway=self.doorway)
        self.door: Door = self._sim
        self.second: Door = SimDoor(table, self.events.put, pins=pins, doorway=self.doorway)

    def leaf(self, *, is_open: bool) -> None:
        if is_open != self.doorway.leaf_open:
            self.doorway.force(open_s=3600 if is_open else 0.001)

    def fire(self, *, active: bool) -> None:
        self.doorway.set_fire(active=active)

    def press_exit(self) -> None:
        self.doorway.press_exit()

    def released(self) -> bool:
        return self._sim.lock_released


Harness = OnMockPins | Simulated
PI_4B, PI_5B = "c03112", "c04170"


@pytest.fixture(params=["pi 4", "pi 5", "simulated"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    revisions = {"pi 4": PI_4B, "pi 5": PI_5B}
    revision = revisions.get(request.param)
    made: Harness = Simulated() if revision is None else OnMockPins(revision)
    yield made
    made.second.close()
    made.door.close()


def reads_open(door: Door) -> bool:
    assert door.contact_open is not None
    return door.contact_open


def until(harness: Harness, *expected: DoorEvent) -> None:
    missing = list(expected)
    while missing:
        event = harness.events.get(timeout=10)
        if event in missing:
            missing.remove(event)


def test_it_is_secured_when_opened_and_does_as_it_is_told(harness: Harness) -> None:
    with harness.door as door:
        assert not harness.released()
        door.release()
        assert harness.released()
        door.release()
        assert harness.released()
        door.secure()
        assert not harness.released()


def test_each_fitted_input_is_reported_once_opened(harness: Harness) -> None:
    with harness.door:
        first, second = (harness.events.get(timeout=10) for _ in range(2))
        assert isinstance(first, Contact)
        assert isinstance(second, FireInput)


def test_movements_are_reported(harness: Harness) -> None:
    with harness.door as door:
        harness.leaf(is_open=False)
        harness.fire(active=False)
        until(harness, Contact(is_open=False), FireInput(active=False))
        harness.leaf(is_open=True)
        until(harness, Contact(is_open=True))
        assert reads_open(door)
        harness.leaf(is_open=False)
        until(harness, Contact(is_open=False))
        assert not reads_open(door)
        harness.press_exit()
        until(harness, ExitPressed())
        harness.fire(active=True)
        until(harness, FireInput(active=True))
        assert door.fire_active is True


def test_closing_secures_and_twice_or_unopened_is_harmless(harness: Harness) -> None:
    harness.door.close()
    harness.door.open()
    harness.door.release()
    harness.door.close()
    assert not harness.released()
    harness.door.close()


def test_it_can_be_opened_again(harness: Harness) -> None:
    for _ in range(3):
        with harness.door as door:
            door.release()
            assert harness.released()


def test_events_come_from_another_thread_than_the_callers(harness: Harness) -> None:
    threads: queue.SimpleQueue[threading.Thread] = queue.SimpleQueue()
    harness.door.on_event = lambda _: threads.put(threading.current_thread())
    with harness.door:
        assert threads.get(timeout=10) is not threading.current_thread()


def test_opening_twice_and_using_a_closed_one_are_mistakes_of_the_program(
    harness: Harness,
) -> None:
    with pytest.raises(RuntimeError):
        harness.door.release()
    with harness.door as door, pytest.raises(RuntimeError):
        door.open()
    with pytest.raises(RuntimeError):
        harness.door.secure()


def test_pins_in_use_are_refused_with_their_cause_and_free_again_later(harness: Harness) -> None:
    with harness.door:
        with pytest.raises(DeviceError) as raised:
            harness.second.open()
        assert (raised.value.device, raised.value.cause) == (Device.DOOR, Cause.BUSY)
    with harness.second as second:
        second.release()
        assert harness.released()


def test_no_thread_is_left_behind(harness: Harness) -> None:
    before = threading.active_count()
    with harness.door:
        harness.events.get(timeout=10)
    assert threading.active_count() == before
