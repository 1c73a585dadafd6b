"""What an answer may lack: silent gates, missing records, clocks that knew no time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import BigInteger, Connection, and_, bindparam, case, func, select

from feed.codec import CodecError, decode
from hub.derive.meaning import milliseconds
from hub.store.schema import (
    DOUBTFUL,
    UNTIMED,
    derived,
    gate_states,
    gates,
    islands,
    lost,
    offline,
    passages,
    records,
    streams,
)
from hub.trace.answers import Completeness, Gap, Offline, Period, Place

_MOST = 1_000  # gaps in an answer

# built once: building a statement takes longer than running it
_SITES: Any = bindparam("sites", expanding=True)
_KEYS: Any = bindparam("keys", expanding=True)
_LOW, _HIGH = bindparam("low", type_=BigInteger), bindparam("high", type_=BigInteger)
_OFFLINE = (
    select(gates.c.site, gates.c.gate, offline.c.from_ms, offline.c.to_ms)
    .join(offline, offline.c.gate == gates.c.id)
    .where(
        gates.c.site.in_(_SITES),
        offline.c.from_ms < _HIGH,
        (offline.c.to_ms > _LOW) | offline.c.to_ms.is_(None),
    )
    .order_by(offline.c.from_ms, gates.c.gate)
)
_STREAMS = (
    select(streams, func.coalesce(derived.c.upto, 0).label("derived_upto"))
    .outerjoin(derived, derived.c.stream == streams.c.id)
    .where(
        streams.c.park.in_(bindparam("parks", expanding=True)),
        streams.c.site.in_(bindparam("names", expanding=True)),
    )
)
_ISLANDS = (
    select(islands).where(islands.c.stream.in_(_KEYS)).order_by(islands.c.stream, islands.c.first)
)
_LOST = select(lost).where(lost.c.stream.in_(_KEYS)).order_by(lost.c.stream, lost.c.first)
_STATES = (
    select(gate_states.c.state)
    .join(gates, gates.c.id == gate_states.c.gate)
    .where(gates.c.site.in_(_SITES))
)
_DOUBTS = select(
    func.coalesce(func.sum(case((passages.c.person.is_(None), 1), else_=0)), 0), func.count()
).where(passages.c.site.in_(_SITES), passages.c.at_ms >= _LOW, passages.c.at_ms < _HIGH, DOUBTFUL)
_UNSYNCED = (
    select(func.count())
    .select_from(passages)
    .join(records, and_(records.c.stream == passages.c.stream, records.c.seq == passages.c.seq))
    .where(passages.c.site.in_(_SITES), UNTIMED, records.c.arrived_ms >= _LOW)
)


def of(
    connection: Connection,
    places: Mapping[int, Place],
    period: Period,
    *,
    assumed_ends: int = 0,
    unmatched_exits: int = 0,
    truncated: bool = False,
) -> Completeness:
    """For an answer about these sites in this period."""
    if not places:
        return Completeness(
            assumed_ends=assumed_ends, unmatched_exits=unmatched_exits, truncated=truncated
        )
    unidentified, unknown = _doubtful(connection, places, period)
    return Completeness(
        offline=tuple(_offline(connection, places, period)),
        gaps=tuple(_gaps(connection, places, period))[:_MOST],
        unsynced=_unsynced(connection, places, period),
        assumed_ends=assumed_ends,
        unidentified=unidentified,
        unknown_outcomes=unknown,
        unmatched_exits=unmatched_exits,
        truncated=truncated,
    )


def _offline(
    connection: Connection, places: Mapping[int, Place], period: Period
) -> Iterator[Offline]:
    values = {"sites": list(places), "low": period.from_ms, "high": period.to_ms}
    for site, gate, from_ms, to_ms in connection.execute(_OFFLINE, values):
        yield Offline(places[site], gate, from_ms, to_ms)


# --- records that are not here ----------------------------------------------------------------


def _gaps(connection: Connection, places: Mapping[int, Place], period: Period) -> Iterator[Gap]:
    by_name = {(one.park, one.site): one for one in places.values()}
    names = {"parks": sorted({park for park, _ in by_name})}
    names |= {"names": sorted({site for _, site in by_name})}
    rows = connection.execute(_STREAMS, names)
    here = {row.id: row for row in rows if (row.park, row.site) in by_name}
    if not here:
        return
    waiting = _at_gates(connection, places)
    for key, first, last, why in [
        *_holes(connection, here),
        *_losses(connection, here),
        *((row.id, row.derived_upto + 1, row.upto, "not_derived") for row in here.values()),
        *((row.id, row.upto + 1, waiting.get(row.stream, 0), "at_gate") for row in here.values()),
    ]:
        if first > last:
            continue
        row = here[key]
        from_ms, to_ms = _around(connection, key, first, last)
        if (from_ms is None or from_ms < period.to_ms) and (
            to_ms is None or to_ms > period.from_ms
        ):
            place = by_name[row.park, row.site]
            yield Gap(place, row.gate, row.stream, first, last, why, from_ms, to_ms)


def _holes(connection: Connection, here: Mapping[int, Any]) -> Iterator[tuple[int, int, int, str]]:
    before: dict[int, int] = {key: row.upto for key, row in here.items()}
    for row in connection.execute(_ISLANDS, {"keys": list(here)}):
        yield row.stream, before[row.stream] + 1, row.first - 1, "missing"
        before[row.stream] = row.last


def _losses(connection: Connection, here: Mapping[int, Any]) -> Iterator[tuple[int, int, int, str]]:
    for row in connection.execute(_LOST, {"keys": list(here)}):
        yield row.stream, row.first, row.last, "lost"


def _at_gates(connection: Connection, places: Mapping[int, Place]) -> dict[str, int]:
    """How far the gates themselves have written, by stream, as they last said."""
    found: dict[str, int] = {}
    for (state,) in connection.execute(_STATES, {"sites": list(places)}):
        told = json.loads(state).get("records") or {}
        stream, seq = told.get("stream"), told.get("seq")
        if isinstance(stream, str) and isinstance(seq, int):
            found[stream] = max(seq, found.get(stream, 0))
    return found


def _around(
    connection: Connection, stream: int, first: int, last: int
) -> tuple[int | None, int | None]:
    """When the records before and after these were written, where that is known."""
    query = select(records.c.seq, records.c.raw).where(
        records.c.stream == stream, records.c.seq.in_((first - 1, last + 1))
    )
    times: dict[int, int] = {}
    for seq, raw in connection.execute(query):
        try:
            record = decode(raw)
        except CodecError:
            continue
        if record.clock.state == "synced":
            times[seq] = milliseconds(record.at)
    return times.get(first - 1), times.get(last + 1)


# --- passages that tell too little ------------------------------------------------------------


def _doubtful(connection: Connection, places: Iterable[int], period: Period) -> tuple[int, int]:
    values = {"sites": list(places), "low": period.from_ms, "high": period.to_ms}
    nobodies, every = connection.execute(_DOUBTS, values).one()
    return int(nobodies), int(every) - int(nobodies)


def _unsynced(connection: Connection, places: Iterable[int], period: Period) -> int:
    values = {"sites": list(places), "low": period.from_ms}
    return int(connection.execute(_UNSYNCED, values).scalar_one())
