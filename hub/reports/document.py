"""A report as it is shown, whatever it is shown on: facts, charts, tables, notes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

from hub.reports.period import Period

CellKind = Literal["text", "count", "share", "day", "time"]
Cell = str | int | float | date | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name for programs, its heading for people, how its cells are written."""

    key: str
    label: str
    kind: CellKind = "text"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under columns; `note` says what is counted. On paper stand the first `most_printed`."""

    key: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    most_printed: int = 1_000


@dataclass(frozen=True, slots=True)
class Fact:
    """A figure that stands out, with what it is a part of: `value` of `of`."""

    key: str
    label: str
    value: int
    of: int | None = None
    note: str = ""

    @property
    def share(self) -> float | None:
        return self.value / self.of if self.of else None


@dataclass(frozen=True, slots=True)
class Chart:
    """Amounts side by side: `columns` along a time, `bars` for a ranking. A series has a value for
    each label. Shares are drawn from 0 to 1; `beside` is written behind each bar.
    """

    key: str
    title: str
    form: Literal["columns", "bars"]
    labels: tuple[str, ...]
    series: tuple[tuple[str, tuple[float, ...]], ...]
    shares: bool = False
    beside: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The whole report. `scope` says of which park and site, `made` when it was made,
    `completeness` what it may lack (docs/reference/trace.md), which `notes` tell in words.
    """

    kind: str
    language: Literal["vi", "en"]
    title: str
    period: Period
    scope: dict[str, str | None]
    made: datetime
    facts: tuple[Fact, ...]
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = field(default=())
    completeness: dict[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """For programs: names as keys, days and times in ISO 8601, shares as fractions."""
        period = self.period
        return {
            "report": self.kind,
            "period": {
                "from": period.first.isoformat(),
                "to": period.last.isoformat(),
                "time_zone": period.zone.key,
            },
            **self.scope,
            "made_at": self.made.isoformat(timespec="seconds"),
            "figures": {
                fact.key: fact.value if fact.of is None else {"count": fact.value, "of": fact.of}
                for fact in self.facts
            },
            "tables": {
                table.key: [
                    {
                        column.key: cell.isoformat() if isinstance(cell, date) else cell
                        for column, cell in zip(table.columns, row, strict=True)
                    }
                    for row in table.rows
                ]
                for table in self.tables
            },
            "notes": list(self.notes),
            "completeness": self.completeness,
        }
