"""Those who log in to the pages: hub.users, a bounded number of passwords at once."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, select

from hub.store.schema import users as table
from hub.users import by_password

_AT_ONCE = 2  # each takes 32 MiB


@dataclass(frozen=True, slots=True)
class Account:
    """A user; `password` is the stored hash: a session ends when it changes."""

    name: str
    role: str
    password: str = field(repr=False)
    language: str | None = None


def find_account(connection: Connection, name: str) -> Account | None:
    """The user of that name."""
    row = connection.execute(
        select(table.c.name, table.c.role, table.c.password, table.c.language).where(
            table.c.name == name
        )
    ).first()
    return None if row is None else Account(row.name, row.role, row.password, row.language)


class Passwords:
    """Checks passwords. May be used from several threads."""

    def __init__(self) -> None:
        self._gate = threading.BoundedSemaphore(_AT_ONCE)

    def check(self, engine: Engine, name: str, password: str) -> Account | None:
        """The account, where the password is its; as slow for a name that nobody has."""
        with self._gate, engine.connect() as connection:
            user = by_password(connection, name, password)
            return None if user is None else find_account(connection, user.name)
