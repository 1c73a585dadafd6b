"""The store for many gates: PostgreSQL 15 and newer, several hubs side by side.

Whoever writes records of a stream holds the lock on its row in `streams`, so that what a standing
says is exact: a record is new or it is not, and no two hubs store it. New records therefore go by
COPY straight into their table; a temporary table and ON CONFLICT would find nothing to do
(docs/adr/0011-hub-stores.md). `records` has a partition for each day of arrival.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy.exc import SQLAlchemyError

from feed.topics import GateTopics
from hub.arrival import Lost
from hub.standing import Standing
from hub.store import letters, migrations
from hub.store.base import StoreError
from hub.store.engine import connect
from hub.store.gathering import (
    ALARMS_ABOUT,
    FOLLOWERS,
    PURGE_BOOTS,
    STREAM,
    STREAMS_AT,
    Gathering,
    standings_of_rows,
    to_ms,
)

APPLICATION = "edge-hub"  # as pg_stat_activity names it
OLDEST_SERVER = 150_000  # 15.0 as PostgreSQL writes it
DAYS_AHEAD = 7  # partitions made beforehand
_CONNECT_S = 10
_UNHEARD_MS = 20_000  # sent and not acknowledged for so long: the connection is dead
_LOCK_MS = 3_000  # for what would hold up every reader: better later than long
_PURGED_AT_ONCE = 5_000  # rows
_PARTITIONS_LOCK = 0x65646765_70617274  # hubs make and drop partitions in turn
_DAY_MS = 86_400_000
# of the hub, not of the server: repeating would not help
_MISTAKES = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.NotSupportedError,
    psycopg.ProgrammingError,
)

Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresStore:
    """A hub.store.base.Store in the database that `url` names, as libpq reads it."""

    def __init__(self, url: str) -> None:
        """Connect, and bring the schema up to date. Raises StoreError."""
        self._url = url
        self._db: Connection | None = None
        self._days: set[int] = set()  # days since 1970 that have a partition
        self._ahead_from = 0
        try:
            self._open()
        except StoreError:
            self.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[PostgresTransaction]:
        with self._saying():
            db = self._connection()
            self._look_ahead(db)
            try:
                with db.transaction():
                    made = PostgresTransaction(db, self._days)
                    yield made
                    made.write()
            except BaseException:
                self._days.clear()  # a partition may be gone with the transaction
                raise

    def epoch(self) -> str:
        with self._saying():
            db = self._connection()
            db.execute(
                "INSERT INTO hub VALUES ('epoch', %s) ON CONFLICT DO NOTHING",
                [secrets.token_hex(8)],
            )
            return _epoch(db)

    def renew_epoch(self) -> str:
        epoch = secrets.token_hex(8)
        with self._saying():
            self._connection().execute(
                "INSERT INTO hub VALUES ('epoch', %s)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                [epoch],
            )
        return epoch

    def all_standings(self) -> Iterator[Standing]:
        with self._saying():
            db = self._connection()
            with db.transaction():
                db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                rows = db.execute(f"{STREAM} ORDER BY id").fetchall()
                islands = db.execute(
                    "SELECT stream, first, last FROM islands ORDER BY stream, first"
                ).fetchall()
        yield from standings_of_rows(rows, islands)

    def standings_of(self, keys: Sequence[int]) -> Iterator[Standing]:
        with self._saying():
            db = self._connection()
            with db.transaction():
                db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
                found = [*_standings(db, "id = ANY(%s)", list(keys))]
        yield from found

    def purge(self, before: datetime) -> int:
        with self._saying():
            db = self._connection()
            try:
                with db.transaction():
                    db.execute(f"SET LOCAL lock_timeout = {_LOCK_MS}")
                    db.execute("SELECT pg_advisory_xact_lock(%s)", [_PARTITIONS_LOCK])
                    gone = _purge_followers(db) or self._purge_partition(db, to_ms(before))
                    if not gone:
                        db.execute("DELETE FROM dead_letters WHERE first_ms < %s", [to_ms(before)])
                        db.execute(PURGE_BOOTS)
            except psycopg.errors.LockNotAvailable as error:
                raise StoreError(
                    f"{self._url}: a query or another hub holds the records: purge later"
                ) from error
        return gone

    def reopen(self) -> None:
        """Connect anew. What is not synced the server itself does not read back."""
        self._close()
        self._open()

    def close(self) -> None:
        self._close()

    def _connection(self) -> Connection:
        if self._db is None:
            raise StoreError(f"{self._url}: not open")
        return self._db

    def _open(self) -> None:
        with self._saying():
            self._db = db = psycopg.connect(
                self._url,
                autocommit=True,
                application_name=APPLICATION,
                connect_timeout=_CONNECT_S,
                keepalives_idle=_CONNECT_S,
                tcp_user_timeout=_UNHEARD_MS,
            )
            self._check(db)
            # a role or database may have it off: a receipt is a promise
            db.execute("SET synchronous_commit = on")
            self._migrate(db)
            self._days.clear()
            self._ahead_from = 0
            self._look_ahead(db)
        self.epoch()

    def _check(self, db: Connection) -> None:
        if db.info.server_version < OLDEST_SERVER:
            raise StoreError(
                f"{self._url}: PostgreSQL {db.info.server_version // 10_000}, the hub needs 15 "
                "or newer"
            )
        encoding = db.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise StoreError(
                f"{self._url}: the database's encoding is {encoding}; make one with "
                "createdb --encoding UTF8 --template template0"
            )

    def _migrate(self, db: Connection) -> None:
        version = _version(db)
        migrations.check(version, self._url)
        if version == migrations.known()[-1]:
            return
        engine = connect(self._url)
        try:
            migrations.upgrade(engine, self._url)
        except SQLAlchemyError as error:
            raise StoreError(f"{self._url}: {_line(getattr(error, 'orig', error))}") from error
        finally:
            engine.dispose()

    # --- partitions -------------------------------------------------------------------------

    def _look_ahead(self, db: Connection) -> None:
        """Once a day: partitions for the days to come."""
        today = to_ms(datetime.now(UTC)) // _DAY_MS
        if today == self._ahead_from:
            return
        self._days |= {day for day, _ in _partitions(db)}
        wanted = {*range(today, today + DAYS_AHEAD + 1)} - self._days
        try:
            with db.transaction():
                db.execute(f"SET LOCAL lock_timeout = {_LOCK_MS}")
                make_partitions(db, wanted)
            self._days |= wanted
        except psycopg.errors.LockNotAvailable:
            if today not in self._days:
                raise
        self._ahead_from = today

    def _purge_partition(self, db: Connection, before_ms: int) -> int:
        """Drop the oldest day that is over before then: how many records it held."""
        for day, name in _partitions(db):
            if (day + 1) * _DAY_MS > before_ms:
                break
            rows = db.execute(
                f"SELECT stream, max(seq), count(*) FROM {name} GROUP BY stream ORDER BY stream"  # noqa: S608
            ).fetchall()
            keys, seqs = [row[0] for row in rows], [row[1] for row in rows]
            # in the order in which ingest locks them
            db.execute(
                "SELECT 1 FROM streams WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE", [keys]
            )
            db.execute(
                "UPDATE streams SET purged_upto = greatest(purged_upto, v.seq)"
                " FROM unnest(%s::bigint[], %s::bigint[]) AS v (id, seq) WHERE streams.id = v.id",
                [keys, seqs],
            )
            db.execute(f"DROP TABLE {name}")
            self._days.discard(day)
            if rows:
                return sum(row[2] for row in rows)
        return 0

    def _close(self) -> None:
        if self._db is not None:
            with suppress(psycopg.Error):  # a server that is gone: there is nothing to save
                self._db.close()
            self._db = None

    @contextmanager
    def _saying(self) -> Iterator[None]:
        try:
            yield
        except _MISTAKES:
            raise
        except psycopg.Error as error:
            raise StoreError(f"{self._url}: {_line(error)}") from error


class PostgresTransaction(Gathering):
    """A hub.store.base.Transaction. `days` are those that have a partition."""

    def __init__(self, db: Connection, days: set[int]) -> None:
        super().__init__()
        self._db = db
        self._days = days

    def epoch(self) -> str:
        return _epoch(self._db)

    def standings(self, streams: Collection[str]) -> dict[str, Standing]:
        # rows come as they are once they are locked, so with what another hub committed meanwhile.
        # NO KEY: whoever derives refers to these rows, and is not to be waited for
        where = "stream = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
        found = {one.stream: one for one in _standings(self._db, where, list(streams))}
        for one in found.values():
            self.read(one)
        return found

    def begin(self, places: Mapping[str, GateTopics]) -> dict[str, Standing]:
        # in order, as rows are locked in order: two hubs wait for each other, never in a ring
        new = sorted(places)
        self._db.execute(
            "INSERT INTO streams (stream, park, site, gate)"
            " SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])"
            " ON CONFLICT (stream) DO NOTHING",
            [
                new,
                [places[one].park for one in new],
                [places[one].site for one in new],
                [places[one].gate for one in new],
            ],
        )
        return self.standings(new)

    def streams_at(self, place: GateTopics) -> tuple[int, int]:
        count, first = self._db.execute(
            STREAMS_AT.format("%s"), [place.park, place.site, place.gate]
        ).fetchall()[0]
        return count, first

    def stored(self, wanted: Mapping[int, Sequence[int]]) -> dict[int, dict[int, bytes]]:
        # one question for a batch: after an outage all gates send again what they are not sure of
        pairs = [(key, seq) for key, seqs in wanted.items() for seq in seqs]
        rows = self._db.execute(
            "SELECT stream, seq, raw FROM records JOIN unnest(%s::bigint[], %s::bigint[])"
            " AS w (stream, seq) USING (stream, seq)",
            [[key for key, _ in pairs], [seq for _, seq in pairs]],
        )
        found: dict[int, dict[int, bytes]] = {key: {} for key in wanted}
        for key, seq, raw in rows:
            found[key][seq] = raw
        return found

    def add_lost(self, key: int, seq: int, lost: Sequence[Lost]) -> None:
        self._db.cursor().executemany(
            "INSERT INTO lost VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [(key, seq, first, last, reason) for first, last, reason in lost],
        )

    def add_dead_letter(
        self,
        topic: str,
        raw: bytes,
        reason: str,
        at: datetime,
        *,
        key: int | None = None,
        seq: int | None = None,
        keep_raw: bool = True,
    ) -> bool:
        found = self._db.execute(
            "INSERT INTO dead_letters (first_ms, topic, digest, stream, seq, reason, raw)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (topic, digest) DO UPDATE SET deliveries = dead_letters.deliveries + 1"
            " RETURNING deliveries",
            [
                to_ms(at), topic, hashlib.sha256(raw).digest(), key, seq, reason,
                raw if keep_raw else None,
            ],
        ).fetchone()  # fmt: skip
        return found == (1,)

    def bound_dead_letters(self, most: int, most_bytes: int) -> bool:
        return letters.bound(self._db.execute, "%s", most, most_bytes)

    def add_alarm(
        self,
        name: str,
        detail: str,
        at: datetime,
        *,
        key: int | None = None,
        seq: int | None = None,
    ) -> bool:
        added = self._db.execute(
            "INSERT INTO alarms (at_ms, name, stream, seq, detail) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT DO NOTHING",
            [to_ms(at), str(name), key or 0, seq or 0, detail],
        )
        return added.rowcount == 1

    def alarms_about(self, key: int, name: str) -> int:
        ((found,),) = self._db.execute(ALARMS_ABOUT.format("%s"), [key, str(name)]).fetchall()
        return int(found)

    def write(self) -> None:
        """What was gathered, before the commit."""
        if self.records:
            self._partitions_for(self.records)
            with (
                self._db.cursor() as cursor,
                cursor.copy(
                    "COPY records (stream, seq, arrived_ms, kind, raw) FROM STDIN (FORMAT BINARY)"
                ) as copy,
            ):
                copy.set_types(["int8", "int8", "int8", "text", "bytea"])
                for record in self.records:
                    copy.write_row(record)
        if rows := self.standings_to_write():
            self._db.execute(
                "UPDATE streams SET upto = v.upto, head = v.head, duplicates = v.duplicates"
                " FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[])"
                " AS v (upto, head, duplicates, id) WHERE streams.id = v.id",
                [list(column) for column in zip(*rows, strict=True)],
            )
        cursor = self._db.cursor()
        if moved := self.places_to_write():
            cursor.executemany(
                "UPDATE streams SET park = %s, site = %s, gate = %s WHERE id = %s", moved
            )
        if gone := self.islands_gone():
            cursor.executemany("DELETE FROM islands WHERE stream = %s AND first = %s", gone)
        if new := self.islands_new():
            cursor.executemany("INSERT INTO islands VALUES (%s, %s, %s)", new)

    def _partitions_for(self, records: Sequence[tuple[int, int, int, str | None, bytes]]) -> None:
        wanted = {row[2] // _DAY_MS for row in records} - self._days
        if wanted:
            wanted -= {day for day, _ in _partitions(self._db)}
            make_partitions(self._db, wanted)
            self._days |= wanted


def make_partitions(db: Connection, days: set[int]) -> None:
    """For these days since 1970."""
    if not days:
        return
    db.execute("SELECT pg_advisory_xact_lock(%s)", [_PARTITIONS_LOCK])
    for day in sorted(days):
        db.execute(
            f"CREATE TABLE IF NOT EXISTS {_partition(day)} PARTITION OF records"
            f" FOR VALUES FROM ({day * _DAY_MS}) TO ({(day + 1) * _DAY_MS})"
        )


def _partition(day: int) -> str:
    date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
    return f"records_p{date:%Y%m%d}"


def _partitions(db: Connection) -> list[tuple[int, str]]:
    """The day of each partition and its name, the oldest first."""
    rows = db.execute(
        "SELECT relname FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid"
        " WHERE inhparent = 'records'::regclass AND relname ~ '^records_p[0-9]{8}$'"
        " ORDER BY relname"
    )
    first = datetime(1970, 1, 1, tzinfo=UTC)
    return [
        ((datetime.strptime(name[9:], "%Y%m%d").replace(tzinfo=UTC) - first).days, name)
        for (name,) in rows
    ]


def _purge_followers(db: Connection) -> int:
    """Some rows that were derived from records that are gone: how many."""
    for table in FOLLOWERS:
        done = db.execute(
            f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("  # noqa: S608 - a name of ours
            "  SELECT old.ctid FROM streams CROSS JOIN LATERAL ("
            f"   SELECT ctid FROM {table} WHERE stream = streams.id AND seq <= streams.purged_upto"
            f"   LIMIT {_PURGED_AT_ONCE}) AS old"
            f"  WHERE streams.purged_upto > 0 LIMIT {_PURGED_AT_ONCE}))"
        )
        if done.rowcount:
            return done.rowcount
    return 0


def _standings(db: Connection, where: str, values: list[Any]) -> Iterator[Standing]:
    rows = db.execute(f"{STREAM} WHERE {where}", [values]).fetchall()
    islands = db.execute(
        "SELECT stream, first, last FROM islands WHERE stream = ANY(%s) ORDER BY stream, first",
        [[row[0] for row in rows]],
    ).fetchall()
    return standings_of_rows(rows, islands)


def _epoch(db: Connection) -> str:
    found = db.execute("SELECT value FROM hub WHERE name = 'epoch'").fetchone()
    assert found is not None, "made when the store was opened"
    return str(found[0])


def _version(db: Connection) -> str | None:
    if db.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    found = db.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


def _line(error: object) -> str:
    """What the server says, on one line."""
    return " ".join(str(error).split())
