"""The catalogue of what the pages say: texts.toml, each text in Vietnamese and English."""

from __future__ import annotations

from pathlib import Path

from hub.collation import vietnamese
from hub.words import LANGUAGES, Language, read_catalogue

DEFAULT: Language = "vi"
CATALOGUE = read_catalogue(Path(__file__).with_name("texts.toml"))


def language_of(text: str | None) -> Language | None:
    """The language of that name; None for any other."""
    return next((one for one in LANGUAGES if one == text), None)


def say(language: Language, key: str, **values: object) -> str:
    """The text of a key, its places in braces filled. Raises KeyError for an unknown key."""
    text = CATALOGUE[key][LANGUAGES.index(language)]
    return text.format(**values) if values else text


def name_of(language: Language, table: str, name: str) -> str:
    """The words for a stable name of the feed; names of newer gates stand as they are."""
    texts = CATALOGUE.get(f"{table}.{name}")
    return name.replace("_", " ") if texts is None else texts[LANGUAGES.index(language)]


def words_of(language: Language, key: str) -> str:
    """The text of a key, or nothing where the catalogue has none."""
    return say(language, key) if key in CATALOGUE else ""


def alarm_names(language: Language) -> list[tuple[str, str]]:
    """Every alarm that there is with its words, in their order."""
    names = (key.partition(".")[2] for key in CATALOGUE if key.startswith("alarm."))
    told = ((one, name_of(language, "alarm", one)) for one in names)
    return sorted(told, key=lambda one: vietnamese(one[1]))
