"""What may stand in config.toml. Units stand in key names; every default is stated here once.

Each driver's options are a table of their own, told apart by `driver`. The text under a key is
its documentation: config.toml and docs/reference/configuration.md are made from it
(`scripts/reference.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from edge.config.sensors import FOREHEAD_CM, SENSORS, Variant
from edge.gate.estimate import AMBIENT_FITTED_C, AMBIENT_REF_C, AMBIENT_SLOPE, OFFSET_C
from edge.hours import Span

# MQTT topic level and file name at once: design.md, topics
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Pin = Annotated[int, Field(ge=0, le=27)]  # BCM numbers of the 40-pin header
# what a sensor can really give is the driver's to say
Pixels = Annotated[int, Field(ge=16, le=10_000)]
Size = tuple[Pixels, Pixels]  # width, height
FaultPolicy = Literal["deny", "admit"]
SchemePolicy = Literal["accept", "flag", "deny"]
Level = Literal["high", "low"]
KeyPath = tuple[str | int, ...]
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
# RFC 1122, 3.2.1.3: all of 127/8 is this machine
_LOOPBACK = re.compile(r"(127(\.\d{1,3}){3}|localhost):\d{1,5}")
Problem = tuple[KeyPath, str]  # where below the table, and what is wrong


def _not_fitted(value: object) -> object:
    """TOML has no null: "none" takes a default pin away."""
    return None if value == "none" else value


FittedPin = Annotated[Pin | None, BeforeValidator(_not_fitted)]


class ProblemsError(ValueError):
    """Several faults of one table found together: the key path below the table, and what is wrong.

    Pydantic keeps one exception a validator; edge.config.load takes these apart again.
    """

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(text for _, text in self.problems))


class Table(BaseModel):
    """A table of the configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# --- simulated world ------------------------------------------------------------------------


class SimTable(Table):
    """One simulated world, shared by all simulated devices of a gate.

    `script` is a JSON file of visits (edge.drivers.sim.world); without it people arrive at
    random by `seed`, one every `every_s` on average at each reader.
    """

    seed: int = 1
    """The same seed brings the same people."""
    script: Path | None = None
    """JSON file of visits; without it people come at random."""
    every_s: Annotated[float, Field(gt=0)] = 5.0
    """Seconds between two people at a reader."""
    ambient_c: Annotated[float, Field(ge=-40, le=125)] = 26.0
    """Air temperature, °C."""


# --- camera ---------------------------------------------------------------------------------


class CameraTable(Table):
    """Keys that all cameras share."""

    size: Size = (640, 480)
    """Width and height of the frames that are decoded, pixels."""
    frame_rate_hz: Annotated[float, Field(gt=0, le=60)] = 10.0
    """Frames a second."""
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0
    """A camera that gives no frame for so long is faulted."""


