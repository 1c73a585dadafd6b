"""For administrators: who asked what, and why."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from hub.store.schema import audit as audit_log
from hub.web.kit import Ask, View

_ON_A_PAGE = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the audit log."""

    id: int
    at_ms: int
    who: str
    role: str
    action: str
    purpose: str
    asked: Any
    seen: Any


def audit(ask: Ask) -> View:
    """The log, the newest first, a page at a time."""
    before = ask.query("before")
    query = select(audit_log).order_by(audit_log.c.id.desc()).limit(_ON_A_PAGE)
    if before.isascii() and before.isdigit():
        query = query.where(audit_log.c.id < int(before[:18]))
    who = ask.query("who")
    if who:
        query = query.where(audit_log.c.who == who)
    with ask.desk.engine.connect() as connection:
        lines = [
            Line(
                id=row.id, at_ms=row.at_ms, who=row.who, role=row.role, action=row.action,
                purpose=row.purpose, asked=json.loads(row.asked), seen=json.loads(row.seen),
            )
            for row in connection.execute(query)
        ]  # fmt: skip
        total = connection.execute(select(func.count()).select_from(audit_log)).scalar_one()
    older = lines[-1].id if len(lines) == _ON_A_PAGE else None
    return View("audit.html", {"lines": lines, "total": total, "older": older}, {"who": who})
