"""Signals: the green and red lamp and the buzzer beside a reader."""

from __future__ import annotations

from abc import abstractmethod

from edge.drivers.base import Driver
from edge.gate.events import Signal


class Signals(Driver):
    """A subclass must override open, close and show."""

    @abstractmethod
    def show(self, signal: Signal) -> None:
        """Show a signal until the next one. Returns at once. Raises DeviceError."""
