"""GPIO pins through gpiozero, with a pin factory that is chosen, never guessed.

gpiozero's own search for a factory falls back to another library when one fails; here the real
pins are always lgpio's (the only one that drives a Raspberry Pi 5 as well), and what fails is a
DeviceError.

Wiring that this module takes for granted:
- Outputs: a resistor on the board pulls the pin to its inactive level, so that a pin that floats
  (at boot, after close) is off.
- Inputs: dry contacts to ground; the pin's own pull-up is switched on, so that a cut wire reads
  high.
"""

from __future__ import annotations

import atexit
import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gpiozero import DigitalInputDevice, GPIOPinInUse, GPIOZeroError, OutputDevice, PinUnknownPi

from edge.drivers.base import DeviceError
from edge.gate.reasons import Cause, Device

Level = Literal["high", "low"]


@dataclass(frozen=True, slots=True)
class Board:
    """A gpiozero pin factory and the exceptions its pins raise beside gpiozero's own."""

    factory: Any
    errors: tuple[type[Exception], ...]


class _OutputDevice(OutputDevice):  # type: ignore[misc]
    """OutputDevice that lets its pin go when it can't be made, as gpiozero's inputs do: one that is
    collected later would float the pin under whoever has it then.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        try:
            super().__init__(*args, **options)
        except BaseException:
            self.close()
            raise


class Output:
    """One output pin that is on or off. Raises DeviceError."""

    def __init__(self, pins: Pins, device: Device, name: str, number: int, opened: Any) -> None:
        self._number = number
        self._pins = pins
        self._device = device
        self._name = name
        self._opened = opened

    def set(self, on: bool) -> None:  # noqa: FBT001 - what it sets
        """Switch, and read back that the pin followed."""
        with self._pins.errors(self._device, self._name):
            self._opened.value = on
        if self.on != on:
            raise DeviceError(
                self._device,
                Cause.BAD_DATA,
                f"{self._name} reads {'on' if self.on else 'off'} while it is driven "
                f"{'on' if on else 'off'}",
                hint="look for a short at the pin, or another program that drives it",
            )

    @property
    def on(self) -> bool:
        """What the pin reads."""
        with self._pins.errors(self._device, self._name):
            return bool(self._opened.value)

    def close(self, *, keep_driven: bool = False) -> None:
        """Switch off and let the pin go; or leave it driven as it is, also after the process."""
        if keep_driven:
            self._pins.keep(self._number, self._opened)
            return
        with self._pins.errors(self._device, self._name):
            try:
                self._opened.off()
            finally:
                self._opened.close()


class Input:
    """One input pin that is active or not. Raises DeviceError."""

    def __init__(self, pins: Pins, device: Device, name: str, opened: Any, active: Level) -> None:
        self._pins = pins
        self._device = device
        self._name = name
        self._opened = opened
        self._active_when_low = active == "low"

    @property
    def active(self) -> bool:
        """What the pin reads."""
        with self._pins.errors(self._device, self._name):
            return self._is_active(bool(self._opened.value))

    def on_edge(self, told: Callable[[bool], None]) -> None:
        """Call `told` with the new state at each edge, from gpiozero's thread."""
        self._opened.when_activated = lambda: told(self._is_active(True))
        self._opened.when_deactivated = lambda: told(self._is_active(False))

    def _is_active(self, low: bool) -> bool:  # noqa: FBT001 - a level
        return low == self._active_when_low

    def close(self) -> None:
        with self._pins.errors(self._device, self._name):
            self._opened.close()


