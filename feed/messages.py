"""The small messages of the feed beside records: state, receipt, command and reply.

All are JSON objects; parts that are not there are left out, keys of newer versions passed over.
Times are UTC with milliseconds, as in records.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from feed.codec import format_time
from feed.record import Detail, Direction

STATE_VERSION = 1


class CloseReason(StrEnum):
    """Why somebody in charge closes a gate for entry. Never renamed, only added."""

    OUTBREAK = "outbreak"
    INCIDENT = "incident"
    MAINTENANCE = "maintenance"
    OTHER = "other"


# A command is short; a longer one is a mistake or an attack
LONGEST_COMMAND_BYTES = 16_384
LONGEST_ID = 128

# no larger: beyond it JSON readers round, and a store's column ends at 2**63
LARGEST_COUNT = 2**53 - 1

Status = Literal["online", "offline"]
Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Celsius = Annotated[float, Field(allow_inf_nan=False)]
_T = TypeVar("_T")


class MessageError(ValueError):
    """Bytes that are not the message they should be. One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A device that does not work now: names of edge.gate.reasons (Device, Cause)."""

    device: str
    cause: str
    reader: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderSummary:
    """One reader now. `ambient_c` is the air at its thermometer, never a person.

    `median_c` is the rolling median of the accepted estimates, over `median_of` people: what the
    hub compares gates by. `drift_c` is how far it moved since the reference was taken.
    """

    name: str
    direction: Direction
    phase: str | None = None
    ambient_c: Celsius | None = None
    median_c: Celsius | None = None
    median_of: Count | None = None
    drift_c: Celsius | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderSummary:
    """By whose order a gate is closed, since when, why (a CloseReason, or one of a newer gate), and
    until when, where that was said.
    """

    since: datetime
    reason: str | None = None
    until: datetime | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What the gate itself is doing. Holds nothing of any person who comes.

    `granted` and `denied` count decisions since the daemon started. `closed` is true while nobody
    is let in, out of hours or by the order of somebody in charge, and left out otherwise; `order`
    is there in the second case.
    """

    phase: str
    door: Literal["open", "closed", "unknown"] = "unknown"
    lock: Literal["secured", "released", "unknown"] = "unknown"
    fire: bool = False
    closed: bool | None = None
    order: OrderSummary | None = None
    granted: Count = 0
    denied: Count = 0
    readers: tuple[ReaderSummary, ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordsSummary:
    """How far the journal is, and how far it is confirmed; the age of the oldest is its health."""

    stream: str
    seq: Count
    confirmed: Count
    oldest_unconfirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GateState:
    """The retained state. The last will is the short form: `status` "offline" and the version.

    `since` is when the connection (online) or the stop (offline) began, `at` when this was sent.
    """

    status: Status
    v: int = STATE_VERSION
    version: str | None = None
    since: datetime | None = None
    at: datetime | None = None
    gate: Summary | None = None
    records: RecordsSummary | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Every record of `stream` up to `upto` is stored at the hub, or accounted for as lost.

    `head` is the hash (feed.codec.record_hash) of record `upto`, None for `upto` 0. Another
    `epoch` than before says that the hub was restored and may have forgotten records.
    """

    stream: str
    upto: int
    epoch: str
    head: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A wish of the hub or an operator. `args` are all keys beside `id` and `command`."""

    id: str
    command: str
    args: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to the command of the same `id`; `error` only where `ok` is false.

    `id` is None where the command was so broken that its id could not be read.
    """

    id: str | None
    ok: bool
    error: str | None = None
    result: Mapping[str, Detail] | None = None


def encode_message(message: GateState | Receipt | Command | Reply) -> bytes:
    """The message as one line of JSON. Raises MessageError for what JSON can't hold."""
    parts = _plain(message)
    if isinstance(message, Command):
        parts |= parts.pop("args")
    if isinstance(message, Reply):
        parts.setdefault("id", None)
    try:
        text = json.dumps(parts, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError) as error:
        raise MessageError(f"{type(message).__name__} can't be encoded: {error}") from error


def decode_state(raw: bytes) -> GateState:
    """Raises MessageError."""
    return _decode(_STATE, "GateState", raw)


def decode_receipt(raw: bytes) -> Receipt:
    """Raises MessageError, also for a negative `upto`."""
    receipt = _decode(_RECEIPT, "Receipt", raw)
    if receipt.upto < 0:
        raise MessageError("not a Receipt: upto: below 0")
    return receipt


def decode_reply(raw: bytes) -> Reply:
    """Raises MessageError."""
    return _decode(_REPLY, "Reply", raw)


def decode_command(raw: bytes) -> Command:
    """Raises MessageError."""
    if len(raw) > LONGEST_COMMAND_BYTES:
        raise MessageError(f"not a Command: {len(raw)} bytes, at most {LONGEST_COMMAND_BYTES}")
    try:
        parts = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not a Command: no JSON: {error}") from error
    if not isinstance(parts, dict):
        raise MessageError("not a Command: no JSON object")
    known = {"id": parts.pop("id", None), "command": parts.pop("command", None)}
    command = _decode(_COMMAND, "Command", json.dumps(known | {"args": parts}).encode())
    if not 0 < len(command.id) <= LONGEST_ID:
        raise MessageError(f"not a Command: id: 1 to {LONGEST_ID} characters")
    return command


def summary_from(parts: Summary | Mapping[str, Any]) -> Summary:
    """A summary given as plain data. Raises MessageError."""
    if isinstance(parts, Summary):
        return parts
    try:
        return _SUMMARY.validate_python(parts)
    except ValidationError as error:
        raise _wrong("Summary", error) from error


_STATE = TypeAdapter(GateState)
_SUMMARY = TypeAdapter(Summary)
_RECEIPT = TypeAdapter(Receipt)
_COMMAND = TypeAdapter(Command)
_REPLY = TypeAdapter(Reply)


def _decode(adapter: TypeAdapter[_T], name: str, raw: bytes) -> _T:
    try:
        return adapter.validate_json(raw, strict=True)
    except ValidationError as error:
        raise _wrong(name, error) from error


def _wrong(name: str, error: ValidationError) -> MessageError:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return MessageError(f"not a {name}: {where or 'whole'}: {first['msg']}")


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        named = ((part.name, getattr(value, part.name)) for part in dataclasses.fields(value))
        return {name: _plain(part) for name, part in named if part is not None}
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    return dict(value) if isinstance(value, Mapping) else value
