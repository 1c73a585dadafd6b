"""What gates say of themselves, put down: the newest state of each, and when it was not heard.

A gate publishes its state at each change and at least once a minute; its last will says offline.
Both can fail: a broker that dies takes the last will along. So a gate that is silent for longer
than its interval counts as offline too, from when it was last heard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from feed.messages import GateState, MessageError, decode_state
from feed.topics import GateTopics
from hub.store.schema import gate_states, gates, offline, sites
from hub.store.sql import upsert

_AT_ONCE = 400


@dataclass(frozen=True, slots=True)
class Heard:
    """A state message. `retained` ones come at a subscription, and may be old."""

    place: GateTopics
    payload: bytes
    at_ms: int
    retained: bool


def note(
    connection: Connection, heard: Mapping[GateTopics, Heard], ids: Mapping[GateTopics, int]
) -> int:
    """Keep what was heard, in the caller's transaction; the number of messages that are no state.

    `ids` are the gates' keys (`gate_ids`).
    """
    unreadable = 0
    known = _known(connection, [ids[place] for place in heard])
    for place, one in heard.items():
        try:
            state = decode_state(one.payload)
        except MessageError:
            unreadable += 1
            continue
        gate = ids[place]
        before = known.get(gate)
        if state.status == "online":
            _online(connection, gate, one, state, before)
        else:
            _offline(connection, gate, one, state, before)
    return unreadable


def sweep(connection: Connection, *, now_ms: int, silent_ms: int) -> int:
    """Count the gates as offline that were not heard for `silent_ms`; how many fell silent now."""
    query = select(gate_states.c.gate, gate_states.c.heard_ms).where(
        gate_states.c.online, gate_states.c.heard_ms < now_ms - silent_ms
    )
    silent = connection.execute(query).all()
    for gate, heard_ms in silent:
        _begin_offline(connection, gate, heard_ms)
        connection.execute(
            update(gate_states).where(gate_states.c.gate == gate).values(online=False)
        )
    return len(silent)


def gate_ids(connection: Connection, places: Mapping[GateTopics, object]) -> dict[GateTopics, int]:
    """The keys of all gates; these are put down where they are new, as not registered."""
    query = select(gates.c.id, sites.c.park, sites.c.site, gates.c.gate).join(
        sites, gates.c.site == sites.c.id
    )
    known = {GateTopics(*names): number for number, *names in connection.execute(query)}
    fresh = [place for place in places if place not in known]
    if not fresh:
        return known
    rows = [{"park": one.park, "site": one.site, "registered": False} for one in fresh]
    unique = list({(row["park"], row["site"]): row for row in rows}.values())
    upsert(connection, sites, unique, key=("park", "site"), update=())
    by_name = {
        (park, site): number
        for number, park, site in connection.execute(select(sites.c.id, sites.c.park, sites.c.site))
    }
    upsert(
        connection,
        gates,
        [
            {"site": by_name[one.park, one.site], "gate": one.gate, "registered": False}
            for one in fresh
        ],
        key=("site", "gate"),
        update=(),
    )
    return {GateTopics(*names): number for number, *names in connection.execute(query)}


# --- one gate -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Known:
    heard_ms: int
    online: bool


def _known(connection: Connection, ids: Sequence[int]) -> dict[int, _Known]:
    found: dict[int, _Known] = {}
    for start in range(0, len(ids), _AT_ONCE):
        query = select(gate_states.c.gate, gate_states.c.heard_ms, gate_states.c.online).where(
            gate_states.c.gate.in_(ids[start : start + _AT_ONCE])
        )
        found |= {gate: _Known(*row) for gate, *row in connection.execute(query)}
    return found


def _online(
    connection: Connection, gate: int, one: Heard, state: GateState, before: _Known | None
) -> None:
    said_ms = _ms(state.at)
    heard_ms = one.at_ms
    if one.retained and said_ms is not None:
        # the broker kept it: the gate was there when it said so
        heard_ms = min(said_ms, one.at_ms)
    if before is not None and not before.online:
        since_ms = _within(_ms(state.since), before.heard_ms, one.at_ms) or one.at_ms
        connection.execute(
            update(offline)
            .where(offline.c.gate == gate, offline.c.to_ms.is_(None))
            .values(to_ms=since_ms)
        )
    if before is not None:
        heard_ms = max(heard_ms, before.heard_ms)
    _keep(connection, gate, heard_ms, one.payload, online=True)


def _offline(
    connection: Connection, gate: int, one: Heard, state: GateState, before: _Known | None
) -> None:
    last_ms = before.heard_ms if before is not None else one.at_ms
    if before is None or before.online:
        # a last will has no time: without one, and kept by the broker, it may be as old as the
        # last word of the gate
        since_ms = _within(_ms(state.since), last_ms, one.at_ms)
        if since_ms is None:
            since_ms = last_ms if one.retained else one.at_ms
        _begin_offline(connection, gate, since_ms)
    # that it is gone is no word of the gate's: heard_ms stays
    _keep(connection, gate, last_ms, one.payload, online=False)


def _begin_offline(connection: Connection, gate: int, from_ms: int) -> None:
    going_on = select(offline.c.gate).where(offline.c.gate == gate, offline.c.to_ms.is_(None))
    if connection.execute(going_on).first() is None:
        row = {"gate": gate, "from_ms": from_ms, "to_ms": None}
        upsert(connection, offline, [row], key=("gate", "from_ms"), update=("to_ms",))


def _keep(
    connection: Connection, gate: int, heard_ms: int, payload: bytes, *, online: bool
) -> None:
    # a last will says nothing of the gate: what it said last stays beside it
    text = payload.decode()
    values = {"heard_ms": heard_ms, "online": online}
    changed = values | ({"state": text} if online else {})
    done = connection.execute(
        update(gate_states).where(gate_states.c.gate == gate).values(**changed)
    )
    if done.rowcount == 0:
        connection.execute(insert(gate_states).values(gate=gate, state=text, **values))


def _within(at_ms: int | None, low_ms: int, high_ms: int) -> int | None:
    """A gate's own time, where it can be true: its clock may say 1970."""
    return at_ms if at_ms is not None and low_ms <= at_ms <= high_ms else None


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
