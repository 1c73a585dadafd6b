"""The gates as the hub knows them now: what each last said of itself, and what to make of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from feed.messages import (
    Fault,
    GateState,
    MessageError,
    ReaderSummary,
    decode_state,
)
from hub.monitor.orders import Ordered, ordered
from hub.plans import Pin, pins
from hub.store.schema import LASTING, gate_states, gates, offline, sites

BEHIND_S = 600.0  # a record that waits longer than this for the hub is worth a look
SILENT_S = 150.0  # hub.config.MonitorTable tells why


class Status(StrEnum):
    """A gate at a glance, the worst first."""

    FIRE = "fire"
    OFFLINE = "offline"
    FAULT = "fault"
    BEHIND = "behind"
    UNHEARD = "unheard"
    WELL = "well"


URGENCY = {status: number for number, status in enumerate(Status)}


@dataclass(frozen=True, slots=True, kw_only=True)
class GateNow:
    """A gate as the hub knows it. Times in milliseconds since 1970, None where nothing is known.

    `name` is what people call it, else `gate`. `online` is what was put down, `status` also counts
    its silence until now. `offline_since_ms` stands while it lasts; `since_ms`: when it connected.
    `oldest_unconfirmed_ms` is when the oldest record was written that has no receipt yet.
    """

    id: int
    site_id: int
    park: str
    site: str
    site_name: str | None
    gate: str
    name: str
    registered: bool
    online: bool
    status: Status
    heard_ms: int | None = None
    offline_since_ms: int | None = None
    since_ms: int | None = None
    version: str | None = None
    phase: str | None = None
    door: str | None = None
    lock: str | None = None
    fire: bool = False
    closed: bool = False  # nobody is let in, out of its hours or by order
    order: Ordered | None = None
    granted: int | None = None  # since its daemon started
    denied: int | None = None
    seq: int | None = None
    confirmed: int | None = None
    oldest_unconfirmed_ms: int | None = None
    faults: tuple[Fault, ...] = ()
    readers: tuple[ReaderSummary, ...] = ()
    pin: Pin | None = None  # on the site's plan

    @property
    def unconfirmed(self) -> int | None:
        if self.seq is None or self.confirmed is None:
            return None
        return max(self.seq - self.confirmed, 0)


@dataclass(slots=True)
class Gates:
    """Reads them one time after the other; what is the same as before is not decoded again.

    A gate silent for `silent_s` is offline. Used by one thread at a time.
    """

    silent_s: float = SILENT_S
    _decoded: dict[int, tuple[str, dict[str, Any]]] = field(default_factory=dict)

    def now(
        self,
        connection: Connection,
        now_ms: int,
        *,
        park: str | None = None,
        gate: int | None = None,
    ) -> list[GateNow]:
        """Every gate that is registered or was heard, in order of names: all, a park's, or one."""
        query = (
            select(
                gates.c.id, gates.c.site.label("site_id"), sites.c.park, sites.c.site,
                sites.c.name.label("site_name"), gates.c.gate, gates.c.name, gates.c.registered,
                gate_states.c.online, gate_states.c.heard_ms, gate_states.c.state,
            )
            .join(sites, gates.c.site == sites.c.id)
            .join(gate_states, gate_states.c.gate == gates.c.id, isouter=True)
            .order_by(sites.c.park, sites.c.site, gates.c.gate)
        )  # fmt: skip
        if park is not None:
            query = query.where(sites.c.park == park)
        if gate is not None:
            query = query.where(gates.c.id == gate)
        lasting = connection.execute(select(offline.c.gate, offline.c.from_ms).where(LASTING))
        away = dict(lasting.tuples().all())
        pinned = pins(connection)
        return [
            self._gate(row, now_ms, away.get(row.id), pinned.get(row.id))
            for row in connection.execute(query)
        ]

    def _gate(self, row: Any, now_ms: int, away_ms: int | None, pin: Pin | None) -> GateNow:
        known: dict[str, Any] = {
            "id": row.id, "site_id": row.site_id, "park": row.park, "site": row.site,
            "site_name": row.site_name, "gate": row.gate, "name": row.name or row.gate,
            "registered": row.registered, "online": bool(row.online), "pin": pin,
        }  # fmt: skip
        if row.state is None:
            return GateNow(**known, status=Status.UNHEARD)
        told = self._told(row.id, row.state)
        silent = now_ms - row.heard_ms > self.silent_s * 1000
        there = bool(row.online) and not silent
        return GateNow(
            **known, **told, status=_status(told, now_ms) if there else Status.OFFLINE,
            heard_ms=row.heard_ms, offline_since_ms=away_ms,
        )  # fmt: skip

    def _told(self, gate: int, text: str) -> dict[str, Any]:
        before, told = self._decoded.get(gate, ("", {}))
        if before != text:
            told = _fields(_state(text))
            self._decoded[gate] = (text, told)
        return told


def gates_now(connection: Connection, now_ms: int, *, park: str | None = None) -> list[GateNow]:
    """For those who look once."""
    return Gates().now(connection, now_ms, park=park)


def fault_line(one: Fault) -> str:
    """A fault by its stable names."""
    return " ".join(part for part in (one.device, one.reader, one.cause) if part)


def _fields(said: GateState) -> dict[str, Any]:
    """What a state tells, by the names of GateNow."""
    told: dict[str, Any] = {"since_ms": _ms(said.since), "version": said.version}
    if (summary := said.gate) is not None:
        told |= {
            "phase": summary.phase or None, "door": summary.door, "lock": summary.lock,
            "fire": summary.fire, "closed": bool(summary.closed), "order": ordered(summary.order),
            "granted": summary.granted, "denied": summary.denied, "faults": summary.faults,
            "readers": summary.readers,
        }  # fmt: skip
    if (records := said.records) is not None:
        told |= {
            "seq": records.seq, "confirmed": records.confirmed,
            "oldest_unconfirmed_ms": _ms(records.oldest_unconfirmed_at),
        }  # fmt: skip
    return told


def _status(told: Mapping[str, Any], now_ms: int) -> Status:
    """Of a gate that is there."""
    if told.get("fire"):
        return Status.FIRE
    if told.get("faults"):
        return Status.FAULT
    oldest_ms = told.get("oldest_unconfirmed_ms")
    if oldest_ms is not None and now_ms - oldest_ms > BEHIND_S * 1000:
        return Status.BEHIND
    return Status.WELL


def _state(text: str) -> GateState:
    # only what is a state is put down; one of another form is a gate that said nothing more
    try:
        return decode_state(text.encode())
    except MessageError:
        return GateState(status="offline")


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
