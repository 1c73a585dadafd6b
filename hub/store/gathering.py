"""What a transaction writes at its end, in one go: the same for every store.

A batch of a few hundred records comes from nearly as many gates. One statement for all of them
costs far less than one for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from feed.topics import GateTopics
from hub.arrival import Arrival
from hub.standing import Span, Standing

# the columns of a standing, as `standing_of_row` wants them
STREAM = "SELECT id, stream, park, site, gate, upto, head, duplicates, purged_upto FROM streams"
STREAMS_AT = """\
SELECT count(*), coalesce(min(id), 0) FROM streams
WHERE park = {0} AND site = {0} AND gate = {0}"""
ALARMS_ABOUT = "SELECT count(*) FROM alarms WHERE stream = {0} AND name = {0}"
# What is derived or noted under a record's key, and goes when the record goes
FOLLOWERS = ("passages", "visits", "anonymous", "clock_records", "early_outcomes", "lost")
# A boot's clock is of no use once every record of the boot is gone: a later one begins where the
# dropped records end, or before
PURGE_BOOTS = """\
DELETE FROM boots WHERE EXISTS (
  SELECT 1 FROM streams JOIN boots AS later ON later.stream = streams.id
  WHERE streams.id = boots.stream
    AND later.first_seq > boots.first_seq AND later.first_seq <= streams.purged_upto + 1)"""


_place = lru_cache(maxsize=20_000)(GateTopics)  # their names are checked when they are made


class Gathering:
    """Records and standings that were given and not written yet.

    `records` are rows: stream, seq, arrived_ms, kind, raw.
    """

    def __init__(self) -> None:
        self.records: list[tuple[int, int, int, str | None, bytes]] = []
        self._saved: dict[int, Standing] = {}
        # as they stand in the database
        self._islands: dict[int, set[Span]] = {}
        self._places: dict[int, GateTopics] = {}

    def insert(self, key: int, arrivals: Sequence[Arrival], arrived: datetime) -> None:
        arrived_ms = to_ms(arrived)
        self.records += [(key, one.seq, arrived_ms, one.kind, one.raw) for one in arrivals]

    def save(self, standing: Standing) -> None:
        self._saved[standing.key] = standing

    def read(self, standing: Standing) -> None:
        """This is what the database holds of it."""
        if standing.islands:
            self._islands[standing.key] = set(standing.islands)
        self._places[standing.key] = standing.place

    def stored(self, wanted: Mapping[int, Sequence[int]]) -> dict[int, dict[int, bytes]]:
        """Of hub.store.base.Transaction: what the database holds."""
        raise NotImplementedError

    def raws(self, key: int, seqs: Sequence[int]) -> dict[int, bytes]:
        """Of hub.store.base.Transaction."""
        return self.unwritten(key, seqs) | self.stored({key: seqs})[key]

    def unwritten(self, key: int, seqs: Sequence[int]) -> dict[int, bytes]:
        """Those of these records that were given and not written."""
        wanted = set(seqs)
        return {row[1]: row[4] for row in self.records if row[0] == key and row[1] in wanted}

    def standings_to_write(self) -> list[tuple[int, str | None, int, int]]:
        """Rows: upto, head, duplicates, id; by id, as rows are locked."""
        return [
            (one.upto, one.head, one.duplicates, key) for key, one in sorted(self._saved.items())
        ]

    def places_to_write(self) -> list[tuple[str, str, str, int]]:
        """Rows: park, site, gate, id; of streams that moved, as these columns have an index."""
        return [
            (one.place.park, one.place.site, one.place.gate, key)
            for key, one in sorted(self._saved.items())
            if one.place != self._places[key]
        ]

    def islands_gone(self) -> list[tuple[int, int]]:
        """Rows: stream, first."""
        return [
            (key, first)
            for key, before in self._islands.items()
            if key in self._saved
            for first, _ in before - set(self._saved[key].islands)
        ]

    def islands_new(self) -> list[tuple[int, int, int]]:
        """Rows: stream, first, last."""
        return [
            (key, first, last)
            for key, one in self._saved.items()
            if one.islands
            for first, last in set(one.islands) - self._islands.get(key, set())
        ]


def standing_of_row(row: Sequence[Any], islands: list[Span]) -> Standing:
    """From a row of `STREAM`."""
    key, stream, park, site, gate, upto, head, duplicates, purged_upto = row
    return Standing(
        key=key,
        stream=stream,
        place=_place(park, site, gate),
        upto=upto,
        head=head,
        islands=islands,
        duplicates=duplicates,
        purged_upto=purged_upto,
    )


def standings_of_rows(
    rows: Sequence[Sequence[Any]], islands: Sequence[Sequence[Any]]
) -> Iterator[Standing]:
    """From rows of `STREAM`, and rows (stream, first, last) by stream and first."""
    spans: dict[int, list[Span]] = {}
    for key, first, last in islands:
        spans.setdefault(key, []).append((first, last))
    for row in rows:
        yield standing_of_row(row, spans.get(row[0], []))


def to_ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return int(at.timestamp() * 1000)
