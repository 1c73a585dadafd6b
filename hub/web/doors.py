"""Logging in and out, and what a browser prefers."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from math import ceil
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request

from hub.logins import Limit
from hub.web.accounts import Account
from hub.web.kit import Ask, Go, RefusedError, View
from hub.web.texts import language_of

LASTING = frozenset({"edge_hub_language", "edge_hub_theme"})
_LONGEST_NAME = 200
_THEMES = frozenset({"auto", "light", "dark"})


def is_secure(request: Request) -> bool:
    """Whether the browser came over HTTPS, here or at a server in front that says so. Who lies
    about it loses the own cookies, nothing more.
    """
    said = request.headers.get("x-forwarded-proto", "")
    return request.url.scheme == "https" or said == "https"


def address_of(request: Request) -> str:
    """Where the browser is. A server in front of this one on the same machine adds the address
    that it sees to X-Forwarded-For, as the last; from elsewhere that header means nothing.
    """
    peer = request.client.host if request.client else "?"
    said = request.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    return said if said and peer in {"127.0.0.1", "::1"} else peer


def session_cookie(request: Request) -> str:
    """The cookie of sessions; over HTTPS one that no other host or path can set (RFC 6265bis)."""
    return "__Host-edge_hub" if is_secure(request) else "edge_hub"


def visitor_cookie(request: Request) -> str:
    """The cookie that binds the log-in form to this browser."""
    return f"{session_cookie(request)}_visitor"


def new_visitor() -> str:
    return secrets.token_urlsafe(16)


def login_address(back: str) -> str:
    """Where to log in, to come back afterwards."""
    return "/login" if back in {"/", "/login"} else f"/login?{urlencode({'back': back})}"


def form(ask: Ask) -> View:
    """The log-in."""
    back = safe_path(ask.query("back"))
    return View("login.html", {"wrong": False}, {"to": back, "name": ""})


def log_in(ask: Ask) -> View | Go:
    """Name and password. A wrong one takes as long as a right one, and patience ends."""
    desk = ask.desk
    name, password = (
        ask.text("name", longest=_LONGEST_NAME).lower(),
        str(ask.form.get("password", "")),
    )
    back = safe_path(ask.text("back"))
    address = address_of(ask.request)
    # a person mistypes; a program that guesses gets nowhere (OWASP, credential stuffing). By name
    # and address few: nobody locks others out
    limits = (
        Limit(f"page pair {name}\n{address}", 8),
        Limit(f"page address {address}", 40),
        Limit(f"page name {name}", 100),
    )
    if wait_s := desk.login_limits.take(*limits):
        raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "error.patience", wait_s=ceil(wait_s))
    account = desk.passwords.check(desk.engine, name, password)
    if account is None:
        return View(
            "login.html", {"wrong": True}, {"to": back, "name": name},
            status=HTTPStatus.UNAUTHORIZED,
        )  # fmt: skip
    desk.login_limits.succeeded(*limits)
    return _welcome(ask, account.name, account.role, account.password, back, account)


def once_form(ask: Ask) -> View:
    """A one-time log-in asks for a click: a program that only looks at links uses none up."""
    return View("once.html", {}, {"secret": ask.request.path_params["secret"]})


def once(ask: Ask) -> Go:
    """The log-in that works once."""
    found = ask.desk.sessions.take_once(ask.request.path_params["secret"])
    if found is None:
        raise RefusedError(HTTPStatus.FORBIDDEN, "error.once")
    name, role = found
    return _welcome(ask, name, role, None, "/overview", None)


def log_out(ask: Ask) -> Go:
    """The session ends, with the questions that it asked."""
    if ask.session is not None:
        ask.desk.sessions.end(ask.session)
    return Go("/login", {session_cookie(ask.request): None})


def preferences(ask: Ask) -> Go:
    """Language and light or dark, kept in this browser."""
    cookies: dict[str, str | None] = {}
    if language := language_of(ask.text("language")):
        cookies["edge_hub_language"] = language
    if (theme := ask.text("theme")) in _THEMES:
        cookies["edge_hub_theme"] = theme
    return Go(safe_path(ask.text("back")), cookies)


def safe_path(text: str) -> str:
    """A path of this hub; anything else leads to the overview."""
    parts = urlsplit(text) if text.isprintable() else urlsplit("")
    here = not parts.scheme and not parts.netloc and parts.path.startswith("/")
    return text if here and not text.startswith("//") and "\\" not in text else "/overview"


def _welcome(
    ask: Ask, name: str, role: str, password: str | None, back: str, account: Account | None
) -> Go:
    if ask.session is not None:
        ask.desk.sessions.end(ask.session)
    secret = ask.desk.sessions.begin(name, role, password)
    cookies: dict[str, str | None] = {session_cookie(ask.request): secret}
    chosen = language_of(account.language) if account else None
    if chosen and "edge_hub_language" not in ask.request.cookies:
        cookies["edge_hub_language"] = chosen
    return Go(back, cookies)
