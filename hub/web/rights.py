"""Who may see and do what. One table for every page."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Right(StrEnum):
    """One thing that a role may do or may not."""

    LOOK = "look"  # states, counts, charts, coverage: nothing about one person
    ENTRIES = "entries"  # the last entries as tokens
    ACKNOWLEDGE = "acknowledge"
    MUSTER = "muster"
    REGISTRY = "registry"
    TRACE = "trace"
    AUDIT = "audit"


_MANAGES = frozenset({Right.LOOK, Right.ENTRIES, Right.ACKNOWLEDGE, Right.MUSTER, Right.REGISTRY})
ROLES: Mapping[str, frozenset[Right]] = {
    "viewer": frozenset({Right.LOOK}),
    "manager": _MANAGES,
    "tracer": frozenset({Right.LOOK, Right.ENTRIES, Right.MUSTER, Right.TRACE}),
    "administrator": _MANAGES | {Right.TRACE, Right.AUDIT},
}


def may(role: str, right: Right) -> bool:
    """Whether the role may; an unknown role may nothing."""
    return right in ROLES.get(role, frozenset())
