"""The tracer's pages: ask, look, narrow, export. Every question has a purpose and is logged.

A credential is turned into its token with the park's key and forgotten: neither the store nor a
log nor a kept question holds it. An answer is found anew at each look, and each look is logged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal

from sqlalchemy import Connection, select

from hub.registry.credentials import canonicals
from hub.registry.values import ValueFaultError
from hub.sheets import Value, write_csv, write_xlsx
from hub.store.engine import writing
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
from hub.web import questions as questions_kept
from hub.web.charts import Edge, Node
from hub.web.kit import Ask, Download, Go, RefusedError, View, as_json
from hub.web.logbook import note, purpose_of, write
from hub.web.managing import CSV, JSON, XLSX
from hub.web.pages import gate_names, site_choices
from hub.words import Words

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
    """What was asked, without any credential: `value` is a token, a holder's id or empty.

    `tokens` are those of the people it is about, once they are known.
    """

    kind: Kind
    value: str
    from_ms: int
    to_ms: int
    site: str | None  # park/site
    hops: int
    min_minutes: float
    same_gate_minutes: float | None
    purpose: str
    tokens: tuple[str, ...] = ()


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
    error, known = "", None
    with ask.desk.engine.connect() as connection:
        try:
            known = _known(ask, connection, question, value)
        except ValueFaultError as fault:
            told = (fault.what.told(ask.language), fault.mend.told(ask.language))
            error = ask.say("error.question", what="; ".join(told))
        except UnknownError as unknown:
            error = ask.say("error.question", what=unknown.what.told(ask.language))
    if known is None:
        # a question without an answer was asked all the same
        asked = _asked(replace(question, value=fields["value"]))
        write(ask, "trace", purpose=purpose, asked=asked, seen={"found": False})
        return _form(ask, fields, error, HTTPStatus.UNPROCESSABLE_ENTITY)
    # that somebody is known here is seen already
    seen = {"found": True}
    with writing(ask.desk.engine) as connection:
        note(ask, connection, "trace", purpose=purpose, asked=_asked(known), seen=seen)
        name = questions_kept.keep(connection, ask.who.key, asdict(known), at_ms=ask.desk.now_ms())
    return Go(f"/trace/answers/{name}")


def answer(ask: Ask) -> View:
    """An answer, as tables and as a graph."""
    found = _found(ask, "trace answer")
    contacts = found.contacts.contacts if found.contacts else ()
    people = found.presence.people if found.presence else ()
    nodes, edges = _graph(ask, found)
    who = found.contacts.asked[0] if found.contacts else None
    with ask.desk.engine.connect() as connection:
        choices, names = site_choices(connection), gate_names(connection)
    return View(
        "answer.html", {"answer": _data(found)},
        {"found": found, "question": found.question, "who": who, "contacts": contacts[:_SHOWN],
         "contact_count": len(contacts), "people": people[:_SHOWN], "people_count": len(people),
         "lacks": _lacks(ask, found.completeness), "nodes": nodes, "edges": edges,
         "most_nodes": _MOST_NODES, "choices": choices, "gate_names": names,
         "name": ask.request.path_params["answer"], "most_hops": _MOST_HOPS},
    )  # fmt: skip


def export(ask: Ask) -> Download:
    """An answer as a file; that it was taken along is logged."""
    ending = ask.request.path_params["ending"]
    if ending not in {"csv", "xlsx", "json"}:
        raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found")
    found = _found(ask, "trace export", format=ending)
    name = f"trace.{ending}"
    if ending == "json":
        return Download(name, as_json(_data(found)), JSON)
    lacks = [text for _, text in _lacks(ask, found.completeness)]
    lacks = lacks or [ask.say("answer.complete")]
    heading, rows = _rows(ask, found)
    if ending == "csv":
        # a file goes from hand to hand: what it may lack stands below its rows
        notes: list[list[Value]] = [[f"# {text}"] for text in lacks]
        return Download(name, write_csv(heading, [*rows, *notes]), CSV)
    sheets: list[tuple[str, Sequence[str], Sequence[Sequence[Value]]]] = [
        (ask.say("answer.contacts" if found.contacts else "answer.people"), heading, rows)
    ]
    if found.visits:
        sheets.append((ask.say("answer.visits"), *_visit_rows(ask, found.visits)))
    sheets.append((ask.say("answer.lacks"), [ask.say("answer.lacks")], [[one] for one in lacks]))
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


def _asked(question: Question) -> dict[str, Any]:
    """As the audit log has it, beside the purpose."""
    asked = asdict(question)
    del asked["purpose"], asked["tokens"]
    more = list(question.tokens[1:])
    return asked | ({"more_tokens": more} if more else {})


def _known(ask: Ask, connection: Connection, question: Question, value: str) -> Question:
    """The question by tokens, whatever was typed. Raises UnknownError, ValueFaultError."""
    if question.site:
        lookup.place(connection, question.site)
    if question.kind == "place":
        if not question.site:
            raise UnknownError(Words("unknown.no_place"))
        return question
    tokens = tuple(one.token for one in _who(ask, connection, question, value))
    return replace(question, value=tokens[0], tokens=tokens)


def _answered(connection: Connection, question: Question) -> Answer:
    """Raises UnknownError, where a site or a person was taken out since."""
    period = Period(question.from_ms, question.to_ms)
    place = lookup.place(connection, question.site) if question.site else None
    if question.kind == "place":
        assert place is not None, "a question about a place names one"
        return Answer(question=question, presence=questions.at_place(connection, place, period))
    each = [lookup.by_token(connection, token) for token in question.tokens]
    who = tuple({one.id: one for one in each}.values())  # two tokens may be one person since
    where = questions.Where(place)
    return Answer(
        question=question,
        visits=questions.visits_of(connection, who, period, where),
        contacts=questions.contacts_of(
            connection, who, period, where, hops=question.hops,
            min_minutes=question.min_minutes, same_gate_minutes=question.same_gate_minutes,
        ),
    )  # fmt: skip


def _who(ask: Ask, connection: Connection, question: Question, value: str) -> tuple[Who, ...]:
    if not value:
        raise UnknownError(Words("unknown.no_value"))
    if question.kind == "token":
        return (lookup.by_token(connection, value),)
    if question.kind == "holder":
        rows = connection.execute(
            select(roster.c.person).where(roster.c.holder == value, roster.c.person.is_not(None))
        ).scalars()
        found = lookup.by_ids(connection, list(rows))
        if not found:
            raise UnknownError(Words("unknown.no_holder", holder=value[:60]))
        return found
    if ask.desk.tokeniser is None:
        raise UnknownError(Words("unknown.no_key"))
    whos = []
    for identity in canonicals(value, park="", holder=""):
        token = ask.desk.tokeniser.token(identity)
        try:
            whos.append(lookup.by_token(connection, token.v))
        except UnknownError:
            # without the token: the page says that this person was not seen
            raise UnknownError(Words("unknown.not_seen")) from None
    return tuple(whos)


# --- the answer -----------------------------------------------------------------------------


def _found(ask: Ask, action: str, **more: str) -> Answer:
    """The answer as the store has it now. That it is seen is committed before anything is shown.

    Raises RefusedError.
    """
    name, gone = ask.request.path_params["answer"], RefusedError(HTTPStatus.NOT_FOUND, "error.gone")
    with ask.desk.engine.connect() as connection:
        kept = questions_kept.find(connection, name, ask.who.key)
        if kept is None:
            raise gone
        question = Question(**kept | {"tokens": tuple(kept["tokens"])})
        try:
            found = _answered(connection, question)
        except UnknownError as error:
            raise gone from error
    asked = _asked(question) | more
    write(ask, action, purpose=question.purpose, asked=asked, seen=_seen(found))
    return found


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


def _rows(ask: Ask, found: Answer) -> _Table:
    """What a person reads in a spreadsheet: words and times of the one who asks."""
    if found.presence is not None:
        head = _heads(ask, "token", "name", "holder", "minutes", "first", "last", "assumed")
        return head, [_attendance_row(ask, one) for one in found.presence.people]
    assert found.contacts is not None
    head = _heads(
        ask, "hop", "token", "name", "holder", "minutes", "first", "last", "meetings", "places",
        "via", "assumed",
    )  # fmt: skip
    return head, [_contact_row(ask, one) for one in found.contacts.contacts]


def _heads(ask: Ask, *names: str) -> list[str]:
    return [ask.say(f"sheet.{name}") for name in names]


def _attendance_row(ask: Ask, one: Attendance) -> list[Value]:
    return [
        one.who.token, one.who.name, one.who.holder, round(one.minutes, 1),
        ask.forms.sortable(one.from_ms), ask.forms.sortable(one.to_ms), _yes(ask, one.assumed),
    ]  # fmt: skip


def _contact_row(ask: Ask, one: Contact) -> list[Value]:
    return [
        one.hop, one.who.token, one.who.name, one.who.holder, round(one.minutes, 1),
        ask.forms.sortable(one.from_ms), ask.forms.sortable(one.to_ms), one.meetings,
        _joined(_paths(one.places)), _joined(via.token for via in one.via),
        _yes(ask, one.assumed),
    ]  # fmt: skip


def _visit_rows(ask: Ask, visits: Visits) -> _Table:
    head = _heads(
        ask, "token", "place", "in", "out", "in_gate", "out_gate", "assumed", "unsure_time"
    )
    return head, [
        [one.who.token, one.place.path, ask.forms.sortable(one.in_ms),
         ask.forms.sortable(one.out_ms), one.in_gate, one.out_gate, _yes(ask, one.assumed),
         _yes(ask, not one.at_known)]
        for one in visits.stays
    ]  # fmt: skip


def _yes(ask: Ask, value: bool) -> str:  # noqa: FBT001 - a cell
    return ask.say("sheet.yes") if value else ""


def _paths(places: Sequence[Place]) -> Iterator[str]:
    return (place.path for place in places)


def _joined(texts: Iterator[str]) -> str:
    return ", ".join(texts)
