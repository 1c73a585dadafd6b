"""What the machine knows of opening hours: whether it is closed. The hours are edge.hours's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """The gate is closed by its timetable.

    `opens_at` is when it opens, ISO 8601 in the gate's own zone, None where that is not known;
    `days` how many midnights lay in between when this was told.
    """

    opens_at: str | None = None
    days: int = 0
