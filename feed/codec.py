"""Records as bytes: UTF-8 JSON on one line, encoded once.

The same bytes are the journal's line, the MQTT payload and what the hub keeps raw. Parts that are
not there are left out; `at` is written as `2021-08-23T07:15:02.041Z`.
"""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from feed.record import Record

# RFC 8785 is not needed: nothing is ever encoded a second time
_FIRST = ("v", "stream", "seq", "prev", "park", "site", "gate", "kind", "at", "clock")
# an unescaped quote can't stand inside a JSON string, so this is always a key of an object
_SEALED = re.compile(r'(?<=[{, \t\r\n])"sealed"[ \t\r\n]*:[ \t\r\n]*(?=\{)')
_json = json.JSONDecoder()
_adapter: TypeAdapter[Record] = TypeAdapter(Record)


class CodecError(ValueError):
    """Bytes that are no record, or a record that can't be written as bytes."""


def encode(record: Record) -> bytes:
    """One line of JSON without its line feed.

    Raises CodecError: text that is not Unicode, a number that is not finite, a time without a
    zone.
    """
    try:
        parts: dict[str, Any] = _adapter.dump_python(record, exclude_none=True)
        parts["at"] = format_time(record.at)
        ordered = {key: parts.pop(key) for key in _FIRST if key in parts} | parts
        text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return text.encode()
    except (TypeError, ValueError, OverflowError) as error:
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
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def _line(said: object) -> str:
    """What a library or a key says, on one line and not endless."""
    return " ".join(str(said).split())[:200]
