"""gpiozero's mock pins with what hangs on them: switches to ground, loads, and faults."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from typing import Any

from gpiozero.pins.mock import MockFactory, MockPin

from edge.drivers.gpio import Board, Pins
from edge.gate.reasons import Device

PI_4B = "c03112"  # a revision code of a Raspberry Pi 4B with 4 GiB


class WiredPin(MockPin):  # type: ignore[misc]
    """A mock pin on a board.

    As an input it reads low while the switch to ground is closed, else what its pull says. As an
    output it drives a load. `trouble` is asked at each use for "pin_error" (it raises an error) or
    "relay_stuck" (an output stays as it is).
    """

    def __init__(self, factory: Any, info: Any) -> None:
        self._grounded = False
        self.trouble: Callable[[], str | None] = _none
        self.on_driven: Callable[[], None] = _nothing
        super().__init__(factory, info)

    @property
    def drives_high(self) -> bool:
        """Whether it is an output that drives its load high."""
        return bool(self._function == "output" and self._state)

    @property
    def drives_low(self) -> bool:
        """Whether it is an output that drives its load low."""
        return bool(self._function == "output" and not self._state)

    def connect(self, *, grounded: bool) -> None:
        """Close or open the switch between the pin and ground."""
        self._grounded = grounded
        if self._function == "input":
            self._settle()

    def _settle(self) -> None:
        if self._grounded:
            self.drive_low()
        elif self._pull == "up":
            self.drive_high()

    def _set_pull(self, value: str) -> None:
        super()._set_pull(value)
        self._settle()

    def _set_function(self, value: str) -> None:
        if value == "output":
            self._check()
        super()._set_function(value)
        self.on_driven()

    def _get_state(self) -> bool:
        self._check()
        return bool(super()._get_state())

    def _set_state(self, value: bool) -> None:  # noqa: FBT001 - gpiozero's signature
        self._check()
        if self.trouble() != "relay_stuck":
            super()._set_state(value)
            self.on_driven()

    def _check(self) -> None:
        if self.trouble() == "pin_error":
            raise OSError(errno.EIO, os.strerror(errno.EIO))


class SimPins(Pins):
    """The pins of a simulated gate: a mock factory of its own, so that gates share none."""

    def __init__(self) -> None:
        self._factory = MockFactory(revision=PI_4B, pin_class=WiredPin)
        super().__init__(self._make)

    def pin(self, number: int) -> WiredPin:
        """The pin of a BCM number, for whatever is wired to it."""
        pin = self._factory.pin(number)
        if not isinstance(pin, WiredPin):
            raise TypeError(f"pin {number} is no simulated pin")
        return pin

    def _make(self, _device: Device) -> Board:
        return Board(self._factory, ())


def _none() -> str | None:
    return None


def _nothing() -> None:
    return
