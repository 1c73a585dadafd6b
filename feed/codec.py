"""Records as bytes: UTF-8 JSON on one line, encoded once.

The same bytes are the journal's line, the MQTT payload and what the hub keeps raw. Parts that are
not there are left out; `at` is written as `2021-08-23T07:15:02.041Z`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from feed.record import Person, Reading, Record, Sealed

# RFC 8785 is not needed: nothing is ever encoded a second time
# an unescaped quote can't stand inside a JSON string, so this is always a key of an object; the
# word comes before the look behind it, as a search for plain text is ten times quicker
_SEALED = re.compile(r'"sealed"(?<=[{, \t\r\n]"sealed")[ \t\r\n]*:[ \t\r\n]*(?=\{)')
_json = json.JSONDecoder()
_adapter: TypeAdapter[Record] = TypeAdapter(Record)


# pydantic's own serializer writes large numbers in another way, and NaN as null
_encoder = json.JSONEncoder(
    ensure_ascii=False,
    check_circular=False,  # no part holds one of its kind
    allow_nan=False,
    separators=(",", ":"),
)


class CodecError(ValueError):
    """Bytes that are no record, or a record that can't be written as bytes."""


def encode(record: Record) -> bytes:
    """One line of JSON without its line feed.

    Raises CodecError: text that is not Unicode, a number that is not finite, a time without a
    zone.
    """
    try:
        return _encoder.encode(_parts(record)).encode()
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise CodecError(f"record {record.seq} can't be encoded: {_line(error)}") from error


def decode(raw: bytes) -> Record:
    """The record in these bytes; keys of newer versions are passed over. Raises CodecError."""
    try:
        # strict: text is no number and a number no time, as `encode` writes them
        return _adapter.validate_json(raw, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CodecError(f"not a record: {_line(where) or 'whole'}: {first['msg']}") from error


def record_hash(raw: bytes) -> str:
    """SHA-256 of a record, hex: what the next record's `prev` holds. Raises CodecError.

    Taken with the value of `sealed` replaced by its digest, so that an identity can be erased
    later (`erase_sealed`) without breaking the chain.
    """
    return hashlib.sha256(erase_sealed(raw)).hexdigest()


def erase_sealed(raw: bytes) -> bytes:
    """The record with each sealed identity replaced by `"sha256:<hex>"` of its bytes.

    Everything else keeps its bytes. Raises CodecError for bytes that are no JSON there.
    """
    try:
        text = raw.decode()
        kept, done = [], 0
        for found in _SEALED.finditer(text):
            start = found.end()
            if start < done:  # inside the one before
                continue
            _, end = _json.raw_decode(text, start)
            digest = hashlib.sha256(text[start:end].encode()).hexdigest()
            kept += [text[done:start], f'"sha256:{digest}"']
            done = end
    except (ValueError, RecursionError) as error:
        raise CodecError(f"not a record: {_line(error)}") from error
    return "".join([*kept, text[done:]]).encode()


def format_time(at: datetime) -> str:
    """UTC with milliseconds and a Z. Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


# --- the order of the keys; by hand, as this stands between a person and the door ---------------


def _parts(record: Record) -> dict[str, Any]:
    clock, event = record.clock, record.event
    decision, outcome = record.decision, record.outcome
    return _given(
        {
            "v": record.v,
            "stream": record.stream,
            "seq": record.seq,
            "prev": record.prev,
            "park": record.park,
            "site": record.site,
            "gate": record.gate,
            "kind": record.kind,
            "at": format_time(record.at),
            "clock": {"state": clock.state, "boot": clock.boot, "uptime_s": clock.uptime_s},
            "reader": record.reader,
            "direction": record.direction,
            "ref": record.ref,
            "person": record.person and _person(record.person),
            "reading": record.reading and _reading(record.reading),
            "declaration": _mapping(record.declaration),
            "decision": decision and {"result": decision.result, "reasons": decision.reasons},
            "outcome": outcome and {"result": outcome.result, "reasons": outcome.reasons},
            "event": event and _given({"name": event.name, "detail": _mapping(event.detail)}),
            "ranges": record.ranges,
            "sig": record.sig,
        }
    )


def _person(person: Person) -> dict[str, Any]:
    token, sealed = person.token, person.sealed
    if isinstance(sealed, Sealed):
        sealed_parts: Any = {"kid": sealed.kid, "alg": sealed.alg, "ct": sealed.ct}
    else:
        sealed_parts = sealed
    return _given(
        {
            "scheme": person.scheme,
            "token": token and {"kid": token.kid, "scope": token.scope, "v": token.v},
            "category": person.category,
            "sealed": sealed_parts,
            "plain": _mapping(person.plain),
            "flags": person.flags,
        }
    )


def _reading(reading: Reading) -> dict[str, Any]:
    return _given(
        {
            "verdict": reading.verdict,
            "estimate_c": reading.estimate_c,
            "object_c": reading.object_c,
            "ambient_c": reading.ambient_c,
            "samples": reading.samples,
            "spread_c": reading.spread_c,
        }
    )


def _given(parts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in parts.items() if value is not None}


def _mapping(details: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if details is None else dict(details)


def _line(said: object) -> str:
    """What a library or a key says, on one line and not endless."""
    return " ".join(str(said).split())[:200]
