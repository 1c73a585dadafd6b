"""A park in a store: sites, gates, people, passages, filled as the follower would."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, func, insert, select

from hub.store.schema import gates, passages, people, roster, sites, streams, visits

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PARK = "kcn"


def ms(text: str, zone: ZoneInfo = ZONE) -> int:
    """A time as clocks in the zone show it: 2021-08-23 07:15."""
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


class Park:
    """Fills the tables."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._seqs = count(1)
        self._add(streams, id=1, stream="s", park=PARK, site="a", gate="g")

    def site(self, site: str, *, registered: bool = True, park: str = PARK, **more: Any) -> int:
        values = {"derived_stay_min": 16 * 60, **more}
        number = self._add(sites, park=park, site=site, registered=registered, **values)
        self._add(gates, site=number, gate="g1", registered=registered)
        return number

    def gate_of(self, site: int) -> int:
        with self.engine.connect() as connection:
            found = connection.scalar(select(gates.c.id).where(gates.c.site == site))
        return int(found or 0)

    def person(self, token: str, *, same_as: int = 0) -> int:
        return self._add(people, kid="k1", scope="park", token=token, same_as=same_as)

    def on_roster(self, holder: str, **more: Any) -> None:
        self._add(roster, park=more.pop("park", PARK), holder=holder, **more)

    def passage(self, site: int, at: str | int, **more: Any) -> None:
        denied = more.pop("denied", None)
        values = {
            "stream": 1,
            "seq": next(self._seqs),
            "at_ms": at if isinstance(at, int) else ms(at),
            "at_known": True,
            "gate": self.gate_of(site),
            "site": site,
            "direction": "in",
            "granted": denied is None,
            "reasons": denied or "code_accepted temperature_normal",
            "outcome": None if denied else "passed",
            "verdict": "normal",
        }
        self._add(passages, **values | more)

    def visit(self, site: int, person: int, begin: str, end: str, *, assumed: bool = False) -> None:
        gate = self.gate_of(site)
        self._add(
            visits, stream=1, seq=next(self._seqs), person=person, site=site, in_ms=ms(begin),
            out_ms=ms(end), in_gate=gate, out_gate=None if assumed else gate, assumed=assumed,
            at_known=True,
        )  # fmt: skip

    def _add(self, table: Any, **values: Any) -> int:
        with self.engine.begin() as connection:
            done = connection.execute(insert(table).values(**values))
            return int(done.inserted_primary_key[0]) if done.inserted_primary_key else 0


def size(engine: Engine, table: Any) -> int:
    with engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table)) or 0
