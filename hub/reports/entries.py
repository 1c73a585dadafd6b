"""Entries: who came and who was refused, a day, site and gate at a time. Counts, no persons."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import Connection, Select, func, select

from hub.derive.visits import WENT_THROUGH
from hub.reports.period import Period, day_of
from hub.store.schema import gates, passages, sites

# what a reading said about a person; the others ("unsteady", "not_a_face") said nothing
_MEASURED = frozenset({"normal", "high", "low"})
_FEVER = "high"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Counts of decisions. `entries` and `exits` are people who then went through, in and out;
    `fever` of `measured` decisions had a temperature at or over the limit; `declared` of
    `decisions` came with a health declaration.
    """

    decisions: int = 0
    granted: int = 0
    denied: int = 0
    entries: int = 0
    exits: int = 0
    measured: int = 0
    fever: int = 0
    declared: int = 0

    def __add__(self, other: Figures) -> Figures:
        return Figures(**{name: getattr(self, name) + getattr(other, name) for name in _NAMES})

    @property
    def fever_share(self) -> float | None:
        """Of those measured; None where nobody was."""
        return self.fever / self.measured if self.measured else None

    @property
    def denied_share(self) -> float | None:
        return self.denied / self.decisions if self.decisions else None


_NAMES = tuple(Figures.__slots__)


@dataclass(frozen=True, slots=True)
class Place:
    """A gate of the report, with the names that people gave."""

    park: str
    site: str
    site_name: str | None
    gate: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entries:
    """The report. `unsure` of the decisions have a time that nobody knows: they stand on the day
    that their gate's clock showed. `reasons` counts each denied decision once, by what decided;
    `answers` counts the health declarations that say yes, by question.
    """

    period: Period
    park: str | None
    site: str | None
    total: Figures
    by_day: Mapping[date, Figures]
    by_place: Mapping[Place, Figures]
    by_day_and_place: Mapping[tuple[date, Place], Figures]
    reasons: Mapping[str, int]
    answers: Mapping[str, int]
    unsure: int
    gates: int = field(default=0)


def entries(
    connection: Connection, period: Period, *, park: str | None = None, site: str | None = None
) -> Entries:
    """Count the passages of a period, of a park or a site or everywhere."""
    cells: defaultdict[tuple[date, Place], Figures] = defaultdict(Figures)
    reasons: Counter[str] = Counter()
    unsure = 0
    day = period.day_number(passages.c.at_ms).label("day")
    declared = passages.c.declaration.is_not(None).label("declared")
    facts = [
        day, passages.c.gate, passages.c.direction, passages.c.granted, passages.c.reasons,
        passages.c.outcome, passages.c.verdict, declared, passages.c.at_known,
    ]  # fmt: skip
    query = _within(select(*facts, func.count()), period, park, site).group_by(*facts)
    places = _places(connection)
    for number, gate, way, granted, why, outcome, verdict, has, known, count in connection.execute(
        query
    ):
        went = granted and outcome in WENT_THROUGH
        cells[day_of(int(number)), places[gate]] += Figures(
            decisions=count,
            granted=count if granted else 0,
            denied=0 if granted else count,
            entries=count if went and way != "out" else 0,
            exits=count if went and way == "out" else 0,
            measured=count if verdict in _MEASURED else 0,
            fever=count if verdict == _FEVER else 0,
            declared=count if has else 0,
        )
        if not granted:
            reasons[why.partition(" ")[0] or "unknown"] += count
        if not known:
            unsure += count
    by_day = dict.fromkeys(period.days, Figures())
    by_place: defaultdict[Place, Figures] = defaultdict(Figures)
    for (when, place), figures in cells.items():
        by_day[when] += figures
        by_place[place] += figures
    return Entries(
        period=period,
        park=park,
        site=site,
        total=sum(by_place.values(), Figures()),
        by_day=by_day,
        by_place=dict(sorted(by_place.items(), key=lambda one: _order(one[0]))),
        by_day_and_place=dict(
            sorted(cells.items(), key=lambda one: (one[0][0], _order(one[0][1])))
        ),
        reasons=dict(reasons.most_common()),
        answers=_answers(connection, period, park, site),
        unsure=unsure,
        gates=len(by_place),
    )


def _order(place: Place) -> tuple[str, str, str]:
    return place.park, place.site, place.gate


def _within(query: Select[Any], period: Period, park: str | None, site: str | None) -> Select[Any]:
    chosen = select(sites.c.id)
    if park is not None:
        chosen = chosen.where(sites.c.park == park)
    if site is not None:
        chosen = chosen.where(sites.c.site == site)
    # by site first: the index is on (site, at_ms)
    return query.where(
        passages.c.site.in_(chosen),
        passages.c.at_ms >= period.from_ms,
        passages.c.at_ms < period.to_ms,
    )


def _places(connection: Connection) -> dict[int, Place]:
    query = select(gates.c.id, sites.c.park, sites.c.site, sites.c.name, gates.c.gate).join(
        sites, gates.c.site == sites.c.id
    )
    return {number: Place(*names) for number, *names in connection.execute(query)}


def _answers(
    connection: Connection, period: Period, park: str | None, site: str | None
) -> dict[str, int]:
    query = _within(select(passages.c.declaration, func.count()), period, park, site)
    query = query.where(passages.c.declaration.is_not(None)).group_by(passages.c.declaration)
    yes: Counter[str] = Counter()
    for text, count in connection.execute(query):
        answers = json.loads(text)
        yes.update({name: count for name, answer in answers.items() if answer is True})
    return dict(yes.most_common())
