"""Door and signals as the gate thread sees them: always there, whoever serves them now.

A keeper that died is replaced by another; the last wish is told to the new one.
"""

from __future__ import annotations

from edge.drivers.door.keeper import DoorKeeper
from edge.drivers.signals.keeper import SignalsKeeper
from edge.gate.events import Signal


class StandingDoor:
    """Passes `release` and `secure` on to the keeper of the moment."""

    def __init__(self) -> None:
        self._keeper: DoorKeeper | None = None
        self._released = False

    def serve(self, keeper: DoorKeeper) -> DoorKeeper:
        """From now on by this keeper, which is told what is wanted."""
        self._keeper = keeper
        self._tell(keeper)
        return keeper

    def release(self) -> None:
        self._want(released=True)

    def secure(self) -> None:
        self._want(released=False)

    def _want(self, *, released: bool) -> None:
        self._released = released
        if self._keeper is not None:
            self._tell(self._keeper)

    def _tell(self, keeper: DoorKeeper) -> None:
        (keeper.release if self._released else keeper.secure)()


class StandingSignals:
    """Passes `show` on to the keeper of the moment. While the gate's thread is silent, nothing that
    it said before holds: a lamp that stays green would invite people through a gate that hangs.
    """

    def __init__(self) -> None:
        self._keeper: SignalsKeeper | None = None
        self._signal = Signal.OFF
        self._silent = False

    def serve(self, keeper: SignalsKeeper) -> SignalsKeeper:
        """From now on by this keeper, which is told what to show."""
        self._keeper = keeper
        self._tell()
        return keeper

    def show(self, signal: Signal) -> None:
        self._signal = signal
        self._tell()

    def gate_is_silent(self, *, silent: bool) -> None:
        """From whoever listens for the gate's thread."""
        if silent != self._silent:
            self._silent = silent
            self._tell()

    def _tell(self) -> None:
        if self._keeper is not None:
            self._keeper.show(Signal.FAULT if self._silent else self._signal)
