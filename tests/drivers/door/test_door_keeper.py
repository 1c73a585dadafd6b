"""The keeper does what the gate wants, tells of faults, and comes back by itself."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from edge.config.model import SimDoorTable
from edge.drivers.door import OnDoorEvent
from edge.drivers.door.keeper import DoorKeeper
from edge.drivers.door.sim import SimDoor
from edge.drivers.sim.doorway import Doorway, Habits
from edge.drivers.sim.pins import SimPins
from edge.drivers.sim.world import ScriptedCrowd, Visit, World
from edge.gate.events import Contact, Event, ExitPressed, Faulted, FireInput, Recovered
from edge.gate.reasons import Cause, Device
from feed.backoff import Backoff


class _World(World):
    """A world with one fault that the test switches."""

    kind: str | None = None

    def fault(self, device: Device, reader: str | None, monotonic_s: float) -> str | None:
        return self.kind

    def set(self, kind: str | None) -> None:
        object.__setattr__(self, "kind", kind)


class Rig:
    def __init__(self, *visits: Visit, **table: Any) -> None:
        options = {"driver": "sim", "lock": "fail_secure", **table}
        self.table = SimDoorTable.model_validate(options)
        self.world = _World(ScriptedCrowd(visits), time.monotonic())
        self.pins = SimPins()
        self.doorway = Doorway(self.world, ["in", "out"], habits=Habits(walk_s=0.3))
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.opened: list[SimDoor] = []
        self.keeper = DoorKeeper(
            self.make, self.events.put, backoff=Backoff(first_s=0.01, longest_s=0.02)
        )

    def make(self, on_event: OnDoorEvent) -> SimDoor:
        self.opened.append(SimDoor(self.table, on_event, pins=self.pins, doorway=self.doorway))
        return self.opened[-1]

    def next(self) -> Event:
        return self.events.get(timeout=10)

    def until(self, *expected: Event) -> None:
        """Read events until all of these have come."""
        missing = list(expected)
        while missing:
            event = self.next()
            if event in missing:
                missing.remove(event)

    @property
    def released(self) -> bool:
        return self.opened[-1].lock_released


SHUT, NO_FIRE = Contact(is_open=False), FireInput(active=False)


@pytest.fixture
def rig() -> Iterator[Rig]:
    made = Rig()
    made.keeper.start()
    made.until(SHUT, NO_FIRE)
    yield made
    assert made.keeper.stop()
    assert made.keeper.error is None


def wait_for(condition: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.002)


def test_release_and_secure_reach_the_lock(rig: Rig) -> None:
    assert not rig.released
    rig.keeper.release()
    wait_for(lambda: rig.released)
    rig.keeper.secure()
    wait_for(lambda: not rig.released)


def test_a_person_walks_through_a_released_door() -> None:
    rig = Rig(Visit(reader="in", at_s=0, stay_s=60))
    rig.keeper.start()
    rig.until(SHUT)
    rig.keeper.release()
    rig.until(Contact(is_open=True))
    rig.keeper.secure()
    rig.until(SHUT)
    assert rig.keeper.stop()
    assert rig.events.empty()  # bounces were no movements


@pytest.mark.parametrize(
    ("kind", "cause"), [("pin_error", Cause.IO_ERROR), ("relay_stuck", Cause.BAD_DATA)]
)
@pytest.mark.parametrize("wanted", ["secured", "released"])
def test_a_fault_is_told_once_and_the_wish_is_done_when_the_pins_are_back(
    rig: Rig, kind: str, cause: Cause, wanted: str
) -> None:
    rig.world.set(kind)
    if wanted == "released":
        rig.keeper.release()
    elif kind == "relay_stuck":  # noticed when the relay has to move
        rig.keeper.release()
        wait_for(lambda: len(rig.opened) > 1)
        rig.keeper.secure()
    faulted = rig.next()
    assert isinstance(faulted, Faulted)
    assert (faulted.device, faulted.cause) == (Device.DOOR, cause)
    tries = len(rig.opened)
    rig.world.set(kind)
    if kind == "pin_error":
        wait_for(lambda: len(rig.opened) > tries + 2)
    rig.world.set(None)
    rig.until(Recovered(device=Device.DOOR))
    wait_for(lambda: rig.released == (wanted == "released"))


def test_a_fault_while_people_wait_is_noticed_without_a_command(rig: Rig) -> None:
    rig.world.set("pin_error")
    assert isinstance(rig.next(), Faulted)
    rig.world.set(None)
    rig.until(Recovered(device=Device.DOOR))


def test_a_fault_while_the_door_stands_open_does_not_lose_its_closing() -> None:
    rig = Rig(Visit(reader="in", at_s=0, stay_s=60))
    rig.keeper.start()
    rig.until(SHUT)
    rig.keeper.release()
    rig.until(Contact(is_open=True))
    rig.world.set("pin_error")
    while not isinstance(rig.next(), Faulted):
        pass
    rig.world.set(None)
    rig.until(Recovered(device=Device.DOOR), Contact(is_open=True))
    rig.until(SHUT)
    assert rig.keeper.stop()


def test_a_door_that_fails_from_the_start_opens_later() -> None:
    rig = Rig()
    rig.world.set("pin_error")
    rig.keeper.start()
    assert isinstance(rig.next(), Faulted)
    rig.keeper.release()
    rig.world.set(None)
    rig.until(Recovered(device=Device.DOOR))
    wait_for(lambda: rig.released)
    assert rig.keeper.stop()


def test_fire_exit_button_and_a_forced_door_come_through(rig: Rig) -> None:
    rig.doorway.set_fire(active=True)
    assert rig.next() == FireInput(active=True)
    rig.doorway.press_exit()
    assert rig.next() == ExitPressed()
    rig.doorway.force(open_s=0.2)
    assert rig.next() == Contact(is_open=True)
    assert rig.next() == Contact(is_open=False)
    rig.doorway.set_fire(active=False)
    assert rig.next() == NO_FIRE


@pytest.mark.parametrize("at_stop", ["secured", "released"])
@pytest.mark.parametrize("lock", ["fail_safe", "fail_secure"])
def test_stopping_leaves_the_declared_state(lock: str, at_stop: str) -> None:
    rig = Rig(lock=lock, at_stop=at_stop)
    rig.keeper.start()
    rig.until(SHUT, NO_FIRE)
    if at_stop == "secured":
        rig.keeper.release()
        wait_for(lambda: rig.released)
    assert rig.keeper.stop()
    assert rig.released == (at_stop == "released")


def test_the_keeper_after_one_that_died_tells_of_the_recovery() -> None:
    rig = Rig()
    keeper = DoorKeeper(rig.make, rig.events.put, faulted=True)
    keeper.start()
    rig.until(Recovered(device=Device.DOOR))
    assert keeper.stop()
