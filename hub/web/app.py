"""The pages of a hub, mounted into an application: addresses, rights, forms and answers."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from hub.config import Config
from hub.roles import Right, may
from hub.web import admin, closing, doors, managing, pages, places, tracing
from hub.web.desk import Desk
from hub.web.kit import (
    HEADERS,
    Answer,
    Ask,
    Download,
    Go,
    Handler,
    Picture,
    RefusedError,
    View,
    as_json,
    read_form,
    respond,
)
from hub.web.live import Audience, TooManyViewersError
from hub.web.session import bound_to, masked, matches
from hub.web.texts import DEFAULT, language_of
from hub.words import Language
from identity.keys import read_token_key
from identity.token import Tokeniser

log = logging.getLogger(__name__)

HTML = "text/html; charset=utf-8"
JSON = "application/json"
_YEAR_S = 31_536_000
_PROGRAMS = ("/api/", "/docs", "/openapi.json", "/metrics", "/health")
_THEMES = ("auto", "light", "dark")


@dataclass(frozen=True, slots=True)
class Page:
    """A page and its JSON twin at the same path with `.json`. No right: for everyone."""

    path: str
    handler: Handler
    right: Right | None


@dataclass(frozen=True, slots=True)
class Form:
    """What a form does. Those with `uploads` may be as large as the configuration lets them."""

    path: str
    handler: Handler
    right: Right | None
    uploads: bool = False


PAGES = (
    Page("/overview", pages.overview, Right.SEE),
    Page("/gates/{gate:int}", pages.gate, Right.SEE),
    Page("/sites", places.sites, Right.SEE),
    Page("/sites/{site:int}", places.site, Right.SEE),
    Page("/sites/{site:int}/plan", places.plan, Right.REGISTRY),
    Page("/gates/{gate:int}/close", partial(closing.form, "close"), Right.CLOSE),
    Page("/gates/{gate:int}/reopen", partial(closing.form, "reopen"), Right.CLOSE),
    Page("/sites/{site:int}/close", partial(closing.form, "close"), Right.CLOSE),
    Page("/sites/{site:int}/reopen", partial(closing.form, "reopen"), Right.CLOSE),
    Page("/alarms", pages.alarms, Right.SEE),
    Page("/charts", pages.charts, Right.SEE),
    Page("/coverage", pages.coverage, Right.SEE),
    Page("/muster", managing.muster, Right.MUSTER),
    Page("/registry/{kind}", managing.registry, Right.REGISTRY),
    Page("/trace", tracing.form, Right.TRACE),
    Page("/trace/answers/{answer}", tracing.answer, Right.TRACE),
    Page("/audit", admin.audit, Right.USERS),
    Page("/login", doors.form, None),
    Page("/login/once/{secret}", doors.once_form, None),
)
DOWNLOADS = (
    Page("/sites/{site:int}/picture", places.picture, Right.SEE),
    Page("/registry/{kind}/export/{ending}", managing.export, Right.REGISTRY),
    Page("/trace/answers/{answer}/export/{ending}", tracing.export, Right.TRACE),
)
FORMS = (
    Form("/login", doors.log_in, None),
    Form("/login/once/{secret}", doors.once, None),
    Form("/logout", doors.log_out, None),
    Form("/preferences", doors.preferences, None),
    Form("/sites/{site:int}/plan", places.set_plan, Right.REGISTRY, uploads=True),
    Form("/sites/{site:int}/plan/pins", places.set_pins, Right.REGISTRY),
    Form("/sites/{site:int}/plan/remove", places.remove_plan, Right.REGISTRY),
    Form("/gates/{gate:int}/close", partial(closing.send, "close"), Right.CLOSE),
    Form("/gates/{gate:int}/reopen", partial(closing.send, "reopen"), Right.CLOSE),
    Form("/sites/{site:int}/close", partial(closing.send, "close"), Right.CLOSE),
    Form("/sites/{site:int}/reopen", partial(closing.send, "reopen"), Right.CLOSE),
    Form("/alarms/{alarm:int}/acknowledge", managing.acknowledge, Right.ACKNOWLEDGE),
    Form("/registry/{kind}/import", managing.import_, Right.REGISTRY, uploads=True),
    Form("/trace", tracing.ask, Right.TRACE),
)


def mount(
    app: FastAPI,
    engine: Engine,
    config: Config,
    *,
    tokeniser: Tokeniser | None = None,
    **options: Any,
) -> Desk:
    """Add the pages to an application. `options` are those of Desk, for tests.

    Without `tokeniser` the configuration's key takes the tokens of credentials that tracers type;
    raises identity.keys.KeyFileError where it can't be read.
    """
    if tokeniser is None and (path := config.identity.key_file) is not None:
        identity = config.identity
        key = read_token_key(path)
        tokeniser = Tokeniser(key, key_id=identity.key_id, scope=identity.scope)
    desk = Desk(engine, config, tokeniser=tokeniser, **options)
    made = _Made(desk)
    routes = [Route("/", made.root), Route("/events", made.events)]
    routes += [Route("/static/{name}", made.static)]
    for page in (*PAGES, *DOWNLOADS):
        routes.append(Route(page.path, made.page(page, as_json=False)))
        if page in PAGES:
            routes.append(Route(f"{page.path}.json", made.page(page, as_json=True)))
    # the JSON twin's path fits the longer pattern of a page with a name in it too: it goes first
    routes.sort(key=lambda route: not route.path.endswith(".json"))
    routes += [Route(form.path, made.form(form), methods=["POST"]) for form in FORMS]
    app.router.routes.extend(routes)
    # last: whatever nobody else knows, outside the interface for programs
    app.router.routes.append(Route("/{rest:path}", made.missing, methods=["GET"]))
    _tell_failures(app, made)
    return desk


def _tell_failures(app: FastAPI, made: _Made) -> None:
    """A person whose page fails reads a page; programs get what they got before."""
    before = app.exception_handlers.get(Exception)

    async def failed(request: Request, error: Exception) -> Response:
        if before is not None and "text/html" not in request.headers.get("accept", ""):
            told = before(request, error)
            return await told if isinstance(told, Awaitable) else told
        log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        return await made.failed(request)

    app.add_exception_handler(Exception, failed)


Endpoint = Callable[[Request], Awaitable[Response]]


class _Made:
    """Endpoints for one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # --- what is asked for --------------------------------------------------------------------

    async def root(self, _request: Request) -> Response:
        return RedirectResponse("/overview", HTTPStatus.SEE_OTHER, headers=dict(HEADERS))

    async def missing(self, request: Request) -> Response:
        """No page is there."""
        path = request.url.path
        if path.startswith(_PROGRAMS):
            raise HTTPException(HTTPStatus.NOT_FOUND)
        ask = await self._ask(request, as_json=path.endswith(".json"))
        return await self._refuse(ask, RefusedError(HTTPStatus.NOT_FOUND, "error.not_found"))

    async def failed(self, request: Request) -> Response:
        error = RefusedError(HTTPStatus.INTERNAL_SERVER_ERROR, "error.failed")
        return await self._refuse(await self._ask(request), error)

    async def static(self, request: Request) -> Response:
        file = self._desk.static.get(request.path_params["name"])
        if file is None:
            return await self._refuse(
                await self._ask(request), RefusedError(HTTPStatus.NOT_FOUND, "error.not_found")
            )
        kept = f"public, max-age={_YEAR_S}, immutable"
        return respond(request, file.content, file.kind, headers={"Cache-Control": kept})

    async def events(self, request: Request) -> Response:
        desk, ask = self._desk, await self._ask(request, as_json=True)
        try:
            session = ask.who
        except RefusedError as error:
            return await self._refuse(ask, error)
        site = ask.query("site")
        one = int(site[:18]) if site.isascii() and site.isdigit() else None
        audience = Audience(ask.language, may(session.role, Right.ENTRIES), one)
        since = request.headers.get("last-event-id") or ask.query("since")
        stream = desk.live.stream(audience, since, session.key)
        try:
            first = await anext(stream)
        except TooManyViewersError:
            return await self._refuse(
                ask, RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "error.too_many")
            )
        except SQLAlchemyError as error:
            return await self._refuse(ask, _unreadable(error))

        async def whole() -> Any:
            try:
                yield first
                async for message in stream:
                    yield message
            finally:
                await stream.aclose()  # type: ignore[attr-defined] # it is a generator

        headers = dict(HEADERS) | {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(whole(), media_type="text/event-stream", headers=headers)

    def page(self, page: Page, *, as_json: bool) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            ask = await self._ask(request, as_json=as_json)
            return await self._answer(ask, page.handler, page.right)

        return endpoint

    def form(self, form: Form) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            ask = await self._ask(request)
            try:
                self._check_right(ask, form.right)
                largest = self._desk.config.api.largest_body_bytes
                fields = await (read_form(request, largest) if form.uploads else read_form(request))
                self._check_origin(ask, fields)
            except RefusedError as error:
                return await self._refuse(ask, error)
            try:
                return await self._answer(replace(ask, form=fields), form.handler, form.right)
            finally:
                await fields.close()

        return endpoint

    # --- who asks -----------------------------------------------------------------------------

    async def _ask(self, request: Request, *, as_json: bool = False) -> Ask:
        desk = self._desk
        chosen = language_of(request.cookies.get("edge_hub_language"))
        language: Language = chosen or language_of(desk.config.park.language) or DEFAULT
        secret = request.cookies.get(doors.session_cookie(request))
        session, trouble = None, None
        try:
            session = await run_in_threadpool(desk.sessions.find, secret)
        except SQLAlchemyError as error:
            trouble = _unreadable(error)
        return Ask(desk, request, language, session, as_json, trouble=trouble)

    def _check_right(self, ask: Ask, right: Right | None) -> None:
        if right is not None and not may(ask.who.role, right):
            raise RefusedError(HTTPStatus.FORBIDDEN, "error.forbidden")

    def _check_origin(self, ask: Ask, fields: FormData) -> None:
        site = ask.request.headers.get("sec-fetch-site", "same-origin")
        token = fields.get("csrf", "")
        key = self._form_key(ask)
        if site not in {"same-origin", "none"} or not isinstance(token, str):
            raise RefusedError(HTTPStatus.FORBIDDEN, "error.form_stale")
        if key is None or not matches(key, token):
            raise RefusedError(HTTPStatus.FORBIDDEN, "error.form_stale")

    def _form_key(self, ask: Ask) -> bytes | None:
        """What this browser's forms are bound to: its session, or the cookie of a visitor."""
        if ask.session is not None:
            return ask.session.csrf
        visitor = ask.request.cookies.get(doors.visitor_cookie(ask.request))
        return None if visitor is None else bound_to(visitor)

    # --- what is answered ---------------------------------------------------------------------

    async def _answer(self, ask: Ask, handler: Handler, right: Right | None) -> Response:
        try:
            self._check_right(ask, right)
            answer = await run_in_threadpool(handler, ask)
            return await self._written(ask, answer)
        except RefusedError as error:
            return await self._refuse(ask, error)
        except SQLAlchemyError as error:
            return await self._refuse(ask, _unreadable(error))

    async def _written(self, ask: Ask, answer: Answer) -> Response:
        if isinstance(answer, Go):
            response: Response = RedirectResponse(
                answer.to, HTTPStatus.SEE_OTHER, headers=dict(HEADERS)
            )
            for name, value in answer.cookies.items():
                self._set_cookie(ask.request, response, name, value)
            return response
        if isinstance(answer, Picture):
            return _picture(ask.request, answer)
        if isinstance(answer, Download):
            named = {"Content-Disposition": f'attachment; filename="{answer.name}"'}
            return respond(ask.request, answer.content, answer.kind, headers=named)
        if ask.as_json:
            return respond(ask.request, as_json(answer.data), JSON, status=answer.status)
        return await self._page(ask, answer)

    async def _page(self, ask: Ask, view: View) -> Response:
        desk, request = self._desk, ask.request
        key, visitor = self._form_key(ask), None
        if key is None:
            visitor = doors.new_visitor()
            key = bound_to(visitor)
        theme = request.cookies.get("edge_hub_theme", "auto")
        values: Mapping[str, Any] = {
            "ask": ask,
            "path": request.url.path,
            "back": _path_of(request),
            "theme": theme if theme in _THEMES else "auto",
            "csrf": lambda: masked(key),
            "may": lambda right: ask.may(Right(right)),
            "now_ms": desk.now_ms(),
            **view.data,
            **view.shown,
        }
        text = await run_in_threadpool(desk.render, view.template, ask.language, values)
        response = respond(request, text.encode(), HTML, status=view.status)
        if visitor is not None:
            self._set_cookie(request, response, doors.visitor_cookie(request), visitor)
        return response

    async def _refuse(self, ask: Ask, error: RefusedError) -> Response:
        text = ask.say(error.key, **error.values)
        if ask.as_json:
            body = as_json({"error": error.key, "text": text})
            return respond(ask.request, body, JSON, status=error.status)
        if error.status is HTTPStatus.UNAUTHORIZED and ask.request.method == "GET":
            return RedirectResponse(
                doors.login_address(_path_of(ask.request)),
                HTTPStatus.SEE_OTHER,
                headers=dict(HEADERS),
            )
        view = View("error.html", {"text": text}, {"code": int(error.status)}, status=error.status)
        response = await self._page(ask, view)
        if "wait_s" in error.values:
            response.headers["Retry-After"] = str(error.values["wait_s"])
        return response

    @staticmethod
    def _set_cookie(request: Request, response: Response, name: str, value: str | None) -> None:
        secure = doors.is_secure(request)
        if value is None:
            response.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="strict")
            return
        lasting = name in doors.LASTING
        response.set_cookie(
            name, value, path="/", secure=secure, httponly=True, samesite="strict",
            max_age=_YEAR_S if lasting else None,
        )  # fmt: skip


def _picture(request: Request, picture: Picture) -> Response:
    """To be kept by the browser, and asked for again each time: who asks must still be allowed."""
    kept = {"Cache-Control": "private, no-cache", "ETag": f'"{picture.digest}"'}
    if kept["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=dict(HEADERS) | kept)
    return respond(request, picture.content, picture.kind, headers=kept)


def _path_of(request: Request) -> str:
    query = request.url.query
    return request.url.path + (f"?{query}" if query else "")


def _unreadable(error: SQLAlchemyError) -> RefusedError:
    log.error("the store can't be used: %s", _first_line(error))
    return RefusedError(HTTPStatus.SERVICE_UNAVAILABLE, "error.store")


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
