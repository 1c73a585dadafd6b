"""Visits out of passages. Pure: no database, no clock.

The rule, for the passages of one person at one site in the order of their times:
- an `in` begins a visit, which ends with whatever the person does there next;
- an `out` within the longest stay ends it as it was seen;
- another `in` within the longest stay ends it there, and the end is assumed: the person must have
  left unseen before. The two visits touch, so that no minute of a possible stay is missing;
- otherwise it ends after the longest stay, and the end is assumed;
- an `out` without a visit to end makes none.

In doubt the person is inside: an `in` counts unless an outcome says that nobody passed, an `out`
only when an outcome says that somebody did. docs/explanation/visits.md has the reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

# outcomes of a door that was opened for the person (feed.record.OutcomeResult). A gate without a
# door contact says no more than `opened`; one that says `held_open` was not closed again yet
WENT_THROUGH = frozenset({"opened", "passed", "held_open"})


def counts(direction: str | None, outcome: str | None, *, granted: bool) -> bool:
    """Whether a passage begins or ends a visit."""
    if outcome is not None:
        return direction in {"in", "out"} and outcome in WENT_THROUGH
    return direction == "in" and granted


@dataclass(frozen=True, slots=True, order=True)
class Passage:
    """A passage that counts, of one person at one site. Sorted by time, then by its key."""

    at_ms: int
    stream: int
    seq: int
    is_in: bool
    gate: int
    person: int
    at_known: bool = True


@dataclass(frozen=True, slots=True)
class Visit:
    """A stay from `in_ms` to `out_ms`. (`stream`, `seq`) is the entry's key.

    `out_gate` is None where the end is assumed. `at_known` is False where the time of an end that
    was seen is not known.
    """

    stream: int
    seq: int
    person: int
    in_ms: int
    out_ms: int
    in_gate: int
    out_gate: int | None
    assumed: bool
    at_known: bool


def pair(passages: Iterable[Passage], longest_ms: int) -> Iterator[Visit]:
    """The visits of one person at one site, out of their passages there, in any order.

    A person's tokens are one person here: `person` only tells which of them the entry showed.
    """
    order: Sequence[Passage | None] = [*sorted(passages), None]
    for here, after in pairwise(order):
        if here is not None and here.is_in:
            yield _visit(here, after, longest_ms)


def _visit(entry: Passage, after: Passage | None, longest_ms: int) -> Visit:
    if after is None or after.at_ms - entry.at_ms > longest_ms:
        return _made(entry, entry.at_ms + longest_ms, None, at_known=entry.at_known)
    gate = None if after.is_in else after.gate
    return _made(entry, after.at_ms, gate, at_known=entry.at_known and after.at_known)


def _made(entry: Passage, out_ms: int, out_gate: int | None, *, at_known: bool) -> Visit:
    return Visit(
        stream=entry.stream,
        seq=entry.seq,
        person=entry.person,
        in_ms=entry.at_ms,
        out_ms=out_ms,
        in_gate=entry.gate,
        out_gate=out_gate,
        assumed=out_gate is None,
        at_known=at_known,
    )
