"""What a batch of deliveries means for the store: the one place where 'each record once' is made.

A record is stored under (stream, seq) when nothing stands there. The same record again is counted.
Another record under the same key is kept apart and never takes its place. What would tear a stream
into more pieces than a gate ever does is refused: it counts as not stored, and can come again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from feed.codec import CodecError, decode, record_hash
from feed.topics import GateTopics
from hub.arrival import Arrival, Unreadable
from hub.standing import Standing
from hub.store.base import Transaction


class Alarm(StrEnum):
    """What a person must look at."""

    CONFLICT = "conflict"  # two records claim one key
    CHAIN_BROKEN = "chain_broken"  # a record was altered or taken out
    MOVED = "moved"  # a stream comes from another place than before
    SCATTERED = "scattered"  # a stream has more gaps than a gate ever leaves
    STREAMS_REFUSED = "streams_refused"  # more streams come from a gate than one ever begins
    LETTERS_DROPPED = "dead_letters_dropped"  # more came than are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What one sender can make the store hold beside records in their order.

    `streams` are those that begin at one gate, `islands` the spans of a stream beyond its first
    gap, `alarms` those of one name about one stream; `letters` and `letter_bytes` what is kept of
    all messages that were not understood.
    """

    streams: int = 200
    islands: int = 2_000
    alarms: int = 100
    letters: int = 10_000
    letter_bytes: int = 67_108_864


_BOUNDS = Bounds()


@dataclass(slots=True)
class Taken:
    """What a batch came to. `standings` are those of every stream that was heard."""

    standings: list[Standing] = field(default_factory=list)
    stored: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    refused: int = 0
    alarms: list[str] = field(default_factory=list)


def take(
    tx: Transaction,
    batch: Sequence[Arrival | Unreadable],
    now: datetime,
    bounds: Bounds = _BOUNDS,
) -> Taken:
    """Put a batch into the store. Raises StoreError; then nothing of it is there."""
    taken = Taken()
    streams: defaultdict[str, list[Arrival]] = defaultdict(list)
    for one in batch:
        if isinstance(one, Unreadable):
            taken.dead_letters += tx.add_dead_letter(one.topic, one.raw, one.reason, now)
        else:
            streams[one.stream].append(one)
    if streams:
        standings = tx.standings(streams.keys())
        if new := {name: some for name, some in streams.items() if name not in standings}:
            standings |= _begin(tx, new, now, taken, bounds)
        rest = []
        for stream, standing in standings.items():
            if _go_on(tx, standing, streams[stream], now):
                taken.stored += len(streams[stream])
            else:
                rest.append(standing)
        stored = _stored(tx, rest, streams)
        for standing in rest:
            part = _Stream(tx, standing, now, taken, bounds)
            part.take(streams[standing.stream], stored.get(standing.key, {}))
        taken.standings += standings.values()
    if taken.dead_letters and tx.bound_dead_letters(bounds.letters, bounds.letter_bytes):
        detail = "more came than are kept: the oldest are gone, or their bytes"
        if tx.add_alarm(Alarm.LETTERS_DROPPED, detail, now):
            taken.alarms.append(f"{Alarm.LETTERS_DROPPED}: {detail}")
    return taken


def _begin(
    tx: Transaction,
    new: Mapping[str, Sequence[Arrival]],
    now: datetime,
    taken: Taken,
    bounds: Bounds,
) -> dict[str, Standing]:
    """Let streams begin, of each gate so many as it may have; the rest counts as not stored."""
    by_gate: defaultdict[GateTopics, list[str]] = defaultdict(list)
    for stream, arrivals in new.items():
        by_gate[arrivals[0].place].append(stream)
    begun: dict[str, GateTopics] = {}
    refused: dict[GateTopics, int] = {}
    for place, streams in by_gate.items():
        room = max(bounds.streams - tx.streams_at(place)[0], 0)
        begun.update((stream, place) for stream in streams[:room])
        if beyond := streams[room:]:
            refused[place] = sum(len(new[stream]) for stream in beyond)
    found = tx.begin(begun) if begun else {}
    for place, records in refused.items():
        _refuse_streams(tx, place, records, now, taken)
    return found


