"""Records as people and spreadsheets see them: the rows of `edge-gate records`."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from typing import IO, TYPE_CHECKING, Any

from feed.codec import format_time

if TYPE_CHECKING:
    from edge.records.query import Found
    from feed.record import Record

COLUMNS = (
    "seq", "at", "clock", "kind", "reader", "direction", "ref", "scheme", "person", "category",
    "result", "reasons", "verdict", "estimate_c", "object_c", "ambient_c", "event", "detail",
    "corrected_at", "state", "stream",
)  # fmt: skip
HEADINGS = ("seq", "time", "state", "kind", "reader", "person", "°C", "result", "why")
STYLES = {
    "granted": "green",
    "denied": "red",
    "alarm": "bold red",
    "withheld": "red",
    "held_open": "yellow",
    "not_passed": "yellow",
    "unconfirmed": "yellow",
    "dead-letter": "red",
}


def row(found: Found) -> tuple[str, ...]:
    """What a person at a screen wants of a record; times are local.

    A time that was put right has a `~`, one that nobody knows a `?`.
    """
    record, moment = found.record, found.moment
    result, reasons = _result(record)
    mark = " ?" if not moment.known else " ~" if moment.corrected else ""
    estimate_c = record.reading.estimate_c if record.reading else None
    why = ", ".join(reasons)
    if record.event is not None:
        told = [f"{key}={value}" for key, value in (record.event.detail or {}).items()]
        why = " ".join((record.event.name, *told))
    return (
        str(record.seq),
        f"{moment.at.astimezone():%Y-%m-%d %H:%M:%S}{mark}",
        found.state,
        record.kind,
        record.reader or "",
        _who(record),
        f"{estimate_c:.2f}" if estimate_c is not None else "",
        result,
        why,
    )


def write_csv(file: IO[str], found: Iterable[Found]) -> None:
    """RFC 4180, with line feeds; written in pieces so that a long export needs no memory."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in found:
        writer.writerow(_cells(one))
        file.write(buffer.getvalue())
        buffer.seek(0)
        buffer.truncate()
    file.write(buffer.getvalue())


def _cells(found: Found) -> list[Any]:
    record, moment = found.record, found.moment
    person, reading = record.person, record.reading
    result, reasons = _result(record)
    return [
        record.seq,
        format_time(record.at),
        record.clock.state,
        record.kind,
        record.reader,
        record.direction,
        record.ref,
        person and person.scheme,
        person and person.token and person.token.v,
        person and person.category,
        result,
        " ".join(reasons),
        reading and reading.verdict,
        reading and reading.estimate_c,
        reading and reading.object_c,
        reading and reading.ambient_c,
        record.event and record.event.name,
        _detail(record),
        format_time(moment.at) if moment.corrected else "",
        found.state,
        record.stream,
    ]


def _detail(record: Record) -> str:
    detail = dict(record.event.detail or {}) if record.event else {}
    if record.person and record.person.plain:
        detail |= record.person.plain
    return json.dumps(detail, ensure_ascii=False) if detail else ""


def _result(record: Record) -> tuple[str, tuple[str, ...]]:
    for part in (record.decision, record.outcome):
        if part is not None:
            return part.result, part.reasons
    return "", ()


def _who(record: Record) -> str:
    person = record.person
    if person is None:
        return ""
    if person.plain:
        return str(person.plain.get("name") or next(iter(person.plain.values()), person.scheme))
    return f"{person.scheme} {person.token.v[:8]}" if person.token else person.scheme
