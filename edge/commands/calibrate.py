"""`edge-gate calibrate`: a technician, a reference, and what the sensor says of it."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import click

from edge.commands.common import (
    Command,
    Refusal,
    json_option,
    load_config,
    progress,
    say,
    write_json,
    write_table,
)

if TYPE_CHECKING:
    from edge.calibration import Method, Point, Stored
    from edge.config.model import AnyThermometer, Config
    from edge.drivers.sim.world import World
    from edge.drivers.thermometer import Thermometer

WAIT_S = 30.0  # for a steady reading of one point


@click.command(
    cls=Command,
    example="sudo systemctl stop edge-gate\n"
    "sudo edge-gate calibrate in --source 35.0 --source 40.0 --reference 'BB-12, 2021-06'\n"
    "sudo edge-gate calibrate in --person 36.7 --reference 'oral thermometer T2'",
)
@click.argument("reader")
@click.option(
    "--source",
    "sources_c",
    type=click.FloatRange(25, 50),
    multiple=True,
    help="Temperature of a reference source, °C; twice for two points.",
)
@click.option(
    "--person",
    "person_c",
    type=click.FloatRange(35, 37.5),
    help="A healthy person's temperature by a clinical thermometer, °C.",
)
@click.option("--reference", default="", help="What the reference was, for the record.")
@click.option(
    "--uncertainty",
    "sigma_c",
    type=click.FloatRange(min=0.01),
    help="Standard uncertainty of the reference, °C.  [default: 0.15 a source, 0.4 a person]",
)
@click.option("--yes", is_flag=True, help="Ask nothing: everything is in place.")
@json_option
@click.pass_context
def calibrate(
    context: click.Context,
    /,
    *,
    reader: str,
    sources_c: tuple[float, ...],
    person_c: float | None,
    reference: str,
    sigma_c: float | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Calibrate a reader's thermometer at one or two points.

    Stop the daemon first. A reference source (a black body, at the distance of a forehead) gives
    one or two points; a healthy, acclimatised person with a clinical thermometer gives one. What
    no working sensor shows is refused. In force from the next start of the daemon.
    """
    config = load_config(context)
    from edge.calibration import CalibrationError

    if not sources_c and person_c is None and not yes:
        sources_c, person_c = _ask_points()
    if bool(sources_c) == (person_c is not None) or len(sources_c) > 2:
        raise Refusal("give one --person, or one or two --source")
    if not reference and not yes:
        reference = click.prompt("What is the reference (name, date of its certificate)", err=True)
    method: Method = "source" if sources_c else "person"
    truths_c = list(sources_c) or [person_c or 0.0]
    try:
        stored = _run(config, reader, method, truths_c, reference, sigma_c, ask=not yes)
    except CalibrationError as error:
        say(f"edge-gate calibrate: {error}", style="red", error=True)
        return 1
    _tell(stored, as_json=as_json)
    if not yes and not click.confirm("Keep it?", default=True, err=True):
        return 1
    return _keep(config, stored, as_json=as_json)


def _ask_points() -> tuple[tuple[float, ...], float | None]:
    kind = click.prompt(
        "Against a reference source, or a person with a clinical thermometer",
        type=click.Choice(["source", "person"]),
        err=True,
    )
    if kind == "person":
        return (), click.prompt("The clinical thermometer says, °C", type=float, err=True)
    points = click.prompt("How many points", type=click.IntRange(1, 2), default=2, err=True)
    asked = (f"Temperature of the source at point {n + 1}, °C" for n in range(points))
    return tuple(click.prompt(text, type=float, err=True) for text in asked), None


