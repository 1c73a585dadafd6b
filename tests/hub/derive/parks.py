"""Parks of a few gates and people, whose records reach the store in any order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from feed.codec import encode
from feed.record import (
    Clock,
    Decision,
    Draft,
    Happening,
    Kind,
    Outcome,
    Person,
    Reading,
    Record,
    Token,
)
from feed.topics import GateTopics
from hub.derive.follower import Follower
from hub.standing import Standing
from hub.store.schema import islands, records, streams

START = datetime(2021, 8, 23, 0, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def minutes(at_ms: int) -> float:
    """Since START."""
    return (at_ms / 1000 - START.timestamp()) / 60


def token(name: str, kid: str = "k1", scope: str = "park") -> Token:
    return Token(kid=kid, scope=scope, v=name)


@dataclass
class Gate:
    """A journal in memory. `boot_at` is the true time of the boot's begin."""

    stream: str
    place: GateTopics
    records: list[Record] = field(default_factory=list)
    boot: str = "boot-0"
    boot_at: datetime = START - timedelta(days=1)
    error: timedelta = timedelta(0)  # of its clock
    synced: bool = True

    def add(self, draft: Draft, at: datetime) -> Record:
        """Another record, written at this true time."""
        parts: dict[str, Any] = {name: getattr(draft, name) for name in Draft.__slots__}
        record = Record(
            **parts,
            stream=self.stream,
            seq=len(self.records) + 1,
            park=self.place.park,
            site=self.place.site,
            gate=self.place.gate,
            at=at + self.error,
            clock=Clock(
                state="synced" if self.synced else "unsynced",
                boot=self.boot,
                uptime_s=(at - self.boot_at).total_seconds(),
            ),
        )
        self.records.append(record)
        return record

    def reboot(self, at: datetime, error: timedelta = timedelta(0), *, synced: bool) -> None:
        number = int(self.boot.split("-")[-1]) + 1
        self.boot, self.boot_at = f"{self.stream}-boot-{number}", at
        self.error, self.synced = error, synced

    def set_clock(self, at: datetime) -> Record:
        """The clock becomes right, and a record says by how much."""
        offset_s = -self.error.total_seconds()
        self.error, self.synced = timedelta(0), True
        event = Happening(name="synced", detail={"offset_s": offset_s})
        return self.add(Draft(kind=Kind.CLOCK, event=event), at)

    def passes(
        self,
        who: str | Token | None,
        direction: str,
        at: datetime,
        *results: str,
        granted: bool = True,
        before: Token | None = None,
    ) -> Record:
        """A passage and the outcomes that follow a second apart."""
        person = None
        if who is not None:
            named = token(who) if isinstance(who, str) else who
            person = Person(scheme="cccd", token=named, token_before=before, category="staff")
        passage = self.add(
            Draft(
                kind=Kind.PASSAGE,
                reader=direction,
                direction=direction,  # type: ignore[arg-type]
                person=person,
                reading=Reading(verdict="normal", estimate_c=36.6),
                decision=Decision(
                    result="granted" if granted else "denied", reasons=("code_accepted",)
                ),
            ),
            at,
        )
        for number, result in enumerate(results, 1):
            self.outcome(passage.seq, result, at + timedelta(seconds=number))
        return passage

    def outcome(self, ref: int, result: str, at: datetime) -> Record:
        outcome = Outcome(result=result)  # type: ignore[arg-type]
        return self.add(Draft(kind=Kind.OUTCOME, ref=ref, outcome=outcome), at)


def put(engine: Engine, some: Iterable[Record]) -> None:
    """Store records as ingest does: once, with how far each stream is stored."""
    arriving = list(some)
    with engine.begin() as tx:
        known = _standings(tx)
        for record in arriving:
            if record.stream not in known:
                place = GateTopics(record.park, record.site, record.gate)
                tx.execute(
                    insert(streams).values(
                        stream=record.stream, park=place.park, site=place.site, gate=place.gate
                    )
                )
                known = {**_standings(tx), **known}
        new = []
        for record in arriving:
            standing = known[record.stream]
            if not standing.has(record.seq):
                standing.account(record.seq, record.seq)
                new.append(
                    {
                        "stream": standing.key,
                        "seq": record.seq,
                        "arrived_ms": int(record.at.timestamp() * 1000),
                        "kind": record.kind,
                        "raw": encode(record),
                    }
                )
        if not new:
            return
        tx.execute(insert(records), new)
        tx.execute(delete(islands))
        for one in known.values():
            tx.execute(update(streams).where(streams.c.id == one.key).values(upto=one.upto))
            for first, last in one.islands:
                tx.execute(insert(islands).values(stream=one.key, first=first, last=last))


def _standings(tx: Connection) -> dict[str, Standing]:
    found = {
        row.id: Standing(row.id, row.stream, GateTopics(row.park, row.site, row.gate), row.upto)
        for row in tx.execute(select(streams))
    }
    for key, first, last in tx.execute(select(islands).order_by(islands.c.first)):
        found[key].islands.append((first, last))
    return {one.stream: one for one in found.values()}


def derive(engine: Engine, turn_records: int = 2_000, longest_stay_h: float = 16) -> int:
    return Follower(engine, longest_stay_h=longest_stay_h, turn_records=turn_records).catch_up()


def rows(engine: Engine, table: Any) -> Sequence[Any]:
    with engine.connect() as connection:
        return connection.execute(select(table).order_by(*table.primary_key)).all()
