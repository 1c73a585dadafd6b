"""Lamps that fail never hold a gate up, and shine again when they can."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable

from edge.config.model import SimSignalsTable
from edge.drivers.signals.keeper import SignalsKeeper
from edge.drivers.signals.sim import SimSignals, green_is_lit
from edge.drivers.sim.pins import SimPins
from edge.drivers.sim.world import ScriptedCrowd, World
from edge.gate.events import Event, Faulted, Recovered, Signal
from edge.gate.reasons import Cause, Device
from feed.backoff import Backoff

TABLE = SimSignalsTable(driver="sim", green_pin=5, red_pin=6, buzzer_pin=13)


class _World(World):
    kind: str | None = None

    def fault(self, device: Device, reader: str | None, monotonic_s: float) -> str | None:
        return self.kind if device == Device.SIGNALS and reader == "in" else None

    def set(self, kind: str | None) -> None:
        object.__setattr__(self, "kind", kind)


class Rig:
    def __init__(self) -> None:
        self.world = _World(ScriptedCrowd([]), time.monotonic())
        self.pins = SimPins()
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.opened = 0
        self.keeper = SignalsKeeper(
            "in", self.make, self.events.put, backoff=Backoff(first_s=0.01, longest_s=0.02)
        )

    def make(self) -> SimSignals:
        self.opened += 1
        return SimSignals(TABLE, pins=self.pins, world=self.world, reader="in")

    def green(self) -> bool | None:
        return green_is_lit(TABLE, self.pins)


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.002)


def test_the_last_signal_is_shown_again_when_the_lamps_are_back() -> None:
    rig = Rig()
    rig.keeper.start()
    rig.keeper.show(Signal.DENIED)
    rig.world.set("pin_error")
    rig.keeper.show(Signal.GRANTED)  # returns at once, and nothing is raised
    faulted = rig.events.get(timeout=10)
    assert isinstance(faulted, Faulted)
    assert (faulted.device, faulted.cause, faulted.reader) == (
        Device.SIGNALS,
        Cause.IO_ERROR,
        "in",
    )
    tries = rig.opened
    wait_for(lambda: rig.opened > tries + 2)
    assert rig.events.empty()  # told once
    rig.world.set(None)
    assert rig.events.get(timeout=10) == Recovered(device=Device.SIGNALS, reader="in")
    wait_for(rig.green)
    assert rig.keeper.stop()
    assert rig.keeper.error is None


def test_a_lamp_that_fails_while_it_blinks_is_noticed() -> None:
    rig = Rig()
    rig.keeper.start()
    rig.keeper.show(Signal.BUSY)
    wait_for(lambda: rig.pins.pin(6).drives_high)
    rig.world.set("pin_error")
    assert isinstance(rig.events.get(timeout=10), Faulted)
    rig.world.set(None)
    assert isinstance(rig.events.get(timeout=10), Recovered)
    assert rig.keeper.stop()


def test_stopping_switches_everything_off() -> None:
    rig = Rig()
    rig.keeper.start()
    rig.keeper.show(Signal.GRANTED)
    wait_for(rig.green)
    assert rig.keeper.stop()
    assert not rig.green()
    assert not rig.pins.pin(13).drives_high
