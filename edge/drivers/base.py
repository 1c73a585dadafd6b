"""What every driver shares: faults with a cause, opening, closing, and waiting before a retry."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

from edge.gate.reasons import Cause, Device


class DeviceError(Exception):
    """A device can't do its work: which, why, and what a technician can do about it."""

    def __init__(self, device: Device, cause: Cause, detail: str, *, hint: str = "") -> None:
        super().__init__(device, cause, detail, hint)
        self.device = device
        self.cause = cause
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        text = f"{self.device}: {self.detail} ({self.cause})"
        return f"{text}; {self.hint}" if self.hint else text


class Driver(ABC):
    """One device. Opened once; `close()` may be called at any time, any number of times.

    Subclasses raise DeviceError and nothing else for anything the device does wrong. After a
    DeviceError the owner closes the driver and, later, opens it again: both must work.
    """

    @abstractmethod
    def open(self) -> None:
        """Find the device and make it ready. Raises DeviceError. Opening twice is an error."""

    @abstractmethod
    def close(self) -> None:
        """Let the device go, in its safe state. Never raises, does nothing the second time."""

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
