"""The pin factory is the one that was asked for, or an error a technician can act on."""

from __future__ import annotations

import os
import sys
import types
from pathlib import Path
from typing import Any

import pytest
from gpiozero import PinUnknownPi
from gpiozero.pins.mock import MockFactory

from edge.drivers.base import DeviceError
from edge.drivers.gpio import Board, Pins, real_board
from edge.gate.reasons import Cause, Device


class LgpioError(Exception):
    """Stands in for lgpio.error."""


@pytest.fixture
def lgpio(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Modules that stand in for lgpio and gpiozero's factory over it, which need a Pi to import."""
    library: Any = types.ModuleType("lgpio")
    library.error = LgpioError
    factory_module: Any = types.ModuleType("gpiozero.pins.lgpio")
    factory_module.LGPIOFactory = MockFactory
    monkeypatch.setitem(sys.modules, "lgpio", library)
    monkeypatch.setitem(sys.modules, "gpiozero.pins.lgpio", factory_module)
    monkeypatch.setenv("LG_WD", "/nowhere")
    return factory_module


def raising(error: Exception) -> Any:
    def make() -> None:
        raise error

    return make


def test_without_lgpio_the_gate_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lgpio", None)
    monkeypatch.setenv("LG_WD", "/nowhere")
    monkeypatch.setenv("GPIOZERO_PIN_FACTORY", "mock")  # never a silent stand-in
    with pytest.raises(DeviceError, match="python3-lgpio") as raised:
        real_board(Device.DOOR)
    assert raised.value.cause == Cause.MISSING_LIBRARY


def test_a_machine_that_is_no_pi_is_named_as_such(lgpio: Any) -> None:
    lgpio.LGPIOFactory = raising(PinUnknownPi("unable to locate Pi revision"))
    with pytest.raises(DeviceError, match="no Raspberry Pi") as raised:
        real_board(Device.SIGNALS)
    assert (raised.value.device, raised.value.cause) == (Device.SIGNALS, Cause.NOT_FOUND)


@pytest.mark.parametrize(
    ("chips", "allowed", "cause"),
    [
        ([], True, Cause.NOT_FOUND),
        (["/dev/gpiochip0"], False, Cause.PERMISSION),
        (["/dev/gpiochip0"], True, Cause.IO_ERROR),
    ],
)
def test_why_the_chip_does_not_open_is_found_out(
    lgpio: Any,
    monkeypatch: pytest.MonkeyPatch,
    chips: list[str],
    allowed: bool,
    cause: Cause,
) -> None:
    lgpio.LGPIOFactory = raising(LgpioError("can not open gpiochip"))
    monkeypatch.setattr(Path, "glob", lambda _, __: [Path(chip) for chip in chips])
    monkeypatch.setattr(os, "access", lambda _, __: allowed)
    with pytest.raises(DeviceError) as raised:
        real_board(Device.DOOR)
    assert raised.value.cause == cause


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (LgpioError("'GPIO busy'"), Cause.BUSY),
        (PermissionError(13, "Permission denied"), Cause.PERMISSION),
        (LgpioError("'GPIO not allocated'"), Cause.IO_ERROR),
    ],
)
def test_what_a_pin_raises_becomes_a_cause(error: Exception, cause: Cause) -> None:
    pins = Pins(lambda _: Board(MockFactory(revision="c03112"), (LgpioError,)))
    pins.board(Device.DOOR)
    named = "relay (pin 17)"
    with (
        pytest.raises(DeviceError, match=r"relay \(pin 17\)") as raised,
        pins.errors(Device.DOOR, named),
    ):
        raise error
    assert raised.value.cause == cause


def test_the_real_board_is_lgpios(lgpio: Any) -> None:
    board = real_board(Device.DOOR)
    assert isinstance(board.factory, lgpio.LGPIOFactory)
    assert board.errors == (LgpioError,)


def test_lgpio_works_in_systemds_runtime_directory(
    lgpio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LG_WD")
    monkeypatch.setenv("RUNTIME_DIRECTORY", "/run/edge-gate:/run/other")
    real_board(Device.DOOR)
    assert os.environ.pop("LG_WD") == "/run/edge-gate"


def test_without_systemd_it_works_in_a_directory_of_its_own(
    lgpio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("LG_WD")
    monkeypatch.delenv("RUNTIME_DIRECTORY", raising=False)
    real_board(Device.DOOR)
    made = Path(os.environ.pop("LG_WD"))
    assert made.is_dir()
    assert os.access(made, os.W_OK)


def test_pins_that_could_not_be_had_are_asked_for_again() -> None:
    answers: list[Board | None] = [None, Board(MockFactory(revision="c03112"), ())]

    def make(device: Device) -> Board:
        board = answers.pop(0)
        if board is None:
            raise DeviceError(device, Cause.PERMISSION, "not yet")
        return board

    pins = Pins(make)
    with pytest.raises(DeviceError):
        pins.output(Device.DOOR, "relay", 17, active="high", on=False)
    pins.output(Device.DOOR, "relay", 17, active="high", on=False).close()
    pins.close()
