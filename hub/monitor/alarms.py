"""Alarms: what a person must look at, until a person says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, or_, select, update

from hub.monitor.drift import Drift
from hub.store.schema import OPEN, alarms, gates, sites, streams
from hub.store.sql import upsert

DRIFT = "drift_between_gates"
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


def list_alarms(
    connection: Connection,
    *,
    acknowledged: bool | None = False,
    park: str | None = None,
    gate: int | None = None,
    limit: int = 1_000,
) -> list[Alarm]:
    """The newest first; `acknowledged` None means both."""
    query = (
        select(
            alarms.c.id, alarms.c.at_ms, alarms.c.name, alarms.c.detail, streams.c.park,
            streams.c.site, streams.c.gate, alarms.c.seq, alarms.c.acknowledged_ms,
            alarms.c.acknowledged_by, gates.c.id.label("gate_id"),
            sites.c.name.label("site_name"), gates.c.name.label("gate_name"),
        )
        .join(streams, alarms.c.stream == streams.c.id, isouter=True)
        .join(
            sites,
            and_(sites.c.park == streams.c.park, sites.c.site == streams.c.site),
            isouter=True,
        )
        .join(gates, and_(gates.c.site == sites.c.id, gates.c.gate == streams.c.gate), isouter=True)
        .order_by(alarms.c.at_ms.desc(), alarms.c.id.desc())
        .limit(limit)
    )  # fmt: skip
    if acknowledged is not None:
        query = query.where(~OPEN if acknowledged else OPEN)
    if park is not None:
        # those about no stream name their place in the detail
        within = alarms.c.detail.startswith(f"{park}/", autoescape=True)
        query = query.where(or_(streams.c.park == park, within))
    if gate is not None:
        query = query.where(gates.c.id == gate)
    rows = connection.execute(query).mappings()
    return [Alarm(**{**row, "seq": row["seq"] or None}) for row in rows]


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
    """An alarm for each thermometer that stands out, unless one is open or was raised lately."""
    raised = []
    for one in drifts:
        if not one.out:
            continue
        prefix = f"{one.where}: "
        lately = select(alarms.c.id).where(
            alarms.c.name == DRIFT,
            alarms.c.detail.startswith(prefix, autoescape=True),
            or_(alarms.c.acknowledged_ms.is_(None), alarms.c.at_ms > at_ms - _AGAIN_MS),
        )
        if connection.execute(lately).first() is not None:
            continue
        detail = (
            f"{prefix}{one.off_c:+.2f} °C against {one.peers} others (median "
            f"{one.peers_median_c:.2f} °C, here {one.figure.median_c:.2f} °C over "
            f"{one.figure.people} people)"
        )
        row = {"at_ms": at_ms, "name": DRIFT, "stream": 0, "seq": 0, "detail": detail}
        key = ("name", "stream", "seq", "detail")
        # the very same figures once more, after the alarm was acknowledged: open again
        row |= {"acknowledged_ms": None, "acknowledged_by": None}
        upsert(connection, alarms, [row], key=key,
               update=("at_ms", "acknowledged_ms", "acknowledged_by"))  # fmt: skip
        raised.append(detail)
    return raised
