"""Answers as plain rows: for JSON, CSV, XLSX and the screen, from one place."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from feed.codec import format_time
from hub.trace.answers import (
    Completeness,
    Contacts,
    Muster,
    Occupancy,
    Period,
    Presence,
    Visits,
    Who,
)

Cell = str | int | float | bool | None
# a spreadsheet takes cells that begin so for formulas (OWASP, CSV Injection)
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


@dataclass(frozen=True, slots=True)
class Sheet:
    """An answer's rows under their headings; `notes` say how complete it is."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...]


def utc(at_ms: int | None) -> str | None:
    """As programs read it."""
    return None if at_ms is None else format_time(datetime.fromtimestamp(at_ms / 1000, UTC))


def who_json(who: Who) -> dict[str, Any]:
    whole = {
        "id": who.id,
        "token": who.token,
        "kid": who.kid,
        "scope": who.scope,
        "tokens": list(who.tokens),
        "name": who.name,
        "holder": who.holder,
        "category": who.category,
    }
    return {key: value for key, value in whole.items() if value is not None}


def period_json(period: Period) -> dict[str, Any]:
    return {"from": utc(period.from_ms), "to": utc(period.to_ms)}


def completeness_json(found: Completeness) -> dict[str, Any]:
    return {
        "complete": found.complete,
        "offline": [
            {
                "site": one.place.path,
                "gate": one.gate,
                "from": utc(one.from_ms),
                "to": utc(one.to_ms),
            }
            for one in found.offline
        ],
        "gaps": [
            {
                "site": one.place.path,
                "gate": one.gate,
                "stream": one.stream,
                "first": one.first,
                "last": one.last,
                "why": one.why,
                "after": utc(one.from_ms),
                "before": utc(one.to_ms),
            }
            for one in found.gaps
        ],
        "unsynced": found.unsynced,
        "assumed_ends": found.assumed_ends,
        "unidentified": found.unidentified,
        "unknown_outcomes": found.unknown_outcomes,
        "unmatched_exits": found.unmatched_exits,
        "truncated": found.truncated,
    }


def notes(found: Completeness, clock: Callable[[int], str]) -> tuple[str, ...]:
    """The same for people, a line each; `clock` writes a time."""
    if found.complete:
        return ("Complete as far as the hub knows.",)
    lines = [
        f"Gate {one.place.path}/{one.gate} was not heard from {clock(one.from_ms)} "
        + (f"to {clock(one.to_ms)}." if one.to_ms is not None else "on.")
        for one in found.offline
    ]
    lines += [
        f"Records {one.first} to {one.last} of gate {one.place.path}/{one.gate} are not in this "
        f"answer: {one.why.replace('_', ' ')}."
        for one in found.gaps
    ]
    counted = (
        (found.unsynced, "passages happened at a time that their gate did not know"),
        (found.assumed_ends, "visits have an end that no gate saw: assumed"),
        (found.unidentified, "passages were without a code that tells who it was"),
        (found.unknown_outcomes, "grants have no record of whether the person passed"),
        (found.unmatched_exits, "exits have no entry before them"),
    )
    lines += [f"{number} {text}." for number, text in counted if number]
    if found.truncated:
        lines.append("There were more people than the limit: raise --limit.")
    return tuple(lines)


# --- answers --------------------------------------------------------------------------------


def visits_json(found: Visits) -> dict[str, Any]:
    return {
        "asked": [who_json(one) for one in found.asked],
        "period": period_json(found.period),
        "visits": [
            {
                "token": one.who.token,
                "site": one.place.path,
                "in": utc(one.in_ms),
                "out": utc(one.out_ms),
                "in_gate": one.in_gate,
                "out_gate": one.out_gate,
                "assumed": one.assumed,
                "time_known": one.at_known,
            }
            for one in found.stays
        ],
        "completeness": completeness_json(found.completeness),
    }


def contacts_json(found: Contacts) -> dict[str, Any]:
    return {
        "asked": [who_json(one) for one in found.asked],
        "period": period_json(found.period),
        "contacts": [
            {
                "who": who_json(one.who),
                "hop": one.hop,
                "minutes": round(one.minutes, 2),
                "first": utc(one.from_ms),
                "last": utc(one.to_ms),
                "via": [via.token for via in one.via],
                "sites": [place.path for place in one.places],
                "meetings": one.meetings,
                "assumed": one.assumed,
            }
            for one in found.contacts
        ],
        "meetings": [
            {
                "via": one.via.token,
                "who": one.who.token,
                "site": one.place.path,
                "from": utc(one.from_ms),
                "to": utc(one.to_ms),
                "minutes": round(one.ms / 60_000, 2),
                "assumed": one.assumed,
            }
            for one in found.meetings
        ],
        "completeness": completeness_json(found.completeness),
    }


def presence_json(found: Presence) -> dict[str, Any]:
    return {
        "site": found.place.path,
        "period": period_json(found.period),
        "people": [
            {
                "who": who_json(one.who),
                "minutes": round(one.minutes, 2),
                "from": utc(one.from_ms),
                "to": utc(one.to_ms),
                "visits": len(one.stays),
                "assumed": one.assumed,
            }
            for one in found.people
        ],
        "completeness": completeness_json(found.completeness),
    }


