"""What may stand in config.toml. Units stand in key names; every default is stated here once.

Each driver's options are a table of their own, told apart by `driver`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

# MQTT topic level and file name at once: design.md, topics
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
Pin = Annotated[int, Field(ge=0, le=27)]  # BCM numbers of the 40-pin header
Size = Annotated[tuple[int, int], Field(description="width, height in pixels")]
FaultPolicy = Literal["deny", "admit"]
SchemePolicy = Literal["accept", "flag", "deny"]


class Table(BaseModel):
    """A table of the configuration: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


# --- simulated world ------------------------------------------------------------------------


class SimTable(Table):
    """One simulated world, shared by all simulated devices of a gate.

    `script` is a JSON file of visits (edge.drivers.sim.world); without it people arrive at
    random by `seed`, one every `every_s` on average at each reader.
    """

    seed: int = 1
    script: Path | None = None
    every_s: Annotated[float, Field(gt=0)] = 5.0
    ambient_c: Annotated[float, Field(ge=-40, le=125)] = 26.0


# --- camera ---------------------------------------------------------------------------------


class CameraTable(Table):
    """Keys that all cameras share."""

    size: Size = (640, 480)
    frame_rate_hz: Annotated[float, Field(gt=0, le=60)] = 10.0
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0


class Picamera2Table(CameraTable):
    driver: Literal["picamera2"]
    number: Annotated[int, Field(ge=0, le=3)] = 0
    sensor_size: Size = (1536, 864)
    exposure_us: Annotated[int, Field(ge=50, le=200_000)] | None = None
    gain: Annotated[float, Field(ge=1, le=64)] | None = None
    focus_m: Annotated[float, Field(gt=0, le=10)] | None = None
    mains_hz: Literal[0, 50, 60] = 50
    flip: bool = False


class WebcamTable(CameraTable):
    driver: Literal["webcam"]
    device: str = "/dev/video0"
    exposure_us: Annotated[int, Field(ge=50, le=200_000)] | None = None


class ReplayTable(CameraTable):
    driver: Literal["replay"]
    path: Path
    loop: bool = True


class SimCameraTable(CameraTable):
    driver: Literal["sim"]


AnyCamera = Annotated[
    Picamera2Table | WebcamTable | ReplayTable | SimCameraTable, Field(discriminator="driver")
]

# --- thermometer ----------------------------------------------------------------------------


class ThermometerTable(Table):
    """Keys that all thermometers share."""

    rate_hz: Annotated[float, Field(gt=0, le=20)] = 10.0
    timeout_s: Annotated[float, Field(gt=0, le=30)] = 2.0


class Mlx90614Table(ThermometerTable):
    driver: Literal["mlx90614"]
    bus: Annotated[int, Field(ge=0, le=31)] = 1
    address: Annotated[int, Field(ge=0x03, le=0x77)] = 0x5A
    emissivity: Annotated[float, Field(ge=0.1, le=1.0)] = 0.98


class SimThermometerTable(ThermometerTable):
    driver: Literal["sim"]
    noise_c: Annotated[float, Field(ge=0, le=2)] = 0.05


AnyThermometer = Annotated[Mlx90614Table | SimThermometerTable, Field(discriminator="driver")]

# --- door and signals -----------------------------------------------------------------------


class DoorTable(Table):
    """Wiring and times of the door; the same for the real one and the simulated one.

    `lock` says what the lock does without power: "fail_safe" opens, "fail_secure" stays locked.
    `at_stop` is the state the daemon leaves behind when it stops or dies.
    """

    lock: Literal["fail_safe", "fail_secure"]
    at_stop: Literal["secured", "released"] = "secured"
    relay_pin: Pin = 17
    relay_active: Literal["high", "low"] = "high"
    contact_pin: Pin | None = 22
    contact_open_level: Literal["high", "low"] = "high"
    exit_pin: Pin | None = 23
    exit_level: Literal["high", "low"] = "low"
    fire_pin: Pin | None = 24
    fire_level: Literal["high", "low"] = "high"
    debounce_ms: Annotated[int, Field(ge=0, le=500)] = 30
    open_s: Annotated[float, Field(ge=0.5, le=255)] = 5.0
    held_open_s: Annotated[float, Field(ge=1, le=255)] = 15.0
    second_opening_s: Annotated[float, Field(ge=0, le=60)] = 3.0
    fire_reset: Literal["automatic", "command"] = "command"


