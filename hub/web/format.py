"""Numbers, days and times as people of each language write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from hub.web.texts import name_of, say, words_of
from hub.words import Language

_NONE = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"
_NOTHING = Markup("&#8211;")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Forms:
    """One language and time zone."""

    language: Language
    zone: ZoneInfo

    def number(self, value: float, digits: int = 0) -> str:
        """1.234,5 in Vietnamese, 1,234.5 in English."""
        text = f"{value:,.{digits}f}"
        return text if self.language == "en" else text.translate(_SWAPPED)

    def share(self, value: float | None) -> str:
        return _NONE if value is None else f"{self.number(value * 100, 1)} %"

    def degrees(self, value_c: float | None) -> str:
        return _NONE if value_c is None else f"{self.number(value_c, 1)} °C"

    def difference(self, value_c: float | None) -> str:
        """With its sign, to 0.01 °C."""
        if value_c is None:
            return _NONE
        sign = "+" if value_c > 0 else _MINUS if value_c < 0 else "±"
        return f"{sign}{self.number(abs(value_c), 2)} °C"

    def day(self, day: date) -> str:
        if self.language == "vi":
            return f"{day.day:02}/{day.month:02}/{day.year}"
        return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"

    def short_day(self, day: date) -> str:
        if self.language == "vi":
            return f"{day.day}/{day.month}"
        return f"{day.day} {_MONTHS[day.month - 1]}"

    def at(self, at_ms: int | None) -> Markup:
        """Day and time."""
        if at_ms is None:
            return _NOTHING
        moment = self.moment(at_ms)
        return self._time(at_ms, f"{self.day(moment.date())} {moment:%H:%M}")

    def short(self, at_ms: int | None) -> Markup:
        """Day and time, without the year."""
        if at_ms is None:
            return _NOTHING
        moment = self.moment(at_ms)
        return self._time(at_ms, f"{self.short_day(moment.date())} {moment:%H:%M}")

    def clock(self, at_ms: int | None) -> Markup:
        """The time of the day, to the second."""
        if at_ms is None:
            return _NOTHING
        return self._time(at_ms, f"{self.moment(at_ms):%H:%M:%S}")

    def written(self, at_ms: int) -> str:
        """As the field of a form has it."""
        return f"{self.moment(at_ms):%Y-%m-%dT%H:%M}"

    def sortable(self, at_ms: int) -> str:
        """As a spreadsheet's cell has it: the zone's own time, in an order that sorts."""
        return f"{self.moment(at_ms):%Y-%m-%d %H:%M:%S}"

    def typed(self, value: float) -> str:
        """As a person would type a number into a field."""
        return self.number(value, 0 if float(value).is_integer() else 1).replace(
            "." if self.language == "vi" else ",", ""
        )

    def minutes(self, value: float) -> str:
        """2 h 05; 45 min."""
        whole = round(value)
        unit = "phút" if self.language == "vi" else "min"
        hours, minutes = divmod(whole, 60)
        return f"{hours} h {minutes:02}" if hours else f"{minutes} {unit}"

    def moment(self, at_ms: int) -> datetime:
        # a gate's clock may say the year 9999, which the zone would carry beyond what dates hold
        at_ms = min(max(at_ms, _FIRST_MS), _LAST_MS)
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(self.zone)

    def _time(self, at_ms: int, shown: str) -> Markup:
        return Markup('<time datetime="{}">{}</time>').format(
            self.moment(at_ms).isoformat(timespec="milliseconds"), shown
        )


_DAY_MS = 86_400_000
_FIRST_MS = int(datetime(1, 1, 1, tzinfo=UTC).timestamp()) * 1_000 + _DAY_MS
_LAST_MS = int(datetime(9999, 12, 31, tzinfo=UTC).timestamp()) * 1_000 - _DAY_MS
_PLACE = frozenset({"gate", "site", "state", "at"})  # what stands beside an alarm anyway
_TABLES = {"device": "device", "cause": "cause", "reader": "direction"}
_DEGREES = frozenset({"median_c", "peers_median_c"})
_DIFFERENCES = frozenset({"off_c", "drift_c"})
_CALIBRATED = "last calibrated on "


@dataclass(frozen=True, slots=True)
class Detail:
    """An alarm's details: in words, and what the hub's own program said, which is English."""

    words: str
    said: str = ""


def detail_of(forms: Forms, name: str, text: str) -> Detail:
    """What an alarm of that name tells beside its name and place."""
    try:
        details = json.loads(text)
    except ValueError:
        return Detail(words_of(forms.language, f"alarm_about.{name}"), text)
    if not isinstance(details, dict):
        return Detail("", text)
    return Detail(
        "; ".join(
            f"{name_of(forms.language, 'detail', key)}: {_detail(forms, key, value)}"
            for key, value in details.items()
            if key not in _PLACE and value is not None
        )
    )


def _detail(forms: Forms, key: str, value: object) -> str:
    if key in _TABLES:
        return name_of(forms.language, _TABLES[key], str(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        if key in _DIFFERENCES:
            return forms.difference(value)
        return forms.degrees(value) if key in _DEGREES else forms.number(value)
    if key == "why" and str(value).startswith(_CALIBRATED):
        day = str(value).removeprefix(_CALIBRATED)
        return say(forms.language, "why.last_calibrated_on", day=day)
    if key == "why":
        return words_of(forms.language, f"why.{str(value).replace(' ', '_')}") or str(value)
    return str(value)


_MOST_LISTED = 6


def logged(value: Mapping[str, object], forms: Forms) -> str:
    """What a line of the audit log holds, on one line; all of it is in the page's JSON twin."""
    return "; ".join(
        f"{name_of(forms.language, 'field', name)}: {_logged(name, one, forms)}"
        for name, one in value.items()
        if one is not None and one != ""
    )


def _logged(name: str, value: object, forms: Forms) -> str:
    match value:
        case bool():
            found = say(forms.language, "field.yes" if value else "field.no")
        case int() if name.endswith("_ms"):
            moment = forms.moment(value)
            found = f"{forms.day(moment.date())} {moment:%H:%M}"
        case int() | float():
            found = forms.number(value)
        case Mapping():
            found = f"({logged(value, forms)})"
        case list():
            more = f" +{len(value) - _MOST_LISTED}" if len(value) > _MOST_LISTED else ""
            found = ", ".join(_logged(name, one, forms) for one in value[:_MOST_LISTED]) + more
        case _ if name == "kind":
            found = name_of(forms.language, "field_kind", str(value))
        case _:
            found = str(value)
    return found


_SWAPPED = str.maketrans(",.", ".,")
