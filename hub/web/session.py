"""Who is logged in: sessions, one-time log-ins, and forms that can't be forged.

Everything is in memory and bounded: a restart logs everybody out. Of a session's id, of one-time
log-ins and of API tokens only the SHA-256 is kept.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

_ID_BYTES = 32
_MOST_SESSIONS = 10_000
_MOST_ONCE = 100

Clock = Callable[[], float]  # monotonic seconds


@dataclass(frozen=True, slots=True)
class Session:
    """Someone who is logged in. `password` is the stored hash at the log-in: where it has changed
    since, or the role, the session is over. None for a one-time log-in.
    """

    key: str  # SHA-256 of the id in the cookie
    name: str
    role: str
    password: str | None
    csrf: bytes = field(repr=False)
    until_s: float


class Sessions:
    """Server-side sessions. May be used from several threads."""

    def __init__(self, *, lifetime_s: float, clock: Clock = time.monotonic) -> None:
        self._lifetime_s = lifetime_s
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._once: OrderedDict[str, tuple[str, str, float]] = OrderedDict()

    def begin(self, name: str, role: str, password: str | None) -> str:
        """A new session; its id, for the cookie alone."""
        secret = secrets.token_urlsafe(_ID_BYTES)
        session = Session(
            _digest(secret), name, role, password,
            csrf=secrets.token_bytes(_ID_BYTES), until_s=self._clock() + self._lifetime_s,
        )  # fmt: skip
        with self._lock:
            self._sessions[session.key] = session
            while len(self._sessions) > _MOST_SESSIONS:
                self._sessions.popitem(last=False)
        return secret

    def find(self, secret: str | None) -> Session | None:
        """The session of an id, while it lasts."""
        if not secret:
            return None
        key = _digest(secret)
        with self._lock:
            session = self._sessions.get(key)
            if session is not None and session.until_s <= self._clock():
                del self._sessions[key]
                return None
        return session

    def lasts(self, session: Session) -> bool:
        """Whether it is still there."""
        with self._lock:
            return session.key in self._sessions and session.until_s > self._clock()

    def end(self, session: Session) -> None:
        with self._lock:
            self._sessions.pop(session.key, None)

    def once(self, name: str, role: str, *, lasts_s: float = 900.0) -> str:
        """A log-in that works once, without a password."""
        secret = secrets.token_urlsafe(_ID_BYTES)
        with self._lock:
            self._once[_digest(secret)] = (name, role, self._clock() + lasts_s)
            while len(self._once) > _MOST_ONCE:
                self._once.popitem(last=False)
        return secret

    def take_once(self, secret: str) -> tuple[str, str] | None:
        """Name and role of a one-time log-in, which is used up by this."""
        with self._lock:
            name, role, until_s = self._once.pop(_digest(secret), ("", "", 0.0))
        return (name, role) if until_s > self._clock() else None


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
