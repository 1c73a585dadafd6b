"""Times put right: by steps of the clock that gates noted, and by later times of the same boot."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, update

from feed.record import Record
from feed.times import Corrections
from hub.derive.meaning import Derivable, is_clock, milliseconds, read
from hub.store.schema import alarms, anonymous, boots, clock_records, passages, records
from hub.store.sql import given, insert_new, upsert, wanted

Key = tuple[int, int]  # stream and seq of a record
Moved = tuple[Any, int]  # a passage as it was, and its new time in ms
_IN_ONE_QUERY = 5_000
_KNOWN = {"synced_seq": 0}


class Clocks:
    """What is known of the clocks of some boots."""

    def __init__(self, told: Iterable[Record] = ()) -> None:
        self._corrections = Corrections()
        self._last_step_s: dict[str, float] = {}  # uptime of a boot's last step to a known time
        for record in told:
            self._corrections.add(record)
            clock = record.clock
            if is_clock(record) and clock.state == "synced" and _offset_s(record) is not None:
                last_s = self._last_step_s.get(clock.boot, clock.uptime_s)
                self._last_step_s[clock.boot] = max(last_s, clock.uptime_s)

    def columns(self, record: Record) -> dict[str, Any]:
        """What a row says of the record's time; `boot` only where a later record may tell it."""
        clock = record.clock
        moment = self._corrections.moment(record.at, clock)
        settled = clock.state == "synced" or clock.uptime_s < self._last_step_s.get(clock.boot, -1)
        return {
            "at_ms": milliseconds(moment.at),
            "at_known": moment.known,
            "boot": None if settled else clock.boot,
        }


def _offset_s(record: Record) -> object:
    return ((record.event.detail if record.event else None) or {}).get("offset_s")


def note(tx: Connection, derivables: Sequence[Derivable]) -> tuple[set[str], set[str]]:
    """Keep what these tell of clocks.

    Boots whose earlier times may all be others now; boots of which a later time is known.
    """
    marks: dict[tuple[int, str], dict[str, Any]] = {}
    steps: dict[Key, str] = {}
    for one in derivables:
        if one.record is None:
            continue
        boot = one.record.clock.boot
        mark: dict[str, Any] = {"first_seq": one.seq, "synced_seq": None, "synced_uptime_s": None}
        if one.record.clock.state == "synced":
            mark |= {"synced_seq": one.seq, "synced_uptime_s": one.record.clock.uptime_s}
        place = (one.stream, boot)
        marks[place] = _newest(marks[place], mark) if place in marks else mark
        if is_clock(one.record):
            steps[one.stream, one.seq] = boot
    before = {(row.pop("stream"), row.pop("boot")): row for row in _marks(tx, marks)}
    after = {
        place: _newest(before[place], mark) if place in before else mark
        for place, mark in marks.items()
    }
    changed = {place: mark for place, mark in after.items() if before.get(place) != mark}
    upsert(
        tx,
        boots,
        [{"stream": stream, "boot": boot, **mark} for (stream, boot), mark in changed.items()],
    )
    insert_new(
        tx,
        clock_records,
        [{"stream": stream, "seq": seq, "boot": boot} for (stream, seq), boot in steps.items()],
    )
    later = {
        boot
        for (stream, boot), mark in changed.items()
        if mark["synced_seq"] != (before.get((stream, boot)) or {}).get("synced_seq")
    }
    first = {place[1] for place in changed if before.get(place, _KNOWN)["synced_seq"] is None}
    return set(steps.values()) | (first & later), later


