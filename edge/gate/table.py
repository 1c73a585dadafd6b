"""A transition table: rows of state, trigger, guard, actions, target. The first row that fits runs.

A table must be total: for each state and trigger the last row has no guard. `stay` gives the rows
for what changes nothing, so nothing that happens at a gate is forgotten; and the diagram in the
docs is made from these rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

S = TypeVar("S", bound=StrEnum)
T = TypeVar("T", bound=StrEnum)
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Row(Generic[S, T, C]):
    """In `state`, on `trigger`, if `guard` holds: run `actions`, go to `target`.

    A row whose target is None stays where it is.
    """

    state: S
    trigger: T
    target: S | None
    actions: tuple[Callable[[C], None], ...] = ()
    guard: Callable[[C], bool] | None = None


class Table(Generic[S, T, C]):
    """Rows, checked once: total."""

    def __init__(self, states: type[S], triggers: type[T], rows: Iterable[Row[S, T, C]]) -> None:
        self.rows = tuple(rows)
        self._by_key: dict[tuple[S, T], list[Row[S, T, C]]] = {}
        for row in self.rows:
            self._by_key.setdefault((row.state, row.trigger), []).append(row)
        for state in states:
            for trigger in triggers:
                rows_here = self._by_key.get((state, trigger), [])
                if not any(row.guard is None for row in rows_here):
                    raise ValueError(f"({state}, {trigger}) needs a row without a guard")

    def find(self, state: S, trigger: T, context: C) -> Row[S, T, C]:
        """The first row that fits."""
        for row in self._by_key[state, trigger]:
            if row.guard is None or row.guard(context):
                return row
        raise AssertionError("a checked table always has a row that fits")

    def moves(self) -> Iterator[Row[S, T, C]]:
        """The rows that do something, without those that an earlier row hides: for a diagram."""
        for rows in self._by_key.values():
            for row in rows:
                if row.target is not None or row.actions:
                    yield row
                if row.guard is None:
                    break


def on(
    states: S | Iterable[S],
    triggers: T | Iterable[T],
    target: S | None,
    *actions: Callable[[C], None],
    guard: Callable[[C], bool] | None = None,
) -> list[Row[S, T, C]]:
    """Rows for each of several states and triggers."""
    all_states = [states] if isinstance(states, StrEnum) else list(states)
    all_triggers = [triggers] if isinstance(triggers, StrEnum) else list(triggers)
    return [
        Row(state, trigger, target, actions, guard)
        for state in all_states
        for trigger in all_triggers
    ]


def stay(states: type[S], triggers: type[T], rows: Iterable[Row[S, T, C]]) -> list[Row[S, T, C]]:
    """Rows that change nothing, for each pair that `rows` leaves open."""
    settled = {(row.state, row.trigger) for row in rows if row.guard is None}
    return [
        Row(state, trigger, None)
        for state in states
        for trigger in triggers
        if (state, trigger) not in settled
    ]