class Picamera2Table(CameraTable):
    """A Raspberry Pi camera module on the CSI connector."""

    driver: Literal["picamera2"]
    """A camera module on the ribbon connector."""
    number: Annotated[int, Field(ge=0, le=3)] = 0
    """Which camera module, as `rpicam-hello --list-cameras` counts."""
    sensor_size: Size = (1536, 864)
    """Width and height of the sensor mode; it sets the field of view."""
    exposure_us: Annotated[int, Field(ge=50, le=200_000)] | None = None
    """Fixed exposure, microseconds; without it automatic. Short and fixed suits phone screens."""
    bracket: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Every other frame is exposed for this part of it, for phones that dazzle; 1 for none."""
    gain: Annotated[float, Field(ge=1, le=64)] | None = None
    """Fixed analogue gain; without it automatic."""
    focus_m: Annotated[float, Field(gt=0, le=10)] | None = None
    """Fixed focus distance, metres, where the lens can move; without it continuous."""
    mains_hz: Literal[0, 50, 60] = 50
    """Mains frequency of the lamps around, against flicker; 0 for none."""
    flip: bool = False
    """Turn the picture by 180°: the camera hangs upside down."""

    @model_validator(mode="after")
    def _bracket_of_an_exposure(self) -> Self:
        if self.bracket != 1 and self.exposure_us is None:
            raise ValueError("bracket is a part of exposure_us: set that too")
        return self


class WebcamTable(CameraTable):
    """A USB webcam."""

    driver: Literal["webcam"]
    """A USB camera."""
    device: str = "/dev/video0"
    """Video device; a name under /dev/v4l/by-id stays the same when others are plugged in."""
    exposure_us: Annotated[int, Field(ge=50, le=200_000)] | None = None
    """Fixed exposure, microseconds; without it automatic."""


class ReplayTable(CameraTable):
    """Pictures or films from disk, for trials without a camera."""

    driver: Literal["replay"]
    """Pictures or films from disk."""
    path: Path
    """A picture, a film, or a folder of them."""
    loop: bool = True
    """Begin again at the end; otherwise the camera is faulted then."""


class SimCameraTable(CameraTable):
    """The people of [sim] hold their codes into the frame."""

    driver: Literal["sim"]
    """The simulated camera."""
    light: Annotated[float, Field(gt=0, le=16)] = 1.0
    """How bright the place is, of what the camera's exposure is right for."""
    bracket: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Every other frame is exposed for this part of the time; 1 for none."""


AnyCamera = Annotated[
    Picamera2Table | WebcamTable | ReplayTable | SimCameraTable, Field(discriminator="driver")
]

# --- thermometer ----------------------------------------------------------------------------


class ThermometerTable(Table):
    """Keys that all thermometers share."""

    rate_hz: Annotated[float, Field(gt=0, le=20)] = 20.0
    """Readings a second."""
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0
    """A thermometer that gives no good reading for so long is faulted."""
    noise_limit_c: Annotated[float, Field(gt=0, le=5)] = 0.3
    """Self-check: the noise before an empty scene must be below this standard deviation."""
    ambient_file: Path | None = None
    """Self-check: file of a second thermometer in the same air, in thousandths of °C."""
    ambient_tolerance_c: Annotated[float, Field(gt=0, le=20)] = 3.0
    """Self-check: the two may differ by so much."""
    reference_c: Annotated[float, Field(ge=-20, le=100)] | None = None
    """Self-check: temperature of a reference source that the sensor sees when nobody is there."""
    reference_tolerance_c: Annotated[float, Field(gt=0, le=5)] = 0.5
    """Self-check: the source may be read so far off."""


class Mlx90614Table(ThermometerTable):
    """A Melexis MLX90614 on an I2C bus."""

    driver: Literal["mlx90614"]
    """An infrared thermometer on the I2C bus."""
    bus: Annotated[int, Field(ge=0, le=31)] = 1
    """Number of the I2C bus: 1 is /dev/i2c-1."""
    address: Annotated[int, Field(ge=0x03, le=0x77)] = 0x5A
    """I2C address; every new sensor has 0x5a."""
    emissivity: Annotated[float, Field(ge=0.1, le=1.0)] = 0.98
    """Emissivity the sensor should be set to; skin has 0.98. Another one is told in the log."""
    variant: Variant = "BCC"
    """The three letters on the sensor: supply or medical (D), zones, field of view."""
    distance_cm: Annotated[float, Field(ge=1, le=200)] = 5.0
    """From the sensor to the forehead; the spot that it sees there must not exceed a forehead."""

    @model_validator(mode="after")
    def _sees_a_forehead(self) -> Mlx90614Table:
        spot_cm = SENSORS[self.variant].spot_cm(self.distance_cm)
        if spot_cm > FOREHEAD_CM:
            text = (
                f"{self.variant} sees a spot of {spot_cm:.1f} cm at {self.distance_cm:g} cm, more "
                f"than a forehead ({FOREHEAD_CM:g} cm); come closer, or take one with a lens"
            )
            raise ProblemsError([(("distance_cm",), text)])
        return self


class SimThermometerTable(ThermometerTable):
    """A simulated MLX90614 that the people of [sim] step before."""

    driver: Literal["sim"]
    """The simulated thermometer."""
    noise_c: Annotated[float, Field(ge=0, le=2)] = 0.05
    """Standard deviation of its noise, °C."""
    error_c: Annotated[float, Field(ge=-5, le=5)] = 0.0
    """What it reads too much, °C: for trials of calibration."""


AnyThermometer = Annotated[Mlx90614Table | SimThermometerTable, Field(discriminator="driver")]

# --- door and signals -----------------------------------------------------------------------


class DoorTable(Table):
    """Wiring and times of the door; the same for the real one and the simulated one.

    `lock` says what the lock does without power: "fail_safe" opens, "fail_secure" stays locked.
    `at_stop` is the state the daemon leaves behind when it stops or dies.
    """

    lock: Literal["fail_safe", "fail_secure"]
    """What the lock does without power: "fail_safe" opens, "fail_secure" stays locked."""
    at_stop: Literal["secured", "released"] = "secured"
    """The state that is left behind when the daemon stops or dies."""
    relay_pin: Pin = 17
    """BCM pin of the lock's relay."""
    relay_active: Level = "high"
    """Level that gives the relay power: a fail-secure lock then opens, a fail-safe one holds."""
    contact_pin: FittedPin = 22
    """BCM pin of the door contact, "none" where there is none."""
    contact_open_level: Level = "high"
    """Level of the contact's pin while the door stands open."""
    exit_pin: FittedPin = 23
    """BCM pin of the exit button, "none" where there is none."""
    exit_level: Level = "low"
    """Level of the button's pin while it is pressed."""
    fire_pin: FittedPin = 24
    """BCM pin of the fire panel's release contact, "none" where there is none."""
    fire_level: Level = "high"
    """Level of that pin while the panel asks for release. The release itself is wired."""
    debounce_ms: Annotated[int, Field(ge=0, le=500)] = 30
    """An input must keep its new level for so long."""
    open_s: Annotated[float, Field(ge=0.5, le=255)] = 5.0
    """How long a grant keeps the lock released when nobody opens the door."""
    held_open_s: Annotated[float, Field(ge=1, le=255)] = 15.0
    """A door that stands open for so long is an alarm."""
    second_opening_s: Annotated[float, Field(ge=0, le=60)] = 3.0
    """A second opening so soon after the first, on the same grant, is an alarm."""
    fire_reset: Literal["automatic", "command"] = "command"
    """What ends a fire release: the panel's input alone, or a command after it."""


