"""Records as bytes: UTF-8 JSON on one line, encoded once.

The same bytes are the journal's line, the MQTT payload and what the hub keeps raw. Parts that are
not there are left out; `at` is written as `2021-08-23T07:15:02.041Z`.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from json.encoder import encode_basestring as _quoted
from math import isfinite
from typing import Any

from pydantic import TypeAdapter, ValidationError

from feed.record import (
    Clock,
    Decision,
    Detail,
    Happening,
    Outcome,
    Person,
    Reading,
    Record,
    Sealed,
    Token,
)

# RFC 8785 is not needed: nothing is ever encoded a second time
# an unescaped quote can't stand inside a JSON string, so this is always a key of an object; the
# word comes before the look behind it, as a search for plain text is ten times quicker
_SEALED = re.compile(r'"sealed"(?<=[{, \t\r\n]"sealed")[ \t\r\n]*:[ \t\r\n]*(?=\{)')
_json = json.JSONDecoder()
_adapter: TypeAdapter[Record] = TypeAdapter(Record)
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
        return _text(record).encode()
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


# --- the order of the keys: as text, since this stands between a person and the door ------------


def _text(record: Record) -> str:
    return (
        f'{{"v":{record.v:d},"stream":{_quoted(record.stream)},"seq":{record.seq:d}'
        f'{_if_any("prev", record.prev, _quoted)},"park":{_quoted(record.park)}'
        f',"site":{_quoted(record.site)},"gate":{_quoted(record.gate)}'
        f',"kind":{_quoted(record.kind)},"at":"{format_time(record.at)}"'
        f',"clock":{_clock(record.clock)}{_if_any("reader", record.reader, _quoted)}'
        f"{_if_any('direction', record.direction, _quoted)}{_if_any('ref', record.ref, _number)}"
        f"{_if_any('person', record.person, _person)}"
        f"{_if_any('reading', record.reading, _reading)}"
        f"{_if_any('declaration', record.declaration, _details)}"
        f"{_if_any('decision', record.decision, _answer)}"
        f"{_if_any('outcome', record.outcome, _answer)}{_if_any('event', record.event, _event)}"
        f"{_if_any('ranges', record.ranges, _ranges)}{_if_any('sig', record.sig, _quoted)}}}"
    )


def _clock(clock: Clock) -> str:
    state, boot = _quoted(clock.state), _quoted(clock.boot)
    return f'{{"state":{state},"boot":{boot},"uptime_s":{_number(clock.uptime_s)}}}'


def _person(person: Person) -> str:
    return (
        f'{{"scheme":{_quoted(person.scheme)}{_if_any("token", person.token, _token)}'
        f"{_if_any('token_before', person.token_before, _token)}"
        f"{_if_any('category', person.category, _quoted)}"
        f"{_if_any('sealed', person.sealed, _sealed)}{_if_any('plain', person.plain, _details)}"
        f"{_if_any('flags', person.flags, _list)}}}"
    )


def _token(token: Token) -> str:
    return f'{{"kid":{_quoted(token.kid)},"scope":{_quoted(token.scope)},"v":{_quoted(token.v)}}}'


def _sealed(sealed: Sealed | str) -> str:
    if isinstance(sealed, str):
        return _quoted(sealed)
    kid, alg, ct = _quoted(sealed.kid), _quoted(sealed.alg), _quoted(sealed.ct)
    return f'{{"kid":{kid},"alg":{alg},"ct":{ct}}}'


def _reading(reading: Reading) -> str:
    return (
        f'{{"verdict":{_quoted(reading.verdict)}'
        f"{_if_any('estimate_c', reading.estimate_c, _number)}"
        f"{_if_any('object_c', reading.object_c, _number)}"
        f'{_if_any("ambient_c", reading.ambient_c, _number)},"samples":{reading.samples:d}'
        f"{_if_any('spread_c', reading.spread_c, _number)}"
        f"{_if_any('rounds_c', reading.rounds_c, _numbers)}"
        f"{_if_any('flags', reading.flags, _list)}}}"
    )


def _answer(part: Decision | Outcome) -> str:
    return f'{{"result":{_quoted(part.result)},"reasons":{_list(part.reasons)}}}'


def _event(event: Happening) -> str:
    return f'{{"name":{_quoted(event.name)}{_if_any("detail", event.detail, _details)}}}'


def _ranges(ranges: Sequence[tuple[int, int, str]]) -> str:
    return f"[{','.join(f'[{first:d},{last:d},{_quoted(why)}]' for first, last, why in ranges)}]"


def _if_any(key: str, value: Any, write: Callable[[Any], str]) -> str:
    return "" if value is None else f',"{key}":{write(value)}'


def _list(texts: Sequence[str]) -> str:
    return f"[{','.join(map(_quoted, texts))}]"


def _numbers(values: Sequence[float]) -> str:
    return f"[{','.join(map(_number, values))}]"


def _details(details: Mapping[str, Detail]) -> str:
    return _encoder.encode(dict(details))


def _number(value: float) -> str:
    if not isfinite(value):
        raise ValueError(f"{value} is not finite")
    return float.__repr__(value) if isinstance(value, float) else f"{value:d}"


def _line(said: object) -> str:
    """What a library or a key says, on one line and not endless."""
    return " ".join(str(said).split())[:200]
