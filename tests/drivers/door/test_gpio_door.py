"""The relay's polarity, the state left behind, and bouncing wires."""

import gc
import queue
from typing import Any

import pytest

from edge.config.model import GpioDoorTable
from edge.drivers.base import DeviceError
from edge.drivers.door import DoorEvent
from edge.drivers.door.gpio import GpioDoor
from edge.drivers.sim.pins import SimPins, WiredPin
from edge.gate.events import Contact, ExitPressed, Faulted, FireInput
from edge.gate.reasons import Cause

RELAY, CONTACT, EXIT, FIRE = 17, 22, 23, 24


class Bench:
    def __init__(self, **table: Any) -> None:
        self.pins = SimPins()
        self.events: queue.SimpleQueue[DoorEvent] = queue.SimpleQueue()
        self.table = GpioDoorTable(driver="gpio", **{"lock": "fail_secure", **table})
        for pin in (CONTACT, FIRE):
            self.pins.pin(pin).connect(grounded=True)
        self.door = GpioDoor(self.table, self.events.put, pins=self.pins)

    def next(self) -> DoorEvent:
        return self.events.get(timeout=10)

    @property
    def relay(self) -> WiredPin:
        return self.pins.pin(RELAY)


@pytest.mark.parametrize("active", ["high", "low"])
@pytest.mark.parametrize(("lock", "power_secures"), [("fail_safe", True), ("fail_secure", False)])
def test_the_relay_has_power_as_the_lock_needs_it(
    lock: str, power_secures: bool, active: str
) -> None:
    bench = Bench(lock=lock, relay_active=active)
    with bench.door as door:
        powered = bench.relay.state == (active == "high")
        assert powered == power_secures  # secured from the start
        door.release()
        assert (bench.relay.state == (active == "high")) != power_secures
        door.release()
        door.secure()
        assert (bench.relay.state == (active == "high")) == power_secures


@pytest.mark.parametrize("active", ["high", "low"])
@pytest.mark.parametrize(
    ("lock", "at_stop", "powered"),
    [
        ("fail_safe", "secured", True),
        ("fail_safe", "released", False),
        ("fail_secure", "secured", False),
        ("fail_secure", "released", True),
    ],
)
def test_closing_leaves_the_declared_state(
    lock: str, at_stop: str, powered: bool, active: str
) -> None:
    bench = Bench(lock=lock, at_stop=at_stop, relay_active=active)
    bench.door.open()
    bench.door.close()
    high = active == "high"
    if powered:  # the pin stays driven
        assert bench.relay.function == "output"
        assert bench.relay.state == high
    else:  # switched off, then let go: the board's resistor keeps it off
        assert bench.relay.function == "input"
        assert bench.relay.states[-1].state != high
    with bench.door as door:  # and it can be taken up again
        door.release()
        assert (bench.relay.state == high) == (lock == "fail_secure")


def test_a_relay_left_driven_survives_the_pins_being_closed() -> None:
    bench = Bench(lock="fail_safe", at_stop="secured")
    bench.door.open()
    bench.door.close()
    bench.pins.close()
    assert bench.relay.drives_high


def test_the_door_as_it_stands_is_reported_after_opening() -> None:
    bench = Bench()
    bench.pins.pin(CONTACT).connect(grounded=False)
    bench.pins.pin(FIRE).connect(grounded=False)
    with bench.door as door:
        assert bench.next() == Contact(is_open=True)
        assert bench.next() == FireInput(active=True)
        assert door.contact_open is True
        assert door.fire_active is True


def test_a_cut_wire_reads_as_an_open_door_and_as_fire() -> None:
    bench = Bench()
    with bench.door:
        assert [bench.next(), bench.next()] == [Contact(is_open=False), FireInput(active=False)]
        bench.pins.pin(CONTACT).connect(grounded=False)
        assert bench.next() == Contact(is_open=True)
        bench.pins.pin(FIRE).connect(grounded=False)
        assert bench.next() == FireInput(active=True)


def test_inputs_that_are_not_fitted_are_none_and_silent() -> None:
    bench = Bench(contact_pin=None, exit_pin=None, fire_pin=None)
    with bench.door as door:
        assert door.contact_open is None
        assert door.fire_active is None
    assert bench.events.empty()