class GpioDoorTable(DoorTable):
    """Relay and inputs on the 40-pin header."""

    driver: Literal["gpio"]
    """Relay and inputs on the 40-pin header."""


class SimDoorTable(DoorTable):
    """gpiozero's mock pins with a door that swings and the people of [sim] who pass, or don't."""

    driver: Literal["sim"]
    """The simulated door."""


AnyDoor = Annotated[GpioDoorTable | SimDoorTable, Field(discriminator="driver")]


class SignalPins(Table):
    """Lamps and buzzer of one reader."""

    green_pin: FittedPin = None
    """BCM pin of the green lamp."""
    red_pin: FittedPin = None
    """BCM pin of the red lamp."""
    buzzer_pin: FittedPin = None
    """BCM pin of the buzzer."""
    active: Level = "high"
    """Level of a pin that lights the lamp or sounds the buzzer."""


class GpioSignalsTable(SignalPins):
    """Lamps and buzzer on the 40-pin header."""

    driver: Literal["gpio"]
    """Lamps and buzzer on the 40-pin header."""


class SimSignalsTable(SignalPins):
    """Lamps and buzzer on gpiozero's mock pins."""

    driver: Literal["sim"]
    """The simulated lamps and buzzer."""


class NoSignalsTable(Table):
    """No lamps, no buzzer."""

    driver: Literal["none"]
    """No lamps, no buzzer."""


AnySignals = Annotated[
    GpioSignalsTable | SimSignalsTable | NoSignalsTable, Field(discriminator="driver")
]

# --- the gate -------------------------------------------------------------------------------


class GateTable(Table):
    """Which gate this is. The three names stand in every record and in the MQTT topics."""

    park: Name
    """The organisation that runs the sites: an industrial park, a school, a factory."""
    site: Name
    """The registered checkpoint (điểm kiểm dịch)."""
    gate: Name
    """This door, by a name that no other door of the site has."""


class ReaderTable(Table):
    """One side of the door: a camera and a thermometer. A gate has one or two readers."""

    name: Name
    """Name of the reader; drop-in files and the environment find it by this."""
    direction: Literal["in", "out"]
    """Which way people go who use this reader."""
    mode: Literal["code_and_temperature", "code_only", "temperature_only", "record_only"] = (
        "code_and_temperature"
    )
    """What is checked before the door is released; "record_only" admits and records."""
    order: Literal["code_first", "temperature_first"] = "code_first"
    """Which check comes first."""
    camera: AnyCamera | None = None
    """The camera; mode "temperature_only" needs none."""
    thermometer: AnyThermometer | None = None
    """The thermometer; modes "code_only" and "record_only" need none."""
    signals: AnySignals = NoSignalsTable(driver="none")
    """Lamps and buzzer beside the reader."""

    @model_validator(mode="after")
    def _fitted(self) -> ReaderTable:
        missing = []
        if self.mode != "temperature_only" and self.camera is None:
            missing.append("camera")
        if self.mode in {"code_and_temperature", "temperature_only"} and self.thermometer is None:
            missing.append("thermometer")
        if missing:
            raise ProblemsError(
                ((name,), f'mode "{self.mode}" needs a {name}; add a [reader.{name}] table')
                for name in missing
            )
        return self