def _refuse_streams(
    tx: Transaction, place: GateTopics, records: int, now: datetime, taken: Taken
) -> None:
    where = f"{place.park}/{place.site}/{place.gate}"
    reason = f"more streams come from {where} than a gate begins: not stored"
    _, first = tx.streams_at(place)  # what is said of a gate needs one of its streams
    for _ in range(records):  # one letter a gate, whose deliveries count
        taken.dead_letters += tx.add_dead_letter(
            place.record, reason.encode(), reason, now, key=first, keep_raw=False
        )
    taken.refused += records
    detail = "new streams are refused: see dead letters and ingest.most_streams"
    if tx.add_alarm(Alarm.STREAMS_REFUSED, detail, now, key=first):
        taken.alarms.append(f"{Alarm.STREAMS_REFUSED}: {where}: {detail}")


def _go_on(tx: Transaction, standing: Standing, arrivals: Sequence[Arrival], now: datetime) -> bool:
    """What nearly every batch is: the next records, whole, in order, each after the one before.

    Anything else changes nothing here and is False.
    """
    seq, head = standing.upto, standing.head
    if standing.islands or (seq > 0 and head is None) or arrivals[-1].place != standing.place:
        return False
    for one in arrivals:
        seq += 1
        if one.seq != seq or one.prev != head or one.lost or one.problem is not None:
            return False
        head = one.hash
    tx.insert(standing.key, arrivals, now)
    standing.upto, standing.head = seq, head
    tx.save(standing)
    return True


def _stored(
    tx: Transaction,
    standings: Iterable[Standing],
    streams: Mapping[str, Sequence[Arrival]],
) -> dict[int, dict[int, bytes]]:
    """What is there already of these, by the stream's key and seq."""
    again = {
        standing.key: seqs
        for standing in standings
        if (seqs := [one.seq for one in streams[standing.stream] if standing.has(one.seq)])
    }
    return tx.stored(again) if again else {}


