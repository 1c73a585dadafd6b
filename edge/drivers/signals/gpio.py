"""Lamps and buzzer on GPIO pins."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from edge.config.model import SignalPins
from edge.drivers.base import DeviceError
from edge.drivers.gpio import Output, Pins
from edge.drivers.signals import Signals
from edge.drivers.signals.patterns import PATTERNS, Rhythm
from edge.gate.events import Signal
from edge.gate.reasons import Device

log = logging.getLogger(__name__)

JOIN_S = 2.0


class GpioSignals(Signals):
    """Plays the patterns of edge.drivers.signals.patterns on the pins that are fitted.

    A thread of its own plays them; what goes wrong there is raised by the next `show`. Showing the
    signal that is shown already changes nothing: it does not beep again.
    """

    def __init__(
        self,
        table: SignalPins,
        *,
        pins: Pins,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.table = table
        self._pins = pins
        self._monotonic = monotonic
        self._outputs: dict[str, Output] = {}
        self._lit: dict[str, bool] = {}
        self._changed = threading.Condition()
        self._signal = Signal.OFF
        self._since_s = 0.0
        self._ending = False
        self._error: DeviceError | None = None
        self._player: threading.Thread | None = None

    def open(self) -> None:
        if self._player is not None:
            raise RuntimeError("the signals are open already")
        self._signal, self._ending, self._error = Signal.OFF, False, None
        table = self.table
        try:
            for name, number in (
                ("green", table.green_pin),
                ("red", table.red_pin),
                ("buzzer", table.buzzer_pin),
            ):
                if number is not None:
                    self._outputs[name] = self._pins.output(
                        Device.SIGNALS, name, number, active=table.active, on=False
                    )
                    self._lit[name] = False
        except BaseException:
            self.close()
            raise
        self._player = threading.Thread(target=self._play, name="signals", daemon=True)
        self._player.start()

    def close(self) -> None:
        player, self._player = self._player, None
        if player is not None:
            with self._changed:
                self._ending = True
                self._changed.notify()
            player.join(JOIN_S)
        outputs, self._outputs = self._outputs, {}
        for output in outputs.values():
            try:
                output.close()
            except DeviceError as error:
                log.warning("while closing: %s", error, extra={"action": "close_failed"})

    def show(self, signal: Signal) -> None:
        if self._player is None:
            raise RuntimeError("the signals are not open")
        with self._changed:
            if self._error is not None:
                raise self._error
            if signal != self._signal:
                self._signal, self._since_s = signal, self._monotonic()
                self._changed.notify()

    def _play(self) -> None:
        with self._changed:
            try:
                while not self._ending:
                    self._changed.wait(self._light())
            except DeviceError as error:
                self._error = error

    def _light(self) -> float | None:
        """Switch what has to change now; returns the seconds to the next change, None for never."""
        since_s = self._monotonic() - self._since_s
        waits_s = []
        for name, output in self._outputs.items():
            rhythm: Rhythm = getattr(PATTERNS[self._signal], name)
            lit = rhythm.lit(since_s)
            if lit != self._lit[name]:
                output.set(lit)
                self._lit[name] = lit
            waits_s.append(rhythm.next_change_s(since_s))
        wait_s = min(waits_s, default=float("inf"))
        return None if wait_s == float("inf") else wait_s