Spans = tuple[str, ...]
_ALL_DAY: Spans = ("00:00-24:00",)


class HoursTable(Table):
    """When people are let in, by the clock on the wall. Without this table: at any time.

    Out of hours readers with direction "in" refuse with `out_of_hours` and tell when the gate
    opens; ways out, the exit button and the fire release work always.
    """

    zone: str | None = None
    """Time zone by its IANA name; without it the machine's own."""
    monday: Spans = _ALL_DAY
    """Hours that begin on Mondays, as ["06:00-11:30", "13:00-18:00"], or ["22:00-06:00"] over
    midnight; none where the list is empty. So for each day."""
    tuesday: Spans = _ALL_DAY
    """On Tuesdays."""
    wednesday: Spans = _ALL_DAY
    """On Wednesdays."""
    thursday: Spans = _ALL_DAY
    """On Thursdays."""
    friday: Spans = _ALL_DAY
    """On Fridays."""
    saturday: Spans = _ALL_DAY
    """On Saturdays."""
    sunday: Spans = _ALL_DAY
    """On Sundays."""
    closed_on: tuple[date, ...] = ()
    """Days without hours, as [2027-02-06, 2027-02-07]; a night begun before runs to its end."""
    always: tuple[str, ...] = ()
    """Categories of signed passes that are let in at any time, as ["staff", "guard"]."""
    clock_unsure: Literal["open", "follow"] = "open"
    """While the clock was not set since the start: "open", or "follow" the hours all the same (a
    gate with a battery clock and no network)."""

    @property
    def week(self) -> tuple[Spans, ...]:
        """The hours of each day, Monday first."""
        return tuple(getattr(self, name) for name in WEEKDAYS)

    @model_validator(mode="after")
    def _readable(self) -> HoursTable:
        problems = [*self._zone_problems(), *self._span_problems()]
        if problems:
            raise ProblemsError(problems)
        return self

    def _zone_problems(self) -> Iterator[Problem]:
        if self.zone is not None:
            try:
                ZoneInfo(self.zone)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                text = f'"{self.zone}" is no time zone that this machine knows'
                yield ("zone",), f'{text}; give a name of the IANA list, as "Asia/Ho_Chi_Minh"'

    def _span_problems(self) -> Iterator[Problem]:
        for name, spans in zip(WEEKDAYS, self.week, strict=True):
            for span in spans:
                try:
                    Span.parse(span)
                except ValueError:
                    text = f'"{span}" is no span of hours; write "06:00-18:00", or "22:00-06:00"'
                    yield (name,), f"{text} over midnight"


class ScanTable(Table):
    """From frames to presentations: one person showing one code."""

    gap_s: Annotated[float, Field(gt=0, le=30)] = 1.5
    """A code out of view for so long and shown again is a new presentation."""
    repeat_s: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    """The same code at the same reader within this time is not a second entry."""
    max_code_bytes: Annotated[int, Field(ge=16, le=7_089)] = 2_953
    """Longer codes are refused; 2,953 is what the largest QR code holds in bytes."""
    hang_s: Annotated[float, Field(ge=1, le=120)] = 8.0
    """A decoding process that is silent for so long is replaced."""


