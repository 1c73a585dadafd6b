"""The audit log: who asked for what, why, and what was seen. Only ever added to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, insert

from hub.store.schema import audit


def write(
    connection: Connection,
    *,
    who: str,
    role: str,
    action: str,
    purpose: str,
    asked: Mapping[str, Any],
    seen: Mapping[str, Any],
    at_ms: int,
) -> None:
    """Add a line. `asked` and `seen` are kept as JSON: counts and keys, no identities."""
    connection.execute(
        insert(audit).values(
            at_ms=at_ms,
            who=who,
            role=role,
            action=action,
            purpose=purpose,
            asked=json.dumps(asked, ensure_ascii=False, sort_keys=True),
            seen=json.dumps(seen, ensure_ascii=False, sort_keys=True),
        )
    )
