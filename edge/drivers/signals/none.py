"""A reader without lamps and buzzer."""

from __future__ import annotations

from edge.drivers.signals import Signals
from edge.gate.events import Signal


class NoSignals(Signals):
    """Nothing is fitted: nothing is shown."""

    def open(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""

    def show(self, signal: Signal) -> None:
        """Nobody sees it."""