def _newest(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    later = max(
        one, other, key=lambda mark: (mark["synced_uptime_s"] or -1.0, mark["synced_seq"] or 0)
    )
    return dict(later) | {"first_seq": min(one["first_seq"], other["first_seq"])}


def _marks(tx: Connection, places: Collection[tuple[int, str]]) -> Iterable[dict[str, Any]]:
    for row in _in(tx, select(boots), boots.c.boot, {boot for _, boot in places}):
        if (row["stream"], row["boot"]) in places:
            yield row


def _in(tx: Connection, query: Any, column: Any, names: Collection[str]) -> Iterable[Any]:
    whole = query.where(column.in_(bindparam("names", expanding=True)))
    every = sorted(names)
    for start in range(0, len(every), _IN_ONE_QUERY):
        for row in tx.execute(whole, {"names": every[start : start + _IN_ONE_QUERY]}).mappings():
            yield dict(row)


def clocks_for(tx: Connection, derivables: Sequence[Derivable]) -> Clocks:
    """What puts the times of these right, as far as they need it."""
    first: dict[tuple[str, int], int] = {}
    needy: set[str] = set()
    for one in derivables:
        if one.record is not None:
            clock = one.record.clock
            first[clock.boot, one.stream] = min(
                one.seq, first.get((clock.boot, one.stream), one.seq)
            )
            if clock.state != "synced":
                needy.add(clock.boot)
    stepped = {
        row["boot"]
        for row in _in(tx, select(clock_records), clock_records.c.boot, {name for name, _ in first})
        # steps before all that is here change none of it
        if row["seq"] > first.get((row["boot"], row["stream"]), 0)
    }
    return of_boots(tx, needy | stepped)


def of_boots(tx: Connection, names: Collection[str]) -> Clocks:
    """Everything known of the clocks of these boots."""
    told: list[Record] = []
    for marks, seq in ((clock_records, clock_records.c.seq), (boots, boots.c.synced_seq)):
        query = select(marks.c.stream, records.c.seq, records.c.raw).where(
            marks.c.stream == records.c.stream, seq == records.c.seq
        )
        for row in _in(tx, query, marks.c.boot, names):
            record = read(row["stream"], row["seq"], row["raw"]).record
            if record is not None:
                told.append(record)
    return Clocks(told)


def retime(tx: Connection, whole: Collection[str], later: Collection[str]) -> list[Moved]:
    """Put right what is derived of the boots in `whole`, and of those in `later` the passages whose
    time still waits for a later record. The passages that changed, as they were.
    """
    moved: list[Moved] = []
    if whole:
        spans = list(_spans(tx, whole))
        rules = of_boots(tx, whole)
        for table in (passages, anonymous, alarms):
            moved += _change(tx, table, _within(tx, table, spans), rules, whole)
    rest = set(later).difference(whole)
    rows = [row for row in _awaiting(tx, rest) if row.boot in rest] if rest else []
    if rows:
        boots_waiting = {row.boot for row in rows}
        moved += _change(tx, passages, rows, of_boots(tx, boots_waiting), boots_waiting)
    return moved


def _change(
    tx: Connection, table: Any, rows: Iterable[Any], rules: Clocks, names: Collection[str]
) -> list[Moved]:
    moved: list[Moved] = []
    changes = []
    for row in rows:
        record = read(row.stream, row.seq, row.raw).record
        if record is None or record.clock.boot not in names:
            continue
        columns = {name: value for name, value in rules.columns(record).items() if name in table.c}
        if any(getattr(row, name) != value for name, value in columns.items()):
            changes.append({"b_stream": row.stream, "b_seq": row.seq, **columns})
            if table is passages:
                moved.append((row, columns["at_ms"]))
    if changes:
        place = (table.c.stream == bindparam("b_stream")) & (table.c.seq == bindparam("b_seq"))
        tx.execute(update(table).where(place), changes)
    return moved


def _awaiting(tx: Connection, names: Collection[str]) -> list[Any]:
    query = (
        select(passages, records.c.raw)
        .join(records, (records.c.stream == passages.c.stream) & (records.c.seq == passages.c.seq))
        .where(passages.c.boot.in_(bindparam("names", expanding=True)))
    )
    every = sorted(names)
    found: list[Any] = []
    for start in range(0, len(every), _IN_ONE_QUERY):
        found += tx.execute(query, {"names": every[start : start + _IN_ONE_QUERY]}).all()
    return found


def _spans(tx: Connection, names: Collection[str]) -> Iterable[tuple[int, int, int]]:
    """Where records of these boots can stand: up to where the next boot of the stream begins."""
    here = defaultdict(list)
    for row in _in(tx, select(boots), boots.c.boot, names):
        here[row["stream"]].append(row["first_seq"])
    for stream, firsts in here.items():
        for first in firsts:
            query = select(func.min(boots.c.first_seq)).where(
                boots.c.stream == stream, boots.c.first_seq > first
            )
            after = tx.execute(query).scalar()
            yield stream, first, 2**62 if after is None else after


def _within(tx: Connection, table: Any, spans: Sequence[tuple[int, int, int]]) -> Iterable[Any]:
    names = ("stream", "first", "after")
    span = given(tx, *names)
    query = (
        select(table, records.c.raw)
        .join_from(
            span,
            table,
            (table.c.stream == span.c.stream)
            & (table.c.seq >= span.c.first)
            & (table.c.seq < span.c.after),
        )
        .join(records, (records.c.stream == table.c.stream) & (records.c.seq == table.c.seq))
    )
    return tx.execute(query, wanted(tx, spans, *names)).all()
