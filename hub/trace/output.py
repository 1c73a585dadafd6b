"""Answers as plain rows: for JSON, CSV, XLSX and the screen, from one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from feed.codec import format_time
from hub.sheets import Value, write_csv, write_xlsx
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


@dataclass(frozen=True, slots=True)
class Sheet:
    """An answer's rows under their headings; `notes` say how complete it is."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]
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
        "unheard": [{"site": place.path, "gate": gate} for place, gate in found.unheard],
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
        f"Gate {place.path}/{gate} is registered and was never heard."
        for place, gate in found.unheard
    ]
    lines += [
        f"Records {one.first} to {one.last} of gate {one.place.path}/{one.gate} are not in this "
        f"answer: {one.why.replace('_', ' ')}."
        for one in found.gaps
    ]
    lines += _counted(
        (found.unsynced, "passage|passages", "happened at a time that the gate did not know"),
        (found.assumed_ends, "visit has|visits have", "an end that no gate saw: assumed"),
        (found.unidentified, "passage was|passages were", "without a code that tells who it was"),
        (found.unknown_outcomes, "grant has|grants have", "no record of whether the person passed"),
        (found.unmatched_exits, "exit has|exits have", "no entry before"),
    )
    if found.truncated:
        lines.append("There were more people than the limit: raise --limit.")
    return tuple(lines)


def _counted(*counts: tuple[int, str, str]) -> list[str]:
    """Sentences, of the numbers that are not 0; `one|several` begins them."""
    return [
        f"{number} {begin.split('|')[number > 1]} {rest}."
        for number, begin, rest in counts
        if number
    ]


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
        "completeness": completeness_json(found.completeness),
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
        (f"At {clock(found.at_ms)}.", *notes(found.completeness, clock)),
    )


def muster_sheet(found: Muster, clock: Callable[[int], str]) -> Sheet:
    counted = _counted(
        (found.anonymous_exits, "exit|exits", "by button: so many may have left unnamed"),
        (found.openings, "opening|openings", "without a code (forced, a second person, fire)"),
        (found.unused_grants, "grant|grants", "that nobody used"),
        (found.unidentified_in, "person|people", "came in without a code that tells who"),
        (found.unidentified_out, "person|people", "left without a code that tells who"),
        (found.completeness.assumed_ends, "person was|people were",
         "never seen to leave; past the longest stay they are not on the list"),
    )  # fmt: skip
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
            *notes(replace(found.completeness, assumed_ends=0), clock),
        ),
    )


# --- files ----------------------------------------------------------------------------------


def to_csv(sheet: Sheet) -> bytes:
    """The table, and the notes below it."""
    below = [(f"# {note}",) for note in sheet.notes]
    return write_csv(sheet.headings, [*sheet.rows, *below])


def to_xlsx(sheet: Sheet) -> bytes:
    """A workbook: the table, and the notes."""
    about = [(note,) for note in sheet.notes]
    return write_xlsx(
        [(sheet.title, sheet.headings, sheet.rows), ("completeness", ("completeness",), about)]
    )
