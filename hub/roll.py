"""Lists of people for passes: CSV as spreadsheets write it, one person a line.

Columns by their names in the first line: `holder`, and any of `name`, `category`, `sites`, `from`,
`until`, `declared`, `declaration`. Several sites are parted by spaces; dates are 2021-08-23;
a declaration is `fever=no cough=no`.
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from identity.passes.claims import STEP_S, Answer, Declaration, Pass, PassError
from identity.passes.phone import PhoneKey

COLUMNS = (
    "holder", "name", "category", "sites", "from", "until", "declared", "declaration",
)  # fmt: skip
MOST_PEOPLE = 20_000
_WORDS = {"yes": True, "no": False, "true": True, "false": False, "có": True, "không": False}


class RollError(ValueError):
    """A person that no pass can be made of: one line with the file and the line in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for everyone whose line says nothing else. Days begin and end in `zone`."""

    park: str
    category: str
    sites: tuple[str, ...]
    first_day: date
    last_day: date | None
    zone: ZoneInfo
    show_name: bool = True
    phone: PhoneKey | None = None
    step_s: int = STEP_S


def read_roll(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of the file: their numbers, and their cells by column. Raises RollError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "is not UTF-8: save it as that"
        raise RollError(f"{path}: {what}") from error
    head = text.partition("\n")[0]
    # spreadsheets set to Vietnamese write semicolons
    reader = csv.DictReader(io.StringIO(text), delimiter=";" if head.count(";") else ",")
    columns = [(name or "").strip().lower() for name in reader.fieldnames or ()]
    if "holder" not in columns:
        raise RollError(f"{path}: line 1: no column 'holder'; columns are {', '.join(COLUMNS)}")
    if unknown := set(columns) - {*COLUMNS, ""}:
        raise RollError(
            f"{path}: line 1: unknown column '{min(unknown)}'; columns are {', '.join(COLUMNS)}"
        )
    for count, row in enumerate(reader, 1):
        if count > MOST_PEOPLE:
            raise RollError(f"{path}: more than {MOST_PEOPLE} people; part the file")
        cells = dict(zip(columns, row.values(), strict=False))
        clean = {name: (cell or "").strip() for name, cell in cells.items() if name}
        if any(clean.values()):
            yield reader.line_num, clean


def to_pass(cells: Mapping[str, str], terms: Terms, pass_id: bytes) -> Pass:
    """The pass of one person. Raises PassError."""
    last = _day("until", cells.get("until")) or terms.last_day
    if last is None:
        raise PassError("until: missing; give the column or --until")
    name = unicodedata.normalize("NFC", " ".join(cells.get("name", "").split()))
    return Pass(
        park=terms.park,
        holder=unicodedata.normalize("NFC", cells.get("holder", "")),
        pass_id=pass_id,
        category=cells.get("category") or terms.category,
        not_before=_midnight(_day("from", cells.get("from")) or terms.first_day, terms.zone),
        expires=_midnight(last + timedelta(days=1), terms.zone),
        sites=tuple(cells.get("sites", "").split()) or terms.sites,
        name=(name or None) if terms.show_name else None,
        declaration=_declaration(cells),
        phone=terms.phone,
        step_s=terms.step_s,
    )


def _day(what: str, text: str | None) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PassError(f"{what}: '{text}' is no day such as 2021-08-23") from error


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone)


def _declaration(cells: Mapping[str, str]) -> Declaration | None:
    day = _day("declared", cells.get("declared"))
    answers = cells.get("declaration", "").split()
    if day is None:
        if answers:
            raise PassError("declared: missing; a declaration needs its day")
        return None
    return Declaration(date=day, answers=dict(_answer(text) for text in answers))


def _answer(text: str) -> tuple[str, Answer]:
    name, _, value = text.partition("=")
    if not value:
        raise PassError(f"declaration: '{text}' is not name=value such as fever=no")
    if value.lower() in _WORDS:
        return name, _WORDS[value.lower()]
    return name, int(value) if value.isascii() and value.isdigit() else value
