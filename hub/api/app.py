"""The application: routes, and what holds for all of them."""

from __future__ import annotations

import logging
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment, FileSystemLoader
from sqlalchemy import Engine
from sqlalchemy.exc import DataError, SQLAlchemyError
from starlette.exceptions import HTTPException

from hub.api.deps import Hub
from hub.api.guard import Guard
from hub.api.routes import registry, reports, system, trace, watch
from hub.config import Config
from hub.logins import LoginLimits
from hub.monitor.health import Broker
from hub.registry.faults import RegistryError
from identity.keys import KeyFileError

log = logging.getLogger(__name__)

# What stands under /api/v1
ROUTERS: tuple[APIRouter, ...] = (
    system.router,
    watch.router,
    reports.router,
    registry.router,
    trace.router,
)
PREFIX = "/api/v1"
_DESCRIPTION = """\
The hub of edge-gate. Times are whole milliseconds since 1970 in UTC, those of traces and muster
lists RFC 3339; days are those of the park's time zone. Errors are `{"error": "one line"}`.
`edge-hub user add` and `edge-hub user token` make users and tokens; a token is sent as
`Authorization: Bearer TOKEN`."""
_TEMPLATES = Path(__file__).with_name("templates")


def create(engine: Engine, config: Config, *, broker: Broker | None = None) -> FastAPI:
    """The application over a store. `broker` tells why the broker can't be heard, None while it
    can; without it the health says that nobody watches it here.
    """
    app = FastAPI(
        title="edge-hub",
        version=version("edge-gate"),
        description=_DESCRIPTION,
        # FastAPI's own pages load scripts from elsewhere; ours is at /docs
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
    )
    app.state.hub = Hub(engine, config, broker, LoginLimits(engine))
    app.include_router(system.open_router)
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    app.add_api_route("/docs", _docs_page(app), include_in_schema=False)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(RegistryError, _registry_error)
    app.add_exception_handler(KeyFileError, _key_error)
    app.add_exception_handler(SQLAlchemyError, _store_error)
    app.add_exception_handler(DataError, _data_error)
    app.add_exception_handler(Exception, _failed)
    app.add_middleware(Guard, largest_body_bytes=config.api.largest_body_bytes)
    return app


def _http_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse(
        {"error": error.detail}, status_code=error.status_code, headers=error.headers
    )


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"] if part not in {"query", "body", "path"})
    text = f"{where}: {first['msg']}" if where else str(first["msg"])
    return JSONResponse({"error": text}, status_code=422)


def _registry_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RegistryError)
    return registry.refused(error)


def _key_error(_request: Request, error: Exception) -> JSONResponse:
    log.error("the token key can't be used: %s", error)
    return JSONResponse({"error": "the hub's token key can't be used"}, status_code=503)


def _data_error(_request: Request, error: Exception) -> JSONResponse:
    log.info("a value that no store takes: %s", getattr(error, "orig", None) or error)
    return JSONResponse({"error": "a value holds what no store takes, as NUL"}, status_code=422)


def _store_error(_request: Request, error: Exception) -> JSONResponse:
    log.error("the store can't be used: %s", getattr(error, "orig", None) or error)
    return JSONResponse(
        {"error": "the store can't be used now; try again"},
        status_code=503,
        headers={"Retry-After": "5"},
    )


def _failed(request: Request, error: Exception) -> JSONResponse:
    log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return JSONResponse({"error": "the hub failed at this; its log says more"}, status_code=500)


def _docs_page(app: FastAPI) -> Any:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip

    def docs() -> HTMLResponse:
        return HTMLResponse(environment.get_template("docs.html").render(schema=app.openapi()))

    return docs
