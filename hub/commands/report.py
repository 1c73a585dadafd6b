"""`edge-hub report`: entries, coverage, compliance."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Any

import click

from hub import audit
from hub.clock import now_ms
from hub.commands.beside import (
    opened,
    out_option,
    printable,
    purpose_option,
    read_file,
    show_table,
    write_result,
)
from hub.commands.common import (
    Command,
    Group,
    Refusal,
    acting,
    config_option,
    json_option,
    store_option,
    write_json,
)
from hub.reporting import Call, Make, compliance_of, coverage_of, entries_of, make_report
from hub.reports.compliance import AskedError, read_asked
from hub.reports.document import Document
from hub.reports.period import PeriodError
from hub.reports.scope import ScopeError
from hub.reports.texts import Language, Words
from hub.roles import Right
from hub.store.engine import writing

_FORMATS = (".xlsx", ".csv", ".json", ".html", ".pdf")


@dataclass(frozen=True, slots=True)
class _Call:
    """What every report is asked with."""

    name: str
    first: date | None
    last: date | None
    park: str | None
    site: str | None
    language: Language | None
    out: Path | None
    table: str | None
    purpose: str
    config: Path | None
    store: str | Path | None
    as_json: bool


@click.group("report", cls=Group, example="edge-hub report entries")
def report() -> None:
    """Entries, coverage of checkpoints, compliance: as XLSX, CSV, JSON, HTML or PDF.

    Days begin and end in the park's time zone ([park] time_zone in hub.toml).
    """


def _shared(*, site: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options of every report, gathered into a _Call."""
    day = click.DateTime(["%Y-%m-%d"])
    options = [
        click.option("--from", "first", type=day, help="First day.  [default: six days before]"),
        click.option("--to", "last", type=day, help="Last day, included.  [default: today]"),
        click.option("--park", help="Of this park alone."),
        click.option(
            "--language", type=click.Choice(["vi", "en"]),
            help="Of what is printed.  [default: the configuration's park.language]",
        ),
        out_option,
        click.option("--table", help="The table of a CSV, by its name in --json."),
        purpose_option,
        config_option,
        store_option,
        json_option,
    ]  # fmt: skip
    if site:
        options.insert(3, click.option("--site", help="Of this site alone (park/site)."))

    def decorate(make: Callable[..., None]) -> Callable[..., None]:
        @wraps(make)
        def called(**given: Any) -> None:
            shared = {name: given.pop(name, None) for name in _Call.__slots__ if name != "name"}
            for name in ("first", "last"):
                shared[name] = shared[name] and shared[name].date()
            make(_Call(name=make.__name__.removesuffix("_"), **shared), **given)

        wrapped: Callable[..., None] = called
        for option in reversed(options):
            wrapped = option(wrapped)
        return wrapped

    return decorate


@click.command(
    "entries", cls=Command, example="edge-hub report entries --from 2021-08-16 --out entries.pdf"
)
@_shared(site=True)
def entries_(call: _Call) -> None:
    """Entries a day, by site and gate; granted, and denied by reason; fever; declarations."""
    _report(call, entries_of)


@click.command(
    "coverage",
    cls=Command,
    example="edge-hub report coverage --from 2021-08-01 --out coverage.xlsx",
)
@_shared(site=False)
def coverage_(call: _Call) -> None:
    """Active checkpoints of registered ones, by district and province; who is silent."""
    _report(call, coverage_of)


@click.command(
    "compliance", cls=Command, example="edge-hub report compliance drivers.txt --out seen.xlsx"
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_shared(site=True)
def compliance_(call: _Call, file: Path) -> None:
    """Who of a list of phone numbers or ids was seen at which site; who is not on the roster.

    FILE is a text with one on each line, or a CSV or XLSX with a column of phones or ids.
    """
    raw = read_file(file, "report compliance")
    try:
        asked = read_asked(raw, str(file))
    except AskedError as error:
        raise Refusal(f"edge-hub report compliance: {error}") from error
    _report(call, compliance_of(asked))


def _report(call: _Call, make: Make) -> None:
    command = f"report {call.name}"
    ending = None if call.out is None else call.out.suffix.lower()
    if ending is not None and ending not in _FORMATS:
        raise Refusal(
            f"edge-hub {command}: --out {call.out}: ends in none of {', '.join(_FORMATS)}"
        )
    if call.table is not None and ending != ".csv":
        raise Refusal(f"edge-hub {command}: --table is for a CSV: give --out FILE.csv")
    asked = Call(
        first=call.first, last=call.last, park=call.park, site=call.site, language=call.language
    )
    with opened(command, call.config, call.store, PeriodError, ScopeError) as (engine, config):
        role = acting(config, Right.REPORT, command)
        document = make_report(engine, config, asked, make)
        with writing(engine) as connection:
            told = document.plain()
            audit.write(
                connection,
                who=audit.user(),
                role=role,
                action=command,
                purpose=call.purpose,
                asked={"period": told["period"], **document.scope},
                seen=told["figures"],
                at_ms=now_ms(),
            )
    _give(call, document, command)


def _give(call: _Call, document: Document, command: str) -> None:
    from hub.reports.render import RENDERERS, csv_of

    if call.out is None:
        if call.as_json:
            write_json(document.plain())
        else:
            _show(document)
        return
    ending = call.out.suffix.lower().removeprefix(".")
    if ending == "csv":
        try:
            content = csv_of(document, call.table)
        except KeyError:
            names = ", ".join(table.key for table in document.tables)
            raise Refusal(
                f"edge-hub {command}: --table {call.table}: there is none; give one of {names}"
            ) from None
    else:
        content = RENDERERS[ending](document)
    write_result(call.out, content, command)
    if call.as_json:
        write_json({"file": str(call.out), "figures": document.plain()["figures"]})
    else:
        click.echo(f"{call.out}: {document.title}")


def _show(document: Document) -> None:
    from hub.reports.render import period_text, scope_text

    words = Words(document.language)
    click.echo(f"{document.title}: {period_text(document, words)}, {scope_text(document, words)}")
    for fact in document.facts:
        share = "" if fact.share is None else f" ({words.share(fact.share)} {fact.note})"
        click.echo(f"  {fact.label}: {words.number(fact.value)}{share}")
    wide = not sys.stdout.isatty()
    for table in document.tables:
        if table.rows and (wide or len(table.rows) <= 100):
            click.echo(f"\n{table.title}")
            kinds = [column.kind for column in table.columns]
            show_table(
                [column.label for column in table.columns],
                [
                    [words.cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
                    for row in table.rows
                ],
            )
    for note in document.notes:
        click.echo(f"\n{printable(note)}")


for command in (entries_, coverage_, compliance_):
    report.add_command(command)