class ScreeningTable(Table):
    """When a temperature counts as measured, and what follows from it; °C to 0.01.

    estimate = surface + offset_c + ambient_slope * (ambient - ambient_ref_c), where `surface` is
    the sensor's object temperature after its calibration (docs/explanation/temperature.md).
    """

    limit_c: Annotated[float, Field(ge=36, le=42)] = 37.5
    """An estimate of this much and more is `temperature_high`."""
    low_limit_c: Annotated[float, Field(ge=25, le=36.5)] = 34.5
    """An estimate below this is no forehead (a hat, a mask, a hand): `temperature_low`."""
    hottest_c: Annotated[float, Field(ge=42, le=60)] = 43.0
    """What ever gave an estimate of this is a cup or a lamp while it stays: `not_a_face`."""
    enforce: Literal["deny", "flag"] = "deny"
    """What a temperature means: "deny" keeps people out, "flag" lets them in and says so."""
    repeats: Annotated[int, Field(ge=0, le=5)] = 2
    """A high reading is measured so many times again before it counts; the median decides."""
    repeat_pause_s: Annotated[float, Field(ge=0, le=30)] = 1.0
    """Pause before each repeat."""
    secondary_s: Annotated[float, Field(ge=0, le=86_400)] = 900.0
    """How long an attendant may enter a clinical thermometer's value, and how long it holds."""
    presence_c: Annotated[float, Field(ge=1, le=20)] = 3.0
    """Someone stands before the sensor when it sees so much more than the empty scene."""
    presence_with_code_c: Annotated[float, Field(ge=0.2, le=20)] = 1.0
    """The same after a code was shown: at 35 °C a face hardly stands out from the room."""
    changed_scene_s: Annotated[float, Field(ge=10, le=3_600)] = 120.0
    """Warmth that stays so long without a code is the scene's own: sun on a wall, a lamp."""
    samples: Annotated[int, Field(ge=3, le=100)] = 4
    """Readings of one measurement, once the filter settled; 4 at 20 Hz see two of its outputs."""
    max_spread_c: Annotated[float, Field(gt=0, le=5)] = 0.5
    """Those readings may lie so far apart; otherwise measuring goes on."""
    offset_c: Annotated[float, Field(ge=-10, le=10)] = OFFSET_C
    """From the forehead's surface to the body at `ambient_ref_c`, as fitted on people."""
    ambient_slope: Annotated[float, Field(ge=-1, le=1)] = AMBIENT_SLOPE
    """°C added for each °C of air above `ambient_ref_c`."""
    ambient_ref_c: Annotated[float, Field(ge=-20, le=50)] = AMBIENT_REF_C
    """Air temperature at which `offset_c` holds."""
    fitted_low_c: Annotated[float, Field(ge=-20, le=50)] = AMBIENT_FITTED_C[0]
    """Coldest air that the correction was fitted for; colder is `ambient_out_of_range`."""
    fitted_high_c: Annotated[float, Field(ge=-20, le=50)] = AMBIENT_FITTED_C[1]
    """Warmest air that the correction was fitted for; warmer is `ambient_out_of_range`."""
    calibration_days: Annotated[int, Field(ge=0, le=3_650)] = 365
    """A calibration older than this is an alarm, `calibration_due`; 0 asks for none."""
    self_check_h: Annotated[float, Field(ge=0, le=720)] = 24.0
    """Hours between self-checks of a thermometer before an empty scene; 0 for none."""
    drift_c: Annotated[float, Field(gt=0, le=5)] = 0.3
    """A rolling median that moves so far is an alarm, `temperature_drift`."""
    state_path: Path | None = None
    """Folder of calibrations and of drift; without it `screening` in records.path."""

    @model_validator(mode="after")
    def _ordered(self) -> ScreeningTable:
        if self.low_limit_c >= self.limit_c:
            raise ProblemsError(
                [(("low_limit_c",), f"{self.low_limit_c} is not below limit_c = {self.limit_c}")]
            )
        if self.fitted_low_c >= self.fitted_high_c:
            text = f"{self.fitted_low_c} is not below fitted_high_c = {self.fitted_high_c}"
            raise ProblemsError([(("fitted_low_c",), text)])
        return self


class TimeoutsTable(Table):
    """How long the gate waits for each thing, and shows each answer."""

    temperature_wait_s: Annotated[float, Field(ge=1, le=120)] = 10.0
    """From an accepted code until someone steps before the thermometer."""
    measuring_s: Annotated[float, Field(ge=0.5, le=60)] = 5.0
    """From then until the measurement is made."""
    code_wait_s: Annotated[float, Field(ge=1, le=120)] = 10.0
    """From a measured temperature until a code is shown."""
    identify_s: Annotated[float, Field(ge=0.1, le=30)] = 2.0
    """For turning a code into the token that stands in the record."""
    door_wait_s: Annotated[float, Field(ge=1, le=120)] = 20.0
    """For a door that the other reader uses."""
    denied_s: Annotated[float, Field(ge=0, le=60)] = 3.0
    """A refusal is shown for so long."""
    cool_down_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Between one person and the next."""


class FaultsTable(Table):
    """What a fault means for someone at the gate: "deny", or "admit" and flag the record."""

    camera: FaultPolicy = "deny"
    """No code can be read."""
    thermometer: FaultPolicy = "deny"
    """No temperature can be measured."""
    record: FaultPolicy = "deny"
    """The record is not on disk within records.deadline_ms."""
    identity: FaultPolicy = "admit"
    """The code was read, but no token could be made of it."""


class RequireTable(Table):
    """Proofs that a code must give, whatever the policy of its scheme; cards prove nothing.

    "signature": it is genuine, by the lists of [trust] or the park's keys, and not over.
    "possession": the phone that the pass belongs to made the code just now.
    """

    pass_: Annotated[tuple[Literal["signature", "possession"], ...], Field(alias="pass")] = ()
    """Of the park's passes; with "possession" only phones pass, no printed badge."""
    dcc: tuple[Literal["signature"], ...] = ()
    """Of health certificates; needs trust.dcc_trust_list."""
    shc: tuple[Literal["signature"], ...] = ()
    """Of SMART Health Cards; needs trust.shc_keys."""


