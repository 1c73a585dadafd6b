"""The Melexis MLX90614 on a Linux I2C bus, through Adafruit's class.

Wiring: 3.3 V variant, SDA and SCL of bus N, 100 kHz at most. The kernel sets the clock, not this
program: `dtparam=i2c_arm=on,i2c_arm_baudrate=100000` in /boot/firmware/config.txt.
"""

from __future__ import annotations

import errno
import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from edge.config.model import Mlx90614Table
from edge.config.sensors import SENSORS
from edge.drivers.base import DeviceError
from edge.drivers.thermometer import Measurement, Thermometer, registers
from edge.gate.reasons import Cause, Device

if TYPE_CHECKING:
    from edge.drivers.thermometer.checked import CheckedMlx90614

log = logging.getLogger(__name__)

ATTEMPTS = 3  # reads of one word before it counts as failed
RETRY_PAUSE_S = 0.01  # longer than a spike on the cable, shorter than a sample
# The sensor's own metal can't change faster than this, °C a second; more is no temperature
AMBIENT_JUMP_C = 2.0
# A larger step of the object counts when a read after RETRY_PAUSE_S shows it too, °C
OBJECT_JUMP_C = 8.0

# No answer to the address: bcm2835 and most adapters say EREMOTEIO, others ENXIO; ENODEV when the
# adapter itself goes (a USB bridge)
_NO_ANSWER = frozenset({errno.EREMOTEIO, errno.ENXIO, errno.ENODEV})
_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why one attempt failed."""

    kind: str  # the counter's name
    cause: Cause
    text: str
    hint: str


class Mlx90614Thermometer(Thermometer):
    """Reads object 1 and ambient; each word is verified and re-read up to ATTEMPTS times.

    `bus` is a busio.I2C-like object that stays the caller's own; without it /dev/i2c-N of the
    table is opened and closed here.

    Besides `read`'s causes, open() raises DeviceError with MISSING_LIBRARY, NOT_FOUND (no such
    bus) and PERMISSION. A read that takes longer than the table's `timeout_s` fails with TIMEOUT.
    """

    def __init__(
        self,
        table: Mlx90614Table,
        *,
        bus: Any = None,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.table = table
        self._given_bus = bus
        self._bus: Any = None
        self._sensor: CheckedMlx90614 | None = None
        self._described: dict[str, str] = {}
        self._monotonic = monotonic
        self._sleep = sleep
        self._reads = 0
        self._settling_s = 0.0
        self._last: Measurement | None = None
        self._faults: Counter[str] = Counter()

    def open(self) -> None:
        if self._sensor is not None:
            raise RuntimeError("the thermometer is open already")
        try:
            self._bus = self._given_bus or _linux_bus(self.table.bus)
            sensor = self._find()
            self._described = self._tried(lambda: self._identify(sensor))
            self._sensor = sensor
        except BaseException:
            self.close()
            raise
        self._compare_emissivity()

    def close(self) -> None:
        self._sensor = None
        self._last = None
        bus, self._bus = self._bus, None
        if bus is not None and bus is not self._given_bus:
            bus.deinit()

    def read(self) -> Measurement:
        sensor = self._sensor
        if sensor is None:
            raise RuntimeError("the thermometer is not open")
        ambient_c = self._tried(lambda: self._ambient_c(sensor))
        object_c = self._tried(lambda: self._object_c(sensor))
        self._reads += 1
        self._last = Measurement(round(object_c, 2), round(ambient_c, 2), self._monotonic())
        return self._last

    @property
    def settling_s(self) -> float:
        return self._settling_s

    def _ambient_c(self, sensor: CheckedMlx90614) -> float:
        ambient_c: float = sensor.ambient_temperature
        last = self._last
        if last is not None:
            allowed_c = AMBIENT_JUMP_C * max(1.0, self._monotonic() - last.taken_s)
            if abs(ambient_c - last.ambient_c) > allowed_c:
                _jumped("ambient", last.ambient_c, ambient_c)
        return ambient_c

    def _object_c(self, sensor: CheckedMlx90614) -> float:
        object_c: float = sensor.object_temperature
        last = self._last
        if last is not None and abs(object_c - last.object_c) > OBJECT_JUMP_C:
            self._sleep(RETRY_PAUSE_S)
            sooner_c, object_c = object_c, sensor.object_temperature
            if abs(object_c - sooner_c) > OBJECT_JUMP_C:
                _jumped("object", sooner_c, object_c)
        return object_c

    def describe(self) -> dict[str, str]:
        """Id, emissivity and configuration as read at open(), and counts of reads and faults."""
        counts = {f"faults_{kind}": str(count) for kind, count in sorted(self._faults.items())}
        return {**self._described, "reads": str(self._reads), **counts}

    def _find(self) -> CheckedMlx90614:
        try:
            from edge.drivers.thermometer.checked import CheckedMlx90614
        except ImportError as error:
            _library_missing(error)
        try:
            return CheckedMlx90614(self._bus, self.table.address)
        except ValueError as error:  # Adafruit's probe found nothing; its cause is the bus's error
            reason = error.__context__
            if isinstance(reason, OSError):
                self._fail(self._failure(reason))
            raise
        except OSError as error:
            self._fail(self._failure(error))

    def _identify(self, sensor: CheckedMlx90614) -> dict[str, str]:
        config = sensor.config
        model = SENSORS[self.table.variant]
        two_piles = self.table.variant[1] != "A"
        self._settling_s = registers.settling_s(config, two_piles=two_piles)
        return {
            "bus": f"/dev/i2c-{self.table.bus}",
            "address": f"0x{self.table.address:02x}",
            "id": sensor.serial,
            "emissivity": f"{sensor.emissivity:.3f}",
            "config": f"0x{config:04x}",
            "settling_s": f"{self._settling_s:.2f}",
            "variant": self.table.variant,
            "accuracy": "medical" if model.medical else "industrial",
            "view_deg": f"{model.view_deg:g}",
            "spot_cm": f"{model.spot_cm(self.table.distance_cm):.1f}",
            "distance_cm": f"{self.table.distance_cm:g}",
        }

    def _compare_emissivity(self) -> None:
        found = float(self._described["emissivity"])
        if abs(found - self.table.emissivity) > 0.005:
            log.warning(
                "thermometer 0x%02x reckons with emissivity %.3f, the configuration says %.3f",
                self.table.address,
                found,
                self.table.emissivity,
                extra={"action": "emissivity_differs"},
            )

    def _tried(self, read: Callable[[], _Value]) -> _Value:
        """A verified value, or DeviceError with the cause of the last attempt."""
        from edge.drivers.thermometer.checked import BadWordError

        end_s = self._monotonic() + self.table.timeout_s
        attempt = 1
        while True:
            try:
                return read()
            except (OSError, BadWordError) as error:
                failure = self._failure(error)
            self._faults[failure.kind] += 1
            if self._monotonic() >= end_s:
                self._fail(_timed_out(failure, self.table.timeout_s))
            if attempt == ATTEMPTS:
                self._fail(failure)
            attempt += 1
            self._sleep(RETRY_PAUSE_S)

    def _failure(self, error: Exception) -> _Failure:
        where = f"address 0x{self.table.address:02x} of bus {self.table.bus}"
        if not isinstance(error, OSError):
            kind = getattr(error, "kind", "other")
            hint = "look for long or loose wires, and switch the sensor's power off and on"
            return _Failure(kind, Cause.BAD_DATA, f"{where}: {error}", hint)
        if error.errno in _NO_ANSWER:
            hint = f"look at its four wires, and at `i2cdetect -y {self.table.bus}`"
            return _Failure("no_answer", Cause.UNPLUGGED, f"nothing answers at {where}", hint)
        hint = "look for a short between SDA, SCL and ground; the bus runs at 100 kHz at most"
        text = f"{where}: {error.strerror or error}"
        return _Failure("bus_error", Cause.BUS_ERROR, text, hint)

    def _fail(self, failure: _Failure) -> NoReturn:
        raise DeviceError(Device.THERMOMETER, failure.cause, failure.text, hint=failure.hint)


def _jumped(what: str, from_c: float, to_c: float) -> NoReturn:
    from edge.drivers.thermometer.checked import BadWordError

    text = f"{what} jumped from {from_c:.2f} to {to_c:.2f} °C"
    raise BadWordError("jump", text)


def _timed_out(failure: _Failure, timeout_s: float) -> _Failure:
    text = f"no good word in {timeout_s} s, {failure.text}"
    return _Failure(failure.kind, Cause.TIMEOUT, text, failure.hint)


def _linux_bus(number: int) -> Any:
    """/dev/i2c-N behind busio's interface. Raises DeviceError."""
    path = Path(f"/dev/i2c-{number}")
    try:
        from adafruit_extended_bus import ExtendedI2C
    except ImportError as error:
        _library_missing(error)
    try:
        return ExtendedI2C(number, frequency=None)  # a number would only draw a warning
    except PermissionError as error:
        raise DeviceError(
            Device.THERMOMETER,
            Cause.PERMISSION,
            f"{path} can't be opened: {error.strerror}",
            hint="add the daemon's user to the group i2c",
        ) from error
    except (ValueError, RuntimeError, OSError) as error:
        raise DeviceError(
            Device.THERMOMETER,
            Cause.NOT_FOUND,
            f"{path}: {error}",
            hint="put `dtparam=i2c_arm=on` into /boot/firmware/config.txt and restart",
        ) from error


def _library_missing(error: ImportError) -> NoReturn:
    raise DeviceError(
        Device.THERMOMETER,
        Cause.MISSING_LIBRARY,
        f"the Adafruit libraries can't be imported: {error}",
        hint="run `make install`",
    ) from error
