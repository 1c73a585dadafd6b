"""A registry file, read whole and checked whole before anything of it is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.registry.columns import Column, Kind, key_of, kind_of, matched
from hub.registry.credentials import canonicals
from hub.registry.faults import Fault, RegistryError
from hub.registry.values import Value, ValueFaultError, parse
from hub.sheets import Row, SheetError, read_rows


@dataclass(frozen=True, slots=True)
class Entry:
    """A line that was understood: the values of the file's columns, by name."""

    line: int
    values: dict[str, Value]
    identities: tuple[str, ...] = ()  # canonical, of the credential; never stored


@dataclass(frozen=True, slots=True)
class Listing:
    """A file without faults."""

    file: str
    kind: Kind
    columns: tuple[str, ...]
    entries: tuple[Entry, ...]


def read_listing(raw: bytes, file: str, kind: Kind | None = None) -> Listing:
    """The file's entries. Raises RegistryError that names every fault in it."""
    try:
        rows = list(read_rows(raw, file))
    except SheetError as error:
        what, _, mend = str(error).removeprefix(f"{file}: ").partition("; ")
        raise RegistryError([Fault(file, 0, None, what, mend or "look at the file")]) from error
    if not rows:
        raise RegistryError([Fault(file, 0, None, "is empty", "the first line names the columns")])
    head, *body = rows
    headings = [cell.text for cell in head.cells]
    kind = kind or kind_of(headings)
    if kind is None:
        mend = "name the columns in the first line, or give --kind sites, gates or roster"
        raise RegistryError([Fault(file, head.line, None, "can't tell what is listed", mend)])
    columns, faults = matched(kind, headings, file, head.line)
    if faults:
        raise RegistryError(faults)
    reader = _Reader(file, kind, columns, headings)
    entries = [entry for row in body if (entry := reader.entry(row)) is not None]
    if reader.faults:
        raise RegistryError(reader.faults)
    names = tuple(column.name for column in columns if column is not None)
    return Listing(file, kind, names, tuple(entries))


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

    def entry(self, row: Row) -> Entry | None:
        before = len(self.faults)
        values: dict[str, Value] = {}
        for number, cell in enumerate(row.cells):
            column = self._columns[number] if number < len(self._columns) else None
            if column is None:
                if cell.text:
                    self._fault(row, None, f"'{cell.text[:40]}' stands under no heading",
                                "give the column a name or empty the cell")  # fmt: skip
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
                    self._fault(row, heading, "is missing", "fill in the cell")
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
            self._fault(row, self._key[-1], f"{named} stands in line {first} already",
                        "take one of them out")  # fmt: skip

    def _identities(self, row: Row, values: dict[str, Value]) -> tuple[str, ...]:
        text = values.pop("credential", None)
        if text is None:
            return ()
        if values.get("token") is not None:
            self._fault(row, "credential", "stands beside a token", "give one of them")
            return ()
        try:
            return tuple(
                canonicals(str(text), park=str(values["park"]), holder=str(values["holder"]))
            )
        except ValueFaultError as error:
            self._fault(row, "credential", error.what, error.mend)
            return ()

    def _fault(self, row: Row, column: str | None, what: str, mend: str) -> None:
        self.faults.append(Fault(self._file, row.line, column, what, mend))
