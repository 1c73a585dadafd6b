"""Cameras, thermometers, signals and the door, through the very drivers that the daemon uses."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

import numpy as np

from edge.calibration import CalibrationError, Stored, load, state_folder
from edge.commands.checks.finding import Check, Finding, Status
from edge.config.model import Config, NoSignalsTable, ReaderTable, SimThermometerTable
from edge.drivers.base import DeviceError
from edge.drivers.camera import Camera, Frame
from edge.drivers.door import DoorEvent
from edge.drivers.factory import (
    GatePins,
    make_camera,
    make_door,
    make_signals,
    make_thermometer,
)
from edge.drivers.sim.world import World, make_world
from edge.drivers.thermometer import Measurement
from edge.gate.events import Contact, Signal
from edge.gate.reasons import Cause

FRAMES = 12  # read for one judgement
BLACK = 6  # mean gray level of a covered lens, 0..255
SATURATED = 250  # gray level of an overexposed pixel
READINGS = 5
ROOM_C = (5.0, 45.0)  # air in which a forehead can be measured at all
OBJECT_C = (-20.0, 60.0)  # what may stand before the sensor
EMISSIVITY_STEP = 0.005
LAMP_S = 0.7


class Devices:
    """The devices of one configuration; `move` allows the door to be released and lamps to light.

    Close it at the end.
    """

    def __init__(self, config: Config, *, move: bool) -> None:
        self.config = config
        self.move = move
        self._pins = GatePins()
        self._world: World = make_world(
            seed=config.sim.seed,
            script=config.sim.script,
            every_s=config.sim.every_s,
            ambient_c=config.sim.ambient_c,
            epoch_s=time.monotonic(),
        )

    def close(self) -> None:
        """Let the pins go."""
        self._pins.close()

    def checks(self) -> Iterator[Check]:
        """One check for each device."""
        for reader in self.config.reader:
            name = f"reader.{reader.name}"
            if reader.camera is not None:
                yield Check(f"{name}.camera", partial(self._camera, reader))
            if reader.thermometer is not None:
                yield Check(f"{name}.thermometer", partial(self._thermometer, reader))
                yield Check(f"{name}.calibration", partial(self._calibration, reader))
            if not isinstance(reader.signals, NoSignalsTable):
                yield Check(f"{name}.signals", partial(self._signals, reader))
        yield Check("door", self._door)

    def _camera(self, reader: ReaderTable) -> Iterator[Finding]:
        table = reader.camera
        assert table is not None
        name = f"reader.{reader.name}.camera"
        try:
            with make_camera(table, world=self._world, reader=reader.name) as camera:
                frames, rate_hz = _watch(camera, table.timeout_s)
        except DeviceError as error:
            yield failed(name, error)
            return
        yield judge_frames(name, frames, rate_hz, table.size, table.frame_rate_hz)

    def _thermometer(self, reader: ReaderTable) -> Iterator[Finding]:
        table = reader.thermometer
        assert table is not None
        name = f"reader.{reader.name}.thermometer"
        try:
            with make_thermometer(table, world=self._world, reader=reader.name) as thermometer:
                readings = [thermometer.read() for _ in range(READINGS)]
                told = thermometer.describe()
        except DeviceError as error:
            yield failed(name, error)
            return
        yield judge_readings(name, readings, told, getattr(table, "emissivity", None))

    def _calibration(self, reader: ReaderTable) -> Iterator[Finding]:
        try:
            stored = load(state_folder(self.config), reader.name)
        except CalibrationError as error:
            yield Finding(f"reader.{reader.name}.calibration", Status.FAIL, str(error))
            return
        simulated = isinstance(reader.thermometer, SimThermometerTable)
        days = self.config.screening.calibration_days
        yield judge_calibration(
            reader.name, stored, datetime.now(UTC), days=days, needed=not simulated
        )

    def _signals(self, reader: ReaderTable) -> Iterator[Finding]:
        name = f"reader.{reader.name}.signals"
        try:
            with make_signals(
                reader.signals, pins=self._pins, world=self._world, reader=reader.name
            ) as signals:
                for signal in (Signal.GRANTED, Signal.DENIED) if self.move else ():
                    signals.show(signal)
                    time.sleep(LAMP_S)
        except DeviceError as error:
            yield failed(name, error)
            return
        detail = "green, then red with the buzzer was shown" if self.move else "pins are free"
        yield Finding(name, Status.OK, detail)

    def _door(self) -> Iterator[Finding]:
        config = self.config
        if config.door.at_stop == "released" and not self.move:
            detail = "not touched: letting it go would release it (door.at_stop)"
            yield Finding("door", Status.SKIP, detail, "give --move where nobody stands at it")
            return
        opened = threading.Event()

        def on_event(event: DoorEvent) -> None:
            if isinstance(event, Contact) and event.is_open:
                opened.set()

        try:
            with make_door(
                config.door, on_event, pins=self._pins, world=self._world, readers=config.reader
            ) as door:
                contact_open, fire_active = door.contact_open, door.fire_active
                if self.move:
                    opened.clear()
                    door.release()
                    opened.wait(config.door.open_s)
                    door.secure()
        except DeviceError as error:
            yield failed("door", error)
            return
        yield judge_inputs(contact_open, fire_active)
        if self.move:
            seen = "it was opened" if opened.is_set() else "nobody opened it"
            yield Finding("door lock", Status.OK, f"released, then secured; {seen}")


def failed(name: str, error: DeviceError) -> Finding:
    """A device that can't do its work."""
    hint = error.hint
    if error.cause is Cause.BUSY and not hint:
        hint = "the daemon may hold it: systemctl stop edge-gate"
    return Finding(name, Status.FAIL, f"{error.detail} ({error.cause})", hint)