class GpioDoorTable(DoorTable):
    driver: Literal["gpio"]


class SimDoorTable(DoorTable):
    """gpiozero's mock pins with a door that swings and the people of [sim] who pass, or don't."""

    driver: Literal["sim"]


AnyDoor = Annotated[GpioDoorTable | SimDoorTable, Field(discriminator="driver")]


class SignalPins(Table):
    """Lamps and buzzer of one reader; None where one is not fitted."""

    green_pin: Pin | None = None
    red_pin: Pin | None = None
    buzzer_pin: Pin | None = None
    active: Literal["high", "low"] = "high"


class GpioSignalsTable(SignalPins):
    driver: Literal["gpio"]


class SimSignalsTable(SignalPins):
    driver: Literal["sim"]


class NoSignalsTable(Table):
    driver: Literal["none"]


AnySignals = Annotated[
    GpioSignalsTable | SimSignalsTable | NoSignalsTable, Field(discriminator="driver")
]

# --- the gate -------------------------------------------------------------------------------


class GateTable(Table):
    park: Name
    site: Name
    gate: Name


class ReaderTable(Table):
    """One side of the door."""

    name: Name
    direction: Literal["in", "out"]
    mode: Literal["code_and_temperature", "code_only", "temperature_only", "record_only"] = (
        "code_and_temperature"
    )
    order: Literal["code_first", "temperature_first"] = "code_first"
    camera: AnyCamera | None = None
    thermometer: AnyThermometer | None = None
    signals: AnySignals = NoSignalsTable(driver="none")

    @model_validator(mode="after")
    def _fitted(self) -> ReaderTable:
        if self.mode != "temperature_only" and self.camera is None:
            raise ValueError(f"mode '{self.mode}' needs a [reader.camera] table")
        if self.mode in {"code_and_temperature", "temperature_only"} and self.thermometer is None:
            raise ValueError(f"mode '{self.mode}' needs a [reader.thermometer] table")
        return self


class ScanTable(Table):
    """From frames to presentations."""

    gap_s: Annotated[float, Field(gt=0, le=30)] = 1.5
    repeat_s: Annotated[float, Field(ge=0, le=86_400)] = 30.0
    max_code_bytes: Annotated[int, Field(ge=16, le=7_089)] = 2_953
    hang_s: Annotated[float, Field(ge=1, le=120)] = 8.0


class ScreeningTable(Table):
    """When a temperature counts as measured, and what it means; °C to 0.01.

    estimate = object + offset_c + ambient_slope * (ambient - ambient_ref_c)
    """

    limit_c: Annotated[float, Field(ge=36, le=42)] = 37.5
    low_limit_c: Annotated[float, Field(ge=25, le=36.5)] = 34.5
    presence_c: Annotated[float, Field(ge=1, le=20)] = 3.0
    samples: Annotated[int, Field(ge=1, le=100)] = 5
    max_spread_c: Annotated[float, Field(gt=0, le=5)] = 0.5
    offset_c: Annotated[float, Field(ge=-10, le=10)] = 0.0
    ambient_slope: Annotated[float, Field(ge=-1, le=1)] = 0.0
    ambient_ref_c: Annotated[float, Field(ge=-20, le=50)] = 25.0


class TimeoutsTable(Table):
    """How long the gate waits for each thing, and shows each answer."""

    temperature_wait_s: Annotated[float, Field(ge=1, le=120)] = 10.0
    measuring_s: Annotated[float, Field(ge=0.5, le=60)] = 5.0
    code_wait_s: Annotated[float, Field(ge=1, le=120)] = 10.0
    identify_s: Annotated[float, Field(ge=0.1, le=30)] = 2.0
    door_wait_s: Annotated[float, Field(ge=1, le=120)] = 20.0
    denied_s: Annotated[float, Field(ge=0, le=60)] = 3.0
    cool_down_s: Annotated[float, Field(ge=0, le=60)] = 1.0


class FaultsTable(Table):
    """What a fault means for someone at the gate: "deny", or "admit" and flag the record."""

    camera: FaultPolicy = "deny"
    thermometer: FaultPolicy = "deny"
    record: FaultPolicy = "deny"
    identity: FaultPolicy = "admit"


