"""Who may see what, and the log of what was asked and seen.

Roles: a viewer sees counts; a manager also who is inside (muster), reports and the registry; a
tracer traces and links tokens, and sees what a viewer sees and who is inside; an administrator may
do everything. Every trace is written to the table `audit`, and committed, before its answer is
shown.
"""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, insert

from hub.store.schema import audit

SHORTEST_PURPOSE = 10  # characters: more than "x" or "test"


class Role(StrEnum):
    """As in table `users` and in [roles] of hub.toml."""

    VIEWER = "viewer"
    MANAGER = "manager"
    TRACER = "tracer"
    ADMINISTRATOR = "administrator"


class Act(StrEnum):
    """What roles differ in."""

    COUNT = "count"  # occupancy, totals: nothing of a person
    MUSTER = "muster"  # who is inside now
    REPORT = "report"
    REGISTER = "register"  # change parks, sites, gates, the roster
    TRACE = "trace"
    LINK = "link"
    ADMINISTER = "administer"  # users


_MAY: Mapping[Role, frozenset[Act]] = {
    Role.VIEWER: frozenset({Act.COUNT}),
    Role.MANAGER: frozenset({Act.COUNT, Act.MUSTER, Act.REPORT, Act.REGISTER}),
    Role.TRACER: frozenset({Act.COUNT, Act.MUSTER, Act.TRACE, Act.LINK}),
    Role.ADMINISTRATOR: frozenset(Act),
}


class RefusedError(Exception):
    """Not allowed, or not without a purpose. One line."""


def may(role: Role, act: Act) -> bool:
    """Whether the role allows it."""
    return act in _MAY[role]


def check(role: Role, act: Act) -> None:
    """Raises RefusedError."""
    if not may(role, act):
        allowed = ", ".join(one.value for one in Role if act in _MAY[one])
        raise RefusedError(f"role {role.value} may not {act.value}: {allowed} may")


def purpose_of(text: str) -> str:
    """A purpose that says something. Raises RefusedError."""
    purpose = " ".join(text.split())
    if len(purpose) < SHORTEST_PURPOSE:
        raise RefusedError(
            'give the purpose, in words: --purpose "case 2021-0815, contacts of 23 August"'
        )
    return purpose


def user() -> str:
    """The user of this machine that this runs as, and who became that user with sudo."""
    name = _name(os.getuid())
    behind = os.environ.get("SUDO_USER")
    return f"{behind} as {name}" if behind and behind != name else name


def role_here(roles: Mapping[str, str], owned: Path | None) -> Role:
    """The role of who runs this: by `roles`, else root and the owner of `owned` administrate.

    Raises RefusedError for anybody else.
    """
    name = _name(os.getuid())
    if name in roles:
        return Role(roles[name])
    owners = {0}
    if owned is not None and owned.exists():
        owners.add(owned.stat().st_uid)
    if os.getuid() in owners:
        return Role.ADMINISTRATOR
    raise RefusedError(
        f"user {name} has no role: an administrator gives one in hub.toml: "
        f'[roles] {name} = "tracer"'
    )


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


def _name(uid: int) -> str:
    try:
        # not getpass: it believes the environment
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a user without a name
        return f"uid {uid}"
