"""The dead letters kept within bounds, in words that SQLite and PostgreSQL both understand.

A sender who floods the hub with nonsense must not fill its disk: the oldest bytes go first, then
the oldest letters, which stay counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

DROPPED = "dead_letters_dropped"  # the row of `hub` that counts letters that are gone

Execute = Callable[[str, Sequence[Any]], Any]  # gives a cursor of the driver

_HELD = "SELECT count(*), coalesce(sum(length(raw)), 0) FROM dead_letters"
# the newest letter that no longer fits, counted from the newest on
_BEYOND = """\
SELECT max(id) FROM (
  SELECT id, sum(length(raw)) OVER (ORDER BY id DESC) AS held FROM dead_letters
  WHERE raw IS NOT NULL) AS letters
WHERE held > {0}"""
_EMPTY = """\
UPDATE dead_letters SET raw = NULL, reason = reason || ' (its bytes are not kept any more)'
WHERE id <= {0} AND raw IS NOT NULL"""
_DELETE = """\
DELETE FROM dead_letters WHERE id <= (
  SELECT id FROM dead_letters ORDER BY id DESC LIMIT 1 OFFSET {0})"""
_COUNT = """\
INSERT INTO hub VALUES ({0}, {0}) ON CONFLICT (name) DO UPDATE
SET value = CAST(CAST(hub.value AS bigint) + CAST(excluded.value AS bigint) AS text)"""


def bound(execute: Execute, mark: str, most: int, most_bytes: int) -> bool:
    """Keep the newest `most` letters and `most_bytes` of their bytes; whether any had to go.

    `mark` stands for a value in the driver's statements: ? or %s.
    """
    number, held = execute(_HELD, ()).fetchone()
    if held > most_bytes:
        (beyond,) = execute(_BEYOND.format(mark), (most_bytes,)).fetchone()
        execute(_EMPTY.format(mark), (beyond,))
    if number > most:
        gone = execute(_DELETE.format(mark), (most,)).rowcount
        execute(_COUNT.format(mark), (DROPPED, str(gone)))
    return bool(number > most or held > most_bytes)
