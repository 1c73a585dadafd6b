"""What managers do: acknowledge alarms, print the muster list, keep the registry."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from sqlalchemy import Connection, func, select
from starlette.datastructures import UploadFile

from hub.monitor import alarms
from hub.registry import book
from hub.registry.columns import COLUMNS, Kind, exported
from hub.registry.faults import RegistryError
from hub.registry.files import read_listing
from hub.sheets import write_csv, write_xlsx
from hub.store.engine import writing
from hub.store.schema import gates, roster, sites
from hub.trace import lookup, presence
from hub.trace.answers import Muster
from hub.trace.lookup import UnknownError
from hub.web.doors import safe_path
from hub.web.kit import Ask, Download, Go, RefusedError, View, as_json
from hub.web.logbook import note, write
from hub.web.pages import gate_names
from hub.web.texts import name_of

_SHOWN_ROWS = 200
_SHOWN_FAULTS = 200
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
JSON = "application/json"


# --- the registry ---------------------------------------------------------------------------


def registry(ask: Ask) -> View:
    """The registered sites, gates or people."""
    return _registry(ask, _kind(ask))


def import_(ask: Ask) -> View:
    """Take a file in: all of it, or nothing and every bad line named."""
    kind, desk = _kind(ask), ask.desk
    upload = ask.form.get("file")
    if not isinstance(upload, UploadFile) or not upload.filename:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "error.no_file")
    raw = upload.file.read()
    replace = ask.text("replace") == "yes"
    now_ms = desk.now_ms()
    try:
        listing = read_listing(raw, upload.filename[:200], kind)
        tokens = book.take_tokens(listing, desk.tokeniser)
        with writing(desk.engine) as connection:
            done = book.take(connection, listing, tokens, at_ms=now_ms, replace=replace)
            asked = {"kind": str(kind), "lines": len(listing.entries), "replace": replace}
            note(
                ask, connection, "registry import", purpose=ask.text("purpose"), asked=asked,
                seen=asdict(done),
            )  # fmt: skip
    except RegistryError as error:
        return _registry(
            ask, kind,
            {
                "faults": [one.told(ask.language) for one in error.faults[:_SHOWN_FAULTS]],
                "fault_count": len(error.faults),
            },
            HTTPStatus.UNPROCESSABLE_ENTITY,
        )  # fmt: skip
    desk.live.changed_now()
    return _registry(ask, kind, {"imported": done})


def export(ask: Ask) -> Download:
    """The registry in the form that an import takes. It is written to the audit log."""
    kind, ending = _kind(ask), ask.request.path_params["ending"]
    columns = exported(kind)
    if ending not in {"csv", "xlsx", "json"}:
        raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found")
    with writing(ask.desk.engine) as connection:
        rows = list(book.read(connection, kind))
        asked = {"kind": str(kind), "format": ending}
        note(ask, connection, "registry export", asked=asked, seen={"lines": len(rows)})
    cells = [[row[name] for name in columns] for row in rows]
    heading = [name_of(ask.language, "column", one) for one in columns]
    name = f"{kind}.{ending}"
    if ending == "csv":
        return Download(name, write_csv(heading, cells), CSV)
    if ending == "xlsx":
        return Download(name, write_xlsx([(ask.say(f"registry.{kind}"), heading, cells)]), XLSX)
    return Download(name, as_json(rows), JSON)


def _kind(ask: Ask) -> Kind:
    try:
        return Kind(ask.request.path_params["kind"])
    except ValueError:
        raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found") from None


def _registry(
    ask: Ask,
    kind: Kind,
    more: dict[str, Any] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> View:
    start = ask.query("from")
    first = int(start[:9]) if start.isascii() and start.isdigit() else 0
    with ask.desk.engine.connect() as connection:
        rows, total = _rows(connection, kind, first)
        counts = book.counts(connection)
    data: dict[str, Any] = {
        "kind": kind, "columns": exported(kind), "rows": rows, "total": total, "first": first,
        "counts": counts, "faults": (), "fault_count": 0, "imported": None,
    }  # fmt: skip
    shown = {
        "kinds": list(Kind), "next": first + _SHOWN_ROWS, "step": _SHOWN_ROWS,
        "column_names": [name_of(ask.language, "column", one.name) for one in COLUMNS[kind]],
    }  # fmt: skip
    return View("registry.html", data | (more or {}), shown, status=status)


def _rows(connection: Connection, kind: Kind, first: int) -> tuple[list[dict[str, Any]], int]:
    """A page of the registered entries, by the columns of an export; and how many there are."""
    if kind is Kind.SITES:
        query: Any = (
            select(*(sites.c[name] for name in exported(kind)))
            .where(sites.c.registered)
            .order_by(sites.c.park, sites.c.site)
        )
    elif kind is Kind.GATES:
        query = (
            select(sites.c.park, sites.c.site, gates.c.gate, gates.c.name)
            .join(sites, gates.c.site == sites.c.id)
            .where(gates.c.registered)
            .order_by(sites.c.park, sites.c.site, gates.c.gate)
        )
    else:
        query = select(
            roster.c.park, roster.c.holder, roster.c.name, roster.c.category, roster.c.phone
        ).order_by(roster.c.park, roster.c.holder)
    total = connection.execute(
        select(func.count()).select_from(query.order_by(None).subquery())
    ).scalar_one()
    rows = connection.execute(query.offset(first).limit(_SHOWN_ROWS)).mappings()
    return [dict(row) for row in rows], int(total)


# --- alarms ---------------------------------------------------------------------------------


def acknowledge(ask: Ask) -> Go:
    """Say that a person has seen it; once, and in the audit log."""
    number, now_ms = ask.number("alarm"), ask.desk.now_ms()
    with writing(ask.desk.engine) as connection:
        try:
            done = alarms.acknowledge(connection, [number], who=ask.who.name, at_ms=now_ms)
        except alarms.AlarmError as error:
            raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found") from error
        if done:
            note(
                ask, connection, "acknowledge", asked={"alarm": number},
                seen={"acknowledged": done},
            )  # fmt: skip
    ask.desk.live.changed_now()
    back = ask.text("back")
    return Go(safe_path(back) if back else "/alarms")


# --- the muster list ------------------------------------------------------------------------


def muster(ask: Ask) -> View:
    """Who is inside a site, to be printed for an evacuation, and how far it can be wrong."""
    overview, _ = ask.desk.live.current()
    site = ask.query("site")
    now_ms = ask.desk.now_ms()
    found: Muster | None = None
    names: dict[tuple[str, str, str], str] = {}
    if site:
        with ask.desk.engine.connect() as connection:
            try:
                place = lookup.place(connection, site)
            except UnknownError as error:
                raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found") from error
            found = presence.muster(connection, place, now_ms)
            names = gate_names(connection)
        # no purpose is asked for: in a fire nobody types one
        write(ask, "muster", asked={"site": site}, seen={"people": len(found.inside)})
    counts = [
        {"park": one.park, "site": one.site, "name": one.name, "inside": one.inside}
        for one in overview.sites
    ]
    silent = found.completeness.offline if found else ()
    unheard = found.completeness.unheard if found else ()
    shown = {
        "unheard_names": sorted(
            names.get((place.park, place.site, gate), gate) for place, gate in unheard
        ),
        "site": site, "gate_names": names,
        "silent_names": sorted(
            names.get((one.place.park, one.place.site, one.gate), one.gate)
            for one in silent
            if one.to_ms is None
        ),
    }  # fmt: skip
    return View("muster.html", {"at_ms": now_ms, "muster": found, "counts": counts}, shown)
