"""Alarms: what a person must look at, until a person says so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    false,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from hub.monitor.drift import Drift
from hub.store.schema import OPEN, alarms, gates, sites, streams
from hub.store.sql import upsert

DRIFT = "drift_between_gates"
_MOST_STREAMS = 100  # asked one by one; SQLite joins no more than 500
_KEY = re.compile(r"([0-9]{1,15})-([0-9]{1,15})", re.ASCII)
_AGAIN_MS = 24 * 3_600_000  # a drift that lasts is told once a day


class AlarmError(ValueError):
    """Alarms that can't be acknowledged. One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """One alarm; park, site and gate are None where it is about no stream. The names are those that
    people gave; `gate_id` is the registry's.
    """

    id: int
    at_ms: int
    name: str
    detail: str
    park: str | None
    site: str | None
    gate: str | None
    seq: int | None
    acknowledged_ms: int | None
    acknowledged_by: str | None
    gate_id: int | None
    site_name: str | None
    gate_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Only alarms of this place, of this name, that nobody has acknowledged. A gate is named with
    its site, a site with its park.
    """

    park: str | None = None
    site: str | None = None
    gate: str | None = None
    name: str | None = None
    only_open: bool = False

    @property
    def anywhere(self) -> bool:
        return self.park is None


@dataclass(frozen=True, slots=True)
class Key:
    """Where a page of alarms ended: the next one begins after it."""

    at_ms: int
    id: int

    def __str__(self) -> str:
        return f"{self.at_ms}-{self.id}"

    @classmethod
    def of(cls, text: str) -> Key:
        """What `str` gave. Raises ValueError."""
        found = _KEY.fullmatch(text)
        if found is None:
            raise ValueError(f"{text[:40]!r} is no key of an alarm, such as 1629680400000-17")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of alarms, the newest first; `next` is None on the last."""

    alarms: tuple[Alarm, ...]
    next: Key | None


ALL = Wanted()


def list_alarms(
    connection: Connection, wanted: Wanted = ALL, *, before: Key | None = None, limit: int = 1_000
) -> Listed:
    """Those after a key: however many there are, a page costs no more than the first."""
    page = _page(connection, wanted, before, limit + 1).subquery()
    query = (
        select(
            alarms.c.id, alarms.c.at_ms, alarms.c.name, alarms.c.detail, streams.c.park,
            streams.c.site, streams.c.gate, alarms.c.seq, alarms.c.acknowledged_ms,
            alarms.c.acknowledged_by, gates.c.id.label("gate_id"),
            sites.c.name.label("site_name"), gates.c.name.label("gate_name"),
        )
        .join_from(page, alarms, alarms.c.id == page.c.id)
        .join(streams, alarms.c.stream == streams.c.id, isouter=True)
        .join(
            sites,
            and_(sites.c.park == streams.c.park, sites.c.site == streams.c.site),
            isouter=True,
        )
        .join(gates, and_(gates.c.site == sites.c.id, gates.c.gate == streams.c.gate), isouter=True)
        .order_by(alarms.c.at_ms.desc(), alarms.c.id.desc())
    )  # fmt: skip
    rows = connection.execute(query).mappings().all()
    found = tuple(Alarm(**{**row, "seq": row["seq"] or None}) for row in rows[:limit])
    more = len(rows) > limit
    return Listed(found, Key(found[-1].at_ms, found[-1].id) if more else None)


def count_open(connection: Connection, wanted: Wanted = ALL) -> int:
    """How many nobody has acknowledged."""
    query = select(func.count()).select_from(alarms).where(OPEN)
    if wanted.name is not None:
        query = query.where(alarms.c.name.concat("") == wanted.name)
    if not wanted.anywhere:
        # as an expression: by the stream alone SQLite reads all that the place ever had
        query = query.where((alarms.c.stream + 0).in_(_streams(wanted)))
    return int(connection.execute(query).scalar_one())


def _streams(wanted: Wanted) -> Any:
    """The journals of the place."""
    query = select(streams.c.id)
    named = ((streams.c.park, wanted.park), (streams.c.site, wanted.site),
             (streams.c.gate, wanted.gate))  # fmt: skip
    return query.where(*(column == name for column, name in named if name is not None))


def _page(connection: Connection, wanted: Wanted, before: Key | None, most: int) -> Any:
    """The ids of a page, by the one index that is in its order."""
    query = (
        select(alarms.c.id, alarms.c.at_ms)
        .order_by(alarms.c.at_ms.desc(), alarms.c.id.desc())
        .limit(most)
    )
    if wanted.only_open:
        query = query.where(OPEN)
    if wanted.name is not None:
        query = query.where(alarms.c.name == wanted.name)
    if before is not None:
        query = query.where(
            tuple_(alarms.c.at_ms, alarms.c.id) < tuple_(literal(before.at_ms), literal(before.id))
        )
    if wanted.anywhere:
        return query
    every = connection.scalars(_streams(wanted).limit(_MOST_STREAMS + 1)).all()
    if len(every) > _MOST_STREAMS:
        # so many journals have a good share of all alarms: these come soon in the order of time
        return query.where(alarms.c.stream.in_(_streams(wanted)))
    # the newest of each journal: all of them together have the newest of the place
    each = [query.where(alarms.c.stream == stream).subquery().select() for stream in every]
    if not each:
        return query.where(false())
    merged = union_all(*each).subquery()
    return (
        select(merged.c.id, merged.c.at_ms)
        .order_by(merged.c.at_ms.desc(), merged.c.id.desc())
        .limit(most)
    )


def open_by_name(connection: Connection) -> dict[str, int]:
    """How many alarms of each name nobody has acknowledged."""
    # as an expression: by the name alone SQLite walks through all alarms there ever were
    named: ColumnElement[str] = literal_column("alarms.name || ''")
    query = select(named, func.count()).select_from(alarms).where(OPEN).group_by(named)
    return {str(name): int(count) for name, count in connection.execute(query)}


def acknowledge(connection: Connection, ids: Sequence[int], *, who: str, at_ms: int) -> int:
    """Say that a person has seen these; how many were open. Raises AlarmError for unknown ids."""
    there = set(connection.scalars(select(alarms.c.id).where(alarms.c.id.in_(ids))))
    if lacking := sorted(set(ids) - there):
        raise AlarmError(f"there is no alarm {', '.join(map(str, lacking))}")
    done = connection.execute(
        update(alarms)
        .where(alarms.c.id.in_(ids), alarms.c.acknowledged_ms.is_(None))
        .values(acknowledged_ms=at_ms, acknowledged_by=who)
    )
    return done.rowcount


def raise_drift(connection: Connection, drifts: Iterable[Drift], *, at_ms: int) -> list[str]:
    """An alarm for each thermometer that stands out, unless one is open or was raised lately.

    What was raised, a line each.
    """
    raised = []
    for one in drifts:
        if not one.out:
            continue
        who = {"at": one.place, "reader": one.figure.reader}
        prefix = json.dumps(who, ensure_ascii=False)[:-1]
        lately = select(alarms.c.id).where(
            alarms.c.name == DRIFT,
            alarms.c.detail.startswith(prefix, autoescape=True),
            or_(alarms.c.acknowledged_ms.is_(None), alarms.c.at_ms > at_ms - _AGAIN_MS),
        )
        if connection.execute(lately).first() is not None:
            continue
        told = {
            "off_c": one.off_c, "median_c": one.figure.median_c, "people": one.figure.people,
            "peers": one.peers, "peers_median_c": one.peers_median_c,
        }  # fmt: skip
        detail = json.dumps(who | told, ensure_ascii=False)
        row = {"at_ms": at_ms, "name": DRIFT, "stream": _newest_stream(connection, one), "seq": 0,
               "detail": detail}  # fmt: skip
        key = ("name", "stream", "seq", "detail")
        # the very same figures once more, after the alarm was acknowledged: open again
        row |= {"acknowledged_ms": None, "acknowledged_by": None}
        upsert(connection, alarms, [row], key=key,
               update=("at_ms", "acknowledged_ms", "acknowledged_by"))  # fmt: skip
        raised.append(f"{one.where}: {one.off_c:+.2f} °C against {one.peers} others")
    return raised


def _newest_stream(connection: Connection, one: Drift) -> int:
    """Of the gate, so that the alarm stands among its others; 0 where none came yet."""
    figure = one.figure
    place = Wanted(park=figure.park, site=figure.site, gate=figure.gate)
    found = connection.scalar(_streams(place).order_by(streams.c.id.desc()).limit(1))
    return found or 0
