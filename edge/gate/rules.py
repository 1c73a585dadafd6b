"""What the operator decided: the configuration as the decision core sees it. Plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from edge.gate.reasons import Device
from edge.gate.screening import Calibration, ScreeningRules
from feed.record import Direction
from identity.credential import Credential, Scheme

Mode = Literal["code_and_temperature", "code_only", "temperature_only", "record_only"]
Order = Literal["code_first", "temperature_first"]
FaultPolicy = Literal["deny", "admit"]
SchemePolicy = Literal["accept", "flag", "deny"]
ClockPolicy = Literal["flag", "deny"]

CODE_DEVICES = frozenset({Device.CAMERA, Device.DECODER})


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneRules:
    """One reader: its side of the door, what it asks of a person, its sensor's calibration."""

    name: str
    direction: Direction
    mode: Mode = "code_and_temperature"
    order: Order = "code_first"
    calibration: Calibration | None = None

    @property
    def needs_code(self) -> bool:
        return self.mode != "temperature_only"

    @property
    def needs_temperature(self) -> bool:
        return self.mode in {"code_and_temperature", "temperature_only"}

    @property
    def starts_by_face(self) -> bool:
        """Whether a face before the thermometer starts a session, without a code."""
        return self.mode == "temperature_only" or (
            self.mode == "code_and_temperature" and self.order == "temperature_first"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Everything that the machine's decisions depend on beside events and time.

    `fault_policy` has an entry for CAMERA, THERMOMETER, RECORDER and IDENTITY. `required` names the
    proofs that codes of a scheme must give; `clock_unsure` is what becomes of codes that hold for a
    time while the clock is not set. `always_in` are the categories that are let in out of hours.
    """

    lanes: tuple[LaneRules, ...]
    schemes: Mapping[Scheme, SchemePolicy]
    screening: ScreeningRules
    fault_policy: Mapping[Device, FaultPolicy]
    required: Mapping[Scheme, frozenset[str]] = field(default_factory=dict)
    clock_unsure: ClockPolicy = "flag"
    always_in: frozenset[str] = frozenset()
    contact_fitted: bool = True
    fire_reset: Literal["automatic", "command"] = "command"
    repeat_s: float = 30.0
    temperature_wait_s: float = 10.0
    measuring_s: float = 5.0
    code_wait_s: float = 10.0
    identify_s: float = 2.0
    record_s: float = 2.0
    door_wait_s: float = 20.0
    open_s: float = 5.0
    held_open_s: float = 15.0
    second_opening_s: float = 3.0
    denied_s: float = 3.0
    cool_down_s: float = 1.0

    def lane(self, name: str) -> LaneRules:
        """The rules of a reader. Raises KeyError for an unknown one."""
        for lane in self.lanes:
            if lane.name == name:
                return lane
        raise KeyError(name)

    def lets_in_always(self, credential: Credential) -> bool:
        """Whether opening hours don't count for whoever shows this: a category says so only where
        a signature proves it. An order to close counts for everybody.
        """
        return credential.category in self.always_in and "signature" in credential.proved

    def admits(self, device: Device) -> bool:
        """Whether a fault of this device lets people through, flagged."""
        if device in CODE_DEVICES:
            device = Device.CAMERA
        return self.fault_policy.get(device, "deny") == "admit"