class _Stream:
    """One stream's part of a batch."""

    def __init__(
        self, tx: Transaction, standing: Standing, now: datetime, taken: Taken, bounds: Bounds
    ) -> None:
        self._tx = tx
        self._standing = standing
        self._now = now
        self._taken = taken
        self._most = bounds.islands
        self._most_alarms = bounds.alarms

    def take(self, arrivals: Sequence[Arrival], stored: Mapping[int, bytes]) -> None:
        """Whatever it is; of what is `stored`, by seq, nothing is written again."""
        standing = self._standing
        self._follow(arrivals[-1].place)
        fresh = self._bounded(self._sort_out(arrivals, stored))
        if fresh:
            self._tx.insert(standing.key, list(fresh.values()), self._now)
            self._taken.stored += len(fresh)
            self._check_chain(fresh)
            self._account(fresh)
        self._tx.save(standing)

    def _follow(self, place: GateTopics) -> None:
        """A gate was renamed, or someone uses another's stream: receipts go where it is now."""
        before = self._standing.place
        if place != before:
            self._standing.place = place
            here, there = (f"{at.park}/{at.site}/{at.gate}" for at in (place, before))
            self._alarm(Alarm.MOVED, f"comes from {here} now, came from {there} before")

    def _sort_out(
        self, arrivals: Iterable[Arrival], stored: Mapping[int, bytes]
    ) -> dict[int, Arrival]:
        """Those that are new, by seq, in order; `stored` are those of them that were there."""
        fresh: dict[int, Arrival] = {}
        for one in sorted(arrivals, key=lambda one: one.seq):
            if one.seq in fresh:
                same = fresh[one.seq].hash == one.hash
            elif one.seq in stored:
                # an identity may have been erased here since: the hash stays the same
                raw = stored[one.seq]
                same = raw == one.raw or record_hash(raw) == one.hash
            elif one.seq <= self._standing.purged_upto and self._standing.has(one.seq):
                same = True  # was here, and is not kept any more: nothing is left to compare
            else:
                fresh[one.seq] = one
                continue
            if same:
                self._standing.duplicates += 1
                self._taken.duplicates += 1
            else:
                self._conflict(one)
        return fresh

    def _bounded(self, fresh: dict[int, Arrival]) -> dict[int, Arrival]:
        """Without what would scatter the stream beyond the bound.

        A gate sends in order from where its receipt stands: whatever moves a stream on is taken,
        so that it never waits for a record that is refused.
        """
        pieces = len(self._standing.islands) + sum(1 + len(one.lost) for one in fresh.values())
        if pieces <= self._most:
            return fresh
        trial = self._standing.copy()
        kept: dict[int, Arrival] = {}
        for seq, one in fresh.items():
            after = trial.copy()
            after.account(seq, seq)
            for first, last, _ in one.lost:
                after.account(first, last)
            before, pieces = len(trial.islands), len(after.islands)
            moves_on = before <= self._most and after.upto > trial.upto
            if pieces <= max(before, self._most) or moves_on:
                kept[seq] = one
                trial = after
            else:
                self._refuse(one)
        return kept

    def _refuse(self, one: Arrival) -> None:
        reason = f"stream {one.stream} lies in more than {self._most} pieces: not stored"
        # one letter a stream, whose deliveries count: such records come without end
        self._taken.dead_letters += self._tx.add_dead_letter(
            one.place.record, reason.encode(), reason, self._now, key=self._standing.key,
            keep_raw=False,
        )  # fmt: skip
        self._taken.refused += 1
        self._alarm(Alarm.SCATTERED, "records far apart are refused: see dead letters")

    def _conflict(self, one: Arrival) -> None:
        reason = f"another record is stored as {one.seq} of stream {one.stream}"
        if self._dead_letter(one, reason, keep_raw=True):
            self._alarm(Alarm.CONFLICT, "a second record claims its key: see dead letters", one.seq)

    def _account(self, fresh: Mapping[int, Arrival]) -> None:
        standing, before = self._standing, self._standing.upto
        for one in fresh.values():
            standing.account(one.seq, one.seq)
            if one.problem is not None:
                self._dead_letter(one, one.problem, keep_raw=False)
            if one.lost:
                self._tx.add_lost(standing.key, one.seq, one.lost)
                for first, last, _ in one.lost:
                    standing.account(first, last)
        if standing.upto in fresh:
            standing.head = fresh[standing.upto].hash
        elif standing.upto != before:
            raws = self._tx.raws(standing.key, [standing.upto])
            standing.head = next(map(record_hash, raws.values()), None)

    # --- the chain --------------------------------------------------------------------------

    def _check_chain(self, fresh: Mapping[int, Arrival]) -> None:
        """Each new record against the one before it and the one after it, as far as they are here.

        Called before the new ones are accounted for.
        """
        around = {seq + step for seq in fresh for step in (-1, 1)} - fresh.keys()
        standing = self._standing
        if standing.head is not None and standing.upto - 1 not in fresh:
            around.discard(standing.upto)  # its hash is known, and that is all it is needed for
        near = sorted(seq for seq in around if standing.has(seq))
        neighbours = self._tx.raws(standing.key, near) if near else {}
        hashes = {seq: record_hash(raw) for seq, raw in neighbours.items()}
        if standing.head is not None:
            hashes[standing.upto] = standing.head
        hashes |= {seq: one.hash for seq, one in fresh.items()}
        for seq, prev in self._links(fresh, neighbours):
            if seq == 1 and prev is not None:
                self._broken(seq, "the first record names one before it")
            elif seq > 1 and seq - 1 in hashes and prev != hashes[seq - 1]:
                self._broken(seq, f"record {seq - 1} is not the one that {seq} was written after")

    def _links(
        self, fresh: Mapping[int, Arrival], neighbours: Mapping[int, bytes]
    ) -> Iterator[tuple[int, str | None]]:
        """The `prev` of each new record, and of the stored ones after a new one."""
        for seq, one in fresh.items():
            if one.problem is None or one.prev is not None:
                yield seq, one.prev
        for seq, raw in neighbours.items():
            if seq - 1 in fresh:
                try:
                    yield seq, decode(raw).prev
                except CodecError:
                    continue  # only its key was understood

    def _broken(self, seq: int, detail: str) -> None:
        self._alarm(Alarm.CHAIN_BROKEN, detail, seq)

    # --- telling ----------------------------------------------------------------------------

    def _dead_letter(self, one: Arrival, reason: str, *, keep_raw: bool) -> bool:
        added = self._tx.add_dead_letter(
            one.place.record,
            one.raw,
            reason,
            self._now,
            key=self._standing.key,
            seq=one.seq,
            keep_raw=keep_raw,
        )
        self._taken.dead_letters += added
        return added

    def _alarm(self, alarm: Alarm, detail: str, seq: int | None = None) -> None:
        key = self._standing.key
        if seq is not None and self._tx.alarms_about(key, alarm) >= self._most_alarms:
            detail, seq = "more than are listed one by one", None
        if self._tx.add_alarm(alarm, detail, self._now, key=key, seq=seq):
            where = self._standing.stream if seq is None else f"{self._standing.stream} {seq}"
            self._taken.alarms.append(f"{alarm}: {where}: {detail}")
