"""`edge-gate records`: look into the journal, also while the daemon writes it."""

from __future__ import annotations

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
    progress,
    say,
    write_table,
)
from edge.commands.records_common import journal_folder, path_option, readable
from edge.commands.records_look import dead_letters, quarantined, status
from edge.commands.records_purge import purge
from edge.commands.records_rows import HEADINGS, STYLES, row, write_csv
from edge.commands.records_verify import verify

if TYPE_CHECKING:
    from edge.records.query import Found

ON_TERMINAL = 100  # records that a terminal is shown when no --limit is given
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
    click.option(
        "--state",
        type=click.Choice(["unconfirmed", "confirmed", "dead-letter"]),
        metavar="STATE",
        help="Only unconfirmed, confirmed or dead-letter: those that wait, that have arrived, or "
        "that were refused for good.",
    ),
    click.option("--limit", "-n", type=click.IntRange(min=1), help="Only the newest so many."),
    path_option,
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
    """List, export and verify what the gate recorded, also while it runs.

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

    On a terminal the newest 100, unless --limit says otherwise. A time with ~ was put right by
    what the gate learned later, one with ? is not known; --since and --until compare with the
    time as the gate's clock had it.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv can't go together")
    table = not (as_json or as_csv)
    short = table and limit is None and sys.stdout.isatty()
    if short:
        limit = ON_TERMINAL
    found = _found(context, folder, limit=limit, **filters)
    if as_json:
        for one in found:
            click.echo(one.raw.decode())
    elif as_csv:
        write_csv(sys.stdout, found)
    else:
        write_table(HEADINGS, [row(one) for one in found], styles=STYLES)
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
    writers = {".json": _write_array, ".jsonl": _write_lines, ".csv": write_csv}
    write = writers.get(target.suffix.lower())
    if write is None:
        raise Refusal(f"{target}: unknown format; end its name in {', '.join(writers)}")
    if target.exists() and not force:
        raise Refusal(f"{target}: is there already; choose another name or --force")
    found = _found(context, folder, **filters)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    count = 0
    try:
        with (
            part.open("x", encoding="utf-8", newline="") as file,
            progress("exporting", None, wanted=True) as step,
        ):

            def counted() -> Iterator[Found]:
                nonlocal count
                for one in found:
                    count += 1
                    step()
                    yield one

            write(file, counted())
        part.replace(target)
    except OSError as error:
        raise Refusal(f"{target}: can't be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    say(f"{count} records in {target}", error=True)
    return 0


def _found(context: click.Context, folder: Path | None, **filters: Any) -> Iterator[Found]:
    from edge.records.query import find_records

    with readable():
        yield from find_records(journal_folder(context, folder), **filters)


def _write_lines(file: IO[str], found: Iterable[Found]) -> None:
    for one in found:
        file.write(one.raw.decode() + "\n")


def _write_array(file: IO[str], found: Iterable[Found]) -> None:
    comma = "["
    for one in found:
        file.write(f"{comma}\n{one.raw.decode()}")
        comma = ","
    file.write("[]\n" if comma == "[" else "\n]\n")


for command in (status, quarantined, dead_letters, verify, purge):
    records.add_command(command)
