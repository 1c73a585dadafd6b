"""Those who may ask the hub: names, roles, passwords, and tokens for programs."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, delete, func, insert, select, update

from hub.roles import Role
from hub.store.schema import api_tokens, sessions, users

SHORTEST_PASSWORD = 12  # characters; NIST SP 800-63B-4 asks for 15 where nothing else is asked
LONGEST_PASSWORD = 200
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
# RFC 9106, second recommended option, halved in memory for a hub on a small machine:
# 32 MiB, 3 passes, 4 lanes
_HASHER = PasswordHasher(time_cost=3, memory_cost=32_768, parallelism=4)
_PREFIX = "eh_"  # so that a token that is lost shows in a search for secrets


class UserError(ValueError):
    """A user that can't be made or found. One line."""


@dataclass(frozen=True, slots=True)
class User:
    """Someone known."""

    name: str
    role: Role
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A user in a list: nothing of the password or the tokens but how many there are."""

    name: str
    role: str
    made_ms: int
    tokens: int


def add(connection: Connection, name: str, role: Role, *, password: str | None, at_ms: int) -> None:
    """A new user; without a password one that only tokens can speak for. Raises UserError."""
    if not _NAME.fullmatch(name):
        raise UserError(f"'{name[:64]}' is no user name: a-z, 0-9, '.', '_' and '-', at most 64")
    if connection.execute(select(users.c.name).where(users.c.name == name)).first() is not None:
        raise UserError(f"{name} is there already")
    kept = "" if password is None else hashed(password)
    connection.execute(insert(users).values(name=name, role=role, password=kept, made_ms=at_ms))


def hashed(password: str) -> str:
    """Argon2id in its own encoded form. Raises UserError for one that is too short."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise UserError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return _HASHER.hash(password)


def set_password(connection: Connection, name: str, password: str) -> None:
    """Another password; every token and session of the user ends. Raises UserError."""
    done = connection.execute(
        update(users).where(users.c.name == name).values(password=hashed(password))
    )
    if done.rowcount == 0:
        raise UserError(f"there is no user {name}")
    _end_all(connection, name)


def remove(connection: Connection, name: str) -> None:
    """Take a user out, with all tokens and sessions. Raises UserError."""
    _end_all(connection, name)
    if connection.execute(delete(users).where(users.c.name == name)).rowcount == 0:
        raise UserError(f"there is no user {name}")


def listed(connection: Connection) -> list[Listed]:
    """Every user, by name."""
    query = (
        select(users.c.name, users.c.role, users.c.made_ms, func.count(api_tokens.c.digest))
        .join(api_tokens, api_tokens.c.name == users.c.name, isouter=True)
        .group_by(users.c.name, users.c.role, users.c.made_ms)
        .order_by(users.c.name)
    )
    return [Listed(*row) for row in connection.execute(query)]


def by_password(connection: Connection, name: str, password: str) -> User | None:
    """The user of this name and password. Takes as long for a name that nobody has."""
    row = connection.execute(
        select(users.c.name, users.c.role, users.c.language, users.c.password).where(
            users.c.name == name
        )
    ).first()
    kept = row.password if row is not None and row.password else _nobodys()
    try:
        _HASHER.verify(kept, password[: LONGEST_PASSWORD + 1])
    except (VerificationError, InvalidHashError):
        return None
    if row is None or not row.password:
        return None
    return User(row.name, Role(row.role), row.language)


def make_token(
    connection: Connection, name: str, *, purpose: str, at_ms: int, until_ms: int | None
) -> str:
    """A new token of the user, told this once: only its hash is kept. Raises UserError."""
    if connection.execute(select(users.c.name).where(users.c.name == name)).first() is None:
        raise UserError(f"there is no user {name}")
    connection.execute(delete(api_tokens).where(api_tokens.c.until_ms < at_ms))
    secret = _PREFIX + secrets.token_urlsafe(32)
    connection.execute(
        insert(api_tokens).values(
            digest=_digest(secret), name=name, purpose=purpose, made_ms=at_ms, until_ms=until_ms
        )
    )
    return secret


def by_token(connection: Connection, secret: str, *, at_ms: int) -> User | None:
    """The user whom a token speaks for."""
    row = connection.execute(
        select(users.c.name, users.c.role, users.c.language, api_tokens.c.until_ms)
        .join(api_tokens, api_tokens.c.name == users.c.name)
        # 256 random bits: a plain hash can't be searched, and equal hashes are looked up
        .where(api_tokens.c.digest == _digest(secret))
    ).first()
    if row is None or (row.until_ms is not None and row.until_ms <= at_ms):
        return None
    return User(row.name, Role(row.role), row.language)


def revoke(connection: Connection, secret: str) -> None:
    """Take one token back."""
    connection.execute(delete(api_tokens).where(api_tokens.c.digest == _digest(secret)))


def _end_all(connection: Connection, name: str) -> None:
    for table in (api_tokens, sessions):
        connection.execute(delete(table).where(table.c.name == name))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@cache
def _nobodys() -> str:
    return _HASHER.hash(secrets.token_urlsafe(32))
