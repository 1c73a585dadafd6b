"""Follows the stored records and derives what they mean, a turn at a time.

Decoding comes first, outside the transaction that writes: SQLite has one writer, and ingest is it.
Results and progress are one transaction, so that a kill at any point loses and doubles nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, inspect, select, update
from sqlalchemy.exc import DataError, DBAPIError

from feed.backoff import Backoff
from hub.clock import now_ms
from hub.derive import people, progress
from hub.derive.apply import Known, apply
from hub.derive.meaning import Derivable, read
from hub.derive.people import TOKEN_BEFORE
from hub.derive.stays import Touched, repair
from hub.derive.turns import BusyError, begin, leading
from hub.standing import Span, Standing
from hub.store.schema import (
    alarms,
    anonymous,
    boots,
    clock_records,
    derived,
    early_outcomes,
    hub,
    links,
    passages,
    records,
    sites,
    visits,
)
from hub.store.sql import given, insert_new, wanted

log = logging.getLogger(__name__)

TURN_RECORDS = 800  # a transaction of less than 0.1 s: ingest waits for it in SQLite
IDLE_S = 0.5
# While more records a second than this come in, deriving takes a tenth of the time, so that the
# gates get their receipts: some 750 records a second on a core, the rest when the rush is over
RUSH = 750.0
_REST = 9.0  # times what a turn took
LONGEST_REST_S = 2.0
NOT_DERIVED = "not_derived"  # the alarm of a stream, once
# what one record can do, and not the store: the next try would end alike
_UNFIT = (ArithmeticError, DataError, LookupError, TypeError, ValueError)
LINKS = "links_derived"  # in table hub: the links that the groups were made of


Work = list[tuple[Standing, list[Span]]]  # of each stream how far it is derived, and what is next


class NotReadyError(Exception):
    """The store lacks the derived tables. One line."""


class Follower:
    """Derives what is stored. One at a time for a store (hub.derive.turns). Used by one thread."""

    def __init__(
        self, engine: Engine, *, longest_stay_h: float, turn_records: int = TURN_RECORDS
    ) -> None:
        self._engine = engine
        self._longest_min = round(longest_stay_h * 60)
        self._turn_records = self._at_once = turn_records
        self._known = Known()
        self._stays_min: dict[int, int] = {}
        self._inflow = Inflow()

    def step(self) -> int:
        """Derive some: how many records and visits were dealt with, 0 when there is nothing.

        Raises sqlalchemy.exc.DBAPIError with nothing done.
        """
        try:
            return self._follow_links() or self._follow_stays() or self._follow_records()
        except DBAPIError:
            self._known, self._stays_min = Known(), {}
            raise

    def catch_up(self) -> int:
        """Derive all that is stored now: how much there was."""
        total = 0
        while done := self.step():
            total += done
        return total

    def run(self, stopped: Callable[[], bool], wait: Callable[[float], Any] = time.sleep) -> None:
        """Until `stopped`. A store that can't be used now, or that another hub derives for, is
        tried again and again.
        """
        retry = Backoff(first_s=0.5, longest_s=15.0)
        trouble: str | None = None
        while not stopped():
            try:
                self.check()
                with leading(self._engine):
                    trouble = None
                    retry.reset()
                    log.info("deriving")
                    self._follow(stopped, wait)
            except (DBAPIError, NotReadyError, BusyError) as error:
                text = " ".join(str(getattr(error, "orig", error)).split())
                if text != trouble:
                    log.warning("not deriving now: %s", text)
                trouble = text
                wait(retry.next_s())

    def _follow(self, stopped: Callable[[], bool], wait: Callable[[float], Any]) -> None:
        while not stopped():
            begin_s = time.monotonic()
            if not self.step():
                wait(IDLE_S)
            elif self._inflow.per_s > RUSH:
                wait(min(_REST * (time.monotonic() - begin_s), LONGEST_REST_S))

    def forget(self) -> None:
        """Empty the derived tables, to be made anew from the records that are stored.

        People, places and what people of the hub entered stay: others refer to them. Raises
        BusyError.
        """
        with self._engine.begin() as tx:
            if not begin(tx):
                raise BusyError("another hub derives for this store")
            for table in (
                derived, visits, passages, anonymous, early_outcomes, clock_records, boots,
            ):  # fmt: skip
                tx.execute(delete(table))
            tx.execute(delete(links).where(links.c.source == TOKEN_BEFORE))
            tx.execute(update(sites).values(derived_stay_min=None))
            people.regroup(tx)
        self._known, self._stays_min = Known(), {}

    def check(self) -> None:
        """Raises NotReadyError."""
        if not inspect(self._engine).has_table(derived.name):
            raise NotReadyError("the store has no derived tables: start the hub once")

    # --- records ----------------------------------------------------------------------------

    def _follow_records(self) -> int:
        """A turn. One record that can't be derived must not hold up what all others mean: turns
        become smaller until it is alone, and then it is passed over.
        """
        while True:
            chosen, derivables = self._choose()
            if not chosen:
                return 0
            try:
                with self._engine.begin() as tx:
                    if not self._begin(tx, chosen):
                        return 0
                    self._derive(tx, derivables)
            except _UNFIT as error:
                self._known, self._stays_min = Known(), {}
                if len(derivables) == 1:
                    return self._pass_over(chosen, error)
                self._at_once = max(1, self._at_once // 8)
            else:
                self._at_once = min(self._turn_records, 2 * self._at_once)
                return progress.records_in(chosen)

    def _choose(self) -> tuple[Work, list[Derivable]]:
        with self._engine.connect() as reading:
            behind = progress.behind(reading)
            chosen = progress.portion(behind, self._at_once)
            self._inflow.look(
                progress.records(behind), progress.records_in(chosen), time.monotonic()
            )
            if not chosen:
                return [], []
            raws = _raws(reading, [(one.key, *span) for one, spans in chosen for span in spans])
        return chosen, [read(row.stream, row.seq, row.raw) for row in raws]

    def _pass_over(self, chosen: Work, error: Exception) -> int:
        """This one record means nothing."""
        ((standing, ((seq, _),)),) = chosen
        with self._engine.begin() as tx:
            if not self._begin(tx, chosen):
                return 0
            detail = "its records mean nothing to this version: see the hub's log"
            row = {"at_ms": now_ms(), "name": NOT_DERIVED, "stream": standing.key, "detail": detail}
            insert_new(tx, alarms, [row])
        log.error("record %d of stream %s is passed over", seq, standing.stream, exc_info=error)
        return 1

    def _begin(self, tx: Connection, chosen: Work) -> bool:
        if not (begin(tx) and progress.stands(tx, (one for one, _ in chosen))):
            return False
        # copies: what fails is chosen again as it stood
        progress.save(tx, [(one.copy(), spans) for one, spans in chosen])
        return True

    def _derive(self, tx: Connection, derivables: list[Derivable]) -> None:
        touched = apply(tx, derivables, self._known)
        new = {site for site, _ in self._known.places.values()} - self._stays_min.keys()
        if new or touched.whole:
            self._stays_min = self._begin_stays(tx)
        repair(tx, touched, self._stays_min)

    # --- longest stays ----------------------------------------------------------------------

    def _begin_stays(self, tx: Connection) -> dict[int, int]:
        """What visits are cut at, by site; noted for sites that have none yet."""
        wanted_min = func.coalesce(sites.c.longest_stay_min, self._longest_min)
        tx.execute(
            update(sites)
            .where(sites.c.derived_stay_min.is_(None))
            .values(derived_stay_min=wanted_min)
        )
        query = select(sites.c.id, sites.c.derived_stay_min)
        return dict(tx.execute(query).tuples().all())

    def _follow_stays(self) -> int:
        """Cut the visits of a site anew where its longest stay is another now."""
        wanted_min = func.coalesce(sites.c.longest_stay_min, self._longest_min)
        query = (
            select(sites.c.id, wanted_min)
            .where(sites.c.derived_stay_min != wanted_min)
            .order_by(sites.c.id)
            .limit(1)
        )
        with self._engine.connect() as reading:
            found = reading.execute(query).first()
        if found is None:
            return 0
        site, stay_min = found
        with self._engine.begin() as tx:
            if not begin(tx):
                return 0
            tx.execute(update(sites).where(sites.c.id == site).values(derived_stay_min=stay_min))
            self._stays_min = self._begin_stays(tx)
            persons = select(passages.c.person).where(
                passages.c.site == site, passages.c.person.is_not(None)
            )
            touched = Touched()
            for (person,) in tx.execute(persons.distinct()):
                touched.everything(person, site)
            repair(tx, touched, self._stays_min)
        return 1

    # --- links ------------------------------------------------------------------------------

    def _follow_links(self) -> int:
        """Join and part people as the links say that people of the hub entered."""
        query = select(hub.c.value).where(hub.c.name == LINKS)
        with self._engine.connect() as reading:
            now = repr(people.signature(reading))
            before = reading.execute(query).scalar()
        if now == before or (before is None and now == repr((0, None))):
            return 0
        with self._engine.begin() as tx:
            if not begin(tx):
                return 0
            if before is None:
                tx.execute(hub.insert().values(name=LINKS, value=now))
            else:
                tx.execute(update(hub).where(hub.c.name == LINKS).values(value=now))
            touched = Touched()
            touched.whole = people.regroup(tx)
            self._stays_min = self._begin_stays(tx)
            repair(tx, touched, self._stays_min)
        return 1


class Inflow:
    """How many records a second come in, by what is behind at each look."""

    def __init__(self) -> None:
        self.per_s = 0.0
        self._left: int | None = None
        self._at_s = 0.0

    def look(self, behind: int, taken: int, at_s: float) -> None:
        """So many records are behind now, of which a turn takes some."""
        if self._left is not None and at_s > self._at_s:
            self.per_s = (behind - self._left) / (at_s - self._at_s)
        self._left, self._at_s = behind - taken, at_s


def _raws(connection: Connection, spans: list[tuple[int, int, int]]) -> list[Any]:
    names = ("stream", "first", "last")
    span = given(connection, *names)
    query = select(records.c.stream, records.c.seq, records.c.raw).join_from(
        span,
        records,
        (records.c.stream == span.c.stream)
        & (records.c.seq >= span.c.first)
        & (records.c.seq <= span.c.last),
    )
    rows = list(connection.execute(query, wanted(connection, spans, *names)))
    return sorted(rows, key=lambda row: (row.stream, row.seq))
