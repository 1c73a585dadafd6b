"""The configuration's driver is made, and no other; gates in one process share nothing."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

import pytest

from edge.config.model import (
    GpioDoorTable,
    GpioSignalsTable,
    Mlx90614Table,
    NoSignalsTable,
    ReaderTable,
    SimDoorTable,
    SimSignalsTable,
    SimThermometerTable,
)
from edge.drivers.base import DeviceError
from edge.drivers.door import DoorEvent
from edge.drivers.door.gpio import GpioDoor
from edge.drivers.door.sim import SimDoor
from edge.drivers.factory import GatePins, make_door, make_signals, make_thermometer
from edge.drivers.signals.gpio import GpioSignals
from edge.drivers.signals.none import NoSignals
from edge.drivers.sim.world import ScriptedCrowd, Visit, World
from edge.drivers.thermometer.mlx90614 import Mlx90614Thermometer
from edge.drivers.thermometer.sim import SimThermometer
from edge.gate.events import Contact, Signal

DOOR = SimDoorTable(driver="sim", lock="fail_secure", debounce_ms=5)
SIM = SimThermometerTable(driver="sim")


def reader(name: str, *, green: int, red: int) -> ReaderTable:
    return ReaderTable(
        name=name,
        direction="in" if name == "in" else "out",
        mode="temperature_only",
        thermometer=SIM,
        signals=SimSignalsTable(driver="sim", green_pin=green, red_pin=red),
    )


READERS = (reader("in", green=5, red=6), reader("out", green=12, red=13))


def world(*visits: Visit) -> World:
    return World(ScriptedCrowd(visits), time.monotonic())


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.002)


def test_the_named_drivers_are_made() -> None:
    pins, people = GatePins(), world()
    real_door = GpioDoorTable(driver="gpio", lock="fail_safe")
    real_signals = GpioSignalsTable(driver="gpio", green_pin=5)
    assert type(make_thermometer(SIM, world=people, reader="in")) is SimThermometer
    table = Mlx90614Table(driver="mlx90614")
    assert type(make_thermometer(table, world=None, reader="in")) is Mlx90614Thermometer
    door = make_door(real_door, lambda _: None, pins=pins, world=None, readers=READERS)
    assert type(door) is GpioDoor
    signals = make_signals(real_signals, reader="in", pins=pins, world=None)
    assert type(signals) is GpioSignals
    none = make_signals(NoSignalsTable(driver="none"), reader="in", pins=pins, world=None)
    assert type(none) is NoSignals


def test_a_real_device_that_is_missing_is_an_error_and_no_simulator() -> None:
    pins = GatePins()
    table = GpioDoorTable(driver="gpio", lock="fail_safe")
    door = make_door(table, lambda _: None, pins=pins, world=world(), readers=READERS)
    thermometer = make_thermometer(
        Mlx90614Table(driver="mlx90614", bus=31), world=world(), reader="in"
    )
    with pytest.raises(DeviceError):
        door.open()
    with pytest.raises(DeviceError):
        thermometer.open()


def test_a_simulator_without_a_world_is_refused() -> None:
    with pytest.raises(ValueError, match="world"):
        make_thermometer(SIM, world=None, reader="in")


def test_door_and_signals_of_a_gate_share_pins_and_find_each_others() -> None:
    pins = GatePins()
    clash = SimSignalsTable(driver="sim", green_pin=DOOR.relay_pin)
    signals = make_signals(clash, pins=pins, world=world(), reader="in")
    with (
        make_door(DOOR, lambda _: None, pins=pins, world=world(), readers=READERS),
        pytest.raises(DeviceError, match="already in use"),
    ):
        signals.open()
    pins.close()


def test_two_gates_in_one_process_move_each_its_own_door() -> None:
    people = world()
    gates = [GatePins(), GatePins()]
    doors = [
        make_door(DOOR, lambda _: None, pins=pins, world=people, readers=READERS) for pins in gates
    ]
    with doors[0], doors[1]:
        doors[0].release()
        assert isinstance(doors[0], SimDoor)
        assert isinstance(doors[1], SimDoor)
        assert doors[0].lock_released
        assert not doors[1].lock_released


def test_who_sees_green_walks_and_who_sees_red_does_not() -> None:
    pins = GatePins()
    people = world(
        Visit(reader="in", at_s=0, stay_s=60, passing="tailgated"),
        Visit(reader="out", at_s=0.001, stay_s=60),
    )
    events: queue.SimpleQueue[DoorEvent] = queue.SimpleQueue()
    inside, outside = (
        make_signals(table.signals, pins=pins, world=people, reader=table.name) for table in READERS
    )
    door = make_door(DOOR, events.put, pins=pins, world=people, readers=READERS)
    with door, inside, outside:
        inside.show(Signal.DENIED)
        outside.show(Signal.GRANTED)
        wait_for(lambda: pins.sim.pin(12).drives_high)
        door.release()
        while events.get(timeout=10) != Contact(is_open=True):
            pass
    assert pins.doorway(people, READERS)._memory.passed == {"out": 0.001}


def test_a_door_made_anew_stands_as_the_last_one_left_it() -> None:
    pins, people = GatePins(), world()
    events: queue.SimpleQueue[DoorEvent] = queue.SimpleQueue()
    for _ in range(2):
        with make_door(DOOR, events.put, pins=pins, world=people, readers=READERS):
            pins.doorway(people, READERS).force(open_s=3600)
            while events.get(timeout=10) != Contact(is_open=True):
                pass
    with make_door(DOOR, events.put, pins=pins, world=people, readers=READERS) as door:
        assert door.contact_open