class SchemesTable(Table):
    """Which codes are taken: "accept", "flag" (let in and say so in the record; forged, revoked and
    copied codes are refused all the same), "deny".
    """

    pass_: Annotated[SchemePolicy, Field(alias="pass")] = "accept"  # noqa: S105
    """Passes that the park itself issues."""
    cccd: SchemePolicy = "accept"
    """Chip citizen card and identity card (CCCD, thẻ căn cước)."""
    bhyt: SchemePolicy = "accept"
    """Health-insurance card (BHYT)."""
    pc_covid: Annotated[SchemePolicy, Field(alias="pc-covid")] = "accept"
    """PC-Covid, Bluezone, NCOVI and VHD in their common form of 2021."""
    dcc: SchemePolicy = "flag"
    """EU Digital COVID Certificate and Vietnam's, which follows it."""
    shc: SchemePolicy = "flag"
    """SMART Health Card."""
    opaque: SchemePolicy = "flag"
    """Any other code: factory badges, VNeID, whatever is not understood."""
    require: RequireTable = RequireTable()
    """Proofs that codes must give."""


class TrustTable(Table):
    """What signed codes are checked against; docs/reference/schemes.md has the formats. Read at the
    start of the gate. Without its list or key a code stands as `unverified`.
    """

    park_keys: Path | None = None
    """The park's public keys (`edge-hub pass key`): a PEM file, or a folder of them while keys
    change. Passes without a good signature are refused then, and the park's lists are taken."""
    lists_path: Path = Path("/var/lib/edge-gate/lists")
    """Folder in which the park's lists (revoked passes) are kept."""
    phone_steps: Annotated[int, Field(ge=0, le=10)] = 1
    """A phone's code counts so many of its steps before and after its own."""
    clock_slack_s: Annotated[float, Field(ge=0, le=60)] = 2.0
    """And so much longer, for clocks that are not quite together."""

    dcc_trust_list: Path | None = None
    """Signers of health certificates: a folder of certificates, a PEM file, or JSON."""
    dcc_revocations: Path | None = None
    """Revoked health certificates: an identifier or a hash a line, or JSON."""
    shc_keys: Path | None = None
    """Issuers of SMART Health Cards with their keys, JSON."""
    shc_revocations: Path | None = None
    """Revoked SMART Health Cards: a folder of the issuers' lists, or a file of them, JSON."""
    clock_unsure: Literal["flag", "deny"] = "flag"
    """Codes that hold for a time, passes among them, while the gate's clock is not set."""


class IdentityTable(Table):
    """How a person stands in records. All but "plain" keep identities off the gate and the feed."""

    mode: Literal["sealed", "token", "plain"] = "token"
    """"token": a keyed hash in place of the identity; "sealed": that, and the identity sealed to
    the tracing authority, whose key must be given; "plain": the identity itself."""
    scope: Name = "park"
    """Within one scope the same person has the same token: a park, or those that share the key."""
    key_id: Name = "k1"
    """Name of the key; it stands beside each token."""
    key_file: Path | None = None
    """The park's 32-byte key, made once with `edge-gate keys make-token FILE`."""
    previous_key_id: Name | None = None
    """Name of the key before; given with previous_key_file, its token stands beside the new one."""
    previous_key_file: Path | None = None
    """The key before, while people of both keys have to be linked; take it away after that."""
    seal_key_id: Name = "s1"
    """Name of the tracing authority's key; it stands beside each sealed identity."""
    seal_key_file: Path | None = None
    """The tracing authority's public key; without it records hold tokens alone."""

    @model_validator(mode="after")
    def _keyed(self) -> IdentityTable:
        problems = [*self._missing_keys(), *self._previous_problems()]
        if problems:
            raise ProblemsError(problems)
        return self

    def _missing_keys(self) -> Iterator[Problem]:
        if self.mode != "plain" and self.key_file is None:
            make = "`edge-gate keys make-token FILE` makes one"
            yield ("key_file",), f'mode "{self.mode}" needs the park\'s key: {make}'
        if self.mode == "sealed" and self.seal_key_file is None:
            yield ("seal_key_file",), 'mode "sealed" needs the tracing authority\'s public key'

    def _previous_problems(self) -> Iterator[Problem]:
        if (self.previous_key_id is None) != (self.previous_key_file is None):
            given, other = "previous_key_id", "previous_key_file"
            if self.previous_key_id is None:
                given, other = other, given
            yield (given,), f"stands without {other}; give both or none"
        elif self.previous_key_id == self.key_id:
            yield ("previous_key_id",), "is key_id too: each key has its own name"
        elif self.previous_key_file is not None and self.key_file is None:
            yield ("previous_key_file",), "stands without key_file; give the new key too"


