"""Health, metrics and logging in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field

from hub.api.deps import TheHub, user_of
from hub.clock import now_ms
from hub.logins import Limit
from hub.monitor.health import Health, health
from hub.monitor.metrics import CONTENT_TYPE, metrics
from hub.store.engine import writing
from hub.users import LONGEST_PASSWORD, User, by_password, make_token, revoke

open_router = APIRouter(tags=["system"])
router = APIRouter(tags=["system"])


class Login(BaseModel):
    """Name and password."""

    name: Annotated[str, Field(max_length=64)]
    password: Annotated[str, Field(max_length=LONGEST_PASSWORD)]


class Session(BaseModel):
    """The token to send as `Authorization: Bearer`, until when, and what its user is."""

    token: str
    until_ms: int
    name: str
    role: str


class Me(BaseModel):
    """Who asks."""

    name: str
    role: str


@open_router.get("/health", response_model=None, responses={200: {"model": None}})
def get_health(hub: TheHub) -> Response:
    """Whether store, broker and derivation are at work: 200 when all are, 503 otherwise."""
    found: Health = health(hub.engine, hub.broker)
    body = {
        "ok": found.ok,
        "store": found.store,
        "broker": found.broker,
        "derivation_lag_records": found.behind,
    }
    return JSONResponse(body, status_code=200 if found.ok else 503)


@open_router.get("/metrics", response_class=Response)
def get_metrics(hub: TheHub) -> Response:
    """For Prometheus, text format 0.0.4. Holds counts and names of gates, nothing of a person."""
    return Response(metrics(hub.engine, hub.broker), media_type=CONTENT_TYPE)


@router.post("/login")
def login(hub: TheHub, request: Request, sent: Login) -> Session:
    """Trade name and password for a token. After five failures one waits for five minutes."""
    client = request.client.host if request.client is not None else "unknown"
    limits = (Limit(f"api name {sent.name}", 5), Limit(f"api address {client}", 5))
    if wait_s := hub.logins.take(*limits):
        raise HTTPException(
            429,
            f"too many log-ins that failed; try again in {wait_s:.0f} s",
            headers={"Retry-After": str(int(wait_s) + 1)},
        )
    with hub.engine.connect() as connection:
        user = by_password(connection, sent.name, sent.password)
    if user is None:
        raise HTTPException(401, "name or password is wrong")
    hub.logins.succeeded(*limits)
    at_ms = now_ms()
    until_ms = at_ms + int(hub.config.api.login_h * 3_600_000)
    with writing(hub.engine) as connection:
        token = make_token(connection, user.name, purpose="log-in", at_ms=at_ms, until_ms=until_ms)
    return Session(token=token, until_ms=until_ms, name=user.name, role=user.role)


@router.post("/logout", status_code=204)
def logout(
    hub: TheHub,
    user: Annotated[User, Depends(user_of)],
    sent: Annotated[HTTPAuthorizationCredentials, Depends(HTTPBearer())],
) -> None:
    """Take back the token that this is asked with."""
    del user
    with writing(hub.engine) as connection:
        revoke(connection, sent.credentials)


@router.get("/me")
def me(user: Annotated[User, Depends(user_of)]) -> Me:
    """Whom the token speaks for."""
    return Me(name=user.name, role=user.role)
