"""What the pages write to the audit log: who, in which role, why, what was asked and seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from hub import audit
from hub.store.engine import writing
from hub.web.kit import Ask


def purpose_of(text: str) -> str | None:
    """A purpose that says something, on one line; None for one that doesn't."""
    try:
        return audit.purpose_of(text)
    except audit.RefusedError:
        return None


def write(
    ask: Ask,
    action: str,
    *,
    purpose: str = "",
    asked: Mapping[str, Any],
    seen: Mapping[str, Any],
) -> None:
    """A line, durable when this returns. Raises SQLAlchemyError: then nothing may be shown."""
    with writing(ask.desk.engine) as connection:
        note(ask, connection, action, purpose=purpose, asked=asked, seen=seen)


def note(
    ask: Ask,
    connection: Connection,
    action: str,
    *,
    purpose: str = "",
    asked: Mapping[str, Any],
    seen: Mapping[str, Any],
) -> None:
    """A line with the caller's transaction: of what it changes, and durable with it."""
    audit.write(
        connection, who=ask.who.name, role=ask.who.role, action=action, purpose=purpose,
        asked=asked, seen=seen, at_ms=ask.desk.now_ms(),
    )  # fmt: skip