def occupancy_json(found: Occupancy) -> dict[str, Any]:
    return {
        "at": utc(found.at_ms),
        "sites": [
            {
                "site": one.place.path,
                "name": one.place.name,
                "inside": one.inside,
                "unidentified": one.unidentified,
                "button_exits": one.button_exits,
            }
            for one in found.counts
        ],
    }


def muster_json(found: Muster) -> dict[str, Any]:
    return {
        "site": found.place.path,
        "at": utc(found.at_ms),
        "inside": [
            {
                "who": who_json(one.who),
                "since": utc(one.since_ms),
                "gate": one.gate,
                "sure": one.sure,
            }
            for one in found.inside
        ],
        "uncertainty": {
            "anonymous_exits": found.anonymous_exits,
            "openings": found.openings,
            "unused_grants": found.unused_grants,
            "unidentified_in": found.unidentified_in,
            "unidentified_out": found.unidentified_out,
        },
        "completeness": completeness_json(found.completeness),
    }


def visits_sheet(found: Visits, clock: Callable[[int], str]) -> Sheet:
    return Sheet(
        "visits",
        ("person", "token", "site", "in", "out", "minutes", "gate in", "gate out", "end assumed"),
        tuple(
            (
                one.who.label,
                one.who.token,
                one.place.path,
                clock(one.in_ms) + ("" if one.at_known else " ?"),
                clock(one.out_ms),
                round((one.out_ms - one.in_ms) / 60_000),
                one.in_gate,
                one.out_gate,
                "yes" if one.assumed else "",
            )
            for one in found.stays
        ),
        notes(found.completeness, clock),
    )


def contacts_sheet(found: Contacts, clock: Callable[[int], str]) -> Sheet:
    return Sheet(
        "contacts",
        ("hop", "person", "token", "minutes", "first", "last", "via", "sites", "end assumed"),
        tuple(
            (
                one.hop,
                one.who.label,
                one.who.token,
                round(one.minutes),
                clock(one.from_ms),
                clock(one.to_ms),
                ", ".join(via.label for via in one.via),
                ", ".join(place.path for place in one.places),
                "yes" if one.assumed else "",
            )
            for one in found.contacts
        ),
        notes(found.completeness, clock),
    )


def presence_sheet(found: Presence, clock: Callable[[int], str]) -> Sheet:
    return Sheet(
        "people",
        ("person", "token", "minutes", "from", "to", "visits", "end assumed"),
        tuple(
            (
                one.who.label,
                one.who.token,
                round(one.minutes),
                clock(one.from_ms),
                clock(one.to_ms),
                len(one.stays),
                "yes" if one.assumed else "",
            )
            for one in found.people
        ),
        notes(found.completeness, clock),
    )


def occupancy_sheet(found: Occupancy, clock: Callable[[int], str]) -> Sheet:
    return Sheet(
        "occupancy",
        ("site", "name", "inside", "unidentified", "exits by button"),
        tuple(
            (one.place.path, one.place.name, one.inside, one.unidentified, one.button_exits)
            for one in found.counts
        ),
        (f"At {clock(found.at_ms)}.",),
    )


def muster_sheet(found: Muster, clock: Callable[[int], str]) -> Sheet:
    told = (
        (found.anonymous_exits, "exits by button: so many may have left unnamed"),
        (found.openings, "openings without a code (forced, a second person, fire)"),
        (found.unused_grants, "grants that nobody used"),
        (found.unidentified_in, "people came in without a code that tells who"),
        (found.unidentified_out, "people left without a code that tells who"),
    )
    counted = tuple(f"{number} {text}." for number, text in told if number)
    return Sheet(
        "muster",
        ("person", "holder", "token", "since", "gate", "seen to pass"),
        tuple(
            (
                one.who.label,
                one.who.holder,
                one.who.token,
                clock(one.since_ms),
                one.gate,
                "yes" if one.sure else "not sure",
            )
            for one in found.inside
        ),
        (
            f"{len(found.inside)} inside at {clock(found.at_ms)}.",
            *counted,
            *notes(found.completeness, clock),
        ),
    )


# --- files ----------------------------------------------------------------------------------


def harmless(cell: Cell) -> Cell:
    """Text that no spreadsheet takes for a formula."""
    if isinstance(cell, str) and cell.startswith(_FORMULA):
        return f"'{cell}"
    return cell


def to_csv(sheet: Sheet) -> str:
    """UTF-8 with a byte order mark, which spreadsheets need for Vietnamese; notes come last."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(sheet.headings)
    for row in sheet.rows:
        writer.writerow([harmless(cell) for cell in row])
    for note in sheet.notes:
        writer.writerow([f"# {note}"])
    return "\ufeff" + out.getvalue()


def to_xlsx(sheets: Sequence[Sheet]) -> bytes:
    """A workbook: a table a sheet, and the notes."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    book.remove(book.worksheets[0])
    for sheet in sheets:
        page = book.create_sheet(sheet.title)
        page.append(list(sheet.headings))
        for cell in page[1]:
            cell.font = Font(bold=True)
        for row in sheet.rows:
            page.append([harmless(cell) for cell in row])
        page.freeze_panes = "A2"
        for number, heading in enumerate(sheet.headings):
            widest = max([len(heading), *(len(str(row[number] or "")) for row in sheet.rows)])
            page.column_dimensions[page.cell(1, number + 1).column_letter].width = min(
                widest + 2, 50
            )
    about = book.create_sheet("completeness")
    for sheet in sheets:
        for note in sheet.notes:
            about.append([note])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
