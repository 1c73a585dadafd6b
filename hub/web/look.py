"""What the overview and a gate's page show, read from the store: now, and nothing about persons.

Written for SQLite and PostgreSQL. Times are milliseconds since 1970.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, and_, func, select

from hub.derive.visits import WENT_THROUGH
from hub.monitor.alarms import Alarm, Wanted, count_open, list_alarms
from hub.monitor.gates import SILENT_S, URGENCY, GateNow, Gates, Status
from hub.monitor.occupancy import Heads, inside
from hub.plans import Plan, plan_pictures
from hub.store.schema import (
    gates,
    islands,
    passages,
    people,
    sites,
    streams,
)

ENTRIES_WITHIN_MS = 3_600_000
_MOST_ENTRIES = 12
_MOST_ALARMS = 50
_SHOWN_OF_TOKEN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteNow:
    """A site with its gates, how many are inside, and its decisions since midnight."""

    id: int
    park: str
    site: str
    name: str
    latitude: float | None
    longitude: float | None
    gates: tuple[GateNow, ...]
    inside: int = 0
    entries: int = 0
    refused: int = 0
    district: str | None = None
    province: str | None = None
    plan: Plan | None = None

    @property
    def status(self) -> Status:
        """The worst of its gates."""
        return min(
            (gate.status for gate in self.gates), key=URGENCY.__getitem__, default=Status.UNHEARD
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A decision. `token` is the beginning of the person's token: no identity."""

    stream: int
    seq: int
    at_ms: int
    gate: str
    site: str
    direction: str | None
    token: str | None
    granted: bool
    reason: str
    outcome: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """All of it, at one moment."""

    at_ms: int
    sites: tuple[SiteNow, ...]
    entries: tuple[Entry, ...]
    alarms: tuple[Alarm, ...]
    open_alarms: int

    @property
    def counts(self) -> Mapping[Status, int]:
        """How many gates there are in each status."""
        found: defaultdict[Status, int] = defaultdict(int)
        for site in self.sites:
            for gate in site.gates:
                found[gate.status] += 1
        return found

    @property
    def gate_count(self) -> int:
        return sum(len(site.gates) for site in self.sites)

    @property
    def inside(self) -> int:
        return sum(site.inside for site in self.sites)

    @property
    def entries_today(self) -> int:
        return sum(site.entries for site in self.sites)

    @property
    def refused_today(self) -> int:
        return sum(site.refused for site in self.sites)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the looks go by: a gate silent for `silent_s` is offline."""

    zone: ZoneInfo
    silent_s: float = SILENT_S


@dataclass(slots=True)
class Looker:
    """Reads overviews one after the other; what is slow to count is counted anew each
    `counts_ms`. Used by one thread at a time.
    """

    limits: Limits
    counts_ms: int = 10_000
    _gates: Gates = field(init=False)
    _counted_ms: int = 0
    _counts: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._gates = Gates(self.limits.silent_s)

    def overview(self, connection: Connection, now_ms: int) -> Overview:
        """The overview at this moment."""
        by_site: defaultdict[int, list[GateNow]] = defaultdict(list)
        for gate in self._gates.now(connection, now_ms):
            by_site[gate.site_id].append(gate)
        heads = inside(connection, now_ms)
        if now_ms - self._counted_ms >= self.counts_ms or now_ms < self._counted_ms:
            self._counts = _today(connection, midnight_ms(now_ms, self.limits.zone), now_ms)
            self._counted_ms = now_ms
        rows = connection.execute(
            select(
                sites.c.id, sites.c.park, sites.c.site, sites.c.name, sites.c.latitude,
                sites.c.longitude, sites.c.district, sites.c.province,
            ).order_by(sites.c.park, sites.c.site)
        )  # fmt: skip
        plans = plan_pictures(connection)
        found = []
        for row in rows:
            entries, refused = self._counts.get(row.id, (0, 0))
            found.append(
                SiteNow(
                    id=row.id, park=row.park, site=row.site, name=row.name or row.site,
                    latitude=row.latitude, longitude=row.longitude,
                    gates=tuple(by_site.get(row.id, ())), inside=heads.get(row.id, Heads()).inside,
                    entries=entries, refused=refused, district=row.district,
                    province=row.province, plan=plans.get(row.id),
                )
            )  # fmt: skip
        some = list_alarms(connection, Wanted(only_open=True), limit=_MOST_ALARMS)
        return Overview(
            at_ms=now_ms,
            sites=tuple(found),
            entries=last_entries(connection, now_ms),
            alarms=some.alarms,
            open_alarms=len(some.alarms) if some.next is None else count_open(connection),
        )

    def gate(self, connection: Connection, gate: int, now_ms: int) -> GateNow | None:
        """One gate at this moment; None where there is none of that id."""
        return next(iter(self._gates.now(connection, now_ms, gate=gate)), None)


def _today(connection: Connection, from_ms: int, to_ms: int) -> dict[int, tuple[int, int]]:
    query = (
        select(passages.c.site, passages.c.granted, func.count())
        .where(
            passages.c.site.in_(select(sites.c.id)),
            passages.c.at_ms >= from_ms,
            passages.c.at_ms <= to_ms,
            (~passages.c.granted)
            | and_(
                passages.c.outcome.in_(sorted(WENT_THROUGH)),
                func.coalesce(passages.c.direction, "in") != "out",
            ),
        )
        .group_by(passages.c.site, passages.c.granted)
    )
    found: defaultdict[int, list[int]] = defaultdict(lambda: [0, 0])
    for site, granted, count in connection.execute(query):
        found[site][0 if granted else 1] += count
    return {site: (entries, refused) for site, (entries, refused) in found.items()}


def last_entries(
    connection: Connection, now_ms: int, *, gate: int | None = None, most: int = _MOST_ENTRIES
) -> tuple[Entry, ...]:
    """The newest decisions of the last hour, everywhere or of one gate; the newest first."""
    query = (
        select(
            passages.c.stream, passages.c.seq, passages.c.at_ms, passages.c.direction,
            passages.c.granted, passages.c.reasons, passages.c.outcome, people.c.token,
            gates.c.gate, gates.c.name.label("gate_name"), sites.c.site,
            sites.c.name.label("site_name"),
        )
        .join(gates, passages.c.gate == gates.c.id)
        .join(sites, passages.c.site == sites.c.id)
        .join(people, passages.c.person == people.c.id, isouter=True)
        .where(
            passages.c.at_ms > now_ms - ENTRIES_WITHIN_MS,
            passages.c.at_ms <= now_ms,
        )
        .order_by(passages.c.at_ms.desc(), passages.c.stream, passages.c.seq.desc())
        .limit(most)
    )  # fmt: skip
    if gate is not None:
        place = select(gates.c.site).where(gates.c.id == gate).scalar_subquery()
        query = query.where(passages.c.site == place, passages.c.gate == gate)
    return tuple(
        Entry(
            stream=row.stream, seq=row.seq, at_ms=row.at_ms, gate=row.gate_name or row.gate,
            site=row.site_name or row.site, direction=row.direction,
            token=row.token[:_SHOWN_OF_TOKEN] if row.token else None, granted=row.granted,
            reason=deciding(row.reasons), outcome=row.outcome,
        )
        for row in connection.execute(query)
    )  # fmt: skip


def deciding(reasons: str) -> str:
    """The first of the reasons is what decided."""
    return reasons.partition(" ")[0]


# --- one gate -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamNow:
    """A journal of a gate: stored without a hole up to `upto`; the gaps are (first, last)."""

    stream: str
    upto: int
    gaps: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Warmth:
    """An hour of a gate: medians of the estimates of people and of the air, in °C."""

    hour_ms: int
    people: int
    estimate_c: float
    ambient_c: float


def place_of(connection: Connection, gate: int) -> SiteNow | None:
    """The site of a gate, without figures."""
    row = connection.execute(
        select(
            sites.c.id, sites.c.park, sites.c.site, sites.c.name, sites.c.latitude,
            sites.c.longitude,
        )
        .join(gates, gates.c.site == sites.c.id)
        .where(gates.c.id == gate)
    ).first()  # fmt: skip
    if row is None:
        return None
    return SiteNow(
        id=row.id, park=row.park, site=row.site, name=row.name or row.site,
        latitude=row.latitude, longitude=row.longitude, gates=(),
    )  # fmt: skip


def streams_of(connection: Connection, place: SiteNow, gate: str) -> tuple[StreamNow, ...]:
    """The journals of a gate, the newest last."""
    query = (
        select(streams.c.id, streams.c.stream, streams.c.upto)
        .where(streams.c.park == place.park, streams.c.site == place.site, streams.c.gate == gate)
        .order_by(streams.c.id)
    )
    found = []
    for row in connection.execute(query).all():
        spans = connection.execute(
            select(islands.c.first, islands.c.last)
            .where(islands.c.stream == row.id)
            .order_by(islands.c.first)
        )
        gaps, before = [], row.upto
        for first, last in spans:
            gaps.append((before + 1, first - 1))
            before = last
        found.append(StreamNow(stream=row.stream, upto=row.upto, gaps=tuple(gaps)))
    return tuple(found)


def warmth(
    connection: Connection, *, site: int, gate: int | None, from_ms: int, to_ms: int
) -> tuple[Warmth, ...]:
    """Temperatures against the air, hour by hour: where they rise together, the estimate follows
    the weather.
    """
    query = select(passages.c.at_ms, passages.c.estimate_c100, passages.c.ambient_c100).where(
        passages.c.site == site,
        passages.c.at_ms >= from_ms,
        passages.c.at_ms < to_ms,
        passages.c.estimate_c100.is_not(None),
        passages.c.ambient_c100.is_not(None),
    )
    if gate is not None:
        query = query.where(passages.c.gate == gate)
    hours: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for at_ms, estimate, ambient in connection.execute(query):
        hours[at_ms // 3_600_000].append((estimate, ambient))
    return tuple(
        Warmth(
            hour_ms=hour * 3_600_000,
            people=len(pairs),
            estimate_c=_median([estimate for estimate, _ in pairs]) / 100,
            ambient_c=_median([ambient for _, ambient in pairs]) / 100,
        )
        for hour, pairs in sorted(hours.items())
    )


def midnight_ms(now_ms: int, zone: ZoneInfo) -> int:
    """When the day of this moment began there."""
    day = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    return int(day.replace(hour=0, minute=0, second=0, microsecond=0).timestamp() * 1000)


def _median(values: Sequence[int]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return float(ordered[middle])
    return (ordered[middle - 1] + ordered[middle]) / 2