class RecordsTable(Table):
    """Where records live, and what the door does while they can't be written."""

    path: Path = Path("/var/lib/edge-gate/records")
    """Folder of the journal."""
    deadline_ms: Annotated[int, Field(ge=50, le=60_000)] = 2_000
    """A record must be on disk within this time; after it faults.record decides."""
    keep_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    """Confirmed records stay for so long."""
    max_mib: Annotated[int, Field(ge=8, le=1_048_576)] = 512
    """The journal may take so much of the disk."""
    when_full: Literal["stop", "drop-oldest"] = "stop"
    """With the journal full of unconfirmed records: take no more, or drop the oldest and say so."""


class TlsTable(Table):
    """TLS to the broker. The broker's certificate is always checked."""

    ca_file: Path | None = None
    """Certificate of the authority that signed the broker's; without it the system's own list."""
    cert_file: Path | None = None
    """The gate's certificate, with key_file."""
    key_file: Path | None = None
    """Private key of that certificate."""

    @model_validator(mode="after")
    def _paired(self) -> TlsTable:
        if (self.cert_file is None) != (self.key_file is None):
            given, other = "cert_file", "key_file"
            if self.cert_file is None:
                given, other = other, given
            raise ProblemsError([((given,), f"stands without {other}; give both or none")])
        return self


class MqttTable(Table):
    """The broker. A password stands in a file, or in the environment, never in config.toml."""

    host: Annotated[str, Field(min_length=1)] = "localhost"
    """Name or address of the broker."""
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    """Its port: 1883, or 8883 with TLS."""
    username: str | None = None
    """User name at the broker."""
    password_file: Path | None = None
    """File whose first line is the password."""
    password: SecretStr | None = None
    """The password; from the environment only (EDGE_GATE__MQTT__PASSWORD)."""
    tls: TlsTable | None = None
    """TLS; without this table the connection is not encrypted."""
    keepalive_s: Annotated[int, Field(ge=5, le=3_600)] = 20
    """MQTT keep-alive: a silent link is noticed within twice this."""
    session_expiry_s: Annotated[int, Field(ge=0, le=4_294_967_295)] = 86_400
    """The broker keeps the gate's session for so long while it is away."""
    window: Annotated[int, Field(ge=1, le=1_000)] = 50
    """Records on their way at once; 20 to 100 is fastest."""
    confirm: Literal["hub", "broker"] = "broker"
    """Whose word takes a record off the outbox: the hub's receipt, or the broker's PUBACK."""
    receipt_timeout_s: Annotated[float, Field(ge=1, le=86_400)] = 30.0
    """Without a confirmation in this time a record is sent again."""
    reconnect_longest_s: Annotated[float, Field(ge=1, le=3_600)] = 60.0
    """Longest wait between two tries to connect."""
    discovery: bool = False
    """Publish a Home Assistant discovery message."""
    discovery_prefix: Name = "homeassistant"
    """Topic that Home Assistant looks for it under."""

    @model_validator(mode="after")
    def _one_password(self) -> MqttTable:
        if self.password is not None and self.password_file is not None:
            raise ProblemsError([(("password",), "password_file is set too; give one of the two")])
        return self


