"""`edge-gate records`: look into the journal, also while the daemon writes it."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from edge.commands.common import (
    Command,
    Group,
    Refusal,
    json_option,
    load_config,
    progress,
    say,
    write_table,
)

if TYPE_CHECKING:
    from feed.record import Record

ON_TERMINAL = 100  # records that a terminal is shown when no --limit is given
COLUMNS = (
    "seq", "at", "clock", "kind", "reader", "direction", "ref", "scheme", "person", "category",
    "result", "reasons", "verdict", "estimate_c", "object_c", "ambient_c", "event", "detail",
)  # fmt: skip
STYLES = {
    "granted": "green",
    "denied": "red",
    "alarm": "bold red",
    "withheld": "red",
    "held_open": "yellow",
    "not_passed": "yellow",
}
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Moment(click.ParamType[datetime]):
    """A date, a date with a time, or how long ago: 90m, 2h, 7d."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """The moment in UTC; one without a zone is local time."""
        if isinstance(value, datetime):
            return value
        ago = re.fullmatch(r"(\d{1,6})([smhd])", value)
        if ago:
            return datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        try:
            return datetime.fromisoformat(value).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail(f"{value!r} is no time; write 2021-08-23, 2021-08-23T07:30 or 2h", param, ctx)


class _ListFirst(Group):
    """`records` alone, or with options only, is `records list`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in {"-h", "--help"}):
            args.insert(0, "list")
        return super().parse_args(ctx, args)


_filters = [
    click.option("--kind", metavar="KIND", help="Only this kind: passage, outcome, alarm ..."),
    click.option("--reader", metavar="NAME", help="Only those of this reader."),
    click.option(
        "--result",
        metavar="RESULT",
        help="Only this decision or outcome: granted, denied, passed ...",
    ),
    click.option("--reason", metavar="REASON", help="Only with this reason: temperature_high ..."),
    click.option(
        "--since",
        type=Moment(),
        metavar="TIME",
        help="From then on: a date, a date and time, or 2h, 7d ago.",
    ),
    click.option("--until", type=Moment(), metavar="TIME", help="Before then."),
    click.option("--limit", "-n", type=click.IntRange(min=1), help="Only the newest so many."),
    click.option(
        "folder",
        "--path",
        type=click.Path(path_type=Path, file_okay=False),
        help="The journal's folder.  [default: records.path of the configuration]",
    ),
]


def _with_filters(command: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_filters):
        command = option(command)
    return command


@click.group(
    cls=_ListFirst,
    example=(
        "edge-gate records --kind passage --result denied --since 2h\n"
        "edge-gate records export --since 2021-08-01 august.csv"
    ),
)
def records() -> None:
    """List and export what the gate recorded, also while it runs.

    `records` alone is `records list`: its --help tells all filters.
    """


