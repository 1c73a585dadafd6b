"""Reports as files and as figures."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, HTTPException, Query, Response, UploadFile

from hub.api.deps import Hub, Reporter, TheHub, note
from hub.reporting import Call, Make, compliance_of, coverage_of, entries_of, make_report
from hub.reports.compliance import AskedError, read_asked
from hub.reports.period import PeriodError
from hub.reports.render import MEDIA_TYPES, RENDERERS, csv_of
from hub.reports.scope import ScopeError
from hub.reports.texts import Language
from hub.store.engine import writing
from hub.users import User

router = APIRouter(tags=["reports"], prefix="/reports")

First = Annotated[
    date | None, Query(alias="from", description="First day.  Six days before the last.")
]
Last = Annotated[date | None, Query(alias="to", description="Last day, included.  Today.")]
Park = Annotated[str | None, Query(description="Of this park alone.")]
Site = Annotated[str | None, Query(description="Of this site alone (park/site).")]
Tongue = Annotated[Language | None, Query(description="The configuration's, without it.")]
Format = Annotated[Literal["json", "csv", "xlsx", "html", "pdf"], Query(alias="format")]
TableName = Annotated[str | None, Query(description="The table of a CSV.")]
Purpose = Annotated[str, Query(max_length=500, description="Why, for the audit log.")]
_FILES: dict[int | str, dict[str, Any]] = {
    200: {"content": {media.partition(";")[0]: {} for media in MEDIA_TYPES.values()}}
}


@router.get("/entries", response_class=Response, responses=_FILES)
def get_entries(
    hub: TheHub,
    user: Reporter,
    first: First = None,
    last: Last = None,
    park: Park = None,
    site: Site = None,
    language: Tongue = None,
    form: Format = "json",
    table: TableName = None,
    purpose: Purpose = "",
) -> Response:
    """Entries a day, by site and gate; granted, and denied by reason; fever; declarations."""
    call = Call(first=first, last=last, park=park, site=site, language=language)
    return _answer(hub, user, "entries", call, form, table, purpose, entries_of)


@router.get("/coverage", response_class=Response, responses=_FILES)
def get_coverage(
    hub: TheHub,
    user: Reporter,
    first: First = None,
    last: Last = None,
    park: Park = None,
    language: Tongue = None,
    form: Format = "json",
    table: TableName = None,
    purpose: Purpose = "",
) -> Response:
    """Active checkpoints of registered ones, by district and province; who is silent."""
    call = Call(first=first, last=last, park=park, language=language)
    return _answer(hub, user, "coverage", call, form, table, purpose, coverage_of)


@router.post("/compliance", response_class=Response, responses=_FILES)
def post_compliance(
    hub: TheHub,
    user: Reporter,
    file: Annotated[UploadFile, File(description="Phone numbers or ids: text, CSV or XLSX.")],
    first: First = None,
    last: Last = None,
    park: Park = None,
    site: Site = None,
    language: Tongue = None,
    form: Format = "json",
    table: TableName = None,
    purpose: Purpose = "",
) -> Response:
    """Who of a list was seen at which site in the period; who is not on the roster."""
    try:
        asked = read_asked(file.file.read(), file.filename or "list.txt")
    except AskedError as error:
        raise HTTPException(422, str(error)) from error
    call = Call(first=first, last=last, park=park, site=site, language=language)
    return _answer(hub, user, "compliance", call, form, table, purpose, compliance_of(asked))


def _answer(
    hub: Hub,
    user: User,
    name: str,
    call: Call,
    form: str,
    table: str | None,
    purpose: str,
    make: Make,
) -> Response:
    try:
        document = make_report(hub.engine, hub.config, call, make)
    except PeriodError as error:
        raise HTTPException(422, str(error)) from error
    except ScopeError as error:
        raise HTTPException(404, str(error)) from error
    told = document.plain()
    with writing(hub.engine) as connection:
        asked = {"period": told["period"], **document.scope}
        note(connection, user, f"report {name}", purpose, asked, told["figures"])
    try:
        content = csv_of(document, table) if form == "csv" else RENDERERS[form](document)
    except KeyError:
        names = ", ".join(one.key for one in document.tables)
        raise HTTPException(422, f"table: there is no '{table}'; give one of {names}") from None
    file = f"{name}-{document.period.first}-{document.period.last}.{form}"
    show = "inline" if form in {"json", "html"} else f'attachment; filename="{file}"'
    return Response(content, media_type=MEDIA_TYPES[form], headers={"Content-Disposition": show})
