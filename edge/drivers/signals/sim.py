"""Simulated signals: the real driver on mock pins."""

from __future__ import annotations

import time
from collections.abc import Callable

from edge.config.model import SignalPins
from edge.drivers.signals.gpio import GpioSignals
from edge.drivers.sim.pins import SimPins
from edge.drivers.sim.world import World
from edge.gate.reasons import Device


class SimSignals(GpioSignals):
    """The signals of one reader of a world, whose planned faults (`pin_error`) befall the pins."""

    def __init__(
        self,
        table: SignalPins,
        *,
        pins: SimPins,
        world: World,
        reader: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(table, pins=pins, monotonic=monotonic)
        self._sim_pins = pins
        self._world = world
        self._reader = reader

    def open(self) -> None:
        for number in (self.table.green_pin, self.table.red_pin, self.table.buzzer_pin):
            if number is not None:
                self._sim_pins.pin(number).trouble = self._trouble
        super().open()

    def _trouble(self) -> str | None:
        return self._world.fault(Device.SIGNALS, self._reader, self._monotonic())


def green_is_lit(table: SignalPins, pins: SimPins) -> bool | None:
    """What someone before the reader sees of the green lamp; None where there is none."""
    if table.green_pin is None:
        return None
    pin = pins.pin(table.green_pin)
    return pin.drives_high if table.active == "high" else pin.drives_low
