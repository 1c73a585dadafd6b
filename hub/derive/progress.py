"""What is stored and not derived yet, beyond holes too."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, exists, func, or_, select

from feed.topics import GateTopics
from hub.standing import Span, Standing
from hub.store.schema import derived, islands, streams
from hub.store.sql import upsert

_EACH = 500  # records of one stream in a turn, so that a long one does not keep the others waiting


@dataclass(slots=True)
class Behind:
    """A stream that is not derived as far as it is stored."""

    derived: Standing
    missing: list[Span]


def behind(connection: Connection) -> list[Behind]:
    """Every stream with something to derive, by its key."""
    upto = func.coalesce(derived.c.upto, 0)
    query = (
        select(streams, upto.label("derived_upto"), derived.c.islands.label("derived_islands"))
        .outerjoin(derived, derived.c.stream == streams.c.id)
        .where(
            or_(
                streams.c.upto > upto,
                exists().where(islands.c.stream == streams.c.id),
            )
        )
        .order_by(streams.c.id)
    )
    found = []
    rows = connection.execute(query).all()
    stored = _islands(connection, [row.id for row in rows])
    for row in rows:
        standing = Standing(
            key=row.id,
            stream=row.stream,
            place=GateTopics(row.park, row.site, row.gate),
            upto=row.derived_upto,
            islands=[(first, last) for first, last in json.loads(row.derived_islands or "[]")],
        )
        missing = list(_missing(standing, [(1, row.upto), *stored.get(row.id, [])]))
        if missing:
            found.append(Behind(standing, missing))
    return found


def portion(work: Iterable[Behind], most: int) -> list[tuple[Standing, list[Span]]]:
    """A turn's work: of each stream the first records that are missing, `most` altogether."""
    chosen = []
    for one in work:
        left = min(most, _EACH)
        spans: list[Span] = []
        for first, last in one.missing:
            if left <= 0:
                break
            spans.append((first, min(last, first + left - 1)))
            left -= spans[-1][1] - first + 1
        most -= sum(last - first + 1 for first, last in spans)
        if spans:
            chosen.append((one.derived, spans))
        if most <= 0:
            break
    return chosen


def records(work: Iterable[Behind]) -> int:
    """How many are behind."""
    return sum(last - first + 1 for one in work for first, last in one.missing)


def records_in(chosen: Iterable[tuple[Standing, list[Span]]]) -> int:
    """How many a portion holds."""
    return sum(last - first + 1 for _, spans in chosen for first, last in spans)


def stands(tx: Connection, standings: Iterable[Standing]) -> bool:
    """Whether the streams are still derived as far as this says."""
    wanted = {one.key: one for one in standings}
    query = select(derived).where(derived.c.stream.in_(bindparam("keys", expanding=True)))
    found = {row.stream: row for row in tx.execute(query, {"keys": list(wanted)})}
    return all(
        (found[key].upto, json.loads(found[key].islands)) == (one.upto, _plain(one.islands))
        if key in found
        else one.upto == 0 and not one.islands
        for key, one in wanted.items()
    )


def _plain(spans: Iterable[Span]) -> list[list[int]]:
    return [list(span) for span in spans]


def save(tx: Connection, done: Iterable[tuple[Standing, list[Span]]]) -> None:
    """These are derived: in the transaction of what follows from them."""
    rows = []
    for standing, spans in done:
        for first, last in spans:
            standing.account(first, last)
        rows.append(
            {
                "stream": standing.key,
                "upto": standing.upto,
                "islands": json.dumps(standing.islands),
            }
        )
    upsert(tx, derived, rows)


def _missing(standing: Standing, stored: Iterable[Span]) -> Iterator[Span]:
    """Parts of `stored`, sorted spans, that are not in the standing."""
    have = [(1, standing.upto), *standing.islands]
    for first, last in stored:
        at = first
        for low, high in have:
            if high < at:
                continue
            if low > last:
                break
            if low > at:
                yield at, low - 1
            at = max(at, high + 1)
        if at <= last:
            yield at, last


def _islands(connection: Connection, keys: list[int]) -> Mapping[int, list[Span]]:
    found: dict[int, list[Span]] = {}
    query = (
        select(islands)
        .where(islands.c.stream.in_(bindparam("keys", expanding=True)))
        .order_by(islands.c.stream, islands.c.first)
    )
    for start in range(0, len(keys), 5_000):
        for row in connection.execute(query, {"keys": keys[start : start + 5_000]}):
            found.setdefault(row.stream, []).append((row.first, row.last))
    return found
