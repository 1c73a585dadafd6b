"""What the machine knows of being closed for entry: by the hours, which are edge.hours's, or by the
order of somebody in charge, which edge.closing keeps.
"""

from __future__ import annotations

from dataclasses import dataclass

from feed.messages import CloseReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Closure:
    """When people come in again.

    `opens_at` is when it opens, ISO 8601 in the gate's own zone, None where that is not known;
    `days` how many midnights lay in between when this was told.
    """

    opens_at: str | None = None
    days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Somebody in charge closed the gate for entry, by the command of id `command`.

    `since` and `until` as in records; without `until` it holds until the gate is opened again.
    `by` is who ordered it, where the command said so.
    """

    command: str
    since: str
    reason: CloseReason | None = None
    until: str | None = None
    by: str | None = None
    closure: Closure = Closure()
