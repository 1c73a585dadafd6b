"""Who may see and do what on the pages. What others ask for too stands in hub.users."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hub import users
from hub.users import Role


class Right(StrEnum):
    """One thing that a role may do or may not."""

    LOOK = "look"  # states, counts, charts, coverage: nothing about one person
    ENTRIES = "entries"  # the last entries as tokens
    ACKNOWLEDGE = "acknowledge"
    MUSTER = "muster"
    REGISTRY = "registry"
    TRACE = "trace"
    AUDIT = "audit"


_SHARED: Mapping[Right, users.Right] = {
    Right.LOOK: users.Right.SEE,
    Right.ACKNOWLEDGE: users.Right.ACKNOWLEDGE,
    Right.REGISTRY: users.Right.REGISTRY,
    Right.TRACE: users.Right.TRACE,
    Right.AUDIT: users.Right.USERS,
}
# persons behind tokens, and names: for those who answer for people on the ground
_HERE: Mapping[Right, frozenset[Role]] = {
    Right.ENTRIES: frozenset({Role.MANAGER, Role.TRACER, Role.ADMINISTRATOR}),
    Right.MUSTER: frozenset({Role.MANAGER, Role.TRACER, Role.ADMINISTRATOR}),
}


def may(role: str, right: Right) -> bool:
    """Whether the role may; an unknown role may nothing."""
    known = next((one for one in Role if one == role), None)
    if known is None:
        return False
    if right in _SHARED:
        return _SHARED[right] in users.RIGHTS[known]
    return known in _HERE[right]