def test_levels_can_be_turned_round() -> None:
    bench = Bench(contact_open_level="low", fire_level="low", exit_level="high")
    bench.pins.pin(EXIT).connect(grounded=True)
    with bench.door:
        assert [bench.next(), bench.next()] == [Contact(is_open=True), FireInput(active=True)]
        bench.pins.pin(EXIT).connect(grounded=False)
        assert bench.next() == ExitPressed()


def test_a_press_of_the_exit_button_counts_once_and_its_end_not() -> None:
    bench = Bench()
    with bench.door:
        bench.next(), bench.next()
        button = bench.pins.pin(EXIT)
        for _ in range(5):
            button.connect(grounded=True)
            button.connect(grounded=False)
        button.connect(grounded=True)
        assert bench.next() == ExitPressed()
        button.connect(grounded=False)
        bench.pins.pin(CONTACT).connect(grounded=False)
        assert bench.next() == Contact(is_open=True)


def test_a_button_that_is_held_while_the_driver_opens_opens_no_door() -> None:
    bench = Bench()
    bench.pins.pin(EXIT).connect(grounded=True)
    with bench.door:
        bench.next(), bench.next()
        bench.pins.pin(CONTACT).connect(grounded=False)
        assert bench.next() == Contact(is_open=True)


def test_a_lost_edge_is_noticed_at_the_next_check() -> None:
    bench = Bench()
    with bench.door:
        bench.next(), bench.next()
        pin = bench.pins.pin(CONTACT)
        pin._grounded, pin._state = False, True  # no event comes from the pin
        assert bench.next() == Contact(is_open=True)


def test_a_relay_pin_that_does_not_follow_is_an_error_at_once() -> None:
    bench = Bench()
    with bench.door as door:
        bench.relay.trouble = lambda: "relay_stuck"
        with pytest.raises(DeviceError, match=r"relay \(pin 17\) reads off") as raised:
            door.release()
        assert raised.value.cause == Cause.BAD_DATA
        bench.relay.trouble = lambda: None


def test_a_relay_pin_that_someone_else_turned_is_set_right() -> None:
    bench = Bench()
    with bench.door as door:
        door.release()
        bench.relay._change_state(False)
        states = len(bench.relay.states)
        bench.next(), bench.next()
        while len(bench.relay.states) == states:
            pass
        assert bench.relay.state


def test_pins_that_fail_while_nobody_calls_are_a_fault_event() -> None:
    bench = Bench()
    with bench.door:
        bench.next(), bench.next()
        bench.pins.pin(FIRE).trouble = lambda: "pin_error"
        event = bench.next()
        assert isinstance(event, Faulted)
        assert event.cause == Cause.IO_ERROR
        assert "fire (pin 24)" in event.detail


def test_a_receiver_that_raises_is_told_before_the_thread_dies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    died: list[BaseException | None] = []
    monkeypatch.setattr("threading.excepthook", lambda args: died.append(args.exc_value))
    events: queue.SimpleQueue[DoorEvent] = queue.SimpleQueue()

    def receive(event: DoorEvent) -> None:
        events.put(event)
        if event == Contact(is_open=False):
            raise RuntimeError("a mistake in the receiver")

    bench = Bench()
    with GpioDoor(bench.table, receive, pins=bench.pins):
        events.get(timeout=10)
        told = events.get(timeout=10)
        assert isinstance(told, Faulted)
        assert told.cause == Cause.CRASHED
    assert [str(error) for error in died] == ["a mistake in the receiver"]


def test_a_failed_open_gives_every_pin_back() -> None:
    bench = Bench()
    bench.pins.pin(FIRE).trouble = lambda: "pin_error"
    with pytest.raises(DeviceError):
        bench.door.open()
    bench.pins.pin(FIRE).trouble = lambda: None
    with GpioDoor(bench.table, bench.events.put, pins=bench.pins):
        pass


def test_a_failed_relay_leaves_nothing_that_floats_the_pin_later() -> None:
    bench = Bench()
    bench.relay.trouble = lambda: "pin_error"
    with pytest.raises(DeviceError) as kept_alive:
        bench.door.open()
    bench.relay.trouble = lambda: None
    with bench.door as door:
        door.release()
        del kept_alive
        gc.collect()
        assert bench.relay.drives_high


def test_two_doors_on_one_header_are_told_apart() -> None:
    bench = Bench()
    other = GpioDoor(bench.table, bench.events.put, pins=bench.pins)
    with bench.door:
        with pytest.raises(DeviceError, match="already in use") as raised:
            other.open()
        assert raised.value.cause == Cause.BUSY
        bench.door.release()
        assert bench.relay.drives_high
