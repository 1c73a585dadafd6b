"""Where someone was, beside whom, who was at a place, and who is inside now."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, HTTPException, Query, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, model_validator

from hub import audit
from hub.api.deps import Hub, Muster, TheHub, Tracer, note
from hub.clock import YEARS, now_ms
from hub.roles import Role
from hub.store.engine import writing
from hub.trace import lookup, output, presence
from hub.trace.answers import Period
from hub.trace.lookup import UnknownError
from hub.trace.output import Sheet
from hub.trace.questions import MOST_CONTACTS
from hub.tracing import Asker, Question, ask, json_of, sheet_of
from hub.users import User

router = APIRouter(tags=["tracing"])

_MEDIA = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
Form = Annotated[Literal["json", "csv", "xlsx"], Query(alias="format")]
_Text = Annotated[str, Field(min_length=1, max_length=4_096)]
_Some = Annotated[tuple[_Text, ...], Field(max_length=100)]
_PERIOD: dict[str, Any] = {"from": "2021-08-10T00:00:00+07:00", "to": "2021-08-24T00:00:00+07:00"}
_PURPOSE = "case 2021-0815, contacts within 14 days"
_COMPLETENESS = {
    "complete": False, "offline": [], "unheard": [], "gaps": [], "unsynced": 0, "assumed_ends": 1,
    "unidentified": 0, "unknown_outcomes": 0, "unmatched_exits": 0, "truncated": False,
}  # fmt: skip
_SOMEONE = "3q2-7wAAAAAAAAAAAAAAAA"
_WHO = {
    "id": 17, "token": _SOMEONE, "kid": "k1", "scope": "park", "tokens": [_SOMEONE],
    "name": "Nguyễn Thị Ánh", "holder": "NV-0815",
}  # fmt: skip
_TOLD_PERIOD = {
    "from": "2021-08-09T17:00:00.000Z",
    "to": "2021-08-23T17:00:00.000Z",
}
_TIMES = {"from": "2021-08-22T23:10:00.000Z", "to": "2021-08-23T00:00:00.000Z"}


def _of_the_years(at: datetime) -> datetime:
    if at.year not in YEARS:
        raise ValueError(f"give a year from {YEARS[0]} to {YEARS[-1]}")
    return at


Moment = Annotated[AwareDatetime, AfterValidator(_of_the_years)]


class Within(BaseModel):
    """The period, the site and the purpose of a trace. Times name their zone (RFC 3339)."""

    begin: Annotated[Moment, Field(alias="from")]
    end: Annotated[Moment, Field(alias="to", description="Not included.")]
    site: Annotated[str | None, Field(max_length=200, description="park/site.")] = None
    gate: Annotated[str | None, Field(max_length=100, description="Of the site.")] = None
    purpose: Annotated[
        str, Field(max_length=500, description="Why: the case. Stands in the audit log.")
    ]

    @model_validator(mode="after")
    def _sound(self) -> Within:
        if self.begin >= self.end:
            raise ValueError("to is not after from")
        if self.gate is not None and self.site is None:
            raise ValueError("gate needs its site")
        return self


class PlaceQuestion(Within):
    """Who was at a site, or used one of its gates."""

    model_config = {
        "json_schema_extra": {
            "examples": [_PERIOD | {"site": "kcn-tan-thuan/nha-may-a", "purpose": _PURPOSE}]
        }
    }

    site: Annotated[str, Field(max_length=200, description="park/site.")]


class VisitsQuestion(Within):
    """Where the person was that these tokens, credentials and holders belong to."""

    model_config = {
        "json_schema_extra": {"examples": [_PERIOD | {"tokens": ["3q2-7wAA"], "purpose": _PURPOSE}]}
    }

    tokens: Annotated[_Some, Field(description="Tokens, or their first 6 characters or more.")] = ()
    credentials: Annotated[
        _Some,
        Field(description="Texts of codes, or citizen or insurance numbers; kept nowhere."),
    ] = ()
    holders: Annotated[_Some, Field(description="Staff or pupil ids.")] = ()
    park: Annotated[str | None, Field(max_length=100, description="Of the holders' ids.")] = None

    @model_validator(mode="after")
    def _someone(self) -> VisitsQuestion:
        if not (self.tokens or self.credentials or self.holders):
            raise ValueError("name a person: tokens, credentials or holders")
        return self


class ContactsQuestion(VisitsQuestion):
    """Who was at a site together with that person, over one hop or several."""

    model_config = {
        "json_schema_extra": {
            "examples": [
                _PERIOD
                | {"holders": ["NV-0815"], "hops": 2, "min_minutes": 15, "purpose": _PURPOSE}
            ]
        }
    }

    hops: Annotated[int, Field(ge=1, le=6)] = 1
    min_minutes: Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)] = 0.0
    same_gate_minutes: Annotated[
        float | None,
        Field(ge=0, le=1e6, allow_inf_nan=False,
              description="Only those who used the same gate within so many."),
    ] = None  # fmt: skip
    limit: Annotated[int, Field(ge=1, le=100_000, description="People of a hop.")] = MOST_CONTACTS


def _files(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    told: dict[str, Any] = {media.partition(";")[0]: {} for media in _MEDIA.values()}
    told["application/json"] = {"example": example | {"completeness": _COMPLETENESS}}
    return {200: {"content": told}}


@router.post(
    "/trace/visits",
    response_class=Response,
    responses=_files(
        {
            "asked": [_WHO],
            "period": _TOLD_PERIOD,
            "visits": [
                {"token": _SOMEONE, "site": "kcn-tan-thuan/nha-may-a",
                 "in": _TIMES["from"], "out": _TIMES["to"], "in_gate": "cong-1",
                 "out_gate": "cong-1", "assumed": False, "time_known": True}
            ],
        }
    ),
)  # fmt: skip
def post_visits(hub: TheHub, user: Tracer, sent: VisitsQuestion, form: Form = "json") -> Response:
    """Where a person was. Answers say how complete they are (`completeness`)."""
    return _traced(hub, user, "visits", _someone(sent, visits=True), sent.purpose, form)


@router.post(
    "/trace/contacts",
    response_class=Response,
    responses=_files(
        {
            "asked": [_WHO],
            "period": _TOLD_PERIOD,
            "contacts": [
                {"who": _WHO, "hop": 1, "minutes": 50.0, "first": _TIMES["from"],
                 "last": _TIMES["to"], "via": [_SOMEONE],
                 "sites": ["kcn-tan-thuan/nha-may-a"], "meetings": 1, "assumed": False}
            ],
            "meetings": [
                {"via": _SOMEONE, "who": _SOMEONE, "site": "kcn-tan-thuan/nha-may-a",
                 **_TIMES, "minutes": 50.0, "assumed": False}
            ],
        }
    ),
)  # fmt: skip
def post_contacts(
    hub: TheHub, user: Tracer, sent: ContactsQuestion, form: Form = "json"
) -> Response:
    """Beside whom a person was, ranked: nearest hop first, then longest."""
    question = _someone(
        sent,
        hops=sent.hops,
        min_minutes=sent.min_minutes,
        same_gate_minutes=sent.same_gate_minutes,
        limit=sent.limit,
    )
    return _traced(hub, user, "contacts", question, sent.purpose, form)


@router.post(
    "/trace/place",
    response_class=Response,
    responses=_files(
        {
            "site": "kcn-tan-thuan/nha-may-a",
            "period": _TOLD_PERIOD,
            "people": [
                {"who": _WHO, "minutes": 50.0, **_TIMES, "visits": 1, "assumed": False}
            ],
        }
    ),
)  # fmt: skip
def post_place(hub: TheHub, user: Tracer, sent: PlaceQuestion, form: Form = "json") -> Response:
    """Everyone who was at a site in the period, longest first."""
    question = Question(period=_period(sent), site=sent.site, gate=sent.gate)
    return _traced(hub, user, "place", question, sent.purpose, form)


@router.get(
    "/muster",
    response_class=Response,
    responses=_files(
        {
            "site": "kcn-tan-thuan/nha-may-a",
            "at": _TIMES["to"],
            "inside": [{"who": _WHO, "since": _TIMES["from"], "gate": "cong-1", "sure": True}],
            "uncertainty": {"anonymous_exits": 1, "openings": 0, "unused_grants": 0,
                            "unidentified_in": 0, "unidentified_out": 0},
        }
    ),
)  # fmt: skip
def get_muster(
    hub: TheHub,
    user: Muster,
    site: Annotated[str, Query(max_length=200, description="park/site.")],
    at: Annotated[
        Moment | None, Query(description="At this moment (RFC 3339); now without it.")
    ] = None,
    purpose: Annotated[str, Query(max_length=500, description="Why.")] = "muster",
    form: Form = "json",
) -> Response:
    """Who is inside a site, for an evacuation, and how far the list can be wrong.

    No purpose is asked for: in a fire nobody writes one. That it was asked stands in the audit log.
    """
    at_ms = now_ms() if at is None else _ms(at)
    try:
        with hub.engine.connect() as connection:
            found = presence.muster(connection, lookup.place(connection, site), at_ms)
    except UnknownError as error:
        raise HTTPException(404, str(error)) from error
    with writing(hub.engine) as connection:
        asked = {"site": site, "at": output.utc(at_ms)}
        note(connection, user, "muster", purpose, asked, {"people": len(found.inside)})
    return _given(
        "muster", form, lambda: output.muster_json(found),
        lambda: output.muster_sheet(found, _clock(hub)),
    )  # fmt: skip


def _someone(sent: VisitsQuestion, **more: Any) -> Question:
    return Question(
        period=_period(sent), tokens=sent.tokens, credentials=sent.credentials,
        holders=sent.holders, park=sent.park, site=sent.site, gate=sent.gate, **more,
    )  # fmt: skip


def _traced(
    hub: Hub, user: User, name: str, question: Question, purpose: str, form: str
) -> Response:
    try:
        asker = Asker(user.name, Role(user.role), audit.purpose_of(purpose))
        answer = ask(hub.engine, question, asker, hub.config.identity.key_file)
    except audit.RefusedError as error:
        raise HTTPException(422, str(error)) from error
    except UnknownError as error:
        raise HTTPException(404, str(error)) from error
    return _given(name, form, lambda: json_of(answer), lambda: sheet_of(answer, _clock(hub)))


def _given(
    name: str, form: str, plain: Callable[[], dict[str, Any]], sheet: Callable[[], Sheet]
) -> Response:
    if form == "json":
        content = json.dumps(plain(), ensure_ascii=False).encode()
    elif form == "csv":
        content = output.to_csv(sheet())
    else:
        content = output.to_xlsx(sheet())
    show = "inline" if form == "json" else f'attachment; filename="{name}.{form}"'
    return Response(content, media_type=_MEDIA[form], headers={"Content-Disposition": show})


def _period(sent: Within) -> Period:
    return Period(_ms(sent.begin), _ms(sent.end))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _clock(hub: Hub) -> Callable[[int], str]:
    """Times for people: those of the park's zone."""
    zone = ZoneInfo(hub.config.park.time_zone)
    return lambda at_ms: datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d %H:%M")
