"""A simulated I2C bus with the interface of busio.I2C, byte for byte."""

from __future__ import annotations

import errno
import os
import threading
from typing import Protocol

Buffer = bytes | bytearray | memoryview


class Chip(Protocol):
    """A chip on the bus."""

    def acknowledges(self, address: int) -> bool:
        """Whether it answers to this 7-bit address now."""
        ...

    def write(self, address: int, data: bytes) -> bool:
        """Bytes from the master up to STOP or repeated START; False for a byte refused (NACK)."""
        ...

    def read(self, address: int, count: int) -> bytes:
        """`count` bytes clocked out of the chip; what it does not drive reads as ones."""
        ...

    def stop(self) -> None:
        """The master sent STOP."""
        ...

    def sda_held_low(self, seconds: float) -> None:
        """Someone held SDA low while SCL was high."""
        ...


class SimI2C:
    """A bus with chips; errors come as Linux gives them: EREMOTEIO for NACK, ETIMEDOUT when a line
    is held low (`held_low`), EOPNOTSUPP for writes of no bytes, as the Raspberry Pi's adapters do.
    """

    def __init__(self, *chips: Chip) -> None:
        self.chips = chips
        self.held_low = False
        self._lock = threading.Lock()

    def try_lock(self) -> bool:
        return self._lock.acquire(blocking=False)

    def unlock(self) -> None:
        self._lock.release()

    def deinit(self) -> None:
        """Nothing to let go."""

    def scan(self) -> list[int]:
        """Addresses that answer, as `i2cdetect` lists them."""
        return [address for address in range(0x08, 0x78) if self._answering(address) is not None]

    def writeto(
        self, address: int, buffer: Buffer, *, start: int = 0, end: int | None = None
    ) -> None:
        data = bytes(memoryview(buffer)[start:end])
        if not data:
            raise _error(errno.EOPNOTSUPP)
        chip = self._chip(address)
        acknowledged = chip.write(address, data)
        chip.stop()
        if not acknowledged:
            raise _error(errno.EREMOTEIO)

    def readfrom_into(
        self, address: int, buffer: bytearray, *, start: int = 0, end: int | None = None
    ) -> None:
        chip = self._chip(address)
        end = len(buffer) if end is None else end
        buffer[start:end] = chip.read(address, end - start)
        chip.stop()

    def writeto_then_readfrom(
        self,
        address: int,
        out_buffer: Buffer,
        in_buffer: bytearray,
        *,
        out_start: int = 0,
        out_end: int | None = None,
        in_start: int = 0,
        in_end: int | None = None,
        stop: bool = False,
    ) -> None:
        """Write, then read after a repeated START (after a STOP with `stop`)."""
        # copied first: callers pass one buffer for both directions
        data = bytes(memoryview(out_buffer)[out_start:out_end])
        chip = self._chip(address)
        if not chip.write(address, data):
            raise _error(errno.EREMOTEIO)
        if stop:
            chip.stop()
        in_end = len(in_buffer) if in_end is None else in_end
        in_buffer[in_start:in_end] = chip.read(address, in_end - in_start)
        chip.stop()

    def hold_sda_low(self, seconds: float) -> None:
        """The wake-up request: SDA low while SCL is high, made with the pin as a plain output."""
        for chip in self.chips:
            chip.sda_held_low(seconds)

    def _answering(self, address: int) -> Chip | None:
        return next((chip for chip in self.chips if chip.acknowledges(address)), None)

    def _chip(self, address: int) -> Chip:
        if self.held_low:
            raise _error(errno.ETIMEDOUT)
        chip = self._answering(address)
        if chip is None:
            raise _error(errno.EREMOTEIO)
        return chip


def _error(number: int) -> OSError:
    return OSError(number, os.strerror(number))
