"""Tables as people keep them: CSV and XLSX, read with their quirks and written without danger.

CSV is UTF-8 with or without a byte order mark (or UTF-16 with one), parted by commas, semicolons
(spreadsheets set to Vietnamese) or tabs. Of a workbook the first sheet counts.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from unicodedata import category

from hub.words import Words

LARGEST_BYTES = 64 * 1024 * 1024
# a workbook is a ZIP: one of some kilobytes can unpack to gigabytes
_LARGEST_UNPACKED_BYTES = 512 * 1024 * 1024
_LONGEST_CELL = 32_767  # characters, what a spreadsheet's cell holds
_WIDEST = 256  # columns

# What a spreadsheet would calculate (OWASP, CSV injection). An apostrophe in front defuses it; one
# more where apostrophes stand in front already, so that reading gives back exactly what was written
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_DEFUSED = re.compile(r"'+[=+\-@\t\r]")
_TEXT_LIKE_FORMULA = _DEFUSED
_ERRORS = frozenset(
    {"#N/A", "#REF!", "#NAME?", "#VALUE!", "#DIV/0!", "#NUM!", "#NULL!", "#SPILL!", "########"}
)

Value = str | int | float | bool | None


class SheetError(ValueError):
    """A file that is no table. One line; `line` is the file's, 0 where it is about the whole."""

    def __init__(self, name: str, what: Words, mend: Words, *, line: int = 0) -> None:
        place = f"{name}: line {line}" if line else name
        super().__init__(f"{place}: {what}; {mend}")
        self.line = line
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, trimmed. `spoiled` says what a spreadsheet did to it, or is None."""

    text: str
    spoiled: Words | None = None
    was_number: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table, by its number in the file."""

    line: int
    cells: tuple[Cell, ...]

    @property
    def blank(self) -> bool:
        return not any(cell.text for cell in self.cells)


def read_rows(raw: bytes, name: str) -> Iterator[Row]:
    """Every row that is not blank, the heading first. `name` tells the kind by its ending.

    Raises SheetError, also on the way.
    """
    if len(raw) > LARGEST_BYTES:
        most = LARGEST_BYTES // 1_048_576
        raise SheetError(name, Words("what.too_large", most=most), Words("mend.part"))
    rows = _xlsx(raw, name) if _is_workbook(raw, name) else _csv(raw, name)
    for row in rows:
        if len(row.cells) > _WIDEST and any(cell.text for cell in row.cells[_WIDEST:]):
            what = Words("what.too_wide", most=_WIDEST)
            raise SheetError(name, what, Words("mend.fewer_columns"), line=row.line)
        if not row.blank:
            yield row


