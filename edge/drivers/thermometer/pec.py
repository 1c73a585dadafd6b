"""The packet error code of SMBus, which the MLX90614 ends each transfer with."""

from __future__ import annotations

from collections.abc import Iterable

POLYNOMIAL = 0x07  # x^8 + x^2 + x + 1, first value 0: System Management Bus 2.0, 5.4


def _table() -> bytes:
    table = bytearray()
    for value in range(256):
        crc = value
        for _ in range(8):
            crc = (crc << 1) ^ POLYNOMIAL if crc & 0x80 else crc << 1
        table.append(crc & 0xFF)
    return bytes(table)


_TABLE = _table()


def crc8(data: Iterable[int], crc: int = 0) -> int:
    """CRC-8 over bytes; `crc` goes on from earlier bytes."""
    for byte in data:
        crc = _TABLE[crc ^ byte]
    return crc


def read_pec(address: int, command: int, low: int, high: int) -> int:
    """The PEC that ends a read word: over address+W, command, address+R, low and high byte."""
    return crc8((address << 1, command, address << 1 | 1, low, high))


def write_pec(address: int, data: Iterable[int]) -> int:
    """The PEC that ends a write: over address+W and every byte before it."""
    return crc8(data, crc8((address << 1,)))
