"""Visits and contacts the slow way: from all records at once, in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from feed.record import Record
from feed.times import corrected


@dataclass(frozen=True, slots=True)
class Stay:
    stream: str
    seq: int
    person: str  # the smallest token value of the person's
    token: str
    site: str
    in_ms: int
    out_ms: int
    in_gate: str
    out_gate: str | None
    known: bool


def persons(records: Iterable[Record], links: Iterable[tuple[str, str]] = ()) -> Mapping[str, str]:
    """Token values to the smallest of the same person's."""
    groups: dict[str, set[str]] = {}
    pairs = list(links)
    for record in records:
        if record.person is not None and record.person.token is not None:
            pairs.append((record.person.token.v, record.person.token.v))
            if record.person.token_before is not None:
                pairs.append((record.person.token.v, record.person.token_before.v))
    for one, other in pairs:
        whole = groups.get(one, {one}) | groups.get(other, {other})
        groups |= dict.fromkeys(whole, whole)
    return {member: min(whole) for member, whole in groups.items()}


def stays(
    every: Sequence[Record], longest_min: int, links: Iterable[tuple[str, str]] = ()
) -> set[Stay]:
    who = persons(every, links)
    outcomes: dict[tuple[str, int], str] = {}
    for record in sorted(every, key=lambda one: one.seq):
        if record.outcome is not None and record.ref is not None:
            outcomes[record.stream, record.ref] = record.outcome.result
    events = defaultdict(list)
    for record, moment in zip(every, corrected(every), strict=True):
        if record.kind != "passage" or record.person is None or record.person.token is None:
            continue
        outcome = outcomes.get((record.stream, record.seq))
        granted = record.decision is not None and record.decision.result == "granted"
        through = outcome in {"opened", "passed", "held_open"}
        if through or (outcome is None and granted and record.direction == "in"):
            at_ms = round(moment.at.timestamp() * 1000)
            place = (record.stream, record.seq)
            person = who[record.person.token.v]
            events[person, record.park, record.site].append((at_ms, place, moment.known, record))
    found = set()
    for (person, _, site), those in events.items():
        for at_ms, place, known, record in those:
            if record.direction != "in":
                continue
            after: Any = min(
                (one for one in those if (at_ms, place) < one[:2]),
                key=lambda one: one[:2],
                default=None,
            )
            end, gate = at_ms + longest_min * 60_000, None
            if after is not None and after[0] <= end:
                end, known = after[0], known and after[2]  # noqa: PLW2901 - the visit's
                gate = after[3].gate if after[3].direction == "out" else None
            assert record.person is not None
            assert record.person.token is not None
            value = record.person.token.v
            found.add(Stay(*place, person, value, site, at_ms, end, record.gate, gate, known))
    return found


def overlap_ms(one: Stay, other: Stay, low: int, high: int) -> int:
    """Within low and high."""
    if one.site != other.site:
        return 0
    return max(0, min(one.out_ms, other.out_ms, high) - max(one.in_ms, other.in_ms, low))
