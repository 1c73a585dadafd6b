"""Reports as files and as figures."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, File, HTTPException, Query, Response, UploadFile
from sqlalchemy import Connection

from hub.api.deps import Hub, Reporter, TheHub, note
from hub.reports.compliance import AskedError, compliance, read_asked
from hub.reports.compose import compliance_document, coverage_document, entries_document
from hub.reports.coverage import coverage
from hub.reports.document import Document
from hub.reports.entries import entries
from hub.reports.period import Period, PeriodError, make_period
from hub.reports.render import MEDIA_TYPES, RENDERERS, csv_of
from hub.reports.texts import Language
from hub.store.engine import writing
from hub.users import User

router = APIRouter(tags=["reports"], prefix="/reports")

First = Annotated[
    date | None, Query(alias="from", description="First day.  Six days before the last.")
]
Last = Annotated[date | None, Query(alias="to", description="Last day, included.  Today.")]
Park = Annotated[str | None, Query(description="Of this park alone.")]
Site = Annotated[str | None, Query(description="Of this site alone.")]
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
    return _answer(
        hub, user, "entries", (first, last), language, form, table, purpose,
        lambda connection, period, tongue, now: entries_document(
            entries(connection, period, park=park, site=site), tongue, now
        ),
    )  # fmt: skip


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
    return _answer(
        hub, user, "coverage", (first, last), language, form, table, purpose,
        lambda connection, period, tongue, now: coverage_document(
            coverage(connection, period, park=park), tongue, now
        ),
    )  # fmt: skip


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
    return _answer(
        hub, user, "compliance", (first, last), language, form, table, purpose,
        lambda connection, period, tongue, now: compliance_document(
            compliance(connection, period, asked, park=park, site=site), tongue, now
        ),
    )  # fmt: skip


def _answer(
    hub: Hub,
    user: User,
    name: str,
    days: tuple[date | None, date | None],
    language: Language | None,
    form: str,
    table: str | None,
    purpose: str,
    make: Callable[[Connection, Period, Language, datetime], Document],
) -> Response:
    zone = ZoneInfo(hub.config.park.time_zone)
    now = datetime.now(UTC)
    try:
        period = make_period(*days, zone, now=now)
    except PeriodError as error:
        raise HTTPException(422, str(error)) from error
    tongue = language or hub.config.park.language
    with hub.engine.connect() as connection:
        document = make(connection, period, tongue, now.astimezone(zone))
    told = document.plain()
    with writing(hub.engine) as connection:
        asked = {"period": told["period"], **document.scope}
        note(connection, user, f"report {name}", purpose, asked, told["figures"])
    try:
        content = csv_of(document, table) if form == "csv" else RENDERERS[form](document)
    except KeyError:
        names = ", ".join(one.key for one in document.tables)
        raise HTTPException(422, f"table: there is no '{table}'; give one of {names}") from None
    file = f"{name}-{period.first}-{period.last}.{form}"
    show = "inline" if form in {"json", "html"} else f'attachment; filename="{file}"'
    return Response(content, media_type=MEDIA_TYPES[form], headers={"Content-Disposition": show})
