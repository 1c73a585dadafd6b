"""A trace from question to answer, with its line in the audit: for the command and over HTTP.

A credential is turned into tokens with the park's key and forgotten: neither the audit nor an
answer holds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine

from hub import audit
from hub.roles import Role
from hub.trace import lookup, output, questions, whom
from hub.trace.answers import Contacts, Period, Presence, Visits, Who
from hub.trace.lookup import UnknownError
from hub.trace.output import Sheet

_MOST_SEEN = 5_000  # ids in a line of the audit

Answer = Visits | Contacts | Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Of someone (tokens, credentials, holders of `park`): `visits`, or else contacts; of nobody:
    who was at `site`.
    """

    period: Period
    tokens: tuple[str, ...] = ()
    credentials: tuple[str, ...] = ()
    holders: tuple[str, ...] = ()
    park: str | None = None
    site: str | None = None
    gate: str | None = None
    visits: bool = False
    hops: int = 1
    min_minutes: float = 0.0
    same_gate_minutes: float | None = None
    limit: int = questions.MOST_CONTACTS

    @property
    def of_someone(self) -> bool:
        return bool(self.tokens or self.credentials or self.holders)


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, in which role, and why."""

    who: str
    role: Role
    purpose: str


def ask(engine: Engine, question: Question, asker: Asker, key_file: Path | None) -> Answer:
    """The answer. Its line in the audit is committed first; a question without an answer leaves
    one too, since it may have been asked to see who is known.

    Raises UnknownError, identity.keys.KeyFileError, sqlalchemy.exc.DBAPIError.
    """
    try:
        with engine.connect() as connection:
            found = _answer(connection, question, key_file)
    except UnknownError:
        _note(engine, question, asker, (), {"found": False})
        raise
    if isinstance(found, Presence):
        named: tuple[Who, ...] = ()
        seen = [one.who.id for one in found.people]
    elif isinstance(found, Contacts):
        named, seen = found.asked, [one.who.id for one in found.contacts]
    else:
        named, seen = found.asked, [one.id for one in found.asked]
    _note(engine, question, asker, named, {"people": len(seen), "ids": seen[:_MOST_SEEN]})
    return found


def sheet_of(answer: Answer, clock: Callable[[int], str]) -> Sheet:
    """The answer as a table; `clock` writes a time (ms since 1970) for people."""
    if isinstance(answer, Presence):
        return output.presence_sheet(answer, clock)
    if isinstance(answer, Contacts):
        return output.contacts_sheet(answer, clock)
    return output.visits_sheet(answer, clock)


def json_of(answer: Answer) -> dict[str, Any]:
    """The answer for programs (docs/reference/trace.md)."""
    if isinstance(answer, Presence):
        return output.presence_json(answer)
    if isinstance(answer, Contacts):
        return output.contacts_json(answer)
    return output.visits_json(answer)


def _answer(connection: Connection, asked: Question, key_file: Path | None) -> Answer:
    place = lookup.place(connection, asked.site) if asked.site else None
    gate = lookup.gate(connection, place, asked.gate) if place and asked.gate else None
    if not asked.of_someone:
        assert place is not None, "a question of nobody is of a site"
        return questions.at_place(connection, place, asked.period, gate=gate)
    who = _who(connection, asked, key_file)
    where = questions.Where(place, gate)
    if asked.visits:
        return questions.visits_of(connection, who, asked.period, where)
    return questions.contacts_of(
        connection,
        who,
        asked.period,
        where,
        hops=asked.hops,
        min_minutes=asked.min_minutes,
        same_gate_minutes=asked.same_gate_minutes,
        most=asked.limit,
    )


def _who(connection: Connection, asked: Question, key_file: Path | None) -> tuple[Who, ...]:
    found = [lookup.by_token(connection, one) for one in asked.tokens]
    for text in asked.credentials:
        found += whom.by_credential(connection, text, key_file)
    for holder in asked.holders:
        found += whom.by_holder(connection, holder, asked.park, key_file)
    return tuple({one.id: one for one in found}.values())


def _note(
    engine: Engine,
    question: Question,
    asker: Asker,
    named: tuple[Who, ...],
    seen: dict[str, Any],
) -> None:
    """Tokens in place of the credentials that were typed."""
    audit.write(
        engine,
        who=asker.who,
        role=asker.role,
        action="trace",
        purpose=asker.purpose,
        asked={
            "tokens": [one.token for one in named] or list(question.tokens),
            "credentials": len(question.credentials),
            "holders": list(question.holders),
            **output.period_json(question.period),
            "site": question.site,
            "gate": question.gate,
            "visits": question.visits,
            "hops": question.hops,
            "min_minutes": question.min_minutes,
            "same_gate_minutes": question.same_gate_minutes,
        },
        seen=seen,
    )
