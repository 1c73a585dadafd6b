"""The catalogue of texts: every screen and every reason, in every language."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, get_args

from edge.gate.reasons import Reason
from edge.kiosk.view import Screen, View
from feed.messages import CloseReason

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
FILE = Path(__file__).with_name("texts.toml")

# where a refusal's or a fault's reason is told
_WITH_REASON = frozenset({Screen.REFUSED, Screen.OUT_OF_ORDER})
# within so many days a weekday names one day
_WEEK_DAYS = 7
# the comma of Vietnamese decimals
_POINT: Mapping[Language, str] = {"vi": ",", "en": "."}


@dataclass(frozen=True, slots=True)
class Saying:
    """A screen in one language: a title, why (where there is a why), and what to do."""

    lang: Language
    title: str
    why: str
    todo: str


class Catalogue:
    """All texts. Raises ValueError where one is missing."""

    def __init__(self, content: Mapping[str, Mapping[str, Any]]) -> None:
        self._pairs: dict[tuple[str, str, Language], tuple[str, str]] = {}
        for kind, names in (("screen", Screen), ("reason", Reason)):
            for name in names:
                for lang in LANGUAGES:
                    try:
                        first, second = content[kind][name][lang]
                    except (KeyError, ValueError) as error:
                        raise ValueError(f"texts: [{kind}.{name}] {lang} is no pair") from error
                    self._pairs[kind, name, lang] = (first, second)
        try:
            self._ordered = {
                (reason, lang): str(content["ordered"][reason][lang])
                for reason in CloseReason
                for lang in LANGUAGES
            }
        except KeyError as error:
            raise ValueError(f"texts: [ordered] lacks {error}") from error
        self._opening, self._weekdays, self._months = (
            content[name] for name in ("opening", "weekdays", "months")
        )

    @classmethod
    def load(cls, path: Path = FILE) -> Catalogue:
        """The catalogue that ships. Raises ValueError, OSError."""
        return cls(tomllib.loads(path.read_text(encoding="utf-8")))

    def screen(self, screen: Screen, lang: Language) -> tuple[str, str]:
        """Title, and what to do."""
        return self._pairs["screen", screen, lang]

    def reason(self, reason: Reason, lang: Language) -> tuple[str, str]:
        """Why, and what to do now."""
        return self._pairs["reason", reason, lang]

    def ordered(self, reason: CloseReason, lang: Language) -> str:
        """Why somebody in charge closed the gate."""
        return self._ordered[reason, lang]

    def opening(self, opens_at: datetime, days: int, lang: Language) -> str:
        """When the gate opens, `days` after it closed. It stays true until then."""
        form = "same_day" if days == 0 else "same_week" if days < _WEEK_DAYS else "later"
        text: str = self._opening[form][lang]
        return text.format(
            time=f"{opens_at:%H:%M}",
            weekday=self._weekdays[lang][opens_at.weekday()],
            day=opens_at.day,
            month=self._months[lang][opens_at.month - 1],
        )

    def say(self, view: View, languages: Sequence[Language]) -> tuple[Saying, ...]:
        """A view in words, in each of the languages."""
        return tuple(self._say(view, lang) for lang in languages)

    def _say(self, view: View, lang: Language) -> Saying:
        title, todo = self.screen(view.screen, lang)
        why = ""
        if view.reason is not None and view.screen in _WITH_REASON:
            why, todo = self.reason(view.reason, lang)
        if view.ordered is not None:
            why = self.ordered(view.ordered, lang)
        closure = view.closure
        if closure is not None and closure.opens_at is not None:
            todo = self.opening(datetime.fromisoformat(closure.opens_at), closure.days, lang)
        return Saying(lang, title, why, todo)


def degrees(value_c: float, lang: Language) -> str:
    """A temperature as people write it: to a tenth of a degree."""
    return f"{value_c:.1f}".replace(".", _POINT[lang]) + " °C"
