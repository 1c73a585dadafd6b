"""Users and their passwords: Argon2id (RFC 9106), the same time for names that don't exist."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, select

from hub.store.schema import users

_AT_ONCE = 2  # each takes 64 MiB
_LONGEST_PASSWORD = 1_000  # characters


@dataclass(frozen=True, slots=True)
class User:
    """A user; `password` is the stored hash."""

    name: str
    role: str
    password: str = field(repr=False)
    language: str | None = None


def find_user(connection: Connection, name: str) -> User | None:
    """The user of that name."""
    row = connection.execute(
        select(users.c.name, users.c.role, users.c.password, users.c.language).where(
            users.c.name == name
        )
    ).first()
    return None if row is None else User(row.name, row.role, row.password, row.language)


class Passwords:
    """Checks passwords, a bounded number at once. May be used from several threads."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        # nobody's: what an unknown name is checked against
        self._nobodys = self._hasher.hash(secrets.token_urlsafe(32))
        self._gate = threading.BoundedSemaphore(_AT_ONCE)

    def hash(self, password: str) -> str:
        return self._hasher.hash(password)

    def fits(self, user: User | None, password: str) -> bool:
        """Whether it is the user's; as slow for nobody."""
        stored = self._nobodys if user is None else user.password
        with self._gate:
            try:
                self._hasher.verify(stored, password[:_LONGEST_PASSWORD])
            except (VerificationError, InvalidHashError):
                return False
        return user is not None
