"""Adafruit's MLX90614 class with the checks it leaves out.

A module of its own because it needs the Adafruit library where it is imported.
"""

from __future__ import annotations

from typing import Any

from adafruit_mlx90614 import MLX90614

from edge.drivers.thermometer import registers
from edge.drivers.thermometer.pec import read_pec


class BadWordError(Exception):
    """A word came over the bus that can't be trusted.

    `kind` is pec, error_flag, range, differs (two reads in a row) or jump.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class CheckedMlx90614(MLX90614):  # type: ignore[misc]
    """MLX90614 whose words are read with their PEC and checked.

    PEC is a CRC-8: of 256 random words it lets one pass. So each word counts only when two reads in
    a row give it; a third decides when the sensor wrote a new value between the two.

    Raises BadWordError for a wrong PEC, a set error flag or a value the sensor can't measure,
    OSError for anything the bus does wrong, ValueError when nothing answers at construction.
    """

    def __init__(self, bus: Any, address: int) -> None:
        super().__init__(bus, address)
        self._command = bytearray(1)
        self._reply = bytearray(3)

    @property
    def emissivity(self) -> float:
        """The emissivity the sensor reckons with, 0.1..1."""
        return self._read_16(registers.EMISSIVITY) / registers.EMISSIVITY_ONE

    @property
    def config(self) -> int:
        """ConfigRegister1."""
        return self._read_16(registers.CONFIG)

    @property
    def serial(self) -> str:
        """The factory's 64-bit id in hexadecimal."""
        return "".join(f"{self._read_16(command):04x}" for command in registers.IDS)

    def _read_16(self, register: int) -> int:
        word = self._read_once(register)
        again = self._read_once(register)
        if again != word:
            word, again = again, self._read_once(register)
        if again != word:
            raise BadWordError("differs", f"two reads differ at 0x{register:02x}")
        return word

    def _read_once(self, register: int) -> int:
        with self._device as device:
            self._command[0] = register
            device.write_then_readinto(self._command, self._reply)
        low, high, pec = self._reply
        expected = read_pec(self._device.device_address, register, low, high)
        if pec != expected:
            raise BadWordError(
                "pec", f"PEC is 0x{pec:02x}, not 0x{expected:02x}, at 0x{register:02x}"
            )
        word = high << 8 | low
        if register < registers.EEPROM:
            _check_temperature(register, word)
        return word


def _check_temperature(register: int, word: int) -> None:
    if word & registers.ERROR_FLAG:
        raise BadWordError("error_flag", f"the error flag is set at 0x{register:02x}: 0x{word:04x}")
    plausible = registers.TA_RANGE if register == registers.TA else registers.TOBJ_RANGE
    if word not in plausible:
        raise BadWordError(
            "range", f"0x{word:04x} at 0x{register:02x} is outside what it can measure"
        )