def _run(
    config: Config,
    reader: str,
    method: Method,
    truths_c: list[float],
    reference: str,
    sigma_c: float | None,
    *,
    ask: bool,
) -> Stored:
    """Raises CalibrationError, Refusal."""
    from datetime import UTC, datetime

    from edge.calibration import CalibrationError, Stored, fit
    from edge.config.rules import to_rules
    from edge.drivers.base import DeviceError
    from edge.drivers.factory import make_thermometer

    table = _table(config, reader)
    try:
        with make_thermometer(table, world=_world(config), reader=reader) as thermometer:
            points = []
            for true_c in truths_c:
                if ask:
                    what = "the source at" if method == "source" else "the person who has"
                    click.prompt(
                        f"Put {what} {true_c:g} °C before the sensor; Enter when steady",
                        default="",
                        show_default=False,
                        err=True,
                    )
                points.append(_measure(thermometer, true_c, table.rate_hz))
            sensor = thermometer.describe().get("id", "")
    except DeviceError as error:
        raise CalibrationError(str(error)) from error
    correction = to_rules(config).screening.correction
    calibration, uncertainty_c = fit(method, points, correction, reference_sigma_c=sigma_c)
    return Stored(
        reader=reader,
        sensor=sensor,
        method=method,
        reference=reference or "not named",
        at=datetime.now(UTC).replace(microsecond=0),
        points=tuple(points),
        offset_c=calibration.offset_c,
        gain=calibration.gain,
        pivot_c=calibration.pivot_c,
        uncertainty_c=uncertainty_c,
    )


def _table(config: Config, reader: str) -> AnyThermometer:
    tables = {one.name: one.thermometer for one in config.reader}
    table = tables.get(reader)
    if table is None:
        known = ", ".join(name for name, one in tables.items() if one is not None)
        raise Refusal(f"no thermometer at a reader '{reader}'; there is one at: {known or 'none'}")
    return table


def _world(config: Config) -> World | None:
    from edge.drivers.sim.world import make_world

    try:
        return make_world(
            seed=config.sim.seed,
            script=config.sim.script,
            every_s=config.sim.every_s,
            ambient_c=config.sim.ambient_c,
            epoch_s=time.monotonic(),
        )
    except ValueError as error:
        raise Refusal(f"sim.script: {error}") from error


def _measure(thermometer: Thermometer, true_c: float, rate_hz: float) -> Point:
    """One point: the first steady run of samples. Raises CalibrationError, DeviceError."""
    from statistics import median, pstdev

    from edge.calibration import LARGEST_SPREAD_C, SAMPLES, CalibrationError, Point
    from edge.drivers.thermometer import Measurement

    taken: deque[Measurement] = deque(maxlen=SAMPLES)
    end_s = time.monotonic() + WAIT_S
    with progress(f"measuring {true_c:g} °C", None, wanted=True) as step:
        while time.monotonic() < end_s:
            taken.append(thermometer.read())
            step()
            objects_c = [one.object_c for one in taken]
            if len(taken) == SAMPLES and max(objects_c) - min(objects_c) <= LARGEST_SPREAD_C:
                return Point(
                    true_c=true_c,
                    object_c=median(objects_c),
                    ambient_c=median(one.ambient_c for one in taken),
                    sigma_c=pstdev(objects_c),
                    samples=SAMPLES,
                )
            time.sleep(1 / rate_hz)
    raise CalibrationError(
        f"no steady reading in {WAIT_S:g} s: samples lie more than {LARGEST_SPREAD_C:g} °C apart"
    )


def _tell(stored: Stored, *, as_json: bool) -> None:
    if as_json:
        return
    write_table(
        ("reference °C", "sensor °C", "air °C", "scatter °C"),
        [
            (f"{p.true_c:.2f}", f"{p.object_c:.2f}", f"{p.ambient_c:.2f}", f"{p.sigma_c:.3f}")
            for p in stored.points
        ],
    )
    say(
        f"offset {stored.offset_c:+.2f} °C at {stored.pivot_c:.1f} °C, gain {stored.gain:.3f}, "
        f"uncertainty ±{stored.uncertainty_c:.2f} °C (95 %)"
    )


def _keep(config: Config, stored: Stored, *, as_json: bool) -> int:
    from dataclasses import asdict

    from edge.calibration import save, state_folder

    try:
        path = save(state_folder(config), stored)
    except OSError as error:
        raise Refusal(f"the calibration can't be written: {error}") from error
    if as_json:
        values = asdict(stored) | {"at": stored.at.isoformat(), "file": str(path)}
        write_json(values)
    else:
        say(f"written to {path}; in force from the next start of the daemon", style="green")
    return 0
