"""Pages that show what is, to everyone who may look: overview, gates, alarms, charts, coverage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any

from sqlalchemy import Connection, select

from hub.monitor.alarms import Key, Listed, Wanted, count_open, list_alarms
from hub.monitor.gates import Status
from hub.reports.coverage import Coverage
from hub.reports.coverage import coverage as cover
from hub.reports.entries import Entries
from hub.reports.entries import entries as count_entries
from hub.reports.period import Period, PeriodError, make_period
from hub.roles import Right
from hub.store.schema import gates, offline, sites
from hub.web import look, parts
from hub.web.charts import Series
from hub.web.kit import Ask, RefusedError, View
from hub.web.look import Looker, Overview, Warmth
from hub.web.texts import alarm_names

_HOUR_MS = 3_600_000
_MOST_WARMTH_DAYS = 14
_OPEN_ON_A_PAGE = 50
_ALARMS_ON_A_PAGE = 100


def overview(ask: Ask) -> View:
    """Every gate at a glance, who is inside, what just happened."""
    found, version = ask.desk.live.current()
    may_see = ask.may(Right.ENTRIES)
    located = [site for site in found.sites if site.latitude is not None]
    places = [(site.latitude or 0.0, site.longitude or 0.0, site.name) for site in located]
    large = parts.is_large(found)
    shown = {
        "version": version,
        "overview": found,
        "verdict": parts.verdict(found),
        "figures": parts.figures(found),
        "layout": parts.layout(found),
        "entries_seen": may_see,
        "large": large,
        "worst": parts.worst(found) if large else None,
        "located": located,
        "places": () if large else places,
        "planned": parts.plan_site(found),
        "plan_pin": parts.plan_pin,
        "pin": parts.pin,
        "tile": parts.shown,
    }
    return View("overview.html", _overview_data(found, may_see=may_see), shown)


def _overview_data(found: Overview, *, may_see: bool) -> dict[str, Any]:
    return {
        "at_ms": found.at_ms,
        "inside": found.inside,
        "entries_today": found.entries_today,
        "refused_today": found.refused_today,
        "open_alarms": found.open_alarms,
        "gates": {str(status): found.counts.get(status, 0) for status in Status},
        "sites": found.sites,
        "alarms": found.alarms,
        "entries": found.entries if may_see else (),
    }


def gate(ask: Ask) -> View:
    """One gate: how it is, how it was."""
    desk, number = ask.desk, ask.number("gate")
    now_ms = desk.now_ms()
    period = period_of(ask, days=14)
    with desk.engine.connect() as connection:
        now = Looker(desk.limits).gate(connection, number, now_ms)
        place = look.place_of(connection, number)
        if now is None or place is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found")
        counted = count_entries(connection, period, park=place.park, site=place.site)
        warm = look.warmth(
            connection, site=place.id, gate=number,
            from_ms=max(period.from_ms, period.to_ms - _MOST_WARMTH_DAYS * 24 * _HOUR_MS),
            to_ms=period.to_ms,
        )  # fmt: skip
        days = _days_of_gate(counted, now.gate)
        data = {
            "at_ms": now_ms,
            "place": place,
            "gate": now,
            "days": days,
            "warmth": warm,
            "streams": look.streams_of(connection, place, now.gate),
            "silences": _silences(connection, number, period),
            "alarms": list_alarms(
                connection, Wanted(park=place.park, site=place.site, gate=now.gate), limit=20
            ).alarms,
            "entries": look.last_entries(connection, now_ms, gate=number)
            if ask.may(Right.ENTRIES)
            else (),
        }
    rows = [(one["day"], one["entries"], one["denied"]) for one in days]
    shown = {
        "period": period,
        "day_rows": rows,
        "series": _day_series(ask, rows),
        "heat": _heat(ask, warm),
        "tile": parts.shown,
        "entries_seen": ask.may(Right.ENTRIES),
    }
    return View("gate.html", data, shown)


def alarms(ask: Ask) -> View:
    """What a person must look at, and all that ever was: each a page at a time.

    `state=open` and `state=all` of the address ask for one of them alone, `before` for what comes
    after a key.
    """
    state, before = ask.query("state"), _key(ask.query("before"))
    park, site = chosen_site(ask)
    name, gate = (
        ask.query("name")[:200] or None,
        (ask.query("gate")[:200] or None) if site else None,
    )
    wanted = Wanted(park=park, site=site, gate=gate, name=name)
    waiting = replace(wanted, only_open=True)
    nothing = Listed((), None)
    with ask.desk.engine.connect() as connection:
        choices = site_choices(connection)
        site_gates = _gate_choices(connection, park, site)
        to_do, every = nothing, nothing
        if state != "all":
            to_do = list_alarms(connection, waiting, before=before, limit=_OPEN_ON_A_PAGE)
        if state != "open":
            every = list_alarms(connection, wanted, before=before, limit=_ALARMS_ON_A_PAGE)
        data = {
            "wanted": wanted,
            "open": to_do.alarms,
            "open_count": count_open(connection, waiting),
            "older_open": to_do.next and str(to_do.next),
            "history": every.alarms,
            "older": every.next and str(every.next),
        }
    known = ask.desk.live.current()[0] if before is None else None
    shown = {
        "choices": choices, "site_gates": site_gates, "state": state, "begun": before is None,
        "known": None if known is None else parts.known(known),
        "names": alarm_names(ask.language), "asked": _asked_alarms(ask),
    }  # fmt: skip
    return View("alarms.html", data, shown)


def _key(text: str) -> Key | None:
    try:
        return Key.of(text) if text else None
    except ValueError:
        raise RefusedError(HTTPStatus.NOT_FOUND, "error.not_found") from None


def _asked_alarms(ask: Ask) -> dict[str, str]:
    """The filter as an address has it."""
    names = ("site", "gate", "name")
    return {name: found for name in names if (found := ask.query(name)[:200])}


def _gate_choices(connection: Connection, park: str | None, site: str | None) -> Sequence[Any]:
    if site is None:
        return ()
    return connection.execute(
        select(gates.c.gate, gates.c.name)
        .join(sites, gates.c.site == sites.c.id)
        .where(sites.c.park == park, sites.c.site == site)
        .order_by(gates.c.gate)
    ).all()


def charts(ask: Ask) -> View:
    """Entries, refusals by reason and temperatures against the air, of a period."""
    period = period_of(ask, days=7)
    park, site = chosen_site(ask)
    with ask.desk.engine.connect() as connection:
        choices, names = site_choices(connection), gate_names(connection)
        counted = count_entries(connection, period, park=park, site=site)
        number = next((one.id for one in choices if (one.park, one.site) == (park, site)), None)
        warm: tuple[Warmth, ...] = ()
        if number is not None:
            warm = look.warmth(
                connection, site=number, gate=None,
                from_ms=max(period.from_ms, period.to_ms - _MOST_WARMTH_DAYS * 24 * _HOUR_MS),
                to_ms=period.to_ms,
            )  # fmt: skip
    days = [(day, figures) for day, figures in counted.by_day.items()]
    data = {
        "first": period.first,
        "last": period.last,
        "park": park,
        "site": site,
        "total": counted.total,
        "days": [{"day": day, "figures": figures} for day, figures in days],
        "gates": [
            {"place": place, "figures": figures} for place, figures in counted.by_place.items()
        ],
        "reasons": counted.reasons,
        "unsure": counted.unsure,
        "warmth": warm,
    }
    rows = [(day, one.entries, one.denied) for day, one in days]
    return View(
        "charts.html", data,
        {"period": period, "choices": choices, "chosen": number, "counted": counted,
         "gate_names": names,
         "day_rows": rows, "series": _day_series(ask, rows), "heat": _heat(ask, warm),
         "today": _today(ask)},
    )  # fmt: skip


def coverage(ask: Ask) -> View:
    """How many of the registered checkpoints are at work, ranked; and who is silent."""
    period = period_of(ask, days=1)
    park = ask.query("park") or None
    with ask.desk.engine.connect() as connection:
        found: Coverage = cover(connection, period, park=park)
        parks = list(connection.scalars(select(sites.c.park).distinct().order_by(sites.c.park)))
    data = {
        "first": period.first,
        "last": period.last,
        "park": park,
        "total": found.total,
        "share": found.total.share,
        "provinces": found.provinces,
        "districts": found.districts,
        "silent": found.silent,
        "unregistered": found.unregistered,
    }
    shown = {"period": period, "parks": parks, "today": _today(ask)}
    return View("coverage.html", data, shown)


# --- what several pages need ----------------------------------------------------------------


def period_of(ask: Ask, *, days: int) -> Period:
    """The days that the address names, or the last `days`. Raises RefusedError."""
    try:
        first, last = (_day(ask.query(name)) for name in ("first", "last"))
        now = datetime.fromtimestamp(ask.desk.now_ms() / 1000, UTC)
        return make_period(first, last, ask.desk.zone, now=now, days=days)
    except (PeriodError, ValueError) as error:
        raise RefusedError(HTTPStatus.BAD_REQUEST, "error.period") from error


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None


def _today(ask: Ask) -> date:
    return datetime.fromtimestamp(ask.desk.now_ms() / 1000, UTC).astimezone(ask.desk.zone).date()


def chosen_site(ask: Ask) -> tuple[str | None, str | None]:
    """`site=PARK/SITE` of the address."""
    park, slash, site = ask.query("site").partition("/")
    return (park, site) if slash and park and site else (None, None)


def gate_names(connection: Connection) -> dict[tuple[str, str, str], str]:
    """What people call the gates, by park, site and gate."""
    query = select(sites.c.park, sites.c.site, gates.c.gate, gates.c.name).join(
        sites, gates.c.site == sites.c.id
    )
    named = query.where(gates.c.name.is_not(None))
    return {(park, site, gate): name for park, site, gate, name in connection.execute(named)}


def site_choices(connection: Connection) -> Sequence[Any]:
    """Every site, to choose from."""
    return connection.execute(
        select(sites.c.id, sites.c.park, sites.c.site, sites.c.name).order_by(
            sites.c.park, sites.c.site
        )
    ).all()


def _days_of_gate(counted: Entries, gate: str) -> list[dict[str, Any]]:
    found = {day: {"day": day, "entries": 0, "exits": 0, "denied": 0} for day in counted.by_day}
    for (day, place), figures in counted.by_day_and_place.items():
        if place.gate == gate and day in found:
            found[day] = {
                "day": day, "entries": figures.entries, "exits": figures.exits,
                "denied": figures.denied,
            }  # fmt: skip
    return list(found.values())


def _day_series(ask: Ask, days: Sequence[tuple[date, int, int]]) -> list[Series]:
    return [
        Series(ask.say("charts.entered"), [entered for _, entered, _ in days], 1),
        Series(ask.say("charts.refused"), [refused for _, _, refused in days], 2),
    ]


def _heat(ask: Ask, warm: Sequence[Warmth]) -> dict[str, Any]:
    """Hours without gaps, so that nights show as what they are."""
    if not warm:
        return {"hours": [], "ticks": [], "series": []}
    by_hour = {one.hour_ms: one for one in warm}
    hours = list(range(warm[0].hour_ms, warm[-1].hour_ms + 1, _HOUR_MS))
    found = [by_hour.get(hour) for hour in hours]
    zone = ask.desk.zone
    moments = [datetime.fromtimestamp(hour / 1000, UTC).astimezone(zone) for hour in hours]
    labels = [f"{ask.forms.short_day(at.date())} {at:%H}:00" for at in moments]
    ticks = [f"{at:%H}:00" for at in moments]
    if len(hours) > 48:
        # a day's first hour carries its name
        days = [ask.forms.short_day(at.date()) for at in moments]
        ticks = [day if at == 0 or days[at - 1] != day else "" for at, day in enumerate(days)]
    people = Series(
        ask.say("charts.people_c"), [one.estimate_c if one else None for one in found], 3
    )
    air = Series(ask.say("charts.air_c"), [one.ambient_c if one else None for one in found], 4)
    return {"hours": labels, "ticks": ticks, "series": [people, air]}


def _silences(connection: Connection, gate: int, period: Period) -> list[dict[str, Any]]:
    rows = connection.execute(
        select(offline.c.from_ms, offline.c.to_ms)
        .where(
            offline.c.gate == gate,
            offline.c.from_ms < period.to_ms,
            offline.c.to_ms.is_(None) | (offline.c.to_ms >= period.from_ms),
        )
        .order_by(offline.c.from_ms.desc())
        .limit(50)
    )
    return [{"from_ms": row.from_ms, "to_ms": row.to_ms} for row in rows]
