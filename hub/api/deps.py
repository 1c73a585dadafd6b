"""What the routes share: the store, who asks, refusing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Connection, Engine

from hub import audit
from hub.clock import now_ms
from hub.config import Config
from hub.logins import LoginLimits
from hub.monitor.health import Broker
from hub.roles import Right, RoleError, check
from hub.users import User, by_token

_bearer = HTTPBearer(auto_error=False, description="A token of `edge-hub user token`, or a log-in.")


@dataclass(frozen=True, slots=True)
class Hub:
    """What an application is made of; `request.app.state.hub`."""

    engine: Engine
    config: Config
    broker: Broker | None
    logins: LoginLimits


def hub_of(request: Request) -> Hub:
    """The hub that this application serves."""
    found: Hub = request.app.state.hub
    return found


TheHub = Annotated[Hub, Depends(hub_of)]


def user_of(
    hub: TheHub,
    sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> User:
    """Who asks, by the bearer token. Answers 401 without a good one."""
    user = None
    if sent is not None:
        with hub.engine.connect() as connection:
            user = by_token(connection, sent.credentials, at_ms=now_ms())
    if user is None:
        raise HTTPException(
            401,
            "who asks? send 'Authorization: Bearer TOKEN'; `edge-hub user token NAME` makes one",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return user


def allowed(right: Right) -> Callable[..., User]:
    """A dependency: the user, who may do this. Answers 403 otherwise."""

    def permitted(user: Annotated[User, Depends(user_of)]) -> User:
        try:
            check(user.role, right)
        except RoleError as error:
            raise HTTPException(403, str(error)) from error
        return user

    return permitted


Viewer = Annotated[User, Depends(allowed(Right.SEE))]
Reporter = Annotated[User, Depends(allowed(Right.REPORT))]
Acknowledger = Annotated[User, Depends(allowed(Right.ACKNOWLEDGE))]
Registrar = Annotated[User, Depends(allowed(Right.REGISTRY))]
Muster = Annotated[User, Depends(allowed(Right.MUSTER))]
Tracer = Annotated[User, Depends(allowed(Right.TRACE))]


def note(
    connection: Connection,
    user: User,
    action: str,
    purpose: str,
    asked: dict[str, Any],
    seen: dict[str, Any],
) -> None:
    """Write down in the audit log what this user did."""
    audit.write(
        connection,
        who=user.name,
        role=user.role,
        action=action,
        purpose=purpose,
        asked=asked,
        seen=seen,
        at_ms=now_ms(),
    )
