"""By whose order a gate lets nobody in, as the store has times."""

from __future__ import annotations

from dataclasses import dataclass

from feed.messages import OrderSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """`reason` is a feed.messages.CloseReason, or one of a newer gate; `by` who ordered it."""

    since_ms: int
    reason: str | None = None
    until_ms: int | None = None
    by: str | None = None


def ordered(said: OrderSummary | None) -> Ordered | None:
    """What a gate's state says of it."""
    if said is None:
        return None
    return Ordered(
        since_ms=int(said.since.timestamp() * 1000),
        reason=said.reason,
        until_ms=None if said.until is None else int(said.until.timestamp() * 1000),
        by=said.by,
    )
