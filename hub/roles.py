"""Who may do what: one table for the command line, the HTTP interface and the pages.

Tracing is a task, not a rank: an administrator makes users and runs the hub, and traces only when
given the role of a tracer as well, under a name of its own. On the hub's own machine root and the
owner of the store's file are operators and may do everything: the records are theirs to read
anyway, and the audit log says who it was.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path


class Role(StrEnum):
    """What someone is here for. OPERATOR is never given: it comes with the machine."""

    VIEWER = "viewer"
    MANAGER = "manager"
    TRACER = "tracer"
    ADMINISTRATOR = "administrator"
    OPERATOR = "operator"


GIVEN = (Role.VIEWER, Role.MANAGER, Role.TRACER, Role.ADMINISTRATOR)
"""Roles of table `users` and of [roles] in hub.toml."""


class Right(StrEnum):
    """What roles differ in."""

    SEE = "see"  # states, alarms, counts: nothing of a person
    ENTRIES = "entries"  # the last ones, as tokens
    MUSTER = "muster"  # who is inside
    REPORT = "report"  # reports, compliance among them
    ACKNOWLEDGE = "acknowledge"
    CLOSE = "close"  # gates for entry, and open them again
    REGISTRY = "registry"  # parks, sites, gates, the roster: read and changed
    TRACE = "trace"  # persons and their contacts; links between tokens
    USERS = "users"  # and the audit log


_MANAGER = frozenset(
    {
        Right.SEE,
        Right.ENTRIES,
        Right.MUSTER,
        Right.REPORT,
        Right.ACKNOWLEDGE,
        Right.CLOSE,
        Right.REGISTRY,
    }
)
RIGHTS: Mapping[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.SEE}),
    Role.MANAGER: _MANAGER,
    Role.TRACER: frozenset({Right.SEE, Right.ENTRIES, Right.MUSTER, Right.REPORT, Right.TRACE}),
    Role.ADMINISTRATOR: _MANAGER | {Right.USERS},
    Role.OPERATOR: frozenset(Right),
}


class RoleError(Exception):
    """No role, or none that allows this. One line."""


def may(role: str, right: Right) -> bool:
    """Whether the role has the right; a role of no such name has none."""
    return any(right in rights for known, rights in RIGHTS.items() if known == role)


def check(role: Role, right: Right) -> None:
    """Raises RoleError."""
    if not may(role, right):
        allowed = ", ".join(one for one in GIVEN if may(one, right))
        raise RoleError(f"the role {role} lacks the right '{right}', which these have: {allowed}")


def role_here(roles: Mapping[str, str], owned: Path | None) -> Role:
    """The role of who runs this process: by `roles`, else root and the owner of `owned` operate.

    Raises RoleError for anybody else.
    """
    name = user_name(os.getuid())
    if name in roles:
        return Role(roles[name])
    owners = {0}
    if owned is not None and owned.exists():
        owners.add(owned.stat().st_uid)
    if os.getuid() in owners:
        return Role.OPERATOR
    raise RoleError(
        f'user {name} has no role: an operator gives one in hub.toml: [roles] {name} = "tracer"'
    )


def user_name(uid: int) -> str:
    """The name of a user of this machine."""
    try:
        # not getpass: it believes the environment
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
