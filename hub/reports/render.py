"""A report as a file: XLSX, CSV, JSON, HTML and PDF."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from hub.reports.charts import draw, to_svg
from hub.reports.document import Cell, CellKind, Document, Table
from hub.reports.paper import to_pdf
from hub.reports.texts import Words
from hub.sheets import Value, write_csv, write_xlsx

_TEMPLATES = Path(__file__).with_name("templates")


def to_json(document: Document) -> bytes:
    """`Document.plain` as JSON."""
    return json.dumps(document.plain(), ensure_ascii=False, indent=1).encode() + b"\n"


def csv_of(document: Document, table: str | None = None) -> bytes:
    """One table of the report, the first unless another is named. Raises KeyError."""
    found = {one.key: one for one in document.tables}
    one = document.tables[0] if table is None else found[table]
    heading = [column.key for column in one.columns]
    return write_csv(heading, _values(one))


def to_xlsx(document: Document) -> bytes:
    """A sheet for each table, and before them one with the figures and what they are parts of."""
    words = Words(document.language)
    about: list[list[Value]] = [
        [words("period"), period_text(document, words), None, None],
        [words("park"), scope_text(document, words), None, None],
        [words("made"), words.time(document.made), None, None],
    ]
    about += [[fact.label, fact.value, fact.share, fact.note] for fact in document.facts]
    about += [[note, None, None, None] for note in document.notes]
    sheets: list[tuple[str, list[str], list[list[Value]]]] = [
        (document.title, [document.title, words("count"), words("share"), ""], about)
    ]
    sheets += [
        (table.title, [column.label for column in table.columns], _values(table))
        for table in document.tables
    ]
    return write_xlsx(sheets)


def to_html(document: Document) -> bytes:
    """One page that needs nothing else, made to be printed."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    words = Words(document.language)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True,
    )  # fmt: skip
    page = environment.get_template("report.html").render(
        document=document,
        words=words,
        period=period_text(document, words),
        scope=scope_text(document, words),
        charts=[(one.title, to_svg(draw(one, words), one.title)) for one in document.charts],
        tables=[printed(table, words) for table in document.tables if table.rows],
    )
    return page.encode()


def pdf_of(document: Document) -> bytes:
    """A4 pages."""
    words = Words(document.language)
    tables = [printed(table, words) for table in document.tables if table.rows]
    return to_pdf(document, tables, period_text(document, words), scope_text(document, words))


RENDERERS: Mapping[str, Callable[[Document], bytes]] = {
    "json": to_json,
    "csv": csv_of,
    "xlsx": to_xlsx,
    "html": to_html,
    "pdf": pdf_of,
}
MEDIA_TYPES: Mapping[str, str] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
}


def printed(table: Table, words: Words) -> Table:
    """The table as it is put on paper: its note says where the rest is, and which park all of it
    is of, instead of a column that says so in each row.
    """
    notes = [table.note] if table.note else []
    columns, rows = table.columns, table.rows[: table.most_printed]
    if len(table.rows) > len(rows):
        notes.append(words("cut", shown=len(rows), all=len(table.rows)))
    at = next((n for n, column in enumerate(columns) if column.key == "park"), None)
    if at is not None and len({row[at] for row in table.rows}) == 1:
        notes.insert(0, f"{words('park')}: {rows[0][at]}.")
        columns = columns[:at] + columns[at + 1 :]
        rows = tuple(row[:at] + row[at + 1 :] for row in rows)
    return Table(table.key, table.title, columns, rows, " ".join(notes))


def period_text(document: Document, words: Words) -> str:
    """The days of the report."""
    first, last = document.period.first, document.period.last
    if first == last:
        return words.day(first)
    return f"{words.day(first)} - {words.day(last)}"


def scope_text(document: Document, words: Words) -> str:
    """Of which park and site."""
    named = [
        words(f"{key}_", name=name) for key, name in document.scope.items() if name is not None
    ]
    return ", ".join(named) or words("everywhere")


def _values(table: Table) -> list[list[Value]]:
    kinds = [column.kind for column in table.columns]
    return [
        [_value(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in table.rows
    ]


def _value(cell: Cell, kind: CellKind) -> Value:
    if isinstance(cell, datetime):
        return cell.strftime("%Y-%m-%d %H:%M:%S")  # the park's own time
    if kind == "share" and isinstance(cell, float):
        return round(cell, 4)
    return cell if cell is None or isinstance(cell, str | int | float) else cell.isoformat()
