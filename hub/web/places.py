"""Sites: all of them to search in, each with its gates, and its plan to change."""

from __future__ import annotations

import math
from http import HTTPStatus
from typing import Any

from sqlalchemy import Connection, select
from starlette.datastructures import UploadFile

from hub import plans
from hub.collation import vietnamese
from hub.monitor.gates import URGENCY, Status
from hub.pictures import KIND, LARGEST_BYTES, PictureError, take_picture
from hub.plans import Pin
from hub.registry.columns import plain
from hub.store.engine import writing
from hub.store.schema import sites as table
from hub.web import parts
from hub.web.kit import Ask, Go, Picture, RefusedError, View
from hub.web.logbook import note
from hub.web.look import SiteNow

_ON_A_PAGE = 60


# --- all of them ----------------------------------------------------------------------------


def sites(ask: Ask) -> View:
    """Every site that the words and the district of the address name, by name."""
    found, _ = ask.desk.live.current()
    words, district = ask.query("q")[:200], ask.query("district")[:200]
    only_wrong = ask.query("look") == "yes"
    chosen = [
        site
        for site in found.sites
        if _names(site, words)
        and district in {"", _district(site)}
        and not (only_wrong and site.status is Status.WELL)
    ]
    chosen.sort(key=lambda site: (URGENCY[site.status] if only_wrong else 0, vietnamese(site.name)))
    start = ask.query("from")
    first = int(start[:9]) if start.isascii() and start.isdigit() else 0
    districts = sorted({_district(site) for site in found.sites} - {""}, key=vietnamese)
    data = {
        "at_ms": found.at_ms,
        "total": len(found.sites),
        "found": len(chosen),
        "first": first,
        "sites": [_line(site) for site in chosen[first : first + _ON_A_PAGE]],
    }
    asked = {"q": words, "district": district, "look": "yes" if only_wrong else ""}
    shown = {
        "asked": asked, "districts": districts, "step": _ON_A_PAGE,
        "next": first + _ON_A_PAGE if first + _ON_A_PAGE < len(chosen) else None,
    }  # fmt: skip
    return View("sites.html", data, shown)


def _names(site: SiteNow, words: str) -> bool:
    """Whether each word begins somewhere in the site's names, without case and diacritics."""
    gates = [text for gate in site.gates for text in (gate.name, gate.gate)]
    every = (site.name, site.site, site.park, site.district or "", site.province or "", *gates)
    hay = f" {plain(' '.join(every))}"
    return all(f" {word}" in hay for word in plain(words).split())


def _district(site: SiteNow) -> str:
    return ", ".join(one for one in (site.district, site.province) if one)


def _line(site: SiteNow) -> dict[str, Any]:
    wrong = sum(gate.status is not Status.WELL for gate in site.gates)
    return {
        "id": site.id, "park": site.park, "site": site.site, "name": site.name,
        "district": site.district, "province": site.province, "status": site.status,
        "gates": len(site.gates), "wrong": wrong, "inside": site.inside,
    }  # fmt: skip


# --- one ------------------------------------------------------------------------------------


def site(ask: Ask) -> View:
    """A site: its gates as they are now, on its plan where it has one."""
    found, version = ask.desk.live.current()
    place = _place(ask)
    with ask.desk.engine.connect() as connection:
        row = connection.execute(
            select(table.c.type, table.c.address, table.c.contact).where(table.c.id == place.id)
        ).one()
    data = {
        "at_ms": found.at_ms, "site": place, "type": row.type, "address": row.address,
        "contact": row.contact,
    }  # fmt: skip
    shown = {
        "version": version, "district": _district(place), "layout": parts.layout_of(place),
        "tile": parts.shown, "plan_pin": parts.plan_pin,
    }  # fmt: skip
    return View("site.html", data, shown)


def picture(ask: Ask) -> Picture:
    """The picture of a site's plan."""
    with ask.desk.engine.connect() as connection:
        found = plans.picture(connection, ask.number("site"))
    if found is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found")
    return Picture(found[1], KIND, found[0])


# --- its plan, for managers -----------------------------------------------------------------


def plan(ask: Ask) -> View:
    """The forms that change a plan."""
    return _plan(ask, _place(ask))


def set_plan(ask: Ask) -> View | Go:
    """Another picture."""
    place, upload = _place(ask), ask.form.get("picture")
    if not isinstance(upload, UploadFile) or not upload.filename:
        return _plan(ask, place, ask.say("error.no_file"))
    try:
        taken = take_picture(upload.file.read(LARGEST_BYTES + 1))
    except PictureError as error:
        told = f"{error.what.told(ask.language)}; {error.mend.told(ask.language)}"
        return _plan(ask, place, f"{upload.filename[:80]}: {told}")
    with writing(ask.desk.engine) as connection:
        plans.set_picture(connection, place.id, taken, who=ask.who.name, at_ms=ask.desk.now_ms())
        seen = {"width": taken.width, "height": taken.height, "bytes": len(taken.content)}
        _note(ask, connection, place, "picture", seen)
    return _changed(ask, place)


def set_pins(ask: Ask) -> View | Go:
    """Where the gates are; those without numbers are not pinned."""
    place = _place(ask)
    wanted: dict[int, Pin] = {}
    for gate in place.gates:
        x, y = (ask.text(f"{way}-{gate.id}", longest=20) for way in ("x", "y"))
        if not x and not y:
            continue
        pin = _percent(x), _percent(y)
        if pin[0] is None or pin[1] is None:
            return _plan(ask, place, ask.say("plan.bad_pin", gate=gate.name))
        wanted[gate.id] = (pin[0] / 100, pin[1] / 100)
    with writing(ask.desk.engine) as connection:
        plans.set_pins(connection, place.id, wanted)
        _note(ask, connection, place, "pins", {"pins": len(wanted)})
    return _changed(ask, place)


def remove_plan(ask: Ask) -> Go:
    """Neither picture nor pins."""
    place = _place(ask)
    with writing(ask.desk.engine) as connection:
        plans.remove(connection, place.id)
        _note(ask, connection, place, "removed", {})
    return _changed(ask, place)


def _place(ask: Ask) -> SiteNow:
    found, _ = ask.desk.live.current()
    number = ask.number("site")
    place = next((one for one in found.sites if one.id == number), None)
    if place is None:
        raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found")
    return place


def _plan(ask: Ask, place: SiteNow, error: str = "") -> View:
    sent = {key: value for key, value in ask.form.items() if key[:2] in {"x-", "y-"}}
    rows = [
        {
            "gate": gate,
            "x": sent.get(f"x-{gate.id}", "" if gate.pin is None else f"{gate.pin[0] * 100:.1f}"),
            "y": sent.get(f"y-{gate.id}", "" if gate.pin is None else f"{gate.pin[1] * 100:.1f}"),
        }
        for gate in place.gates
    ]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error else HTTPStatus.OK
    shown = {"rows": rows, "plan_pin": parts.plan_pin, "most_mb": LARGEST_BYTES // 1_048_576}
    return View("plan.html", {"site": place, "error": error}, shown, status=status)


def _percent(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value <= 100 else None


def _note(
    ask: Ask, connection: Connection, place: SiteNow, what: str, seen: dict[str, Any]
) -> None:
    asked = {"site": f"{place.park}/{place.site}", "change": what}
    note(ask, connection, "site plan", asked=asked, seen=seen)


def _changed(ask: Ask, place: SiteNow) -> Go:
    ask.desk.live.changed_now()
    return Go(f"/sites/{place.id}/plan")
