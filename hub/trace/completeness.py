"""What an answer may lack: silent gates, missing records, clocks that knew no time."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import BigInteger, Connection, and_, bindparam, case, exists, func, select

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
    sites,
    streams,
)
from hub.store.sql import Prepared, given, wanted
from hub.trace.answers import Completeness, Gap, Offline, Period, Place

_MOST = 1_000  # gaps in an answer

_LOW, _HIGH = bindparam("low", type_=BigInteger), bindparam("high", type_=BigInteger)


def _offline_query(dialect: str) -> Any:
    asked = given(dialect, "site")
    return (
        select(gates.c.site, gates.c.gate, offline.c.from_ms, offline.c.to_ms)
        .join_from(asked, gates, gates.c.site == asked.c.site)
        .join(offline, offline.c.gate == gates.c.id)
        .where(offline.c.from_ms < _HIGH, (offline.c.to_ms > _LOW) | offline.c.to_ms.is_(None))
        .order_by(offline.c.from_ms, gates.c.gate)
    )


def _streams_query(dialect: str) -> Any:
    asked = given(dialect, "site")
    return (
        select(
            streams.c.id, streams.c.stream, streams.c.gate, streams.c.upto,
            sites.c.id.label("place"),
            func.coalesce(derived.c.upto, 0).label("derived_upto"),
        )
        .join_from(asked, sites, sites.c.id == asked.c.site)
        .join(streams, (streams.c.park == sites.c.park) & (streams.c.site == sites.c.site))
        .outerjoin(derived, derived.c.stream == streams.c.id)
    )  # fmt: skip


def _spans_query(table: Any) -> Prepared:
    def build(dialect: str) -> Any:
        asked = given(dialect, "stream")
        return (
            select(table.c.stream, table.c.first, table.c.last)
            .join_from(asked, table, table.c.stream == asked.c.stream)
            .order_by(table.c.stream, table.c.first)
        )

    return Prepared(build)


def _states_query(dialect: str) -> Any:
    asked = given(dialect, "site")
    return (
        select(gates.c.site, gates.c.gate, gate_states.c.state)
        .join_from(asked, gates, gates.c.site == asked.c.site)
        .join(gate_states, gate_states.c.gate == gates.c.id)
    )


def _unheard_query(dialect: str) -> Any:
    asked = given(dialect, "site")
    its_own = (
        (streams.c.park == sites.c.park)
        & (streams.c.site == sites.c.site)
        & (streams.c.gate == gates.c.gate)
    )
    return (
        select(gates.c.site, gates.c.gate)
        .join_from(asked, gates, gates.c.site == asked.c.site)
        .join(sites, sites.c.id == gates.c.site)
        .outerjoin(gate_states, gate_states.c.gate == gates.c.id)
        .where(gates.c.registered, gate_states.c.gate.is_(None), ~exists().where(its_own))
        .order_by(gates.c.site, gates.c.gate)
    )


def _doubts_query(dialect: str) -> Any:
    asked = given(dialect, "site")
    nobody = case((passages.c.person.is_(None), 1), else_=0)
    return (
        select(func.coalesce(func.sum(nobody), 0), func.count())
        .join_from(asked, passages, passages.c.site == asked.c.site)
        .where(passages.c.at_ms >= _LOW, passages.c.at_ms < _HIGH, DOUBTFUL)
    )


def _unsynced_query(dialect: str) -> Any:
    asked = given(dialect, "site")
    same = and_(records.c.stream == passages.c.stream, records.c.seq == passages.c.seq)
    return (
        select(func.count())
        .join_from(asked, passages, passages.c.site == asked.c.site)
        .join(records, same)
        .where(UNTIMED, records.c.arrived_ms >= _LOW)
    )


_OFFLINE, _STREAMS, _STATES = map(Prepared, (_offline_query, _streams_query, _states_query))
_DOUBTS, _UNSYNCED = Prepared(_doubts_query), Prepared(_unsynced_query)
_UNHEARD = Prepared(_unheard_query)
_ISLANDS, _LOST = _spans_query(islands), _spans_query(lost)


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
        unheard=tuple(_unheard(connection, places)),
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
    values = _asked(connection, places, period)
    for site, gate, from_ms, to_ms in _OFFLINE.rows(connection, values):
        yield Offline(places[site], gate, from_ms, to_ms)


def _unheard(connection: Connection, places: Mapping[int, Place]) -> Iterator[tuple[Place, str]]:
    for site, gate in _UNHEARD.rows(connection, wanted(connection, zip(places), "site")):
        yield places[site], gate


# --- records that are not here ----------------------------------------------------------------


def _gaps(connection: Connection, places: Mapping[int, Place], period: Period) -> Iterator[Gap]:
    asked = wanted(connection, zip(places), "site")
    here = {row.id: row for row in _STREAMS.rows(connection, asked)}
    if not here:
        return
    waiting = _at_gates(connection, places)
    for key, first, last, why in [
        *_holes(connection, here),
        *_losses(connection, here),
        *((row.id, row.derived_upto + 1, row.upto, "not_derived") for row in here.values()),
        *(
            (row.id, row.upto + 1, waiting.get((row.place, row.gate, row.stream), 0), "at_gate")
            for row in here.values()
        ),
    ]:
        if first > last:
            continue
        row = here[key]
        from_ms, to_ms = _around(connection, key, first, last)
        if (from_ms is None or from_ms < period.to_ms) and (
            to_ms is None or to_ms > period.from_ms
        ):
            yield Gap(places[row.place], row.gate, row.stream, first, last, why, from_ms, to_ms)


def _holes(connection: Connection, here: Mapping[int, Any]) -> Iterator[tuple[int, int, int, str]]:
    before: dict[int, int] = {key: row.upto for key, row in here.items()}
    keys = wanted(connection, zip(here), "stream")
    for stream, first, last in _ISLANDS.rows(connection, keys):
        yield stream, before[stream] + 1, first - 1, "missing"
        before[stream] = last


def _losses(connection: Connection, here: Mapping[int, Any]) -> Iterator[tuple[int, int, int, str]]:
    keys = wanted(connection, zip(here), "stream")
    for stream, first, last in _LOST.rows(connection, keys):
        yield stream, first, last, "lost"


def _at_gates(
    connection: Connection, places: Mapping[int, Place]
) -> dict[tuple[int, str, str], int]:
    """How far the gates themselves have written, by site, gate and stream, as they last said."""
    found: dict[tuple[int, str, str], int] = {}
    asked = wanted(connection, zip(places), "site")
    for site, gate, state in _STATES.rows(connection, asked):
        told = json.loads(state).get("records") or {}
        stream, seq = told.get("stream"), told.get("seq")
        if isinstance(stream, str) and isinstance(seq, int):
            found[site, gate, stream] = seq
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
    ((nobodies, every),) = _DOUBTS.rows(connection, _asked(connection, places, period))
    return int(nobodies), int(every) - int(nobodies)


def _unsynced(connection: Connection, places: Iterable[int], period: Period) -> int:
    ((found,),) = _UNSYNCED.rows(connection, _asked(connection, places, period))
    return int(found)


def _asked(connection: Connection, places: Iterable[int], period: Period) -> dict[str, Any]:
    asked = wanted(connection, zip(places), "site")
    return {**asked, "low": period.from_ms, "high": period.to_ms}
