"""Close gates for entry, and open them again: who ordered it is written down before it is asked
of the gates, and what they answered after.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, Engine

from feed.codec import format_time
from feed.messages import CloseReason, Command, Reply
from feed.record import Detail
from feed.topics import GateTopics, TopicError
from hub import audit
from hub.asking import Ask
from hub.clock import now_ms
from hub.monitor.gates import GateNow, gates_now
from hub.store.engine import writing

LONGEST_NAME = 100  # of who ordered it, as gates take it


class ClosingError(Exception):
    """No such place. One line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """`close` gates, for a `reason` and perhaps `until` a time, or `reopen` them."""

    command: Literal["close", "reopen"]
    reason: CloseReason | None = None
    until: datetime | None = None

    def args(self, by: str) -> dict[str, Detail]:
        """As gates take it."""
        told: dict[str, Detail] = {"by": by[:LONGEST_NAME]}
        if self.reason is not None:
            told["reason"] = str(self.reason)
        if self.until is not None:
            told["until"] = format_time(self.until)
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one gate said. `closed` is whether nobody is let in there now, by order or by hours;
    None where it is not known: no reply came, or one that tells of a fault.
    """

    park: str
    site: str
    gate: str
    answered: bool
    done: bool
    closed: bool | None = None
    error: str | None = None
    offline_since_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Orderer:
    """Who orders it: `who` for the audit log, `name` for the gates, and why in their own words."""

    who: str
    role: str
    name: str
    purpose: str = ""


def gates_at(connection: Connection, text: str) -> list[GateNow]:
    """The gates of PARK/SITE, or the one of PARK/SITE/GATE. Raises ClosingError."""
    park, *rest = text.split("/")
    if not 1 <= len(rest) <= 2:
        raise ClosingError(f"{text}: give PARK/SITE, or PARK/SITE/GATE")
    found = [
        one
        for one in gates_now(connection, now_ms(), park=park)
        if one.site == rest[0] and rest[1:] in ([], [one.gate])
    ]
    if not found:
        raise ClosingError(f"{text}: no such gate is registered or was heard")
    return found


def order(
    engine: Engine,
    ask: Ask,
    gates: Sequence[GateNow],
    wish: Wish,
    by: Orderer,
    *,
    at_ms: int,
) -> list[Outcome]:
    """Ask it of the gates. Raises AskError, ConfigError, ClosingError, SQLAlchemyError; then
    nothing is known of what they did.
    """
    try:
        places = {GateTopics(one.park, one.site, one.gate): one for one in gates}
    except TopicError as error:
        raise ClosingError(str(error)) from error
    commands = {
        place: Command(
            id=f"hub-{secrets.token_hex(8)}", command=wish.command, args=wish.args(by.name)
        )
        for place in places
    }
    _note(engine, by, wish, {_name(place): one.id for place, one in commands.items()}, {}, at_ms)
    replies = ask(commands, [place for place, one in places.items() if not one.online])
    outcomes = [_outcome(one, replies.get(place)) for place, one in places.items()]
    told = {f"{one.park}/{one.site}/{one.gate}": _told(one) for one in outcomes}
    _note(engine, by, wish, {}, told, at_ms)
    return outcomes


def _outcome(gate: GateNow, reply: Reply | None) -> Outcome:
    closed = None if reply is None else (reply.result or {}).get("closed")
    return Outcome(
        park=gate.park,
        site=gate.site,
        gate=gate.gate,
        answered=reply is not None,
        done=reply is not None and reply.ok,
        closed=closed if isinstance(closed, bool) else None,
        error=None if reply is None else reply.error,
        offline_since_ms=gate.offline_since_ms if reply is None and not gate.online else None,
    )


def _told(one: Outcome) -> str:
    if not one.answered:
        return "no answer"
    return "done" if one.done else one.error or "refused"


def _name(place: GateTopics) -> str:
    return f"{place.park}/{place.site}/{place.gate}"


def _note(
    engine: Engine,
    by: Orderer,
    wish: Wish,
    commands: dict[str, str],
    seen: dict[str, str],
    at_ms: int,
) -> None:
    asked = wish.args(by.name) | ({"gates": commands} if commands else {})
    with writing(engine) as connection:
        audit.write(
            connection, who=by.who, role=by.role, action=f"gate {wish.command}",
            purpose=by.purpose, asked=asked, seen=seen, at_ms=at_ms,
        )  # fmt: skip