class Pins:
    """The pins of one gate, shared by its door and its signals; opened when first asked for."""

    def __init__(self, make_board: Callable[[Device], Board]) -> None:
        self._make_board = make_board
        self._board: Board | None = None
        self._kept: dict[int, Any] = {}
        self._lock = threading.Lock()

    def board(self, device: Device) -> Board:
        """The pin factory. Raises DeviceError in the name of the device that asks."""
        with self._lock:
            if self._board is None:
                self._board = self._make_board(device)
            return self._board

    def output(self, device: Device, name: str, number: int, *, active: Level, on: bool) -> Output:
        """Take a pin as an output that is on or off from the start. Raises DeviceError."""
        board = self.board(device)
        name = f"{name} (pin {number})"
        kept = self._kept.get(number)
        with self.errors(device, name):
            opened = kept or _OutputDevice(
                number,
                active_high=active == "high",
                initial_value=on,
                pin_factory=board.factory,
            )
        output = Output(self, device, name, number, opened)
        try:
            output.set(on)
        except DeviceError:
            if kept is None:
                output.close()
            raise
        self._kept.pop(number, None)
        return output

    def input(self, device: Device, name: str, number: int, *, active: Level) -> Input:
        """Take a pin as an input with its pull-up on. Raises DeviceError."""
        board = self.board(device)
        name = f"{name} (pin {number})"
        with self.errors(device, name):
            # with a pull-up, gpiozero calls a low pin active
            opened = DigitalInputDevice(number, pull_up=True, pin_factory=board.factory)
        return Input(self, device, name, opened, active)

    def keep(self, number: int, opened: Any) -> None:
        """Leave an output driven; the next `output` of that pin takes it up again."""
        self._kept[number] = opened

    def close(self) -> None:
        """Let all pins go, except where one is kept driven: closing the chip would float it."""
        with self._lock:
            board, self._board = self._board, None
        if board is not None and not self._kept:
            board.factory.close()

    @contextmanager
    def errors(self, device: Device, name: str) -> Iterator[None]:
        """Turn what pins raise into DeviceError."""
        known = self._board.errors if self._board else ()
        try:
            yield
        except (GPIOZeroError, OSError, *known) as error:
            raise _device_error(device, name, error) from error


def real_board(device: Device) -> Board:
    """The header of this Raspberry Pi through lgpio. Raises DeviceError, for `device`.

    gpiozero finds the right chip on a Pi 5 too (gpiochip0, or gpiochip4 on its first kernels).
    """
    if "LG_WD" not in os.environ:  # where lgpio makes its FIFO; read once, at import
        os.environ["LG_WD"] = _runtime_directory()
    try:
        import lgpio
        from gpiozero.pins.lgpio import LGPIOFactory
    except ImportError as error:
        raise DeviceError(
            device,
            Cause.MISSING_LIBRARY,
            f"lgpio can't be imported: {error}",
            hint="run `sudo apt install python3-lgpio`, and see that .venv has system packages",
        ) from error
    try:
        return Board(LGPIOFactory(), (lgpio.error,))
    except PinUnknownPi as error:
        raise DeviceError(
            device,
            Cause.NOT_FOUND,
            "this machine is no Raspberry Pi, so it has no pins",
            hint='set driver = "sim" to try the gate without them',
        ) from error
    except lgpio.error as error:
        raise _chip_error(device, error) from error


def _chip_error(device: Device, error: Exception) -> DeviceError:
    chips = sorted(Path("/dev").glob("gpiochip*"))
    if not chips:
        hint = "enable the GPIO header of this kernel"
        return DeviceError(device, Cause.NOT_FOUND, "there is no /dev/gpiochip*", hint=hint)
    if not any(os.access(chip, os.R_OK | os.W_OK) for chip in chips):
        hint = "add the daemon's user to the group gpio"
        return DeviceError(device, Cause.PERMISSION, f"{chips[0]} can't be opened", hint=hint)
    return DeviceError(device, Cause.IO_ERROR, f"{chips[0]}: {error}")


def _runtime_directory() -> str:
    """The RUNTIME_DIRECTORY systemd gave (a list joined by colons), or one of our own."""
    given = os.environ.get("RUNTIME_DIRECTORY", "").split(":")[0]
    if given:
        return given
    made = tempfile.mkdtemp(prefix="edge-gate-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made


def _device_error(device: Device, name: str, error: Exception) -> DeviceError:
    text = f"{name}: {error}"
    if isinstance(error, GPIOPinInUse) or "GPIO busy" in str(error):
        hint = "another device or program uses it: look at `gpioinfo`"
        return DeviceError(device, Cause.BUSY, text, hint=hint)
    if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EPERM}:
        hint = "add the daemon's user to the group gpio"
        return DeviceError(device, Cause.PERMISSION, text, hint=hint)
    return DeviceError(device, Cause.IO_ERROR, text)