def write_csv(heading: Sequence[str], rows: Iterable[Sequence[Value]]) -> bytes:
    """CSV in UTF-8 with a byte order mark, which spreadsheets need to read Vietnamese."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(heading)
    for row in rows:
        writer.writerow([_defused(value) for value in row])
    return b"\xef\xbb\xbf" + out.getvalue().encode()


def write_xlsx(sheets: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Value]]]]) -> bytes:
    """A workbook of (title, heading, rows). Text is stored as text: nothing is calculated."""
    from openpyxl import Workbook
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook(write_only=True)
    bold = Font(bold=True)
    for title, heading, rows in sheets:
        sheet = book.create_sheet(re.sub(r"[\\/*?:\[\]]", " ", title)[:31])
        kept = [list(row) for row in rows]
        for number, name in enumerate(heading):
            lengths = [len(str(row[number])) for row in kept[:500] if row[number] is not None]
            width = max([len(name), *lengths]) + 2
            sheet.column_dimensions[get_column_letter(number + 1)].width = min(width, 60)
        sheet.freeze_panes = "A2"
        head = []
        for name in heading:
            cell = WriteOnlyCell(sheet, value=name)
            cell.font = bold
            head.append(cell)
        sheet.append(head)
        for row in kept:
            sheet.append([_xlsx_cell(WriteOnlyCell(sheet), value) for value in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _defused(value: Value) -> Value:
    if isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def _xlsx_cell(cell: Any, value: Value) -> Any:
    if isinstance(value, str):
        # control characters can't stand in XML at all
        text = "".join(one for one in value if category(one)[0] != "C" or one in "\t\n")
        if _TEXT_LIKE_FORMULA.match(text):
            text = f"'{text}"
        cell.value = text[:_LONGEST_CELL]
        cell.data_type = "s"  # not "f" for what begins with "="
        if _FORMULA.match(text):
            cell.quotePrefix = True
    else:
        cell.value = value
    return cell


def _armed(text: str) -> str:
    return text[1:] if _DEFUSED.match(text) else text


# --- CSV ------------------------------------------------------------------------------------


def _csv(raw: bytes, name: str) -> Iterator[Row]:
    text = _decoded(raw, name)
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            yield Row(line, tuple(_text_cell(field) for field in fields))
            line = reader.line_num + 1
    except csv.Error as error:
        what = Words("what.bad_csv", error=error)
        raise SheetError(name, what, Words("mend.quotation"), line=line) from error


def _decoded(raw: bytes, name: str) -> str:
    encoding = "utf-16" if raw[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        what, mend = Words("what.not_utf8"), Words("mend.save_utf8")
        raise SheetError(name, what, mend, line=line) from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SheetError(name, Words("what.nul"), Words("mend.is_text"), line=line)
    return text


def _text_cell(field: str) -> Cell:
    text = field.strip()
    if text in _ERRORS:
        return Cell(text, spoiled=Words("what.spreadsheet_error", value=text))
    return Cell(_armed(text))


# --- XLSX -----------------------------------------------------------------------------------


def _is_workbook(raw: bytes, name: str) -> bool:
    if name.lower().endswith((".xls", ".ods", ".numbers")):
        raise SheetError(name, Words("what.other_format"), Words("mend.save_as"))
    if name.lower().endswith((".xlsx", ".xlsm")):
        return True
    return raw[:4] == b"PK\x03\x04"


def _xlsx(raw: bytes, name: str) -> Iterator[Row]:
    book = _workbook(raw, name)
    try:
        for line, values in enumerate(book.worksheets[0].iter_rows(values_only=True), 1):
            yield Row(line, tuple(_value_cell(value) for value in values))
    except (ValueError, KeyError, TypeError, SyntaxError, OSError, zipfile.BadZipFile) as error:
        # what openpyxl and its XML reader say to a damaged sheet; SyntaxError is ParseError
        raise SheetError(name, Words("what.damaged_sheet"), Words("mend.save_again")) from error
    finally:
        book.close()


def _workbook(raw: bytes, name: str) -> Any:
    from openpyxl import load_workbook
    from openpyxl.utils.exceptions import InvalidFileException

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            unpacked = sum(one.file_size for one in packed.infolist())
        book = None
        if unpacked <= _LARGEST_UNPACKED_BYTES:
            book = load_workbook(io.BytesIO(raw), read_only=True, data_only=True)
    except (
        ValueError, KeyError, TypeError, SyntaxError, OSError, AttributeError,
        zipfile.BadZipFile, InvalidFileException,
    ) as error:  # fmt: skip
        raise SheetError(name, Words("what.damaged_book"), Words("mend.save_again")) from error
    if book is None:
        most = _LARGEST_UNPACKED_BYTES // 1_048_576
        raise SheetError(name, Words("what.unpacked", most=most), Words("mend.part"))
    if not book.worksheets:
        raise SheetError(name, Words("what.no_sheet"), Words("mend.save_again"))
    return book


def _value_cell(value: object) -> Cell:
    if value is None:
        return Cell("")
    if isinstance(value, bool):
        return Cell("true" if value else "false")
    if isinstance(value, int):
        return Cell(str(value), was_number=True)
    if isinstance(value, float):
        text = str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
        return Cell(text, was_number=True)
    if isinstance(value, datetime | date | time):
        return Cell(str(value), spoiled=Words("what.date", value=value))
    return _text_cell(str(value))
