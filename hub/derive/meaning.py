"""What one record means to the derived tables. Pure."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from feed.codec import CodecError, decode
from feed.record import Kind, Record, Token
from feed.record import Person as FeedPerson
from hub.arrival import LARGEST_SEQ

# who went in or out without a code: the button, and alarms of a door that was opened otherwise
OPENED_BY_BUTTON = "exit_pressed"
OPENED_OTHERWISE = frozenset({"door_forced", "second_opening", "fire"})

PLAIN_KEY = "plain"  # the key id of people whose records hold the identity itself and no token

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_C100 = (-32_768, 32_767)  # what a SMALLINT holds
# An index of PostgreSQL holds 2,700 bytes of a row: a text that long comes from no gate, and must
# not end the derivation of all. Who writes one, or a NUL, writes more than this or the escape
_HARMLESS_BYTES = 2_000
_NUL = b"\\u0000"
_LONGEST_TEXT = 500  # characters
_LONGEST_NAME = 200  # of a part of a token; real ones have some 43
_LONGEST_ALARM = 100

Name = tuple[str, str, str]  # a token: key id, scope, value
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Derivable:
    """A stored record under its key in the store; `record` is None where it can't be read."""

    stream: int
    seq: int
    record: Record | None


def read(stream: int, seq: int, raw: bytes) -> Derivable:
    """Never raises: a record of a newer version is accounted for and means nothing yet."""
    try:
        record = decode(raw)
    except CodecError:
        return Derivable(stream, seq, None)
    if len(raw) > _HARMLESS_BYTES or _NUL in raw:
        record = _storable(record)
    if record.ref is not None and record.ref > LARGEST_SEQ:
        record = replace(record, ref=None)
    return Derivable(stream, seq, record)


def _storable(value: Any) -> Any:
    """The same with texts as every database holds them: of a sane length, without NUL."""
    if isinstance(value, str):
        return value[:_LONGEST_TEXT].replace("\0", "\ufffd")
    if isinstance(value, tuple):
        return tuple(map(_storable, value))
    if isinstance(value, Mapping):
        return {_storable(key): _storable(part) for key, part in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        parts = {one.name: _storable(getattr(value, one.name)) for one in fields(value)}
        return replace(value, **parts)
    return value


def milliseconds(at: datetime) -> int:
    """Since 1970."""
    return (at - _EPOCH) // timedelta(milliseconds=1)


def is_clock(record: Record) -> bool:
    """Whether it may put other times right (feed.times)."""
    return record.kind == Kind.CLOCK


def name_of(record: Record) -> Name | None:
    """Whose passage it is."""
    person = record.person
    if person is None:
        return None
    if person.token is not None:
        return _name(person.token)
    return _plain_name(record, person)


def name_before(record: Record) -> Name | None:
    """The same person's name under the key before."""
    person = record.person
    if person is None or person.token is None or person.token_before is None:
        return None
    return _name(person.token_before)


def _name(token: Token) -> Name | None:
    """None for what no gate makes: it tells nobody from another."""
    parts = (token.kid, token.scope, token.v)
    return parts if max(map(len, parts)) <= _LONGEST_NAME else None


def plain_value(canonical: str) -> str:
    """What stands for a token where identities stand in clear: theirs, shortened to one's form."""
    digest = hashlib.sha256(canonical.encode(errors="surrogatepass")).digest()[:16]
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _plain_name(record: Record, person: FeedPerson) -> Name | None:
    canonical = (person.plain or {}).get("canonical")
    if not isinstance(canonical, str):
        return None
    return (PLAIN_KEY, record.park, plain_value(canonical))


def passage(record: Record) -> Row:
    """The columns of a passage that the record alone gives."""
    person, reading, decision = record.person, record.reading, record.decision
    declaration = record.declaration
    return {
        "reader": record.reader,
        "direction": record.direction,
        "scheme": person.scheme if person else None,
        "category": person.category if person else None,
        "granted": decision is not None and decision.result == "granted",
        "reasons": " ".join(decision.reasons) if decision else "",
        "outcome": None,
        "outcome_seq": None,
        "verdict": reading.verdict if reading else None,
        "estimate_c100": _c100(reading.estimate_c) if reading else None,
        "object_c100": _c100(reading.object_c) if reading else None,
        "ambient_c100": _c100(reading.ambient_c) if reading else None,
        "declaration": None if declaration is None else _json(dict(declaration)),
    }


def opening(record: Record) -> str | None:
    """The name of an opening without a code; None where the record tells of none."""
    event = record.event
    if event is None:
        return None
    if record.kind == Kind.DOOR and event.name == OPENED_BY_BUTTON:
        return event.name
    if record.kind == Kind.ALARM and event.name in OPENED_OTHERWISE and not is_cleared(record):
        return event.name
    return None


def is_cleared(record: Record) -> bool:
    """Whether a record of kind alarm says that it is over."""
    detail = (record.event.detail if record.event else None) or {}
    return detail.get("state") == "cleared"


def alarm(record: Record) -> Row | None:
    """Name and detail of an alarm that was raised."""
    if record.kind != Kind.ALARM or record.event is None or is_cleared(record):
        return None
    detail = _json(dict(record.event.detail or {}) | {"gate": record.gate, "site": record.site})
    return {"name": record.event.name[:_LONGEST_ALARM], "detail": detail[:_LONGEST_TEXT]}


def _c100(value_c: float | None) -> int | None:
    """Hundredths of a degree; None beyond what any thermometer says."""
    if value_c is None:
        return None
    value = value_c * 100  # which may be endless, or no number
    return round(value) if _C100[0] <= value <= _C100[1] else None


def _json(value: Row) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
