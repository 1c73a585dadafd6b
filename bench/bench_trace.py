"""Contacts of one person in 14 days, with 40 people a site, at 1M and (--large) 10M visits.

Visits are written by one SQL statement: a visit a day of each person at their site, 8 to 10 hours
from about seven o'clock, over 50 days, so that the number of sites grows with the store and a
site's days do not. Each question is of another person and goes through all of
hub.trace.questions.contacts_of, completeness included.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path

from sqlalchemy import Engine, text

from hub.store.engine import connect
from hub.store.schema import metadata
from hub.trace import lookup
from hub.trace.answers import Period
from hub.trace.questions import contacts_of

DAYS = 50
A_SITE = 40  # people
BEGIN_MS = 1_627_776_000_000  # 2021-08-01
DAY_MS = 86_400_000
QUESTIONS = 300
GOAL_MS = 10.0

_COUNT = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {count})"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--large", action="store_true", help="10M visits as well")
    parser.add_argument("--url", help="an empty PostgreSQL database instead of SQLite")
    asked = parser.parse_args()
    p95 = [measure(1_000_000, asked.url)]
    if asked.large:
        p95.append(measure(10_000_000, asked.url))
        print(f"10M against 1M at p95: {p95[1] / p95[0]:.2f} (goal: 2 at most)")


def measure(visits: int, url: str | None) -> float:
    """p95 in ms."""
    with tempfile.TemporaryDirectory() as folder:
        engine = connect(url or Path(folder) / "hub.db")
        began = time.perf_counter()
        people = visits // DAYS
        fill(engine, people)
        print(
            f"{engine.dialect.name}: {visits:,} visits of {people:,} people at "
            f"{people // A_SITE:,} sites, written in {time.perf_counter() - began:.0f} s"
        )
        chance = random.Random(1)
        took = [ask(engine, 1 + chance.randrange(people), chance) for _ in range(QUESTIONS)]
        if url:
            metadata.drop_all(engine)
        engine.dispose()
    took = sorted(took[10:])  # the first prepare their statements
    p95 = took[int(len(took) * 0.95)]
    print(
        f"contacts of one person in 14 days: p50 {statistics.median(took):.1f} ms, "
        f"p95 {p95:.1f} ms (goal: below {GOAL_MS:g} ms)"
    )
    return p95


def ask(engine: Engine, person: int, chance: random.Random) -> float:
    """ms."""
    low = BEGIN_MS + chance.randrange(DAYS - 14) * DAY_MS
    began = time.perf_counter()
    with engine.connect() as connection:
        who = lookup.by_ids(connection, [person])
        found = contacts_of(connection, who, Period(low, low + 14 * DAY_MS))
    took_ms = (time.perf_counter() - began) * 1000
    assert len(found.contacts) == A_SITE - 1
    return took_ms


def fill(engine: Engine, people: int) -> None:
    """Tables as deriving leaves them."""
    sites = people // A_SITE
    metadata.create_all(engine)
    sqlite = engine.dialect.name == "sqlite"
    # a number that looks random, from a whole number
    chance = "abs((i * 2654435761) % 1000003)"
    statements = [
        f"{_COUNT.format(count=sites)} INSERT INTO sites (id, park, site, registered,"
        " derived_stay_min) SELECT i + 1, 'park-' || (i / 100), 's' || i, {false}, 960 FROM n",
        f"{_COUNT.format(count=sites)} INSERT INTO gates (id, site, gate, registered)"
        " SELECT i + 1, i + 1, 'g1', {false} FROM n",
        f"{_COUNT.format(count=sites)} INSERT INTO streams (id, stream, park, site, gate, upto)"
        " SELECT i + 1, 'stream-' || i, 'park-' || (i / 100), 's' || i, 'g1', 1000 FROM n",
        f"{_COUNT.format(count=sites)} INSERT INTO derived (stream, upto) SELECT i + 1, 1000 FROM n",
        f"{_COUNT.format(count=people)} INSERT INTO people (id, kid, scope, token)"
        " SELECT i + 1, 'k1', 'park', 'token-of-sixteen-' || i FROM n",
        # day by day, as they come
        f"{_COUNT.format(count=people * DAYS)} INSERT INTO visits (stream, seq, person, site,"
        " in_ms, out_ms, in_gate, out_gate, assumed, at_known)"
        f" SELECT (i % {people}) / {A_SITE} + 1, i, i % {people} + 1, (i % {people}) / {A_SITE} + 1,"
        f" {BEGIN_MS} + (i / {people}) * {DAY_MS}.0 + 25200000 + {chance} * 3,"
        f" {BEGIN_MS} + (i / {people}) * {DAY_MS}.0 + 57600000 + {chance} * 7,"
        f" (i % {people}) / {A_SITE} + 1, (i % {people}) / {A_SITE} + 1,"
        " {false}, {true} FROM n",
    ]
    with engine.begin() as tx:
        for one in statements:
            values = {"{false}": "0" if sqlite else "false", "{true}": "1" if sqlite else "true"}
            for name, value in values.items():
                one = one.replace(name, value)
            if not sqlite:
                one = one.replace("n (i) AS (SELECT 0 UNION", "n (i) AS (SELECT 0::bigint UNION")
            tx.execute(text(one.replace(":", "\\:")))
    with engine.begin() as tx:
        tx.execute(text("ANALYZE"))


if __name__ == "__main__":
    main()
