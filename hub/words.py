"""What is told of a person's file or question, in the language of who reads it: words.toml.

Whatever finds a fault says which text it is and what fills it; pages tell it in their language, the
command line and the HTTP interface in English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

Language = Literal["vi", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


def read_catalogue(path: Path) -> Mapping[str, tuple[str, ...]]:
    """Every text by its key `table.name`, in the order of LANGUAGES. Raises ValueError."""
    found = {}
    for table, entries in tomllib.loads(path.read_text(encoding="utf-8")).items():
        for name, texts in entries.items():
            if len(texts) != len(LANGUAGES) or not all(texts):
                raise ValueError(f"{path.name}: {table}.{name}: give one text for each language")
            found[f"{table}.{name}"] = tuple(texts)
    return found


CATALOGUE = read_catalogue(Path(__file__).with_name("words.toml"))


class Words:
    """A text of the catalogue and what fills its places. Raises KeyError for an unknown key."""

    __slots__ = ("key", "values")

    def __init__(self, key: str, **values: object) -> None:
        CATALOGUE[key]  # an unknown one is found where it is written
        self.key = key
        self.values = values

    def told(self, language: Language = "en") -> str:
        """The text in that language."""
        text = CATALOGUE[self.key][LANGUAGES.index(language)]
        return text.format(**self.values) if self.values else text

    def __str__(self) -> str:
        return self.told()

    def __repr__(self) -> str:
        return f"Words({self.key!r}, {self.told()!r})"