class SchemesTable(Table):
    """Which codes are taken: accept, flag (accept and say so), deny."""

    pass_: Annotated[SchemePolicy, Field(alias="pass")] = "accept"  # noqa: S105
    cccd: SchemePolicy = "accept"
    bhyt: SchemePolicy = "accept"
    pc_covid: Annotated[SchemePolicy, Field(alias="pc-covid")] = "accept"
    dcc: SchemePolicy = "flag"
    shc: SchemePolicy = "flag"
    opaque: SchemePolicy = "flag"


class IdentityTable(Table):
    """How a person stands in records. "token" keeps identities off the gate and the feed."""

    mode: Literal["token", "plain"] = "token"
    scope: Name = "park"
    key_id: Name = "k1"
    key_file: Path | None = None
    seal_key_id: Name = "s1"
    seal_key_file: Path | None = None

    @model_validator(mode="after")
    def _keyed(self) -> IdentityTable:
        if self.mode == "token" and self.key_file is None:
            raise ValueError(
                "mode 'token' needs key_file: the park's 32-byte key, made once with "
                "`openssl rand -out FILE 32`"
            )
        return self


class RecordsTable(Table):
    """Where records live, and what the door does while they can't be written."""

    path: Path = Path("/var/lib/edge-gate/records")
    deadline_ms: Annotated[int, Field(ge=50, le=60_000)] = 2_000
    keep_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    max_mib: Annotated[int, Field(ge=8, le=1_048_576)] = 512
    when_full: Literal["stop", "drop-oldest"] = "stop"


class TlsTable(Table):
    """TLS to the broker. The CA is always checked; a client certificate needs both files."""

    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    @model_validator(mode="after")
    def _paired(self) -> TlsTable:
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("cert_file and key_file go together")
        return self


class MqttTable(Table):
    """The broker. A password stands in a file, or in the environment, never in config.toml."""

    host: Annotated[str, Field(min_length=1)] = "localhost"
    port: Annotated[int, Field(ge=1, le=65_535)] = 1883
    username: str | None = None
    password_file: Path | None = None
    password: SecretStr | None = None
    tls: TlsTable | None = None
    keepalive_s: Annotated[int, Field(ge=5, le=3_600)] = 20
    session_expiry_s: Annotated[int, Field(ge=0, le=4_294_967_295)] = 86_400
    window: Annotated[int, Field(ge=1, le=1_000)] = 50
    confirm: Literal["hub", "broker"] = "broker"
    receipt_timeout_s: Annotated[float, Field(ge=1, le=86_400)] = 30.0
    reconnect_longest_s: Annotated[float, Field(ge=1, le=3_600)] = 60.0
    discovery: bool = False
    discovery_prefix: Name = "homeassistant"


class LogTable(Table):
    level: Literal["debug", "info", "warning", "error"] = "info"


class Config(Table):
    """All of it."""

    gate: GateTable
    door: AnyDoor
    reader: Annotated[tuple[ReaderTable, ...], Field(min_length=1, max_length=2)]
    scan: ScanTable = ScanTable()
    screening: ScreeningTable = ScreeningTable()
    timeouts: TimeoutsTable = TimeoutsTable()
    faults: FaultsTable = FaultsTable()
    schemes: SchemesTable = SchemesTable()
    identity: IdentityTable
    records: RecordsTable = RecordsTable()
    mqtt: MqttTable = MqttTable()
    log: LogTable = LogTable()
    sim: SimTable = SimTable()

    @model_validator(mode="after")
    def _whole(self) -> Config:
        problems = [*self._pin_problems(), *self._reader_problems()]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _reader_problems(self) -> list[str]:
        names = [reader.name for reader in self.reader]
        if len(set(names)) < len(names):
            return [f"two readers are called '{names[0]}': give each its own name"]
        return []

    def _pin_problems(self) -> list[str]:
        used: dict[int, str] = {}
        problems = []
        for where, pin in self._pins():
            if pin in used:
                problems.append(f"{where} and {used[pin]} both use pin {pin}")
            used.setdefault(pin, where)
        return problems

    def _pins(self) -> list[tuple[str, int]]:
        tables: list[tuple[str, BaseModel]] = [("door", self.door)]
        tables += [(f"reader '{reader.name}' signals", reader.signals) for reader in self.reader]
        return [
            (f"{where} {key}", value)
            for where, table in tables
            for key, value in table.model_dump().items()
            if key.endswith("_pin") and value is not None
        ]
