"""The log of what was asked and seen, by whom and why.

Every trace is written to the table `audit`, and committed, before its answer is shown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert

from hub.roles import user_name
from hub.store.schema import audit

SHORTEST_PURPOSE = 10  # characters: more than "x" or "test"


class RefusedError(Exception):
    """Not without a purpose. One line."""


def purpose_of(text: str) -> str:
    """A purpose that says something. Raises RefusedError."""
    purpose = " ".join(text.split())
    if len(purpose) < SHORTEST_PURPOSE:
        raise RefusedError(
            'the purpose is missing or says too little; it may be "case 2021-0815, contacts of '
            '23 August"'
        )
    return purpose


def user() -> str:
    """The user of this machine that this runs as, and who became that user with sudo."""
    name = user_name(os.getuid())
    behind = os.environ.get("SUDO_USER")
    return f"{behind} as {name}" if behind and behind != name else name


def write(
    store: Engine | Connection,
    *,
    who: str,
    role: str,
    action: str,
    purpose: str,
    asked: Mapping[str, Any],
    seen: Mapping[str, Any],
    at_ms: int | None = None,
) -> None:
    """Add a line: durable when this returns, or with the caller's transaction on a connection.

    `asked` and `seen` are kept as JSON: counts and keys, no identities. Raises
    sqlalchemy.exc.DBAPIError: then nothing may be shown.
    """
    if isinstance(store, Engine):
        with store.begin() as connection:
            write(
                connection, who=who, role=role, action=action, purpose=purpose, asked=asked,
                seen=seen, at_ms=at_ms,
            )  # fmt: skip
        return
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    store.execute(
        insert(audit).values(
            at_ms=now_ms if at_ms is None else at_ms,
            who=who,
            role=str(role),
            action=action,
            purpose=purpose,
            asked=_json(asked),
            seen=_json(seen),
        )
    )


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
