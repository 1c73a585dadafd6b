"""The catalogue of what the pages say: texts.toml, each text in Vietnamese and English."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "vi"


def read_catalogue(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Every text by its key `table.name`, in the order of LANGUAGES. Raises ValueError."""
    found = {}
    for table, entries in tomllib.loads(path.read_text(encoding="utf-8")).items():
        for name, texts in entries.items():
            if len(texts) != len(LANGUAGES) or not all(texts):
                raise ValueError(f"{path.name}: {table}.{name}: give one text for each language")
            found[f"{table}.{name}"] = tuple(texts)
    return found


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
