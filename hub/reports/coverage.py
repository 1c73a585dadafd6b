"""Coverage: how many of the registered sites are at work, by district and province.

A site is active in a period when a decision was recorded there: whoever registers a checkpoint and
never uses it stands among the silent ones, with whom to call.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, exists, func, select

from hub.reports.period import Period
from hub.store.schema import passages, sites


@dataclass(frozen=True, slots=True)
class Share:
    """`active` of `registered` sites."""

    active: int
    registered: int

    @property
    def share(self) -> float | None:
        return self.active / self.registered if self.registered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A district, or a whole province where `district` is None. `rank` 1 covers most; areas with
    the same share have the same rank.
    """

    province: str | None
    district: str | None
    figures: Share
    rank: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """A registered site without a decision in the period; `last_ms` is its last before it ended."""

    park: str
    site: str
    name: str | None
    district: str | None
    province: str | None
    contact: str | None
    last_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """The report. `unregistered` sites sent records in the period without being registered; they
    count nowhere else.
    """

    period: Period
    park: str | None
    total: Share
    provinces: tuple[Area, ...]
    districts: tuple[Area, ...]
    silent: tuple[Silent, ...]
    unregistered: tuple[tuple[str, str], ...]


def coverage(connection: Connection, period: Period, *, park: str | None = None) -> Coverage:
    """Who of the registered sites was at work in the period."""
    active = (
        exists()
        .where(
            passages.c.site == sites.c.id,
            passages.c.at_ms >= period.from_ms,
            passages.c.at_ms < period.to_ms,
        )
        .label("active")
    )
    last = (
        select(func.max(passages.c.at_ms))
        .where(passages.c.site == sites.c.id, passages.c.at_ms < period.to_ms)
        .scalar_subquery()
        .label("last_ms")
    )
    query = select(
        sites.c.park, sites.c.site, sites.c.name, sites.c.district, sites.c.province,
        sites.c.contact, sites.c.registered, active, last,
    ).order_by(sites.c.province, sites.c.district, sites.c.park, sites.c.site)  # fmt: skip
    if park is not None:
        query = query.where(sites.c.park == park)
    rows = connection.execute(query).all()
    registered = [row for row in rows if row.registered]
    by_province = _tally(registered, lambda row: (row.province, None))
    by_district = _tally(registered, lambda row: (row.province, row.district))
    return Coverage(
        period=period,
        park=park,
        total=Share(sum(bool(row.active) for row in registered), len(registered)),
        provinces=_ranked(by_province),
        districts=_ranked(by_district),
        silent=tuple(
            Silent(
                park=row.park, site=row.site, name=row.name, district=row.district,
                province=row.province, contact=row.contact, last_ms=row.last_ms,
            )
            for row in registered
            if not row.active
        ),
        unregistered=tuple(
            (row.park, row.site) for row in rows if row.active and not row.registered
        ),
    )  # fmt: skip


_Key = tuple[str | None, str | None]  # province, district


def _tally(rows: list[Any], key: Any) -> dict[_Key, Share]:
    found: defaultdict[_Key, list[bool]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(bool(row.active))
    return {area: Share(sum(each), len(each)) for area, each in found.items()}


def _ranked(areas: Mapping[_Key, Share]) -> tuple[Area, ...]:
    def order(one: tuple[_Key, Share]) -> tuple[float, int, str, str]:
        (province, district), figures = one
        share = figures.active / figures.registered
        return -share, -figures.registered, province or "", district or ""

    made: list[Area] = []
    for number, ((province, district), figures) in enumerate(sorted(areas.items(), key=order), 1):
        same = bool(made) and made[-1].figures.share == figures.share
        rank = made[-1].rank if same else number
        made.append(Area(province=province, district=district, figures=figures, rank=rank))
    return tuple(made)