@records.command(
    "list",
    cls=Command,
    example="edge-gate records list --kind passage --reason temperature_high --json",
)
@_with_filters
@json_option
@click.option("as_csv", "--csv", is_flag=True, help="Answer in CSV, for spreadsheets.")
@click.pass_context
def list_(
    context: click.Context,
    /,
    *,
    as_json: bool,
    as_csv: bool,
    limit: int | None,
    folder: Path | None,
    **filters: Any,
) -> int:
    """List records, oldest first: a table, or --json (one record a line), or --csv.

    On a terminal the newest 100, unless --limit says otherwise.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv can't go together")
    table = not (as_json or as_csv)
    short = table and limit is None and sys.stdout.isatty()
    if short:
        limit = ON_TERMINAL
    found = _read(context, folder, limit=limit, **filters)
    if as_json:
        for record in found:
            click.echo(_encoded(record))
    elif as_csv:
        _write_csv(sys.stdout, found)
    else:
        rows = [_row(record) for record in found]
        write_table(
            ("seq", "time", "kind", "reader", "person", "°C", "result", "why"), rows, styles=STYLES
        )
    return 0


@records.command(cls=Command, example="edge-gate records export --kind passage --since 7d week.csv")
@click.argument("target", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@_with_filters
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@click.pass_context
def export(
    context: click.Context, /, target: Path, *, force: bool, folder: Path | None, **filters: Any
) -> int:
    """Write records to a file: .json (one array), .jsonl (one record a line) or .csv.

    The file appears whole or not at all.
    """
    writers = {".json": _write_array, ".jsonl": _write_lines, ".csv": _write_csv}
    write = writers.get(target.suffix.lower())
    if write is None:
        raise Refusal(f"{target}: unknown format; end its name in {', '.join(writers)}")
    if target.exists() and not force:
        raise Refusal(f"{target}: is there already; choose another name or --force")
    found = _read(context, folder, **filters)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    count = 0
    try:
        with (
            part.open("x", encoding="utf-8", newline="") as file,
            progress("exporting", None, wanted=True) as step,
        ):

            def counted() -> Iterator[Record]:
                nonlocal count
                for record in found:
                    count += 1
                    step()
                    yield record

            write(file, counted())
        part.replace(target)
    except OSError as error:
        raise Refusal(f"{target}: can't be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    say(f"{count} records in {target}", error=True)
    return 0


def _read(context: click.Context, folder: Path | None, **filters: Any) -> Iterator[Record]:
    path = folder or load_config(context).records.path
    from edge.records.disk import JournalError
    from edge.records.query import read_records

    try:
        yield from read_records(path, **filters)
    except JournalError as error:
        raise Refusal(
            f"{error}; is this the gate's machine? --path names another folder"
        ) from error


def _encoded(record: Record) -> str:
    """The record's own bytes, as text."""
    from feed.codec import encode

    return encode(record).decode()


def _write_lines(file: IO[str], found: Iterable[Record]) -> None:
    for record in found:
        file.write(_encoded(record) + "\n")


def _write_array(file: IO[str], found: Iterable[Record]) -> None:
    comma = "["
    for record in found:
        file.write(f"{comma}\n{_encoded(record)}")
        comma = ","
    file.write("[]\n" if comma == "[" else "\n]\n")


def _write_csv(file: IO[str], found: Iterable[Record]) -> None:
    # RFC 4180, with line feeds; written in pieces so that a long export needs no memory
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in found:
        writer.writerow(_cells(record))
        file.write(buffer.getvalue())
        buffer.seek(0)
        buffer.truncate()
    file.write(buffer.getvalue())


def _cells(record: Record) -> list[Any]:
    person, reading = record.person, record.reading
    result, reasons = _result(record)
    return [
        record.seq,
        json.loads(_encoded(record))["at"],
        record.clock.state,
        record.kind,
        record.reader,
        record.direction,
        record.ref,
        person and person.scheme,
        person and person.token and person.token.v,
        person and person.category,
        result,
        " ".join(reasons),
        reading and reading.verdict,
        reading and reading.estimate_c,
        reading and reading.object_c,
        reading and reading.ambient_c,
        record.event and record.event.name,
        _detail(record),
    ]


def _detail(record: Record) -> str:
    detail = dict(record.event.detail or {}) if record.event else {}
    if record.person and record.person.plain:
        detail |= record.person.plain
    return json.dumps(detail, ensure_ascii=False) if detail else ""


def _result(record: Record) -> tuple[str, tuple[str, ...]]:
    for part in (record.decision, record.outcome):
        if part is not None:
            return part.result, part.reasons
    return "", ()


def _row(record: Record) -> tuple[str, ...]:
    """What a person at a screen wants of a record; times are local."""
    result, reasons = _result(record)
    unsure = "" if record.clock.state == "synced" else " ?"
    estimate_c = record.reading.estimate_c if record.reading else None
    why = ", ".join(reasons)
    if record.event is not None:
        told = [f"{key}={value}" for key, value in (record.event.detail or {}).items()]
        why = " ".join((record.event.name, *told))
    return (
        str(record.seq),
        f"{record.at.astimezone():%Y-%m-%d %H:%M:%S}{unsure}",
        record.kind,
        record.reader or "",
        _who(record),
        f"{estimate_c:.2f}" if estimate_c is not None else "",
        result,
        why,
    )


def _who(record: Record) -> str:
    person = record.person
    if person is None:
        return ""
    if person.plain:
        return str(person.plain.get("name") or next(iter(person.plain.values()), person.scheme))
    return f"{person.scheme} {person.token.v[:8]}" if person.token else person.scheme
