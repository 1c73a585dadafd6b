"""Records as bytes: UTF-8 JSON on one line, encoded once.

The same bytes are the journal's line, the MQTT payload and what the hub keeps raw. Parts that are
not there are left out; `at` is written as `2021-08-23T07:15:02.041Z`.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from feed.record import Record

# RFC 8785 is not needed: nothing is ever encoded a second time
_FIRST = ("v", "stream", "seq", "prev", "park", "site", "gate", "kind", "at", "clock")
_SEALED = b'"sealed":{'
_adapter: TypeAdapter[Record] = TypeAdapter(Record)


class CodecError(ValueError):
    """Bytes that are no record, or a record that can't be written as bytes."""


def encode(record: Record) -> bytes:
    """One line of JSON without its line feed. Raises CodecError (text that is not Unicode)."""
    parts: dict[str, Any] = _adapter.dump_python(record, exclude_none=True)
    parts["at"] = format_time(record.at)
    ordered = {key: parts.pop(key) for key in _FIRST if key in parts} | parts
    try:
        text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError) as error:
        raise CodecError(f"record {record.seq} can't be encoded: {error}") from error


def decode(raw: bytes) -> Record:
    """The record in these bytes; keys of newer versions are passed over. Raises CodecError."""
    try:
        return _adapter.validate_json(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CodecError(f"not a record: {where or 'whole'}: {first['msg']}") from error


def record_hash(raw: bytes) -> str:
    """SHA-256 of a record, hex: what the next record's `prev` holds.

    Taken with the value of `sealed` replaced by its digest, so that an identity can be erased
    later (`erase_sealed`) without breaking the chain.
    """
    return hashlib.sha256(erase_sealed(raw)).hexdigest()


def erase_sealed(raw: bytes) -> bytes:
    """The record with the sealed identity replaced by `"sha256:<hex>"` of its bytes."""
    # an unescaped quote can't stand inside a JSON string, and only a person's `sealed` is an object
    start = raw.find(_SEALED)
    if start < 0:
        return raw
    start += len(_SEALED) - 1
    end = raw.index(b"}", start) + 1
    digest = hashlib.sha256(raw[start:end]).hexdigest()
    return raw[:start] + f'"sha256:{digest}"'.encode() + raw[end:]


def format_time(at: datetime) -> str:
    """UTC with milliseconds and a Z. Raises ValueError for a time without a zone."""
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
