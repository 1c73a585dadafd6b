"""The record: one durable event of a gate, never changed once written.

(`stream`, `seq`) is its key everywhere. A correction is another record whose `ref` names it.
Kinds are an open set: a reader of the feed stores and passes on those it doesn't know.
Temperatures are in °C, rounded to 0.01. Times are UTC with milliseconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, FiniteFloat, PositiveInt

SCHEMA_VERSION = 1

Detail = str | int | FiniteFloat | bool | None
Direction = Literal["in", "out"]
ClockState = Literal["synced", "unsynced"]
DecisionResult = Literal["granted", "denied"]
OutcomeResult = Literal["opened", "withheld", "passed", "not_passed", "held_open"]


class Kind(StrEnum):
    """The kinds this version writes."""

    PASSAGE = "passage"
    OUTCOME = "outcome"
    DOOR = "door"
    GATE = "gate"
    ALARM = "alarm"
    CLOCK = "clock"
    CHECK = "check"
    CALIBRATION = "calibration"
    AUDIT = "audit"
    LOSS = "loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How far `at` can be trusted: a Pi has no clock battery.

    `boot` is the kernel's boot id, `uptime_s` seconds since that boot, so that a time written
    before the first synchronisation can be corrected by a later `clock` record.
    """

    state: ClockState
    boot: str
    uptime_s: FiniteFloat


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """A keyed, memory-hard hash of a canonical identity (identity.token)."""

    kid: str
    scope: str
    v: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """The identity, encrypted to the tracing authority's public key (identity.seal)."""

    kid: str
    alg: str
    ct: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who presented the code. `plain` stands only where the configuration says so.

    A `sealed` that is text is the digest of an identity that was erased (feed.codec.erase_sealed).
    `token_before` is the same person's token under the key before, while keys change: it links
    what both keys made.
    `flags` says what is odd about the code ("masked", "unverified": identity.flags).
    """

    scheme: str
    token: Token | None = None
    token_before: Token | None = None
    category: str | None = None
    sealed: Sealed | str | None = None
    plain: Mapping[str, Detail] | None = field(default=None, repr=False)
    flags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One temperature measurement: the raw object and ambient beside the estimate, °C to 0.01.

    `rounds_c` are the raw object temperatures of the rounds, where a high reading was measured
    again; `flags` says what is odd ("ambient_out_of_range").
    """

    verdict: str
    estimate_c: FiniteFloat | None = None
    object_c: FiniteFloat | None = None
    ambient_c: FiniteFloat | None = None
    samples: int = 0
    spread_c: FiniteFloat | None = None
    rounds_c: tuple[FiniteFloat, ...] | None = None
    flags: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Always with reasons: stable names of edge.gate.reasons."""

    result: DecisionResult
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the door did about the decision that `ref` names."""

    result: OutcomeResult
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What a door, gate, alarm, clock or audit record tells: a stable name and its details."""

    name: str
    detail: Mapping[str, Detail] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A record before the journal gives it its place: no stream, seq or prev yet."""

    kind: str
    reader: str | None = None
    direction: Direction | None = None
    ref: int | None = None
    person: Person | None = None
    reading: Reading | None = None
    declaration: Mapping[str, Detail] | None = None
    decision: Decision | None = None
    outcome: Outcome | None = None
    event: Happening | None = None
    ranges: tuple[tuple[int, int, str], ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record(Draft):
    """A draft with its place in the stream of one gate's journal.

    `prev` is the hash of the record before (feed.codec.record_hash), None for seq 1.
    `sig` is reserved for a signature.
    """

    stream: str
    seq: PositiveInt
    prev: str | None = None
    park: str
    site: str
    gate: str
    at: AwareDatetime
    clock: Clock
    v: int = SCHEMA_VERSION
    sig: str | None = None
