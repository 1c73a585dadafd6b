"""Records into the derived tables, within one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from feed.record import Kind, Record
from hub.derive import clocks, people, places
from hub.derive.clocks import Clocks
from hub.derive.meaning import (
    Derivable,
    alarm,
    name_before,
    name_of,
    opening,
    passage,
)
from hub.derive.places import Place
from hub.derive.stays import Touched
from hub.derive.visits import counts
from hub.store.schema import alarms, anonymous, early_outcomes, passages
from hub.store.sql import given, insert_new, upsert, wanted

Key = tuple[int, int]  # stream and seq
Outcomes = dict[Key, tuple[int, str]]  # by the record that they are about: their seq, and result


class Known:
    """Ids that were looked up before; only of committed transactions, so thrown away otherwise."""

    def __init__(self) -> None:
        self.places: dict[Place, tuple[int, int]] = {}


def apply(tx: Connection, derivables: Sequence[Derivable], known: Known) -> Touched:
    """Everything that these records mean but for the visits: where those have to be made anew."""
    touched = Touched()
    whole, later = clocks.note(tx, derivables)
    rules = clocks.clocks_for(tx, derivables)
    readable = [one for one in derivables if one.record is not None]
    records = [(one.stream, one.seq, one.record) for one in readable if one.record is not None]
    _find_places(tx, (record for *_, record in records), known)
    outcomes = _outcomes(records)
    _add_passages(tx, records, outcomes, rules, known, touched)
    _add_openings(tx, records, outcomes, rules, known)
    _add_alarms(tx, records, rules)
    _late_outcomes(tx, outcomes, touched)
    for row, at_ms in clocks.retime(tx, whole, later):
        if counts(row.direction, row.outcome, granted=row.granted):
            touched.add(row.person, row.site, row.at_ms, at_ms)
    return touched


def _find_places(tx: Connection, records: Iterable[Record], known: Known) -> None:
    named = {(record.park, record.site, record.gate) for record in records}
    new = named - known.places.keys()
    if new:
        known.places |= places.ids(tx, new)


def _outcomes(records: Iterable[tuple[int, int, Record]]) -> Outcomes:
    """The newest about each record."""
    found: Outcomes = {}
    for stream, seq, record in records:
        if record.kind == Kind.OUTCOME and record.ref is not None and record.outcome is not None:
            about = (stream, record.ref)
            found[about] = max(found.get(about, (0, "")), (seq, record.outcome.result))
    return found


def _add_passages(
    tx: Connection,
    records: Sequence[tuple[int, int, Record]],
    outcomes: Outcomes,
    rules: Clocks,
    known: Known,
    touched: Touched,
) -> None:
    these = [one for one in records if one[2].kind == Kind.PASSAGE]
    if not these:
        return
    persons = _persons(tx, these, touched)
    _take_early(tx, ((stream, seq) for stream, seq, _ in these), outcomes)
    rows = []
    for stream, seq, record in these:
        site, gate = known.places[record.park, record.site, record.gate]
        row = passage(record) | rules.columns(record)
        row |= {"stream": stream, "seq": seq, "site": site, "gate": gate}
        row["person"] = persons.get(name_of(record))
        _settle(row, outcomes)
        rows.append(row)
        if counts(row["direction"], row["outcome"], granted=row["granted"]):
            touched.add(row["person"], site, row["at_ms"])
    insert_new(tx, passages, rows)


def _persons(
    tx: Connection, records: Sequence[tuple[int, int, Record]], touched: Touched
) -> dict[Any, int]:
    names = {name_of(record) for *_, record in records} - {None}
    both: dict[Any, int] = {}
    for *_, record in records:
        before, now = name_before(record), name_of(record)
        if before is not None and before != now:
            both.setdefault((before, now), int(record.at.timestamp() * 1000))
    names |= {before for before, _ in both}
    found: dict[Any, int] = dict(people.ids(tx, (name for name in names if name is not None)))
    if both:
        pairs = {(found[before], found[now]): at_ms for (before, now), at_ms in both.items()}
        touched.whole |= people.link(tx, pairs)
    return found


def _add_openings(
    tx: Connection,
    records: Sequence[tuple[int, int, Record]],
    outcomes: Outcomes,
    rules: Clocks,
    known: Known,
) -> None:
    these = [(stream, seq, record, opening(record)) for stream, seq, record in records]
    these = [one for one in these if one[3] is not None]
    if not these:
        return
    _take_early(tx, ((stream, seq) for stream, seq, *_ in these), outcomes)
    rows = []
    for stream, seq, record, name in these:
        site, gate = known.places[record.park, record.site, record.gate]
        row = {"stream": stream, "seq": seq, "site": site, "gate": gate, "name": name}
        row |= {"at_ms": rules.columns(record)["at_ms"], "outcome": None, "outcome_seq": None}
        _settle(row, outcomes)
        rows.append(row)
    insert_new(tx, anonymous, rows)


def _add_alarms(tx: Connection, records: Iterable[tuple[int, int, Record]], rules: Clocks) -> None:
    rows = []
    for stream, seq, record in records:
        told = alarm(record)
        if told is not None:
            at_ms = rules.columns(record)["at_ms"]
            rows.append({"stream": stream, "seq": seq, "at_ms": at_ms, **told})
    insert_new(tx, alarms, rows)


# --- outcomes -------------------------------------------------------------------------------


def _settle(row: dict[str, Any], outcomes: Outcomes) -> None:
    """Give a new row its outcome, where that is here."""
    found = outcomes.pop((row["stream"], row["seq"]), None)
    if found is not None:
        row["outcome_seq"], row["outcome"] = found


def _take_early(tx: Connection, about: Iterable[Key], outcomes: Outcomes) -> None:
    """Join what came before the records that it is about."""
    keys = list(about)
    names = ("stream", "ref")
    key = given(tx, *names)
    query = select(early_outcomes).join_from(
        key,
        early_outcomes,
        (early_outcomes.c.stream == key.c.stream) & (early_outcomes.c.ref == key.c.ref),
    )
    found = tx.execute(query, wanted(tx, keys, *names)).all()
    for row in found:
        place = (row.stream, row.ref)
        outcomes[place] = max(outcomes.get(place, (0, "")), (row.seq, row.outcome))
    if found:
        tx.execute(
            delete(early_outcomes).where(
                early_outcomes.c.stream == bindparam("b_stream"),
                early_outcomes.c.ref == bindparam("b_ref"),
            ),
            [{"b_stream": row.stream, "b_ref": row.ref} for row in found],
        )


def _late_outcomes(tx: Connection, outcomes: Outcomes, touched: Touched) -> None:
    """About records that were derived before; what is about none of them is kept for later."""
    if not outcomes:
        return
    left = dict(outcomes)
    for table in (passages, anonymous):
        changes = []
        for row in _keyed(tx, table, left):
            seq, result = left.pop((row.stream, row.seq))
            if row.outcome_seq is not None and row.outcome_seq >= seq:
                continue
            changes.append({"b_stream": row.stream, "b_seq": row.seq, "o": result, "o_seq": seq})
            if table is passages:
                _touch_changed(row, result, touched)
        if changes:
            place = (table.c.stream == bindparam("b_stream")) & (table.c.seq == bindparam("b_seq"))
            tx.execute(
                update(table)
                .where(place)
                .values(outcome=bindparam("o"), outcome_seq=bindparam("o_seq")),
                changes,
            )
    _keep_early(tx, left)


def _touch_changed(row: Any, outcome: str, touched: Touched) -> None:
    before = counts(row.direction, row.outcome, granted=row.granted)
    if before != counts(row.direction, outcome, granted=row.granted):
        touched.add(row.person, row.site, row.at_ms)


def _keep_early(tx: Connection, left: Mapping[Key, tuple[int, str]]) -> None:
    if not left:
        return
    stand = {(row.stream, row.ref): (row.seq, row.outcome) for row in _early(tx, left)}
    upsert(
        tx,
        early_outcomes,
        [
            {"stream": stream, "ref": ref, "seq": seq, "outcome": outcome}
            for (stream, ref), told in left.items()
            for seq, outcome in [max(told, stand.get((stream, ref), (0, "")))]
        ],
    )


def _early(tx: Connection, keys: Iterable[Key]) -> Sequence[Any]:
    names = ("stream", "ref")
    key = given(tx, *names)
    query = select(early_outcomes).join_from(
        key,
        early_outcomes,
        (early_outcomes.c.stream == key.c.stream) & (early_outcomes.c.ref == key.c.ref),
    )
    return tx.execute(query, wanted(tx, keys, *names)).all()


def _keyed(tx: Connection, table: Any, keys: Iterable[Key]) -> Sequence[Any]:
    names = ("stream", "seq")
    key = given(tx, *names)
    query = select(table).join_from(
        key, table, (table.c.stream == key.c.stream) & (table.c.seq == key.c.seq)
    )
    return tx.execute(query, wanted(tx, keys, *names)).all()