def judge_frames(
    name: str, frames: list[Frame], rate_hz: float, size: tuple[int, int], asked_hz: float
) -> Finding:
    """Whether frames have the size and rate that were asked for, and a picture in them."""
    gray = frames[-1].gray
    seen = (gray.shape[1], gray.shape[0])
    mean = float(np.mean(gray))
    saturated = float(np.mean(gray >= SATURATED))
    detail = f"{seen[0]}x{seen[1]} at {rate_hz:.1f} Hz, mean gray {mean:.0f}"
    if seen != size:
        wanted = f"{size[0]}x{size[1]}"
        return Finding(
            name, Status.FAIL, detail, f"{wanted} was asked for: set size to what it has"
        )
    if mean < BLACK:
        return Finding(name, Status.FAIL, detail, "black: uncover the lens, give light")
    if saturated > 0.9:
        return Finding(name, Status.FAIL, detail, "overexposed: set a shorter exposure_us")
    if rate_hz < 0.8 * asked_hz:
        hint = f"{asked_hz:g} Hz was asked for: more light, a longer exposure allowed, or fewer Hz"
        return Finding(name, Status.WARN, detail, hint)
    if mean < 4 * BLACK or saturated > 0.4:
        return Finding(name, Status.WARN, detail, "very dark or very bright: look at the exposure")
    return Finding(name, Status.OK, detail)


def judge_readings(
    name: str, readings: list[Measurement], told: dict[str, str], emissivity: float | None
) -> Finding:
    """Whether a thermometer's identity and readings are plausible."""
    object_c = float(np.median([reading.object_c for reading in readings]))
    ambient_c = float(np.median([reading.ambient_c for reading in readings]))
    identity = ", ".join(f"{key} {told[key]}" for key in ("id", "emissivity") if key in told)
    detail = f"object {object_c:.2f} °C, ambient {ambient_c:.2f} °C" + (
        f", {identity}" if identity else ""
    )
    if "spot_cm" in told:
        detail += (
            f", {told['variant']} ({told['accuracy']}) sees {told['spot_cm']} cm at "
            f"{told['distance_cm']} cm and settles in {told['settling_s']} s"
        )
    if not ROOM_C[0] <= ambient_c <= ROOM_C[1]:
        hint = f"air should be {ROOM_C[0]:g} to {ROOM_C[1]:g} °C: look at wiring and sun"
        return Finding(name, Status.WARN, detail, hint)
    if not OBJECT_C[0] <= object_c <= OBJECT_C[1]:
        return Finding(
            name,
            Status.WARN,
            detail,
            "not the warmth of a room or a person: what is before the sensor?",
        )
    found = told.get("emissivity")
    if emissivity is not None and found and abs(float(found) - emissivity) > EMISSIVITY_STEP:
        hint = f"the configuration says emissivity {emissivity:g}: set the one or the other"
        return Finding(name, Status.WARN, detail, hint)
    return Finding(name, Status.OK, detail)


def judge_calibration(
    reader: str, stored: Stored | None, now: datetime, *, days: int, needed: bool
) -> Finding:
    """Whether a reader's thermometer was calibrated, and not too long ago."""
    name = f"reader.{reader}.calibration"
    hint = f"`edge-gate calibrate {reader}`: docs/how-to/calibrate.md"
    if stored is None:
        return Finding(name, Status.WARN if needed and days else Status.SKIP, "none", hint)
    detail = (
        f"{stored.at:%Y-%m-%d} against {stored.reference}: offset {stored.offset_c:+.2f} °C, "
        f"±{stored.uncertainty_c:.2f}"
    )
    if stored.due(now, days):
        return Finding(name, Status.WARN, detail, f"due again: {hint}")
    return Finding(name, Status.OK, detail)


def judge_inputs(contact_open: bool | None, fire_active: bool | None) -> Finding:  # noqa: FBT001
    """Whether door contact and fire input stand as they should with nobody there."""
    contact = {None: "no contact fitted", True: "open", False: "closed"}[contact_open]
    fire = {None: "no fire input", True: "fire release", False: "no fire"}[fire_active]
    detail = f"{contact}, {fire}"
    if fire_active:
        return Finding(
            "door",
            Status.WARN,
            detail,
            "reset the panel, or look at fire_level and the wire (a cut one reads high)",
        )
    if contact_open:
        return Finding("door", Status.WARN, detail, "close it, or look at contact_open_level")
    return Finding("door", Status.OK, detail)


def _watch(camera: Camera, timeout_s: float) -> tuple[list[Frame], float]:
    """Some frames, and how many come in a second."""
    camera.read(timeout_s)  # the first one waits for the sensor to start
    start_s = time.monotonic()
    frames = [camera.read(timeout_s) for _ in range(FRAMES)]
    return frames, FRAMES / max(time.monotonic() - start_s, 1e-6)
