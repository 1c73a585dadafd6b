"""The simulated thermometer: the real driver on a simulated bus, before the people of the world."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable

from edge.config.model import Mlx90614Table, SimThermometerTable
from edge.drivers.sim.i2c import SimI2C
from edge.drivers.sim.mlx90614 import SKIN_EMISSIVITY, Imperfections, SimMlx90614
from edge.drivers.sim.world import World
from edge.drivers.thermometer.mlx90614 import Mlx90614Thermometer
from edge.gate.reasons import Device


class SimThermometer(Mlx90614Thermometer):
    """The MLX90614 of one reader of a world.

    Whoever shows the face there is before it; else it sees the room. Faults follow the world's
    plan: `unplugged`, `bit_flips`, `stuck`, `bus_held_low`.
    """

    def __init__(
        self,
        table: SimThermometerTable,
        *,
        world: World,
        reader: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.world = world
        self.reader = reader
        self.chip = SimMlx90614(
            self._scene,
            imperfections=Imperfections(noise_c=table.noise_c, error_c=table.error_c),
            two_piles=True,
            seed=zlib.crc32(reader.encode()),
            monotonic=monotonic,
        )
        self.bus = _FaultyBus(self.chip, self._fault)
        super().__init__(
            Mlx90614Table(
                driver="mlx90614",
                rate_hz=table.rate_hz,
                timeout_s=table.timeout_s,
                emissivity=SKIN_EMISSIVITY,
            ),
            bus=self.bus,
            monotonic=monotonic,
        )

    def _scene(self, at_s: float) -> tuple[float, float]:
        visit = self.world.at(self.reader, at_s)
        if visit is not None and visit.shows_face(self.world.now_s(at_s)):
            return visit.seen_c(self.world.ambient_c), self.world.ambient_c
        return self.world.ambient_c, self.world.ambient_c

    def _fault(self) -> str | None:
        return self.world.fault(Device.THERMOMETER, self.reader, self._monotonic())


class _FaultyBus(SimI2C):
    """A bus to whose chip the planned fault happens before each transfer."""

    def __init__(self, chip: SimMlx90614, fault: Callable[[], str | None]) -> None:
        super().__init__(chip)
        self._sensor = chip
        self._fault = fault

    def try_lock(self) -> bool:
        fault = self._fault()
        self.held_low = fault == "bus_held_low"
        self._sensor.unplugged = fault == "unplugged"
        self._sensor.stuck = fault == "stuck"
        self._sensor.spoil = _flipped if fault == "bit_flips" else None
        return super().try_lock()


def _flipped(reply: bytes) -> bytes:
    return bytes((reply[0] ^ 0x10, *reply[1:]))
