"""Makes the drivers that the configuration names. The only place that knows simulators from real
devices; a driver that can't work is never replaced by another: it raises DeviceError when opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from edge.config.model import (
    AnyCamera,
    AnyDoor,
    AnySignals,
    AnyThermometer,
    GpioDoorTable,
    GpioSignalsTable,
    Mlx90614Table,
    NoSignalsTable,
    ReaderTable,
    SimSignalsTable,
)
from edge.drivers.camera import Camera
from edge.drivers.door import Door, OnDoorEvent
from edge.drivers.signals import Signals
from edge.drivers.thermometer import Thermometer

if TYPE_CHECKING:
    from edge.drivers.gpio import Pins
    from edge.drivers.sim.doorway import Doorway
    from edge.drivers.sim.pins import SimPins
    from edge.drivers.sim.world import World


class GatePins:
    """The pins of one gate, real and simulated, and the doorway that hangs on the simulated ones.

    Made once by the composition root, given to every door and signals driver of the gate, and
    closed after them. Each kind is made when a driver first asks for it; two gates share nothing.
    """

    def __init__(self) -> None:
        self._doorway: Doorway | None = None

    @cached_property
    def real(self) -> Pins:
        """The header of this Raspberry Pi."""
        from edge.drivers.gpio import Pins, real_board

        return Pins(real_board)

    @cached_property
    def sim(self) -> SimPins:
        """Mock pins of this gate's own."""
        from edge.drivers.sim.pins import SimPins

        return SimPins()

    def doorway(self, world: World, readers: Sequence[ReaderTable]) -> Doorway:
        """The doorway at the simulated pins; one and the same however often a driver is made."""
        if self._doorway is None:
            from edge.drivers.signals.sim import green_is_lit
            from edge.drivers.sim.doorway import Doorway

            lamps = {
                reader.name: reader.signals
                for reader in readers
                if isinstance(reader.signals, SimSignalsTable)
            }
            self._doorway = Doorway(
                world,
                [reader.name for reader in readers],
                invited=lambda name: green_is_lit(lamps[name], self.sim) if name in lamps else None,
            )
        return self._doorway

    def close(self) -> None:
        """Let the pins go; an output that has to stay driven stays."""
        for made in ("real", "sim"):
            pins = self.__dict__.pop(made, None)
            if pins is not None:
                pins.close()


def make_camera(table: AnyCamera, *, world: World | None, reader: str) -> Camera:
    """The camera a reader's table names; `world` is needed for "sim" only."""
    from edge.drivers.camera.make import make_camera as make

    return make(table, world=world, reader=reader)


def make_thermometer(table: AnyThermometer, *, world: World | None, reader: str) -> Thermometer:
    """The thermometer a reader's table names; `world` is needed for "sim" only."""
    if isinstance(table, Mlx90614Table):
        from edge.drivers.thermometer.mlx90614 import Mlx90614Thermometer

        return Mlx90614Thermometer(table)
    from edge.drivers.thermometer.sim import SimThermometer

    return SimThermometer(table, world=_needed(world), reader=reader)


def make_door(
    table: AnyDoor,
    on_event: OnDoorEvent,
    *,
    pins: GatePins,
    world: World | None,
    readers: Sequence[ReaderTable],
) -> Door:
    """The door a gate's table names; `world` is needed for "sim" only."""
    if isinstance(table, GpioDoorTable):
        from edge.drivers.door.gpio import GpioDoor

        return GpioDoor(table, on_event, pins=pins.real)
    from edge.drivers.door.sim import SimDoor

    doorway = pins.doorway(_needed(world), readers)
    return SimDoor(table, on_event, pins=pins.sim, doorway=doorway)


def make_signals(table: AnySignals, *, pins: GatePins, world: World | None, reader: str) -> Signals:
    """The signals a reader's table names; `world` is needed for "sim" only."""
    if isinstance(table, NoSignalsTable):
        from edge.drivers.signals.none import NoSignals

        return NoSignals()
    if isinstance(table, GpioSignalsTable):
        from edge.drivers.signals.gpio import GpioSignals

        return GpioSignals(table, pins=pins.real)
    from edge.drivers.signals.sim import SimSignals

    return SimSignals(table, pins=pins.sim, world=_needed(world), reader=reader)


def _needed(world: World | None) -> World:
    if world is None:
        raise ValueError("a simulated device needs a world")
    return world
