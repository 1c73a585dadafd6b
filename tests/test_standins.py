"""Lamps of a gate whose thread hangs: what it said last no longer holds."""

from __future__ import annotations

import threading
from pathlib import Path

from edge.app import SILENT_S, Gate
from edge.clock import ManualClock
from edge.drivers.signals.keeper import SignalsKeeper
from edge.drivers.signals.none import NoSignals
from edge.gate.events import Signal
from edge.gate.state import GateState
from edge.standins import StandingSignals
from tests.acceptance.gates import config, ended


class Lamps(SignalsKeeper):
    """Notes what is to be shown."""

    def __init__(self) -> None:
        super().__init__("in", NoSignals, lambda _: None)
        self.shown: list[Signal] = []

    def show(self, signal: Signal) -> None:
        self.shown.append(signal)


def test_a_keeper_that_was_replaced_is_told_what_is_to_be_shown_now() -> None:
    signals = StandingSignals()
    signals.serve(first := Lamps())
    signals.show(Signal.GRANTED)
    signals.gate_is_silent(silent=True)
    signals.serve(second := Lamps())
    signals.show(Signal.WAIT)
    signals.gate_is_silent(silent=False)
    assert first.shown == [Signal.OFF, Signal.GRANTED, Signal.FAULT]
    assert second.shown == [Signal.FAULT, Signal.FAULT, Signal.WAIT]


def test_a_gate_thread_that_hangs_leaves_no_lamp_as_it_was(tmp_path: Path) -> None:
    clock = ManualClock()
    hangs, goes_on = threading.Event(), threading.Event()

    def hang(_state: GateState, _effects: object) -> None:
        hangs.set()
        goes_on.wait(60)

    gate = Gate(config(tmp_path / "cong-1"), clock=clock, on_step=hang)
    gate.start()
    try:
        assert hangs.wait(60)
        lamps = Lamps()
        gate._signals["in"].serve(lamps)
        gate.check()
        clock.advance(SILENT_S + 0.1)
        gate.check()
        assert lamps.shown == [Signal.READY, Signal.FAULT]
        goes_on.set()
        while lamps.shown[-1] != Signal.READY:
            gate.check()
    finally:
        goes_on.set()
        ended(gate)
        gate.stop("test")