class KioskTable(Table):
    """The screen at the gate: a page for each reader, on loopback, at http://LISTEN/READER/.

    Without this table there is none; lamps and buzzer tell the same story.
    """

    listen: str = "127.0.0.1:8090"
    """Loopback address and port of the pages."""
    languages: Annotated[tuple[Literal["vi", "en"], ...], Field(min_length=1, max_length=2)] = (
        "vi",
        "en",
    )
    """Languages of the texts, the first one largest."""
    layout: Literal["together", "alternately"] = "together"
    """Both languages at once, or in turn."""
    alternate_s: Annotated[float, Field(ge=1, le=30)] = 4.0
    """Seconds of each language, in turn."""
    refused_s: Annotated[float, Field(ge=0, le=60)] = 8.0
    """A refusal can be read for so long, unless somebody else comes."""
    contact: Annotated[str, Field(max_length=60)] = ""
    """Whom to ask, under refusals and faults: "Bảo vệ / Guard: 028 1234 5678"."""
    show_name: bool = False
    """Greet people by the name in their code; whoever stands behind them reads it too."""
    show_temperature: bool = False
    """Show the temperature to whoever is let in; whoever stands behind them reads it too."""
    show_camera: bool = False
    """Show what the camera sees while a code is waited for; cards have names on them."""
    tones: bool = True
    """A tone for each answer."""
    speech: bool = False
    """Speak the texts, in the first language."""

    @model_validator(mode="after")
    def _sound(self) -> KioskTable:
        if not _LOOPBACK.fullmatch(self.listen) or int(self.listen.rpartition(":")[2]) > 65_535:
            text = f'"{self.listen}" is no loopback address with a port, as "127.0.0.1:8090"'
            raise ProblemsError([(("listen",), text)])
        if len(set(self.languages)) < len(self.languages):
            raise ProblemsError([(("languages",), "names a language twice")])
        return self


class LogTable(Table):
    """What the daemon tells the system's log."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Messages of this level and above."""


class Config(Table):
    """All of it."""

    gate: GateTable
    door: AnyDoor
    reader: Annotated[tuple[ReaderTable, ...], Field(min_length=1, max_length=2)]
    scan: ScanTable = ScanTable()
    hours: HoursTable | None = None
    screening: ScreeningTable = ScreeningTable()
    timeouts: TimeoutsTable = TimeoutsTable()
    faults: FaultsTable = FaultsTable()
    schemes: SchemesTable = SchemesTable()
    trust: TrustTable = TrustTable()
    identity: IdentityTable
    records: RecordsTable = RecordsTable()
    mqtt: MqttTable = MqttTable()
    kiosk: KioskTable | None = None
    log: LogTable = LogTable()
    sim: SimTable = SimTable()

    @model_validator(mode="after")
    def _whole(self) -> Config:
        problems = [*self._name_problems(), *self._clashes(), *self._unprovable()]
        if problems:
            raise ProblemsError(problems)
        return self

    def _name_problems(self) -> Iterator[Problem]:
        names = [reader.name for reader in self.reader]
        if len(set(names)) < len(names):
            yield ("reader", 1, "name"), f"two readers are called '{names[1]}'; give each its own"

    def _unprovable(self) -> Iterator[Problem]:
        """What is required and could be proved by nobody."""
        required, trust = self.schemes.require, self.trust
        if self.hours is not None and self.hours.always and trust.park_keys is None:
            yield ("hours", "always"), "needs trust.park_keys: nobody could prove a category"
        if required.pass_ and trust.park_keys is None:
            yield ("schemes", "require", "pass"), "needs trust.park_keys: nobody could prove it"
        for name, proofs, key, file in (
            ("dcc", required.dcc, "dcc_trust_list", trust.dcc_trust_list),
            ("shc", required.shc, "shc_keys", trust.shc_keys),
        ):
            if proofs and file is None:
                yield ("schemes", "require", name), f"needs trust.{key}: nobody could prove it"

    def _clashes(self) -> Iterator[Problem]:
        first: dict[str, KeyPath] = {}
        for thing, where in self._uses():
            if thing in first:
                names = [self.reader[p].name if isinstance(p, int) else p for p in first[thing]]
                yield where, f"{thing} is used by {'.'.join(names)} already; each needs its own"
            first.setdefault(thing, where)

    def _uses(self) -> Iterator[tuple[str, KeyPath]]:
        """What only one may have: (the thing, the key that claims it)."""
        yield from _pins(self.door, ("door",))
        for number, reader in enumerate(self.reader):
            where: KeyPath = ("reader", number)
            yield from _pins(reader.signals, (*where, "signals"))
            match reader.camera:
                case Picamera2Table(number=camera):
                    yield f"camera module {camera}", (*where, "camera", "number")
                case WebcamTable(device=device):
                    yield device, (*where, "camera", "device")
                case _:
                    pass
            if isinstance(reader.thermometer, Mlx90614Table):
                sensor = reader.thermometer
                at = f"address {sensor.address:#04x} of I2C bus {sensor.bus}"
                yield at, (*where, "thermometer", "address")


def _pins(table: BaseModel, where: KeyPath) -> Iterator[tuple[str, KeyPath]]:
    for key, value in table.model_dump().items():
        if key.endswith("_pin") and value is not None:
            yield f"pin {value}", (*where, key)
