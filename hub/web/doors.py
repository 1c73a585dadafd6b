"""Logging in and out, and what a browser prefers."""

from __future__ import annotations

import hmac
import secrets
from http import HTTPStatus
from math import ceil
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request

from hub.web.kit import Ask, Go, RefusedError, View
from hub.web.texts import language_of
from hub.web.users import User, find_user

LASTING = frozenset({"edge_hub_language", "edge_hub_theme"})
_LONGEST_NAME = 200
_THEMES = frozenset({"auto", "light", "dark"})


def session_cookie(request: Request) -> str:
    """The cookie of sessions; over HTTPS one that no other host or path can set (RFC 6265bis)."""
    return "__Host-edge_hub" if request.url.scheme == "https" else "edge_hub"


def visitor_cookie(request: Request) -> str:
    """The cookie that binds the log-in form to this browser."""
    return f"{session_cookie(request)}_visitor"


def new_visitor() -> str:
    return secrets.token_urlsafe(16)


def visitor_key(form_key: bytes, visitor: str) -> bytes:
    """What the forms of that visitor are bound to."""
    return hmac.digest(form_key, visitor.encode(errors="surrogatepass"), "sha256")


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
    name, password = ask.text("name", longest=_LONGEST_NAME), str(ask.form.get("password", ""))
    back = safe_path(ask.text("back"))
    address = ask.request.client.host if ask.request.client else "?"
    counters = (
        (desk.by_address, address),
        (desk.by_name, name.casefold()),
        (desk.by_pair, f"{name.casefold()}\n{address}"),
    )
    if wait_s := max(counter.wait_s(key) for counter, key in counters):
        raise RefusedError(HTTPStatus.TOO_MANY_REQUESTS, "error.patience", wait_s=ceil(wait_s))
    # counted before it is looked at: tries at one time are tries too
    for counter, key in counters:
        counter.failed(key)
    with desk.engine.connect() as connection:
        user = find_user(connection, name)
    if not desk.passwords.fits(user, password) or user is None:
        return View(
            "login.html", {"wrong": True}, {"to": back, "name": name},
            status=HTTPStatus.UNAUTHORIZED,
        )  # fmt: skip
    for counter, key in counters:
        counter.succeeded(key)
    return _welcome(ask, user.name, user.role, user.password, back, user)


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
    """The session ends, with the answers it kept."""
    if ask.session is not None:
        ask.desk.sessions.end(ask.session)
        ask.desk.answers.forget(ask.session.key)
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
    ask: Ask, name: str, role: str, password: str | None, back: str, user: User | None
) -> Go:
    if ask.session is not None:
        ask.desk.sessions.end(ask.session)
    secret = ask.desk.sessions.begin(name, role, password)
    cookies: dict[str, str | None] = {session_cookie(ask.request): secret}
    chosen = language_of(user.language) if user else None
    if chosen and "edge_hub_language" not in ask.request.cookies:
        cookies["edge_hub_language"] = chosen
    return Go(back, cookies)
