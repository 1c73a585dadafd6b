"""Compliance: of a list of people, who was seen at which site in a period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, case, func, select

from hub.derive.visits import WENT_THROUGH
from hub.registry.columns import COLUMNS, Kind, plain
from hub.registry.values import ValueFaultError, phone
from hub.reports.period import Period
from hub.sheets import SheetError, read_rows
from hub.store.schema import LINKED, passages, people, roster, sites

MOST_ASKED = 200_000
_AT_ONCE = 400
_TELLING = ("holder", "phone")


class AskedError(ValueError):
    """A list that can't be asked about. One line."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A phone number or a staff or pupil id, as it stands in the line of the file."""

    line: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Someone of the list at one site. `first_ms` and `last_ms` are of decisions of any result."""

    asked: Asked
    park: str
    holder: str
    name: str | None
    site_park: str
    site: str
    site_name: str | None
    entries: int
    denied: int
    first_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """Someone of the roster who was seen nowhere; not `traceable`: no credential is on the roster,
    so that nobody can tell.
    """

    asked: Asked
    park: str
    holder: str
    name: str | None
    traceable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Compliance:
    """The report. Each line of the list stands in one of seen, absent and unknown; a line that
    fits several people of the roster (a shared phone) stands with each.
    """

    period: Period
    park: str | None
    site: str | None
    asked: int
    seen: tuple[Seen, ...]
    absent: tuple[Absent, ...]
    unknown: tuple[Asked, ...]

    @property
    def people_seen(self) -> int:
        return len({(one.park, one.holder) for one in self.seen})

    @property
    def people_known(self) -> int:
        return self.people_seen + len({(one.park, one.holder) for one in self.absent})


def read_asked(raw: bytes, file: str) -> list[Asked]:
    """The list in a file: a text with one a line, or the column of a table that is headed as phone
    or id (the first column without such a heading). Raises AskedError.
    """
    try:
        rows = list(read_rows(raw, file))
    except SheetError as error:
        raise AskedError(str(error)) from error
    headings = [_telling(cell.text) for cell in rows[0].cells] if rows else []
    at = next((number for number, found in enumerate(headings) if found), None)
    body = rows if at is None else rows[1:]
    asked = []
    for row in body:
        cell = row.cells[at or 0] if (at or 0) < len(row.cells) else None
        if cell is None or not cell.text:
            continue
        if cell.spoiled:
            raise AskedError(f"{file}: line {row.line}: {cell.spoiled}; format the column as text")
        asked.append(Asked(row.line, cell.text))
    if not asked:
        raise AskedError(f"{file}: holds no phone number or id; put one on each line")
    if len(asked) > MOST_ASKED:
        raise AskedError(f"{file}: more than {MOST_ASKED} lines; part the file")
    return asked


def compliance(
    connection: Connection,
    period: Period,
    asked: Sequence[Asked],
    *,
    park: str | None = None,
    site: str | None = None,
) -> Compliance:
    """Who of the list was seen. An id counts before a phone number."""
    found = _roster(connection, asked, park)
    unknown = tuple(one for one in asked if not found[one])
    persons = {row.root for rows in found.values() for row in rows if row.root is not None}
    places = _passages(connection, period, persons, park, site)
    seen: list[Seen] = []
    absent: list[Absent] = []
    told: set[tuple[str, str]] = set()
    for one in asked:
        for row in found[one]:
            if (row.park, row.holder) in told:
                continue  # asked for by phone and by id
            told.add((row.park, row.holder))
            here = places.get(row.root, []) if row.root is not None else []
            seen += [_seen(one, row, place) for place in here]
            if not here:
                absent.append(
                    Absent(asked=one, park=row.park, holder=row.holder, name=row.name,
                           traceable=row.root is not None)
                )  # fmt: skip
    return Compliance(
        period=period,
        park=park,
        site=site,
        asked=len(asked),
        seen=tuple(seen),
        absent=tuple(absent),
        unknown=unknown,
    )


def _seen(asked: Asked, row: Any, place: Any) -> Seen:
    return Seen(
        asked=asked,
        park=row.park,
        holder=row.holder,
        name=row.name,
        site_park=place.park,
        site=place.site,
        site_name=place.name,
        entries=place.entries,
        denied=place.denied,
        first_ms=place.first_ms,
        last_ms=place.last_ms,
    )


def _telling(heading: str) -> bool:
    return any(
        plain(heading) in {plain(text) for text in (column.name, *column.headings)}
        for column in COLUMNS[Kind.ROSTER]
        if column.name in _TELLING
    )


def _roster(
    connection: Connection, asked: Sequence[Asked], park: str | None
) -> dict[Asked, list[Any]]:
    by_id: defaultdict[str, list[Any]] = defaultdict(list)
    by_phone: defaultdict[str, list[Any]] = defaultdict(list)
    numbers = {one: _phone(one.text) for one in asked}
    for column, texts, into in (
        (roster.c.holder, {one.text for one in asked}, by_id),
        (roster.c.phone, {number for number in numbers.values() if number}, by_phone),
    ):
        for some in _parts(sorted(texts)):
            # 0: no other is known to be the same
            root = case((people.c.same_as == 0, people.c.id), else_=people.c.same_as)
            query = (
                select(column.label("by"), roster.c.park, roster.c.holder, roster.c.name,
                       root.label("root"))
                .join(people, roster.c.person == people.c.id, isouter=True)
                .where(column.in_(some))
                .order_by(roster.c.park, roster.c.holder)
            )  # fmt: skip
            if park is not None:
                query = query.where(roster.c.park == park)
            for row in connection.execute(query):
                into[row.by].append(row)
    return {one: by_id[one.text] or by_phone[numbers[one] or ""] for one in asked}


def _passages(
    connection: Connection,
    period: Period,
    persons: Iterable[int],
    park: str | None,
    site: str | None,
) -> dict[int, list[Any]]:
    found: defaultdict[int, list[Any]] = defaultdict(list)
    root = case((people.c.same_as == 0, people.c.id), else_=people.c.same_as).label("root")
    entered = passages.c.granted & passages.c.outcome.in_(sorted(WENT_THROUGH))
    into = func.coalesce(passages.c.direction, "in") != "out"
    for some in _parts(sorted(persons)):
        query = (
            select(
                root,
                sites.c.park,
                sites.c.site,
                sites.c.name,
                func.sum(case((entered & into, 1), else_=0)).label("entries"),
                func.sum(case((passages.c.granted, 0), else_=1)).label("denied"),
                func.min(passages.c.at_ms).label("first_ms"),
                func.max(passages.c.at_ms).label("last_ms"),
            )
            .join(people, passages.c.person == people.c.id)
            .join(sites, passages.c.site == sites.c.id)
            .where(people.c.id.in_(some) | (people.c.same_as.in_(some) & LINKED))
            .where(passages.c.at_ms >= period.from_ms, passages.c.at_ms < period.to_ms)
            .group_by(root, sites.c.park, sites.c.site, sites.c.name)
            .order_by(sites.c.park, sites.c.site)
        )
        if park is not None:
            query = query.where(sites.c.park == park)
        if site is not None:
            query = query.where(sites.c.site == site)
        for row in connection.execute(query):
            found[row.root].append(row)
    return found


def _phone(text: str) -> str | None:
    try:
        return phone(text)
    except ValueFaultError:
        return None


def _parts(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + _AT_ONCE] for start in range(0, len(values), _AT_ONCE))
