"""A simulated MLX90614, byte for byte, and the warm things in front of it.

Behaviour after Melexis' data sheet 3901090614 and application note 390119061402
(edge.drivers.thermometer.registers names the chapters).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean

from edge.drivers.thermometer import registers
from edge.drivers.thermometer.pec import read_pec, write_pec

SKIN_EMISSIVITY = 0.98  # human skin in the thermal infrared: Steketee, Phys. Med. Biol. 18 (1973)
CONFIG = 0x9FB4  # ConfigRegister1 as delivered: FIR 1024, no IIR
PARTS = 4  # moments of the scene that make one output of the FIR filter
LONGEST_LOOK_BACK_S = 10.0  # what happened before has settled
IDLE = 0xFF  # an open-drain bus nobody drives

Scene = Callable[[float], tuple[float, float]]
"""Monotonic second -> (surface temperature before the sensor, the sensor's own), °C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Imperfections:
    """What makes a sensor less than ideal.

    `noise_c` is the sigma of each measurement, `error_c` what it reads too much of an object and
    `drift_c_per_h` what an hour adds to that; `flips` the chance that a reply has a wrong bit.
    """

    noise_c: float = 0.0
    error_c: float = 0.0
    drift_c_per_h: float = 0.0
    flips: float = 0.0


@dataclass(slots=True)
class _Power:
    """What power-on resets."""

    since_s: float
    address: int
    emissivity: float
    step_s: float  # seconds between two outputs
    share: float  # of the newest value in each
    object_k: float | None = None  # what the thermopile has settled to
    settled_s: float = 0.0


@dataclass(slots=True)
class _Eeprom:
    cells: list[int] = field(default_factory=lambda: [0] * 32)
    busy_until_s: float = -math.inf


class SimMlx90614:
    """One sensor: RAM, EEPROM with PEC and erase before write, flags, sleep and wake, faults.

    Faults are switched by attributes: `unplugged`, `stuck` (0xFFFF in every word), `error_flag`,
    `imperfections`, and `spoil`, which is given each reply and returns what the bus carries.
    The same `seed` gives the same noise at the same time, however often it is read.
    """

    def __init__(
        self,
        scene: Scene,
        *,
        address: int = registers.ADDRESS,
        emissivity: float = SKIN_EMISSIVITY,
        config: int = CONFIG,
        two_piles: bool = False,
        imperfections: Imperfections | None = None,
        seed: int = 1,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.scene = scene
        self.imperfections = imperfections or Imperfections()
        self.unplugged = False
        self.stuck = False
        self.error_flag = False
        self.spoil: Callable[[bytes], bytes] | None = None
        self.asleep = False
        self._seed = seed
        self._two_piles = two_piles
        self._noise: dict[int, tuple[int, float]] = {}
        self._rng = random.Random(seed)
        self._monotonic = monotonic
        self._made_s = monotonic()
        self._command: int | None = None
        self._eeprom = _Eeprom(_factory_cells(address, emissivity, config, seed))
        self._power = self._power_on(-math.inf)

    # --- power --------------------------------------------------------------------------------

    def power_cycle(self) -> None:
        """Switch it off and on: what the EEPROM says of address and emissivity comes into force."""
        self._power = self._power_on(self._monotonic())
        self.asleep = False

    def sda_held_low(self, seconds: float) -> None:
        if self.asleep and seconds >= registers.WAKE_LOW_S:
            self.power_cycle()

    def _power_on(self, since_s: float) -> _Power:
        cells = self._eeprom.cells
        address = cells[registers.SMBUS_ADDRESS - registers.EEPROM] & 0x7F
        emissivity = cells[registers.EMISSIVITY - registers.EEPROM] / registers.EMISSIVITY_ONE
        config = cells[registers.CONFIG - registers.EEPROM]
        step_s, share = registers.filter_of(config, two_piles=self._two_piles)
        return _Power(since_s, address, emissivity, step_s, share)

    # --- the bus's side -----------------------------------------------------------------------

    def acknowledges(self, address: int) -> bool:
        return address in {0x00, self._power.address} and not self.unplugged and not self.asleep

    def write(self, address: int, data: bytes) -> bool:
        self._command, *rest = data
        if self._command == registers.SLEEP and rest:
            return self._sleep(address, data)
        if len(rest) >= 3 and self._command & 0xE0 == registers.EEPROM:
            return self._write_cell(address, data)
        return not rest  # RAM can't be written

    def read(self, address: int, count: int) -> bytes:
        if self._command is None:
            return bytes([IDLE] * count)
        word = 0xFFFF if self.stuck else self._word(self._command)
        low, high = word & 0xFF, word >> 8
        reply = bytes((low, high, read_pec(address, self._command, low, high)))
        if self.stuck:
            reply = bytes([IDLE] * 3)  # nothing drives the bus
        return self._carried(reply)[:count].ljust(count, bytes([IDLE]))

    def stop(self) -> None:
        self._command = None

    def _carried(self, reply: bytes) -> bytes:
        if self._rng.random() < self.imperfections.flips:
            place = self._rng.randrange(24)
            reply = (int.from_bytes(reply) ^ 1 << place).to_bytes(3)
        return self.spoil(reply) if self.spoil else reply

    # --- EEPROM -------------------------------------------------------------------------------

    @property
    def cells(self) -> tuple[int, ...]:
        """What the 32 cells of the EEPROM hold."""
        return tuple(self._eeprom.cells)

    def _sleep(self, address: int, data: bytes) -> bool:
        if data[1] != write_pec(address, data[:1]):
            return False
        self.asleep = True
        return True

    def _write_cell(self, address: int, data: bytes) -> bool:
        command, low, high, pec = data[:4]
        if pec != write_pec(address, data[:3]):
            return False  # refused at the PEC byte, nothing changed
        now_s = self._monotonic()
        cell = command - registers.EEPROM
        if cell in registers.WRITABLE_CELLS and now_s >= self._eeprom.busy_until_s:
            self._program(cell, high << 8 | low)
            self._eeprom.busy_until_s = now_s + registers.EEPROM_WRITE_S
        return True  # acknowledged also where nothing may be changed

    def _program(self, cell: int, word: int) -> None:
        """Only writing zeros clears bits; other words add their bits to what stands there."""
        self._eeprom.cells[cell] = 0 if word == 0 else self._eeprom.cells[cell] | word

    # --- what it answers ----------------------------------------------------------------------

    def _word(self, command: int) -> int:
        now_s = self._monotonic()
        if command == registers.READ_FLAGS:
            return self._flags(now_s)
        if command & 0xE0 == registers.EEPROM:
            busy = now_s < self._eeprom.busy_until_s
            return 0 if busy else self._eeprom.cells[command & 0x1F]
        if command in {registers.TA, registers.TOBJ1}:
            return self._temperature(command, now_s)
        return 0

    def _flags(self, now_s: float) -> int:
        ready = now_s >= self._power.since_s + registers.FIRST_DATA_S
        busy = now_s < self._eeprom.busy_until_s
        return (registers.FLAG_INIT if ready else 0) | (registers.FLAG_EEBUSY if busy else 0)

    def _temperature(self, command: int, now_s: float) -> int:
        if now_s < self._power.since_s + registers.FIRST_DATA_S:
            return 0
        if command == registers.TA:
            plausible, exact_c = registers.TA_RANGE, self.scene(now_s)[1]
        else:
            plausible = registers.TOBJ_RANGE
            exact_c = self._object_c(now_s) + self.imperfections.error_c
        flaws = self.imperfections
        drift_c = flaws.drift_c_per_h * (now_s - self._made_s) / 3600
        noise_c = self._noise_c(command, int(now_s // self._power.step_s))
        word = registers.word(exact_c + noise_c + drift_c)
        word = min(max(word, plausible.start), plausible.stop - 1)
        return word | (registers.ERROR_FLAG if self.error_flag else 0)

    def _noise_c(self, command: int, output: int) -> float:
        """Of this output of the filter, however often it is read."""
        if not self.imperfections.noise_c:
            return 0.0
        known = self._noise.get(command)
        if known is None or known[0] != output:
            rng = random.Random(f"{self._seed}/{command}/{output}")
            known = self._noise[command] = (output, rng.gauss(0, self.imperfections.noise_c))
        return known[1]

    def _object_c(self, now_s: float) -> float:
        """What the filters show: each output is the mean of the scene since the one before (FIR),
        mixed with what stood there (IIR); the radiance is taken for that of a body with the
        emissivity the sensor reckons with.
        """
        power = self._power
        step_s = power.step_s
        if power.object_k is None:
            power.object_k = self._apparent_k(now_s)
            power.settled_s = now_s // step_s * step_s
            return power.object_k - registers.ZERO_C_K
        power.settled_s = max(power.settled_s, now_s - LONGEST_LOOK_BACK_S)
        while power.settled_s + step_s <= now_s:
            moments = (power.settled_s + step_s * (part + 0.5) / PARTS for part in range(PARTS))
            mean_k = fmean(map(self._apparent_k, moments))
            power.settled_s += step_s
            power.object_k += power.share * (mean_k - power.object_k)
        return power.object_k - registers.ZERO_C_K

    def _apparent_k(self, at_s: float) -> float:
        """Stefan-Boltzmann: e_skin (Ts^4 - Ta^4) = e_sensor (To^4 - Ta^4)."""
        surface_c, ambient_c = self.scene(at_s)
        surface_k, ambient_k = surface_c + registers.ZERO_C_K, ambient_c + registers.ZERO_C_K
        ratio = SKIN_EMISSIVITY / max(self._power.emissivity, 0.1)
        return float((ratio * (surface_k**4 - ambient_k**4) + ambient_k**4) ** 0.25)


def _factory_cells(address: int, emissivity: float, config: int, seed: int) -> list[int]:
    cells = [0] * 32
    cells[0x00], cells[0x01] = 0x9993, 0x62E3  # Tomax, Tomin as delivered
    cells[0x02], cells[0x03] = 0x0201, 0xF71C  # PWMCTRL, Ta range as delivered
    cells[0x04] = round(emissivity * registers.EMISSIVITY_ONE)
    cells[0x05] = config
    cells[0x0E] = 0xBE00 | address
    rng = random.Random(f"id/{seed}/{address}")
    cells[0x1C:0x20] = [rng.getrandbits(16) for _ in range(4)]
    return cells
