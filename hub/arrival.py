"""What came on a record topic, looked at: a record under its key, or something unreadable.

Pure. Everything here was written by someone else and may be wrong, hostile or of another version.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from feed.codec import CodecError, decode, record_hash
from feed.record import Kind, Record
from feed.topics import Channel, GateTopics, TopicError, check_name, parse

# RFC 8259, 6: whole numbers that every JSON reader keeps exactly; also within SQL's BIGINT
LARGEST_SEQ = 2**53 - 1
LONGEST_STREAM = 128  # characters; gates use 16
# characters, as gates' configurations have it: three names and a stream fit into an index of
# PostgreSQL, whose entries are at most 2,704 bytes
LONGEST_NAME = 64
_LONGEST_TEXT = 200  # characters of what is only shown
_LONGEST_TOPIC = 500  # likewise, and in an index

Lost = tuple[int, int, str]  # first, last, reason


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record under its key. The sender's place is its topic's, which the broker guards.

    `hash` is what the next record's `prev` must be. `problem` says why only the key of it was
    understood (a newer version, say); such a record is stored like any other.
    """

    place: GateTopics
    stream: str
    seq: int
    raw: bytes
    hash: str
    prev: str | None = None
    kind: str | None = None
    lost: tuple[Lost, ...] = ()
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Bytes without a usable key, and what is wrong with them, in one line."""

    topic: str
    raw: bytes
    reason: str


def examine(topic: str, raw: bytes) -> Arrival | Unreadable:
    """Never raises, whatever the bytes are."""
    try:
        place = _place(topic)
        try:
            record = decode(raw)
        except CodecError as error:
            return _by_key_alone(place, raw, str(error))
        _check_key(record.stream, record.seq)
        _check_place(place, record.park, record.site, record.gate)
        return Arrival(
            place=place,
            stream=record.stream,
            seq=record.seq,
            raw=raw,
            hash=record_hash(raw),
            prev=record.prev,
            kind=_kind(record.kind),
            **_losses(record),
        )
    except (_WrongError, CodecError, TopicError) as error:
        return Unreadable(_shown(topic, _LONGEST_TOPIC), raw, _shown(str(error)))


class _WrongError(ValueError):
    """One line."""


@lru_cache(maxsize=20_000)
def _place(topic: str) -> GateTopics:
    found = parse(topic)
    if found.channel is not Channel.RECORD:
        raise TopicError(f"{topic!r} is no topic for records")
    for name in found.names.values():
        if len(name) > LONGEST_NAME:
            raise TopicError(f"a name of {len(name)} characters, at most {LONGEST_NAME}")
    return GateTopics(**found.names)


def _by_key_alone(place: GateTopics, raw: bytes, problem: str) -> Arrival:
    try:
        parts: Any = json.loads(raw)
    except (ValueError, RecursionError):
        raise _WrongError(problem) from None
    if not isinstance(parts, dict):
        raise _WrongError(problem)
    stream, seq = parts.get("stream"), parts.get("seq")
    if not isinstance(stream, str) or not isinstance(seq, int) or isinstance(seq, bool):
        raise _WrongError(problem)
    _check_key(stream, seq)
    _check_place(place, *(parts.get(name) for name in ("park", "site", "gate")))
    prev = parts.get("prev")
    return Arrival(
        place=place,
        stream=stream,
        seq=seq,
        raw=raw,
        hash=record_hash(raw),
        prev=prev if isinstance(prev, str) else None,
        problem=_shown(problem),
    )


@lru_cache(maxsize=20_000)
def _check_stream(stream: str) -> None:
    check_name(stream, "stream")
    if len(stream) > LONGEST_STREAM:
        raise _WrongError(f"a stream of {len(stream)} characters, at most {LONGEST_STREAM}")


def _check_key(stream: str, seq: int) -> None:
    _check_stream(stream)
    if not 1 <= seq <= LARGEST_SEQ:
        raise _WrongError(f"a seq that is not within 1 to {LARGEST_SEQ}")


def _check_place(place: GateTopics, *said: object) -> None:
    if said != (place.park, place.site, place.gate):
        told = "/".join(str(name)[:40] for name in said)
        raise _WrongError(
            f"a record of {told} came on the topic of {place.park}/{place.site}/{place.gate}"
        )


def _losses(record: Record) -> dict[str, Any]:
    """A record of loss accounts for seqs before its own, and for those only."""
    if record.kind != Kind.LOSS or not record.ranges:
        return {}
    wrong = [span for span in record.ranges if not 1 <= span[0] <= span[1] < record.seq]
    if wrong:
        first, last, _ = wrong[0]
        return {"problem": f"a loss of {first} to {last} can't stand in record {record.seq}"}
    return {"lost": tuple((first, last, _shown(why)) for first, last, why in record.ranges)}


@lru_cache(maxsize=256)
def _kind(kind: str) -> str:
    return _shown(kind)


def _shown(text: str, longest: int = _LONGEST_TEXT) -> str:
    """As every database stores it: no NUL, no lone surrogates. The raw bytes hold the whole."""
    return text[:longest].replace("\0", "\ufffd").encode(errors="replace").decode()
