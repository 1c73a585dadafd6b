"""The tracer's pages: ask, look, narrow, export. Every question has a purpose and is logged.

A credential is turned into its token with the park's key and forgotten: neither the store nor a
log nor a kept answer holds it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

from sqlalchemy import Connection, select

from hub.registry.credentials import canonicals
from hub.registry.values import ValueFaultError
from hub.sheets import Value, write_csv, write_xlsx
from hub.store.schema import roster
from hub.trace import lookup, questions
from hub.trace.answers import (
    Attendance,
    Completeness,
    Contact,
    Contacts,
    Period,
    Place,
    Presence,
    Visits,
    Who,
)
from hub.trace.lookup import UnknownError
from hub.web.answers import Kept
from hub.web.charts import Edge, Node
from hub.web.kit import Ask, Download, Go, RefusedError, View, as_json
from hub.web.logbook import purpose_of, write
from hub.web.managing import CSV, JSON, XLSX
from hub.web.pages import site_choices

Kind = Literal["token", "credential", "holder", "place"]
KINDS: tuple[Kind, ...] = ("token", "credential", "holder", "place")
_DAY_MS = 86_400_000
_MOST_HOPS = 3
_MOST_MINUTES = 10_080  # a week
_MOST_DAYS = 366
_MOST_NODES = 60
_SHOWN = 500
_LOGGED = 200  # people whose tokens stand in the audit log, in short


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What was asked, without any credential: `value` is a token, a holder's id or empty."""

    kind: Kind
    value: str
    from_ms: int
    to_ms: int
    site: str | None  # park/site
    hops: int
    min_minutes: float
    same_gate_minutes: float | None
    purpose: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was found: of a person visits and contacts, of a place who was there."""

    question: Question
    visits: Visits | None = None
    contacts: Contacts | None = None
    presence: Presence | None = None

    @property
    def completeness(self) -> Completeness:
        """Of the part that reaches furthest."""
        found = self.presence or self.contacts or self.visits
        assert found is not None, "a question has an answer"
        return found.completeness


def form(ask: Ask) -> View:
    """The question, empty or begun by the address."""
    now_ms = ask.desk.now_ms()
    kind = ask.query("kind")
    fields = {
        "kind": kind if kind in KINDS else "token",
        "value": ask.query("value"),
        "from": ask.forms.written(now_ms - 14 * _DAY_MS),
        "to": ask.forms.written(now_ms),
        "site": ask.query("site"), "hops": "1", "min_minutes": "", "same_gate_minutes": "",
        "purpose": "",
    }  # fmt: skip
    return _form(ask, fields)


def ask(ask: Ask) -> View | Go:
    """Put the question; its answer stands at an address of its own, for the one who asked."""
    names = ("kind", "from", "to", "site", "hops", "min_minutes", "same_gate_minutes", "purpose")
    fields = {name: ask.text(name) for name in names}
    value = ask.text("value")
    # a credential is not shown again either
    fields["value"] = "" if fields["kind"] == "credential" else value
    purpose = purpose_of(fields["purpose"])
    if purpose is None:
        return _form(ask, fields, ask.say("error.purpose"), HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        question = _question(ask, fields, purpose)
    except (ValueError, OverflowError):
        return _form(ask, fields, ask.say("trace.bad_form"), HTTPStatus.UNPROCESSABLE_ENTITY)
    error, found = "", None
    with ask.desk.engine.connect() as connection:
        try:
            found = _answered(ask, connection, question, value)
        except ValueFaultError as fault:
            told = (fault.what.told(ask.language), fault.mend.told(ask.language))
            error = ask.say("error.question", what="; ".join(told))
        except UnknownError as unknown:
            error = ask.say("error.question", what=str(unknown))
    if found is None:
        # a question without an answer was asked all the same
        asked = asdict(question) | {"value": fields["value"]}
        del asked["purpose"]
        write(ask, "trace", purpose=purpose, asked=asked, seen={"found": False})
        return _form(ask, fields, error, HTTPStatus.UNPROCESSABLE_ENTITY)
    asked = asdict(found.question)
    del asked["purpose"]
    # committed before anything is shown
    write(ask, "trace", purpose=purpose, asked=asked, seen=_seen(found))
    kept = Kept(ask.who.key, purpose, asked, found)
    return Go(f"/trace/answers/{ask.desk.answers.keep(kept)}")


def answer(ask: Ask) -> View:
    """An answer, as tables and as a graph."""
    kept = _kept(ask)
    found: Answer = kept.answer
    contacts = found.contacts.contacts if found.contacts else ()
    people = found.presence.people if found.presence else ()
    nodes, edges = _graph(ask, found)
    who = found.contacts.asked[0] if found.contacts else None
    with ask.desk.engine.connect() as connection:
        choices = site_choices(connection)
    return View(
        "answer.html", {"answer": _data(found)},
        {"found": found, "question": found.question, "who": who, "contacts": contacts[:_SHOWN],
         "contact_count": len(contacts), "people": people[:_SHOWN], "people_count": len(people),
         "lacks": _lacks(ask, found.completeness), "nodes": nodes, "edges": edges,
         "most_nodes": _MOST_NODES, "choices": choices,
         "name": ask.request.path_params["answer"], "most_hops": _MOST_HOPS},
    )  # fmt: skip


def export(ask: Ask) -> Download:
    """An answer as a file; that it was taken along is logged."""
    kept, ending = _kept(ask), ask.request.path_params["ending"]
    if ending not in {"csv", "xlsx", "json"}:
        raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found")
    found: Answer = kept.answer
    write(
        ask, "trace export", purpose=kept.purpose, asked=kept.asked | {"format": ending},
        seen=_seen(found),
    )  # fmt: skip
    name = f"trace.{ending}"
    if ending == "json":
        return Download(name, as_json(_data(found)), JSON)
    heading, rows = _rows(found)
    if ending == "csv":
        return Download(name, write_csv(heading, rows), CSV)
    lacks: list[list[Value]] = [[key, text] for key, text in _lacks(ask, found.completeness)]
    sheets: list[tuple[str, Sequence[str], Sequence[Sequence[Value]]]] = [
        ("contacts" if found.contacts else "people", heading, rows)
    ]
    if found.visits:
        sheets.append(("visits", *_visit_rows(found.visits)))
    sheets.append(("completeness", ["lacks", "text"], lacks))
    return Download(name, write_xlsx(sheets), XLSX)


# --- the question ---------------------------------------------------------------------------


def _form(
    ask: Ask,
    fields: Mapping[str, str],
    error: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> View:
    with ask.desk.engine.connect() as connection:
        choices = site_choices(connection)
    shown = {
        "fields": fields, "error": error, "kinds": KINDS, "choices": choices,
        "most_hops": _MOST_HOPS, "can_hash": ask.desk.tokeniser is not None,
    }  # fmt: skip
    return View("trace.html", {"kinds": KINDS, "error": error}, shown, status=status)


def _question(ask: Ask, fields: Mapping[str, str], purpose: str) -> Question:
    """What the form says. Raises ValueError."""
    kind = next((one for one in KINDS if one == fields["kind"]), None)
    from_ms, to_ms = (_moment_ms(ask, fields[name]) for name in ("from", "to"))
    hops = int(fields["hops"] or 1)
    if kind is None or not from_ms < to_ms <= from_ms + _MOST_DAYS * _DAY_MS:
        raise ValueError("kind or period")
    if not 1 <= hops <= _MOST_HOPS:
        raise ValueError("hops")
    return Question(
        kind=kind, value=fields["value"], from_ms=from_ms, to_ms=to_ms,
        site=fields["site"] or None, hops=hops,
        min_minutes=_minutes(fields["min_minutes"]) or 0.0,
        same_gate_minutes=_minutes(fields["same_gate_minutes"]), purpose=purpose,
    )  # fmt: skip


def _moment_ms(ask: Ask, text: str) -> int:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ask.desk.zone)
    return int(moment.timestamp() * 1000)


def _minutes(text: str) -> float | None:
    if not text:
        return None
    value = float(text.replace(",", "."))
    if not 0 <= value <= _MOST_MINUTES:
        raise ValueError("minutes")
    return value


def _answered(ask: Ask, connection: Connection, question: Question, value: str) -> Answer:
    """Raises UnknownError, ValueFaultError."""
    period = Period(question.from_ms, question.to_ms)
    place = lookup.place(connection, question.site) if question.site else None
    if question.kind == "place":
        if place is None:
            raise UnknownError(ask.say("trace.no_place"))
        return Answer(question=question, presence=questions.at_place(connection, place, period))
    who = _who(ask, connection, question, value)
    where = questions.Where(place)
    # what is kept and logged is the token, whatever was typed
    known = Question(**asdict(question) | {"value": who[0].token})
    return Answer(
        question=known,
        visits=questions.visits_of(connection, who, period, where),
        contacts=questions.contacts_of(
            connection, who, period, where, hops=question.hops,
            min_minutes=question.min_minutes, same_gate_minutes=question.same_gate_minutes,
        ),
    )  # fmt: skip


def _who(ask: Ask, connection: Connection, question: Question, value: str) -> tuple[Who, ...]:
    if not value:
        raise UnknownError(ask.say("trace.no_value"))
    if question.kind == "token":
        return (lookup.by_token(connection, value),)
    if question.kind == "holder":
        rows = connection.execute(
            select(roster.c.person).where(roster.c.holder == value, roster.c.person.is_not(None))
        ).scalars()
        found = lookup.by_ids(connection, list(rows))
        if not found:
            raise UnknownError(ask.say("trace.no_holder", holder=value[:60]))
        return found
    if ask.desk.tokeniser is None:
        raise UnknownError(ask.say("trace.no_key"))
    whos = []
    for identity in canonicals(value, park="", holder=""):
        token = ask.desk.tokeniser.token(identity)
        try:
            whos.append(lookup.by_token(connection, token.v))
        except UnknownError:
            # without the token: the page says that this person was not seen
            raise UnknownError(ask.say("trace.not_seen")) from None
    return tuple(whos)


# --- the answer -----------------------------------------------------------------------------


def _kept(ask: Ask) -> Kept:
    kept = ask.desk.answers.find(ask.request.path_params["answer"], ask.who.key)
    if kept is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found")
    return kept


def _data(found: Answer) -> dict[str, Any]:
    """The answer for programs; a meeting names people by their tokens, not whole each time."""
    contacts = found.contacts
    return {
        "question": found.question,
        "completeness": found.completeness,
        "visits": found.visits,
        "presence": found.presence,
        "contacts": contacts and {
            "asked": contacts.asked,
            "contacts": [
                {
                    "who": one.who, "hop": one.hop, "ms": one.ms, "from_ms": one.from_ms,
                    "to_ms": one.to_ms, "meetings": one.meetings, "assumed": one.assumed,
                    "places": list(_paths(one.places)), "via": [via.token for via in one.via],
                }
                for one in contacts.contacts
            ],
            "meetings": [
                {
                    "via": one.via.token, "who": one.who.token, "place": one.place.path,
                    "from_ms": one.from_ms, "to_ms": one.to_ms, "assumed": one.assumed,
                }
                for one in contacts.meetings
            ],
        },
    }  # fmt: skip


def _seen(found: Answer) -> dict[str, Any]:
    if found.presence:
        whos = [one.who for one in found.presence.people]
        counts = {"people": len(whos)}
    else:
        assert found.contacts is not None
        assert found.visits is not None
        whos = [one.who for one in found.contacts.contacts]
        counts = {"contacts": len(whos), "visits": len(found.visits.stays)}
    return {**counts, "tokens": [one.token[:8] for one in whos[:_LOGGED]]}


def _lacks(ask: Ask, lacks: Completeness) -> list[tuple[str, str]]:
    """What the answer may lack, in words."""
    gates = sorted({f"{one.place.name or one.place.site} {one.gate}" for one in lacks.offline})
    unheard = [f"{place.name or place.site} {gate}" for place, gate in lacks.unheard]
    missing = sum(one.last - one.first + 1 for one in lacks.gaps)
    counts: tuple[tuple[str, int, dict[str, str]], ...] = (
        ("offline", len(lacks.offline), {"gates": ", ".join(gates[:8])}),
        ("unheard", len(unheard), {"gates": ", ".join(unheard[:8])}),
        ("gaps", missing, {}),
        ("unsynced", lacks.unsynced, {}),
        ("assumed", lacks.assumed_ends, {}),
        ("unidentified", lacks.unidentified, {}),
        ("unknown", lacks.unknown_outcomes, {}),
        ("exits", lacks.unmatched_exits, {}),
        ("truncated", int(lacks.truncated), {}),
    )
    return [(key, ask.say(f"lacks.{key}", n=n, **more)) for key, n, more in counts if n]


def _graph(ask: Ask, found: Answer) -> tuple[list[Node], list[Edge]]:
    if found.contacts is None:
        return [], []
    asked, contacts = found.contacts.asked, found.contacts.contacts[:_MOST_NODES]
    nodes = [Node(str(one.id), one.label, 0) for one in asked]
    nodes += [Node(str(one.who.id), one.who.label, one.hop) for one in contacts]
    shown = {node.key for node in nodes}
    together: defaultdict[tuple[str, str], int] = defaultdict(int)
    names: dict[str, str] = {node.key: node.label for node in nodes}
    for meeting in found.contacts.meetings:
        one, other = sorted((str(meeting.via.id), str(meeting.who.id)))
        if {one, other} <= shown:
            together[one, other] += meeting.ms
    most = max(together.values(), default=1)
    edges = [
        Edge(one, other, ms / most,
             f"{names[one]} - {names[other]}: {ask.forms.minutes(ms / 60_000)}")
        for (one, other), ms in together.items()
    ]  # fmt: skip
    return nodes, edges


_Table = tuple[list[str], list[list[Value]]]


def _rows(found: Answer) -> _Table:
    if found.presence is not None:
        head = ["token", "name", "holder", "minutes", "from_ms", "to_ms", "end_assumed"]
        return head, [_attendance_row(one) for one in found.presence.people]
    assert found.contacts is not None
    head = ["hop", "token", "name", "holder", "minutes", "from_ms", "to_ms", "meetings", "places",
            "via", "end_assumed"]  # fmt: skip
    return head, [_contact_row(one) for one in found.contacts.contacts]


def _attendance_row(one: Attendance) -> list[Value]:
    return [one.who.token, one.who.name, one.who.holder, round(one.minutes, 1), one.from_ms,
            one.to_ms, one.assumed]  # fmt: skip


def _contact_row(one: Contact) -> list[Value]:
    return [
        one.hop, one.who.token, one.who.name, one.who.holder, round(one.minutes, 1), one.from_ms,
        one.to_ms, one.meetings, _joined(_paths(one.places)),
        _joined(via.token for via in one.via), one.assumed,
    ]  # fmt: skip


def _visit_rows(visits: Visits) -> _Table:
    head = ["token", "place", "in_ms", "out_ms", "in_gate", "out_gate", "end_assumed", "time_known"]
    return head, [
        [one.who.token, one.place.path, one.in_ms, one.out_ms, one.in_gate, one.out_gate,
         one.assumed, one.at_known]
        for one in visits.stays
    ]  # fmt: skip


def _paths(places: Sequence[Place]) -> Iterator[str]:
    return (place.path for place in places)


def _joined(texts: Iterator[str]) -> str:
    return ", ".join(texts)
