"""What all signals must do, whatever lamps are fitted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest
from gpiozero.pins.mock import MockFactory

from edge.config.model import GpioSignalsTable, SimSignalsTable
from edge.drivers.base import DeviceError
from edge.drivers.gpio import Board, Pins
from edge.drivers.signals import Signals
from edge.drivers.signals.gpio import GpioSignals
from edge.drivers.signals.none import NoSignals
from edge.drivers.signals.sim import SimSignals
from edge.drivers.sim.pins import SimPins
from edge.drivers.sim.world import ScriptedCrowd, World
from edge.gate.events import Signal
from edge.gate.reasons import Cause, Device

GREEN, RED, BUZZER = 5, 6, 13
WIRES = {"green_pin": GREEN, "red_pin": RED, "buzzer_pin": BUZZER}


class OnMockPins:
    def __init__(self, **wires: int) -> None:
        self.factory = MockFactory(revision="c03112")
        pins = Pins(lambda _: Board(self.factory, ()))
        table = GpioSignalsTable.model_validate({"driver": "gpio", **wires})
        self.signals: Signals = GpioSignals(table, pins=pins)
        self.second: Signals = GpioSignals(table, pins=pins)

    def lit(self, number: int) -> bool:
        pin = self.factory.pin(number)
        return bool(pin.function == "output" and pin.state)


class Simulated:
    def __init__(self, **wires: int) -> None:
        self.pins = SimPins()
        table = SimSignalsTable.model_validate({"driver": "sim", **wires})
        world = World(ScriptedCrowd([]), time.monotonic())
        self.signals: Signals = SimSignals(table, pins=self.pins, world=world, reader="in")
        self.second: Signals = SimSignals(table, pins=self.pins, world=world, reader="in")

    def lit(self, number: int) -> bool:
        return self.pins.pin(number).drives_high


Harness = OnMockPins | Simulated


@pytest.fixture(params=[OnMockPins, Simulated])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    made: Harness = request.param(**WIRES)
    yield made
    made.signals.close()


def wait_for(condition: Callable[[], object]) -> None:
    end_s = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.002)


def test_granted_is_a_steady_green_and_one_beep(harness: Harness) -> None:
    with harness.signals as signals:
        signals.show(Signal.GRANTED)
        wait_for(lambda: harness.lit(GREEN) and harness.lit(BUZZER))
        assert not harness.lit(RED)
        wait_for(lambda: not harness.lit(BUZZER))
        assert harness.lit(GREEN)


def test_denied_flashes_red_until_the_next_signal(harness: Harness) -> None:
    with harness.signals as signals:
        signals.show(Signal.DENIED)
        wait_for(lambda: harness.lit(RED))
        wait_for(lambda: not harness.lit(RED))
        wait_for(lambda: harness.lit(RED))
        signals.show(Signal.OFF)
        wait_for(lambda: not any(harness.lit(pin) for pin in WIRES.values()))


def test_showing_the_same_again_beeps_no_more(harness: Harness) -> None:
    with harness.signals as signals:
        signals.show(Signal.COME_CLOSER)
        wait_for(lambda: harness.lit(BUZZER))
        wait_for(lambda: not harness.lit(BUZZER))
        signals.show(Signal.COME_CLOSER)
        wait_for(lambda: harness.lit(RED))
        assert not harness.lit(BUZZER)


def test_closing_switches_off_and_twice_or_unopened_is_harmless(harness: Harness) -> None:
    harness.signals.close()
    harness.signals.open()
    harness.signals.show(Signal.FIRE)
    wait_for(lambda: harness.lit(GREEN))
    harness.signals.close()
    harness.signals.close()
    assert not any(harness.lit(pin) for pin in WIRES.values())


def test_it_can_be_opened_again_and_starts_dark(harness: Harness) -> None:
    for _ in range(2):
        with harness.signals as signals:
            assert not harness.lit(GREEN)
            signals.show(Signal.GRANTED)
            wait_for(lambda: harness.lit(GREEN))


def test_misuse_is_a_mistake_of_the_program(harness: Harness) -> None:
    with pytest.raises(RuntimeError):
        harness.signals.show(Signal.READY)
    with harness.signals as signals, pytest.raises(RuntimeError):
        signals.open()


def test_pins_in_use_are_refused_with_their_cause(harness: Harness) -> None:
    with harness.signals:
        with pytest.raises(DeviceError) as raised:
            harness.second.open()
        assert (raised.value.device, raised.value.cause) == (Device.SIGNALS, Cause.BUSY)
    with harness.second:
        pass


@pytest.mark.parametrize("kind", [OnMockPins, Simulated])
@pytest.mark.parametrize("fitted", [{}, {"green_pin": GREEN}, {"buzzer_pin": BUZZER}])
def test_every_signal_can_be_shown_whatever_is_fitted(
    kind: type[Harness], fitted: dict[str, int]
) -> None:
    with kind(**fitted).signals as signals:
        for signal in Signal:
            signals.show(signal)


def test_no_signals_at_all_take_everything() -> None:
    with NoSignals() as signals:
        for signal in Signal:
            signals.show(signal)


def test_no_thread_is_left_behind(harness: Harness) -> None:
    before = threading.active_count()
    with harness.signals as signals:
        signals.show(Signal.DENIED)
    assert threading.active_count() == before
