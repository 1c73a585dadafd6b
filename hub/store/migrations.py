"""The schema of the SQLite store, as steps. A step that was ever released is never changed.

`PRAGMA user_version` tells how many were done.
"""

from __future__ import annotations

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE hub (
        name  TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT;

    -- a gate's journal; seqs 1 to upto are stored or lost, head is the hash of record upto
    CREATE TABLE streams (
        id         INTEGER PRIMARY KEY,
        stream     TEXT NOT NULL UNIQUE,
        park       TEXT NOT NULL,
        site       TEXT NOT NULL,
        gate       TEXT NOT NULL,
        upto       INTEGER NOT NULL DEFAULT 0,
        head       TEXT,
        duplicates INTEGER NOT NULL DEFAULT 0
    ) STRICT;

    -- what is stored or lost beyond upto: the holes lie between
    CREATE TABLE islands (
        stream INTEGER NOT NULL REFERENCES streams (id),
        first  INTEGER NOT NULL,
        last   INTEGER NOT NULL,
        PRIMARY KEY (stream, first)
    ) STRICT, WITHOUT ROWID;

    -- the very bytes that the gate wrote; kind is NULL where only the key was understood
    CREATE TABLE records (
        id         INTEGER PRIMARY KEY,
        stream     INTEGER NOT NULL REFERENCES streams (id),
        seq        INTEGER NOT NULL,
        kind       TEXT,
        arrived_ms INTEGER NOT NULL,
        raw        BLOB NOT NULL,
        UNIQUE (stream, seq)
    ) STRICT;

    -- what records of loss (seq) account for
    CREATE TABLE lost (
        stream INTEGER NOT NULL REFERENCES streams (id),
        seq    INTEGER NOT NULL,
        first  INTEGER NOT NULL,
        last   INTEGER NOT NULL,
        reason TEXT NOT NULL,
        PRIMARY KEY (stream, seq, first)
    ) STRICT, WITHOUT ROWID;

    -- raw is NULL where the bytes stand in records
    CREATE TABLE dead_letters (
        id         INTEGER PRIMARY KEY,
        first_ms   INTEGER NOT NULL,
        topic      TEXT NOT NULL,
        digest     BLOB NOT NULL,
        stream     INTEGER REFERENCES streams (id),
        seq        INTEGER,
        reason     TEXT NOT NULL,
        deliveries INTEGER NOT NULL DEFAULT 1,
        raw        BLOB,
        UNIQUE (topic, digest)
    ) STRICT;

    CREATE TABLE alarms (
        id     INTEGER PRIMARY KEY,
        at_ms  INTEGER NOT NULL,
        name   TEXT NOT NULL,
        stream INTEGER REFERENCES streams (id),
        seq    INTEGER,
        detail TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX alarms_once ON alarms (name, ifnull(stream, 0), ifnull(seq, 0), detail);
    """,
)
