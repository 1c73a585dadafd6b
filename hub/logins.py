"""How many log-ins may fail, for the pages and the HTTP interface: counted in the store, so that
hubs over one store count together and a restart forgets nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, delete, insert, or_, select, text

from hub.clock import now_ms
from hub.store.engine import writing
from hub.store.schema import login_tries


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `most` failed tries within the window for this key: a name, an address, both."""

    key: str
    most: int

    @property
    def digest(self) -> str:
        """What is stored of the key: the table tells nobody's name or address."""
        return hashlib.sha256(self.key.encode(errors="surrogatepass")).hexdigest()


class LoginLimits:
    """May be used from several threads and processes. Every method raises SQLAlchemyError."""

    def __init__(
        self,
        engine: Engine,
        *,
        window_s: float = 300.0,
        now_ms: Callable[[], int] = now_ms,
    ) -> None:
        self._engine = engine
        self._window_ms = int(window_s * 1000)
        self._now_ms = now_ms

    def take(self, *limits: Limit) -> float:
        """Count a try, before it is looked at: tries at one time are tries too.

        How many seconds to wait instead; 0 where one may try.
        """
        now_ms = self._now_ms()
        with writing(self._engine) as connection:
            if connection.dialect.name == "postgresql":
                # SQLite has the lock already: nobody counts what another is about to add
                connection.execute(text("LOCK TABLE login_tries IN SHARE ROW EXCLUSIVE MODE"))
            at_ms = login_tries.c.at_ms
            # from the future: the clock was set back since
            past, future = now_ms - self._window_ms, now_ms + self._window_ms
            connection.execute(delete(login_tries).where(or_(at_ms <= past, at_ms > future)))
            wait_ms = max(self._wait_ms(connection, limit, now_ms) for limit in limits)
            if wait_ms <= 0:
                rows = [{"digest": limit.digest, "at_ms": now_ms} for limit in limits]
                connection.execute(insert(login_tries), rows)
        return max(wait_ms, 0) / 1000

    def succeeded(self, *limits: Limit) -> None:
        """Forget the tries that failed before."""
        digests = [limit.digest for limit in limits]
        with writing(self._engine) as connection:
            connection.execute(delete(login_tries).where(login_tries.c.digest.in_(digests)))

    def _wait_ms(self, connection: Connection, limit: Limit, now_ms: int) -> int:
        last = connection.scalars(
            select(login_tries.c.at_ms)
            .where(login_tries.c.digest == limit.digest)
            .order_by(login_tries.c.at_ms.desc())
            .limit(limit.most)
        ).all()
        return last[-1] + self._window_ms - now_ms if len(last) == limit.most else 0
