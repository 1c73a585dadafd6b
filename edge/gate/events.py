"""What the machine is told (events) and what it asks for (effects). All frozen, all plain data.

A reader is named by its `name` in the configuration. Durations and `now` are monotonic seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge.gate.hours import Closure, Order
from edge.gate.reasons import Cause, Device, Reason
from feed.record import Detail, Draft, Kind, Person
from identity.credential import Credential

# --- events ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSeen:
    """A credential is in view. Repeated while it stays in view, always with one `presentation`.

    `presentation` is unique for the life of the gate's process: the same code shown again after
    it was away is another presentation.
    """

    reader: str
    presentation: str
    credential: Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRefused:
    """A code was in view that can't be taken as a credential (code_unreadable, several_codes)."""

    reader: str
    presentation: str
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """The person of a presentation, token taken and identity sealed."""

    reader: str
    presentation: str
    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class NotIdentified:
    """Token or sealing failed; `person` holds what stands without them."""

    reader: str
    presentation: str
    person: Person


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One good read of a thermometer, °C; its filter follows a step within `settling_s`."""

    reader: str
    object_c: float
    ambient_c: float
    settling_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondaryReading:
    """An attendant entered a clinical thermometer's value for somebody who was refused as warm.

    `seq` names the refusal's record; without it the newest refusal of the reader is meant.
    """

    reader: str
    value_c: float
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Faulted:
    """A device stopped working. `reader` is None for the gate's own devices."""

    device: Device
    cause: Cause
    reader: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A device works again."""

    device: Device
    reader: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """The door contact changed."""

    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitPressed:
    """The request-to-exit button was pressed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FireInput:
    """The fire panel's input changed."""

    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FireReset:
    """Someone in charge ended the fire release by command."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durable:
    """The record of a write request is on disk, under this seq."""

    request: int
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDurable:
    """The record of a write request could not be written now; the recorder goes on trying."""

    request: int
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something to be recorded that decides nothing (the clock was set, a list was taken)."""

    kind: Kind
    name: str
    detail: Mapping[str, Detail] | None = None
    reader: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The gate closed by its timetable, with when it opens; None: it opened."""

    closure: Closure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """The gate is closed for entry by this order; None: it is open again as far as orders go.

    `detail` is what the record of it says beside the order: who opened it, or why.
    """

    order: Order | None
    detail: Mapping[str, Detail] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time has passed: deadlines that are due fire."""


Event = (
    CodeSeen
    | CodeRefused
    | Identified
    | NotIdentified
    | Sample
    | SecondaryReading
    | Faulted
    | Recovered
    | Contact
    | ExitPressed
    | FireInput
    | FireReset
    | Durable
    | NotDurable
    | Noted
    | Hours
    | Ordered
    | Tick
)

# --- effects --------------------------------------------------------------------------------


class Signal(StrEnum):
    """What lamp, buzzer and screen show at one reader."""

    READY = "ready"
    BUSY = "busy"
    COME_CLOSER = "come_closer"
    HOLD_STILL = "hold_still"
    SHOW_CODE = "show_code"
    GRANTED = "granted"
    DENIED = "denied"
    WAIT = "wait"
    CLOSE_DOOR = "close_door"
    CLOSED = "closed"
    FAULT = "fault"
    FIRE = "fire"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identify:
    """Take the token of this credential (slow: runs beside the measuring)."""

    reader: str
    presentation: str
    credential: Credential


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Write a record; answer with Durable or NotDurable under the same `request`.

    `ref_request` names an earlier write whose seq becomes the record's `ref`; writes are done in
    order, so that seq is known by then.
    """

    request: int
    draft: Draft
    ref_request: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Let the door be opened until Secure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Secure:
    """Lock the door (it may still stand open)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """Show a signal at a reader."""

    reader: str
    signal: Signal
    reasons: tuple[Reason, ...] = ()


Effect = Identify | Write | Release | Secure | Show
