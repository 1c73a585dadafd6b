"""`edge-hub trace`: where someone was, beside whom, and who was at a place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from hub import audit
from hub.commands.beside import opened, printable, write_result
from hub.commands.common import (
    Command,
    Refusal,
    acting,
    config_option,
    json_option,
    store_option,
    write_json,
)
from hub.commands.questions import clock, end_of, moment
from hub.roles import Right
from hub.trace import graph, lookup, output, questions
from hub.trace.answers import Contacts, Period
from hub.trace.output import Sheet
from hub.tracing import Asker, Question, ask, json_of, sheet_of
from identity.keys import KeyFileError

_PICTURES = {".svg": "svg", ".png": "png"}


class _Minutes(click.FloatRange):
    """From 0 to some two years."""

    def __init__(self) -> None:
        super().__init__(0, 1e6)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Click takes `nan`, which is in every range."""
        found = super().convert(value, param, ctx)
        if isnan(found):
            self.fail(f"{value!r} is no number of minutes.", param, ctx)
        return found


@click.command(
    cls=Command,
    example="edge-hub trace --holder NV-0815 --key token.key --from 2021-08-10 --to 2021-08-23 \\\n"
    '    --purpose "case 2021-0815, contacts within 14 days" --graph contacts.svg',
)
@config_option
@store_option
@click.option("--token", "tokens", multiple=True, help="The person's token, or its beginning.")
@click.option(
    "--credential",
    "credentials",
    multiple=True,
    help="The text of the person's code, or a citizen or insurance number; - reads it from "
    "standard input, where others on this machine don't see it.",
)
@click.option("--holder", "holders", multiple=True, help="The person's staff or pupil id.")
@click.option("--park", help="The park whose id --holder is.  [default: any]")
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="EDGE_HUB_TOKEN_KEY",
    help="The park's token key, for --credential and --holder.  [env: EDGE_HUB_TOKEN_KEY; default: "
    "the configuration's identity.key_file]",
)
@click.option(
    "--from", "begin", required=True, help="Begin of the period: 2021-08-10 or with time."
)
@click.option("--to", "end", required=True, help="Its end; a date alone is included.")
@click.option("--site", help="Only at this site (park/site). Without a person: who was there.")
@click.option("--gate", help="Only visits that used this gate of --site.")
@click.option("--visits", is_flag=True, help="The person's visits, instead of their contacts.")
@click.option("--hops", type=click.IntRange(1, 6), default=1, show_default=True,
              help="Contacts of contacts, and so on.")  # fmt: skip
@click.option("--min-minutes", type=_Minutes(), default=0.0,
              help="Leave out who was there together for less.")  # fmt: skip
@click.option("--same-gate-minutes", type=_Minutes(),
              help="Only those who used the same gate within so many minutes.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 100_000), default=questions.MOST_CONTACTS,
              show_default=True, help="People of a hop.")  # fmt: skip
@click.option("--purpose", default="", help="Why: the case, for the audit. Required.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
              help="Write a CSV file, - for standard output.")  # fmt: skip
@click.option("--xlsx", "xlsx_file", type=click.Path(path_type=Path, dir_okay=False),
              help="Write a workbook.")  # fmt: skip
@click.option("--graph", "graph_file", type=click.Path(path_type=Path, dir_okay=False),
              help="Write the contact graph, .svg or .png.")  # fmt: skip
@json_option
def trace(
    config: Path | None,
    store: str | Path | None,
    begin: str,
    end: str,
    credentials: tuple[str, ...],
    key_file: Path | None,
    purpose: str,
    csv_file: Path | None,
    xlsx_file: Path | None,
    graph_file: Path | None,
    *,
    as_json: bool,
    **options: Any,
) -> None:
    """Tell whom a person was with, where they were, or who was at a site.

    With a person (--token, --credential or --holder): their contacts, ranked, or with --visits
    their visits. With --site alone: everyone who was there in the period. Every answer says what
    it may lack. Who asked, why, and what was seen is written to the audit before it is shown.
    Times without a zone are the park's ([park] time_zone in hub.toml), and so are those shown.
    """
    mendable = (audit.RefusedError, lookup.UnknownError, KeyFileError, OSError)
    with opened("trace", config, store, *mendable) as (engine, loaded):
        role = acting(loaded, Right.TRACE, "trace")
        asker = Asker(audit.user(), role, audit.purpose_of(purpose))
        zone = ZoneInfo(loaded.park.time_zone)
        question = _question(begin, end, zone, credentials, **options)
        _check(question, graph_file)
        key = key_file or loaded.identity.key_file
        answer = ask(engine, question, asker, key)
        sheet = sheet_of(answer, clock(zone))
        if csv_file is not None:
            _write(csv_file, output.to_csv(sheet))
        if xlsx_file is not None:
            _write(xlsx_file, output.to_xlsx(sheet))
        if graph_file is not None:
            assert isinstance(answer, Contacts), "checked before"
            _write(graph_file, graph.picture(answer, _PICTURES[graph_file.suffix.lower()]))
    if as_json:
        write_json(json_of(answer))
    elif csv_file is None or str(csv_file) != "-":
        show(sheet)


def _question(
    begin: str, end: str, zone: ZoneInfo, credentials: tuple[str, ...], **options: Any
) -> Question:
    period = Period(
        _ms(moment(begin, "edge-hub trace: --from", zone)),
        _ms(end_of(end, "edge-hub trace: --to", zone)),
    )
    if period.from_ms >= period.to_ms:
        raise Refusal("edge-hub trace: --to is not after --from")
    told = tuple(sys.stdin.readline() if one == "-" else one for one in credentials)
    if not all(one.strip() for one in told):
        raise Refusal("edge-hub trace: --credential is empty: type the code or number on a line")
    return Question(period=period, credentials=told, **options)


def _check(asked: Question, graph_file: Path | None) -> None:
    if not asked.of_someone and asked.site is None:
        raise Refusal("edge-hub trace: name a person (--token, --credential, --holder) or a --site")
    if asked.gate is not None and asked.site is None:
        raise Refusal("edge-hub trace: --gate needs its --site")
    if graph_file is not None:
        if graph_file.suffix.lower() not in _PICTURES:
            raise Refusal(f"edge-hub trace: --graph {graph_file}: write .svg or .png")
        if asked.visits or not asked.of_someone:
            raise Refusal("edge-hub trace: --graph draws the contacts of a person")


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _write(path: Path, content: bytes) -> None:
    if str(path) == "-":
        click.echo(content.decode("utf-8-sig"), nl=False)
    else:
        write_result(path, content, "trace")


def show(sheet: Sheet) -> None:
    """A table on the screen, and its notes."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*sheet.headings)
    for row in sheet.rows:
        table.add_row(*("" if cell is None else printable(str(cell)) for cell in row))
    # a pipe has no width of its own, and no table may be cut there
    width: Callable[[], int | None] = lambda: None if sys.stdout.isatty() else 200  # noqa: E731
    console = Console(width=width(), highlight=False, markup=False)
    console.print(table)
    for note in sheet.notes:
        console.print(printable(note))
