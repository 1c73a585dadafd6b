"""From figures to a report that is read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, datetime

from hub.reports.compliance import Compliance
from hub.reports.coverage import Area, Coverage
from hub.reports.document import Chart, Column, Document, Fact, Table
from hub.reports.entries import Entries, Figures, Place
from hub.reports.period import moment
from hub.reports.texts import Language, Words

_MOST_COLUMNS = 62  # days that can be told apart on a page
_MOST_BARS = 25


def entries_document(report: Entries, language: Language, made: datetime) -> Document:
    """Entries a day, by site and gate; granted and denied by reason; fever; declarations."""
    words = Words(language)
    total = report.total
    days = list(report.by_day.items())
    parts = _by_day_charts(words, days)
    reasons = list(report.reasons.items())
    if reasons:
        names = tuple(words.reason(name) for name, _ in reasons[:_MOST_BARS])
        counts = tuple(float(count) for _, count in reasons[:_MOST_BARS])
        shares = tuple(
            f"{words.number(count)} ({words.share(count / total.denied)})"
            for _, count in reasons[:_MOST_BARS]
        )
        parts.append(
            Chart("reasons", words("by_reason"), "bars", names, ((words("denied"), counts),),
                  beside=shares)
        )  # fmt: skip
    notes = [words("note_reasons")]
    if report.unsure:
        notes.append(words("note_unsure", count=report.unsure))
    return Document(
        kind="entries",
        language=language,
        title=words("entries"),
        period=report.period,
        scope={"park": report.park, "site": report.site},
        made=made,
        facts=(
            Fact("entries", words("entered"), total.entries, note=words("entered_note")),
            Fact("granted", words("granted"), total.granted, total.decisions,
                 words("of_decisions", of=total.decisions)),
            Fact("denied", words("denied"), total.denied, total.decisions,
                 words("of_decisions", of=total.decisions)),
            Fact("fever", words("fever"), total.fever, total.measured,
                 words("of_measured", of=total.measured)),
            Fact("declared", words("declared"), total.declared, total.decisions,
                 words("of_decisions", of=total.decisions)),
        ),
        charts=tuple(parts),
        tables=(
            Table("by_day", words("by_day"), (_day(words), *_figure_columns(words)),
                  tuple((day, *_figures(one)) for day, one in days)),
            Table("by_gate", words("by_gate"), (*_place_columns(words), *_figure_columns(words)),
                  tuple((*_place(at), *_figures(one)) for at, one in report.by_place.items())),
            Table("by_reason", words("by_reason"),
                  (Column("reason", "reason"), Column("meaning", words("reason")),
                   Column("count", words("count"), "count"),
                   Column("share", words("of_denied", of=total.denied), "share")),
                  tuple((name, words.reason(name), count, count / total.denied)
                        for name, count in reasons)),
            Table("answers", words("answers"),
                  (Column("question", words("question")), Column("count", words("count"), "count")),
                  tuple((words.answer(name), count) for name, count in report.answers.items())),
            Table("by_day_and_gate", words("by_day_and_gate"),
                  (_day(words), *_place_columns(words), *_figure_columns(words)),
                  tuple((day, *_place(at), *_figures(one))
                        for (day, at), one in report.by_day_and_place.items()),
                  most_printed=200),
        ),
        notes=tuple(notes),
    )  # fmt: skip


def coverage_document(report: Coverage, language: Language, made: datetime) -> Document:
    """Active sites of registered ones, ranked; who is silent and whom to call."""
    words = Words(language)
    total, zone = report.total, report.period.zone
    charts = [
        _area_chart(words, key, title, areas, name)
        for key, title, areas, name in (
            ("provinces", words("by_province"), report.provinces, lambda area: area.province),
            ("districts", words("by_district"), report.districts, lambda area: area.district),
        )
        if len(areas) > 1
    ]
    return Document(
        kind="coverage",
        language=language,
        title=words("coverage"),
        period=report.period,
        scope={"park": report.park},
        made=made,
        facts=(
            Fact("active", words("active_sites"), total.active, total.registered,
                 words("of_registered", of=total.registered)),
            Fact("silent", words("silent"), total.registered - total.active, total.registered,
                 words("of_registered", of=total.registered)),
            Fact("unregistered", words("unregistered_sites"), len(report.unregistered)),
        ),
        charts=tuple(charts),
        tables=(
            Table("provinces", words("by_province"),
                  (_rank(words), Column("province", words("province")), *_share_columns(words)),
                  tuple((area.rank, area.province or words("unstated"), *_share(area))
                        for area in report.provinces)),
            Table("districts", words("by_district"),
                  (_rank(words), Column("district", words("district")),
                   Column("province", words("province")), *_share_columns(words)),
                  tuple((area.rank, area.district or words("unstated"),
                         area.province or words("unstated"), *_share(area))
                        for area in report.districts)),
            Table("silent", words("silent_sites"),
                  (Column("province", words("province")), Column("district", words("district")),
                   Column("park", words("park")), Column("site", words("site")),
                   Column("name", words("site_name")), Column("contact", words("contact")),
                   Column("last", words("last_seen"), "time")),
                  tuple((one.province, one.district, one.park, one.site, one.name, one.contact,
                         None if one.last_ms is None else moment(one.last_ms, zone))
                        for one in report.silent)),
            Table("unregistered", words("unregistered_sites"),
                  (Column("park", words("park")), Column("site", words("site"))),
                  report.unregistered),
        ),
        notes=(words("note_active"),),
    )  # fmt: skip


def compliance_document(report: Compliance, language: Language, made: datetime) -> Document:
    """Who of a list was seen where, who nowhere, who is not on the roster."""
    words = Words(language)
    zone = report.period.zone
    known = report.people_known
    lost = sum(not one.traceable for one in report.absent)
    asked = (Column("line", words("line"), "count"), Column("asked_for", words("asked_for")))
    person = (Column("park", words("park")), Column("holder", words("holder")),
              Column("name", words("name")))  # fmt: skip
    return Document(
        kind="compliance",
        language=language,
        title=words("compliance"),
        period=report.period,
        scope={"park": report.park, "site": report.site},
        made=made,
        facts=(
            Fact("asked", words("asked"), report.asked),
            Fact("seen", words("people_seen"), report.people_seen, known,
                 words("of_known", of=known)),
            Fact("absent", words("people_absent"), len(report.absent) - lost, known,
                 words("of_known", of=known)),
            Fact("untraceable", words("untraceable"), lost, known, words("of_known", of=known)),
            Fact("unknown", words("unknown"), len(report.unknown), report.asked,
                 words("of_asked", of=report.asked)),
        ),
        charts=(),
        tables=(
            Table("seen", words("seen"),
                  (*asked, *person, Column("site", words("site")),
                   Column("site_name", words("site_name")),
                   Column("entries", words("entered"), "count"),
                   Column("denied", words("denied"), "count"),
                   Column("first", words("first"), "time"), Column("last", words("last"), "time")),
                  tuple((one.asked.line, one.asked.text, one.park, one.holder, one.name,
                         f"{one.site_park}/{one.site}",
                         one.site_name, one.entries, one.denied, moment(one.first_ms, zone),
                         moment(one.last_ms, zone)) for one in report.seen)),
            Table("absent", words("absent"),
                  (*asked, *person, Column("traceable", words("traceable"))),
                  tuple((one.asked.line, one.asked.text, one.park, one.holder, one.name,
                         words("yes" if one.traceable else "no")) for one in report.absent)),
            Table("unknown", words("unknown"), asked,
                  tuple((one.line, one.text) for one in report.unknown)),
        ),
        notes=(words("note_untraceable"),) if lost else (),
    )  # fmt: skip


# --- parts ----------------------------------------------------------------------------------


def _by_day_charts(words: Words, days: list[tuple[date, Figures]]) -> list[Chart]:
    if not 1 < len(days) <= _MOST_COLUMNS:
        return []
    labels = tuple(f"{day:%d/%m}" if words.language == "vi" else f"{day:%m-%d}" for day, _ in days)

    def values(of: Callable[[Figures], int]) -> tuple[float, ...]:
        return tuple(float(of(one)) for _, one in days)

    series = (
        (words("granted"), values(lambda one: one.granted)),
        (words("denied"), values(lambda one: one.denied)),
    )
    return [Chart("days", words("by_day"), "columns", labels, series)]


def _area_chart(
    words: Words,
    key: str,
    title: str,
    areas: Iterable[Area],
    name: Callable[[Area], str | None],
) -> Chart:
    shown = list(areas)[:_MOST_BARS]
    labels = tuple(name(area) or words("unstated") for area in shown)
    values = tuple(area.figures.share or 0.0 for area in shown)
    beside = tuple(
        f"{words.share(value)}  {words.number(area.figures.active)}/"
        f"{words.number(area.figures.registered)}"
        for area, value in zip(shown, values, strict=True)
    )
    return Chart(
        key, title, "bars", labels, ((words("active"), values),), shares=True, beside=beside
    )


def _day(words: Words) -> Column:
    return Column("day", words("day"), "day")


def _rank(words: Words) -> Column:
    return Column("rank", words("rank"), "count")


def _place_columns(words: Words) -> tuple[Column, ...]:
    return (
        Column("park", words("park")),
        Column("site", words("site")),
        Column("site_name", words("site_name")),
        Column("gate", words("gate")),
    )


def _place(place: Place) -> tuple[str, str, str | None, str]:
    return place.park, place.site, place.site_name, place.gate


def _figure_columns(words: Words) -> tuple[Column, ...]:
    return (
        Column("decisions", words("decisions"), "count"),
        Column("granted", words("granted"), "count"),
        Column("denied", words("denied"), "count"),
        Column("entries", words("entered"), "count"),
        Column("exits", words("exited"), "count"),
        Column("measured", words("measured"), "count"),
        Column("fever", words("fever"), "count"),
        Column("fever_share", words("fever_share"), "share"),
        Column("declared", words("declared"), "count"),
    )


def _figures(one: Figures) -> tuple[int | float | None, ...]:
    return (one.decisions, one.granted, one.denied, one.entries, one.exits, one.measured,
            one.fever, one.fever_share, one.declared)  # fmt: skip


def _share_columns(words: Words) -> tuple[Column, ...]:
    return (
        Column("active", words("active"), "count"),
        Column("registered", words("registered"), "count"),
        Column("share", words("share"), "share"),
    )


def _share(area: Area) -> tuple[int, int, float | None]:
    return area.figures.active, area.figures.registered, area.figures.share
