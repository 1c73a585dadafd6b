"""Who is logged in: sessions in the store, one-time log-ins, and forms that can't be forged.

Hubs over one store share the sessions, and a restart ends none. Of a session's id, which stands in
the cookie alone, only the SHA-256 is kept; what binds forms to a session follows from the id.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import logging
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from hub.clock import now_ms
from hub.store.engine import writing
from hub.store.schema import sessions, users

log = logging.getLogger(__name__)

_ID_BYTES = 32
_MOST_OF_ONE = 200  # sessions of one name: walls of screens that share a viewer, and no more
_MOST_ONCE = 100
_TOUCHES = 12  # a session in use is written this many times at most in the time it may be idle


@dataclass(frozen=True, slots=True)
class Session:
    """Someone who is logged in."""

    key: str  # SHA-256 of the id in the cookie
    name: str
    role: str
    until_ms: int
    csrf: bytes = field(default=b"", repr=False)


class Sessions:
    """Sessions of a store, until `lifetime_s` or while they are not idle for `idle_s`.

    May be used from several threads. Raises SQLAlchemyError where the store can't be used.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        lifetime_s: float,
        idle_s: float,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._engine = engine
        self._lifetime_ms = int(lifetime_s * 1000)
        self._idle_ms = int(idle_s * 1000)
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._once: OrderedDict[str, tuple[str, str, int]] = OrderedDict()

    def begin(self, name: str, role: str, password: str | None) -> str:
        """A new session; its id, for the cookie alone. `password` is the stored hash: where that
        changes, or the role, the session is over. None for a one-time log-in.
        """
        secret = secrets.token_urlsafe(_ID_BYTES)
        now_ms = self._now_ms()
        with writing(self._engine) as connection:
            self._clear(connection, name, now_ms)
            connection.execute(
                insert(sessions).values(
                    digest=_digest(secret), name=name, role=role,
                    password_digest=None if password is None else _digest(password),
                    begun_ms=now_ms, seen_ms=now_ms, until_ms=now_ms + self._lifetime_ms,
                )
            )  # fmt: skip
        return secret

    def find(self, secret: str | None) -> Session | None:
        """The session of an id, while it lasts. That it is used is noted, now and then."""
        if not secret:
            return None
        found = self._read([_digest(secret)])
        return replace(found[0], csrf=bound_to(secret)) if found else None

    def lasting(self, keys: Collection[str]) -> frozenset[str]:
        """Which of these sessions last, in one question. Counts as a use: a screen that only looks
        on uses its session.
        """
        found = self._read(keys)
        return frozenset(one.key for one in found)

    def end(self, session: Session) -> None:
        """At the log-out."""
        self._end([session.key])

    def once(self, name: str, role: str, *, lasts_s: float = 900.0) -> str:
        """A log-in at this hub that works once, without a password. It ends with the process."""
        secret = secrets.token_urlsafe(_ID_BYTES)
        with self._lock:
            until_ms = self._now_ms() + int(lasts_s * 1000)
            self._once[_digest(secret)] = (name, role, until_ms)
            while len(self._once) > _MOST_ONCE:
                self._once.popitem(last=False)
        return secret

    def take_once(self, secret: str) -> tuple[str, str] | None:
        """Name and role of a one-time log-in, which is used up by this."""
        with self._lock:
            name, role, until_ms = self._once.pop(_digest(secret), ("", "", 0))
        return (name, role) if until_ms > self._now_ms() else None

    # --- the store ----------------------------------------------------------------------------

    def _read(self, keys: Collection[str]) -> list[Session]:
        query = (
            select(
                sessions, users.c.role.label("role_now"), users.c.password.label("password_now")
            )
            .join(users, users.c.name == sessions.c.name, isouter=True)
            .where(sessions.c.digest.in_(keys))
        )  # fmt: skip
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        now_ms = self._now_ms()
        rows = [
            row for row in rows if row.until_ms > now_ms and row.seen_ms + self._idle_ms > now_ms
        ]
        if over := [row.digest for row in rows if not _same_user(row)]:
            self._end(over)
        lasting = [row for row in rows if row.digest not in over]
        often_ms = self._idle_ms // _TOUCHES
        if used := [row.digest for row in lasting if now_ms - row.seen_ms >= often_ms]:
            self._touch(used, now_ms)
        return [Session(row.digest, row.name, row.role, row.until_ms) for row in lasting]

    def _touch(self, keys: Collection[str], now_ms: int) -> None:
        try:
            with writing(self._engine) as connection:
                connection.execute(
                    update(sessions).where(sessions.c.digest.in_(keys)).values(seen_ms=now_ms)
                )
        except SQLAlchemyError as error:
            # the page can be shown all the same: the next one tries again
            log.warning("a session's use was not noted: %s", str(error).partition("\n")[0])

    def _clear(self, connection: Connection, name: str, now_ms: int) -> None:
        """Take out what is over, and of one name the oldest beyond the bound."""
        idle = sessions.c.seen_ms <= now_ms - self._idle_ms
        connection.execute(delete(sessions).where(or_(sessions.c.until_ms <= now_ms, idle)))
        own = select(sessions.c.digest).where(sessions.c.name == name)
        newest = own.order_by(sessions.c.begun_ms.desc()).limit(_MOST_OF_ONE - 1).subquery()
        connection.execute(
            delete(sessions).where(
                sessions.c.name == name, sessions.c.digest.not_in(select(newest.c.digest))
            )
        )

    def _end(self, keys: Collection[str]) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(sessions).where(sessions.c.digest.in_(keys)))


def _same_user(row: Any) -> bool:
    """Whether role and password are those of the log-in. A one-time log-in is no user's."""
    return row.password_digest is None or (
        row.role_now == row.role
        and hmac.compare_digest(row.password_digest, _digest(row.password_now))
    )


def bound_to(secret: str) -> bytes:
    """What forms are bound to a cookie with: whoever lacks the cookie can't make it."""
    return hmac.digest(secret.encode(errors="surrogatepass"), b"forms", "sha256")


def masked(csrf: bytes) -> str:
    """The form's token, another text each time: compression then tells nothing (BREACH)."""
    pad = secrets.token_bytes(len(csrf))
    return base64.urlsafe_b64encode(pad + _xor(pad, csrf)).decode()


def matches(csrf: bytes, text: str) -> bool:
    """Whether a form's token is the session's; in constant time."""
    try:
        raw = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
    except ValueError:
        return False
    if len(raw) != 2 * len(csrf):
        return False
    return hmac.compare_digest(_xor(raw[: len(csrf)], raw[len(csrf) :]), csrf)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))
