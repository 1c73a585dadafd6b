"""A registry file, read whole and checked whole before anything of it is taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hub.registry.columns import Column, Kind, key_of, kind_of, matched
from hub.registry.credentials import canonicals
from hub.registry.faults import Fault, RegistryError
from hub.registry.values import Value, ValueFaultError, parse
from hub.sheets import Row, SheetError, read_rows
from hub.words import Words


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that was understood: the values of the file's columns, by name."""

    line: int
    values: dict[str, Value]
    identities: tuple[str, ...] = ()  # canonical, of the credential; never stored


@dataclass(frozen=True, slots=True)
class Listing:
    """A file without faults. `headings` are what the file calls its columns."""

    file: str
    kind: Kind
    columns: tuple[str, ...]
    entries: tuple[Entry, ...]
    headings: Mapping[str, str]


def read_listing(raw: bytes, file: str, kind: Kind | None = None) -> Listing:
    """The file's entries. Raises RegistryError that names every fault in it."""
    try:
        rows = list(read_rows(raw, file))
    except SheetError as error:
        raise RegistryError([Fault(file, error.line, None, error.what, error.mend)]) from error
    if not rows:
        raise RegistryError([Fault(file, 0, None, Words("what.empty"), Words("mend.first_line"))])
    head, *body = rows
    headings = [cell.text for cell in head.cells]
    kind = kind or kind_of(headings)
    if kind is None:
        what, mend = Words("what.no_kind"), Words("mend.name_columns")
        raise RegistryError([Fault(file, head.line, None, what, mend)])
    columns, faults = matched(kind, headings, file, head.line)
    if faults:
        raise RegistryError(faults)
    reader = _Reader(file, kind, columns, headings)
    entries = [entry for row in body if (entry := reader.entry(row)) is not None]
    if reader.faults:
        raise RegistryError(reader.faults)
    return Listing(file, kind, tuple(reader.called), tuple(entries), reader.called)


class _Reader:
    def __init__(
        self, file: str, kind: Kind, columns: Sequence[Column | None], headings: Sequence[str]
    ) -> None:
        self.faults: list[Fault] = []
        self._file = file
        self._key = key_of(kind)
        self._columns = columns
        self._headings = headings
        self._lines: dict[tuple[Value, ...], int] = {}
        self.called = {
            column.name: heading
            for column, heading in zip(columns, headings, strict=True)
            if column is not None
        }

    def entry(self, row: Row) -> Entry | None:
        before = len(self.faults)
        values: dict[str, Value] = {}
        for number, cell in enumerate(row.cells):
            column = self._columns[number] if number < len(self._columns) else None
            if column is None:
                if cell.text:
                    what = Words("what.no_heading", value=cell.text[:40])
                    self._fault(row, None, what, Words("mend.name_or_empty"))
                continue
            try:
                values[column.name] = parse(column.name, cell)
            except ValueFaultError as error:
                self._fault(row, self._headings[number], error.what, error.mend)
        for number, column in enumerate(self._columns):
            if column is not None and column.required and values.get(column.name) is None:
                heading = self._headings[number]
                if not any(
                    f.line == row.line and f.column == heading for f in self.faults[before:]
                ):
                    self._fault(row, heading, Words("what.missing"), Words("mend.fill_in"))
        identities: tuple[str, ...] = ()
        if len(self.faults) == before:
            self._once(row, values)
            identities = self._identities(row, values)
        return Entry(row.line, values, identities) if len(self.faults) == before else None

    def _once(self, row: Row, values: dict[str, Value]) -> None:
        key = tuple(values[name] for name in self._key)
        first = self._lines.setdefault(key, row.line)
        if first != row.line:
            named = "/".join(map(str, key))
            what = Words("what.twice", name=named, line=first)
            self._fault(row, self.called[self._key[-1]], what, Words("mend.take_out"))

    def _identities(self, row: Row, values: dict[str, Value]) -> tuple[str, ...]:
        text = values.pop("credential", None)
        if text is None:
            return ()
        if values.get("token") is not None:
            what, mend = Words("what.beside_token"), Words("mend.give_one")
            self._fault(row, self.called["credential"], what, mend)
            return ()
        try:
            return tuple(
                canonicals(str(text), park=str(values["park"]), holder=str(values["holder"]))
            )
        except ValueFaultError as error:
            self._fault(row, self.called["credential"], error.what, error.mend)
            return ()

    def _fault(self, row: Row, column: str | None, what: Words, mend: Words) -> None:
        self.faults.append(Fault(self._file, row.line, column, what, mend))
