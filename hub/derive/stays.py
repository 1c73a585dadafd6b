"""Visits made again where passages changed: for a person at a site, around the times touched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from hub.derive import people
from hub.derive.visits import Passage, Visit, counts, pair
from hub.store.schema import passages, visits
from hub.store.sql import given, upsert, wanted

MINUTE_MS = 60_000
ALWAYS = (-(2**60), 2**60)  # ms: all times

Key = tuple[int, int]  # stream and seq of the entry
_COLUMNS = [field.name for field in fields(Visit)]
_OF_PASSAGES = [
    "stream", "seq", "at_ms", "at_known", "gate", "site", "person", "direction", "granted",
    "outcome",
]  # fmt: skip


class Touched:
    """Where something changed: the times (ms) of a person at a site, or all of a person."""

    def __init__(self) -> None:
        self.spans: dict[tuple[int, int], tuple[int, int]] = {}
        self.whole: set[int] = set()

    def add(self, person: int | None, site: int, *times_ms: int) -> None:
        """A passage of `person` came, went or moved."""
        if person is None:
            return
        low, high = self.spans.get((person, site), (times_ms[0], times_ms[0]))
        self.spans[person, site] = (min(low, *times_ms), max(high, *times_ms))

    def everything(self, person: int, site: int) -> None:
        """All that `person` did there."""
        self.spans[person, site] = ALWAYS


def repair(tx: Connection, touched: Touched, stays_min: Mapping[int, int]) -> int:
    """Make the visits anew around what was touched; `stays_min` are longest stays by site.

    How many rows changed. A visit is decided by the entry and what comes next within the longest
    stay, so nothing further away is looked at.
    """
    persons = {person for person, _ in touched.spans} | touched.whole
    if not persons:
        return 0
    heads = people.roots(tx, persons)
    members = defaultdict(set)
    for one, head in heads.items():
        members[head].add(one)
    windows: dict[tuple[int, int], tuple[int, int]] = {}
    for (person, site), span in touched.spans.items():
        place = (heads[person], site)
        low, high = windows.get(place, span)
        windows[place] = (min(low, span[0]), max(high, span[1]))
    whole = {heads[person] for person in touched.whole}
    for person, site in _sites_of(tx, {one for head in whole for one in members[head]}):
        windows[heads[person], site] = ALWAYS
    return _remake(tx, windows, members, heads, stays_min)


def _remake(
    tx: Connection,
    windows: Mapping[tuple[int, int], tuple[int, int]],
    members: Mapping[int, Collection[int]],
    heads: Mapping[int, int],
    stays_min: Mapping[int, int],
) -> int:
    ahead = {
        place: (low - stays_min[place[1]] * MINUTE_MS, high, high + stays_min[place[1]] * MINUTE_MS)
        for place, (low, high) in windows.items()
    }
    looked_at = [
        (one, site, low, after)
        for (head, site), (low, _, after) in ahead.items()
        for one in members[head]
    ]
    stand: defaultdict[tuple[int, int], list[Visit]] = defaultdict(list)
    for row in _rows(tx, visits, visits.c.in_ms, [*_COLUMNS, "site"], looked_at):
        site = row.pop("site")
        stand[heads[row["person"]], site].append(Visit(**row))
    happened: defaultdict[tuple[int, int], list[Passage]] = defaultdict(list)
    for row in _rows(tx, passages, passages.c.at_ms, _OF_PASSAGES, looked_at):
        if counts(row["direction"], row["outcome"], granted=row["granted"]):
            happened[heads[row["person"]], row["site"]].append(_passage(row))
    gone: list[Key] = []
    rows: list[dict[str, Any]] = []
    for place, (low, high, _) in ahead.items():
        # an entry after `high` is not touched, and what ends it may lie beyond what was read
        made = pair(happened[place], stays_min[place[1]] * MINUTE_MS)
        after = {_key(one): one for one in made if low <= one.in_ms <= high}
        before = {_key(one): one for one in stand[place] if low <= one.in_ms <= high}
        gone += before.keys() - after.keys()
        rows += [
            {name: getattr(one, name) for name in _COLUMNS} | {"site": place[1]}
            for key, one in after.items()
            if before.get(key) != one
        ]
    if gone:
        tx.execute(
            delete(visits).where(
                visits.c.stream == bindparam("b_stream"), visits.c.seq == bindparam("b_seq")
            ),
            [{"b_stream": stream, "b_seq": seq} for stream, seq in gone],
        )
    upsert(tx, visits, rows)
    return len(gone) + len(rows)


def _key(visit: Visit) -> Key:
    return visit.stream, visit.seq


def _passage(row: Mapping[str, Any]) -> Passage:
    return Passage(
        at_ms=row["at_ms"],
        stream=row["stream"],
        seq=row["seq"],
        is_in=row["direction"] == "in",
        gate=row["gate"],
        person=row["person"],
        at_known=row["at_known"],
    )


def _rows(
    tx: Connection, table: Any, time: Any, columns: Iterable[str], wanted_: Iterable[Any]
) -> Iterable[dict[str, Any]]:
    names = ("person", "site", "low", "high")
    span = given(tx, *names)
    query = select(*(table.c[name] for name in columns)).join_from(
        span,
        table,
        (table.c.person == span.c.person)
        # a sum has no index: SQLite would read all of a site's days for each of its people
        & (table.c.site + 0 == span.c.site)
        & (time >= span.c.low)
        & (time <= span.c.high),
    )
    for row in tx.execute(query, wanted(tx, wanted_, *names)).mappings():
        yield dict(row)


def _sites_of(tx: Connection, persons: Collection[int]) -> Iterable[tuple[int, int]]:
    if not persons:
        return []
    who = given(tx, "person")
    query = (
        select(passages.c.person, passages.c.site)
        .join_from(who, passages, passages.c.person == who.c.person)
        .distinct()
    )
    return [(row.person, row.site) for row in tx.execute(query, wanted(tx, zip(persons), "person"))]
