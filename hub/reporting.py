"""A report from question to document, with its line in the audit: for the command and over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine

from hub.config import Config
from hub.reports.compliance import Asked, compliance
from hub.reports.compose import compliance_document, coverage_document, entries_document
from hub.reports.coverage import coverage
from hub.reports.document import Document
from hub.reports.entries import entries
from hub.reports.period import Period, make_period
from hub.reports.scope import Scope, find_scope
from hub.reports.texts import Language, Words
from hub.trace import answers, completeness, lookup
from hub.trace.answers import Completeness
from hub.trace.output import completeness_json

_MOST_NAMED = 8  # gates in a note


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What every report is asked with; None is what hub.toml says, and the last seven days."""

    first: date | None = None
    last: date | None = None
    park: str | None = None
    site: str | None = None
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """A report's place, time and words."""

    connection: Connection
    period: Period
    scope: Scope
    language: Language
    made: datetime


Make = Callable[[Frame], Document]


def make_report(engine: Engine, config: Config, call: Call, make: Make) -> Document:
    """The report, with what it may lack. Raises PeriodError, ScopeError."""
    now = datetime.now(UTC)
    zone = ZoneInfo(config.park.time_zone)
    period = make_period(call.first, call.last, zone, now=now)
    language = call.language or config.park.language
    # read without the write lock: a large report must not hold up ingest
    with engine.connect() as connection:
        scope = find_scope(connection, call.park, call.site)
        document = make(Frame(connection, period, scope, language, now.astimezone(zone)))
        lacks = _completeness(connection, period, scope)
    notes = (*document.notes, *_notes(lacks, Words(language), document.kind))
    return replace(document, notes=notes, completeness=completeness_json(lacks))


def entries_of(frame: Frame) -> Document:
    """Entries a day, by site and gate."""
    where = {"park": frame.scope.park, "site": frame.scope.site}
    found = entries(frame.connection, frame.period, **where)
    return entries_document(found, frame.language, frame.made)


def coverage_of(frame: Frame) -> Document:
    """Active sites of registered ones."""
    found = coverage(frame.connection, frame.period, park=frame.scope.park)
    return coverage_document(found, frame.language, frame.made)


def compliance_of(asked: list[Asked]) -> Make:
    """Who of a list was seen where."""

    def make(frame: Frame) -> Document:
        where = {"park": frame.scope.park, "site": frame.scope.site}
        found = compliance(frame.connection, frame.period, asked, **where)
        return compliance_document(found, frame.language, frame.made)

    return make


def _completeness(connection: Connection, period: Period, scope: Scope) -> Completeness:
    places = {
        key: place
        for key, place in lookup.places(connection).items()
        if scope.park in {None, place.park} and scope.site in {None, place.site}
    }
    return completeness.of(connection, places, answers.Period(period.from_ms, period.to_ms))


def _notes(lacks: Completeness, words: Words, kind: str) -> Iterator[str]:
    """What the figures may lack, in words."""
    silent = sorted({f"{one.place.path}/{one.gate}" for one in lacks.offline})
    if silent:
        yield words("lacks_offline", gates=_named(silent))
    unheard = [f"{place.path}/{gate}" for place, gate in lacks.unheard]
    if unheard:
        yield words("lacks_unheard", gates=_named(unheard))
    missing = sorted({f"{one.place.path}/{one.gate}" for one in lacks.gaps})
    if missing:
        yield words("lacks_records", gates=_named(missing))
    if lacks.unknown_outcomes and kind != "coverage":
        yield words("lacks_outcomes", count=lacks.unknown_outcomes)
    if lacks.unidentified and kind == "compliance":
        yield words("lacks_persons", count=lacks.unidentified)
    if not (silent or unheard or missing):
        yield words("lacks_nothing")


def _named(gates: list[str]) -> str:
    more = f", … (+{len(gates) - _MOST_NAMED})" if len(gates) > _MOST_NAMED else ""
    return ", ".join(gates[:_MOST_NAMED]) + more
