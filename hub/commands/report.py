"""`edge-hub report`: entries, coverage, compliance."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import wraps
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click
from sqlalchemy import Connection

from hub import audit
from hub.clock import now_ms
from hub.commands.beside import (
    opened,
    out_option,
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
from hub.reports.compliance import AskedError, compliance, read_asked
from hub.reports.compose import compliance_document, coverage_document, entries_document
from hub.reports.coverage import coverage
from hub.reports.document import Document
from hub.reports.entries import entries
from hub.reports.period import Period, PeriodError, make_period
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
        options.insert(3, click.option("--site", help="Of this site alone."))

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

    def make(connection: Connection, period: Period, language: Language, now: datetime) -> Document:
        found = entries(connection, period, park=call.park, site=call.site)
        return entries_document(found, language, now)

    _report(call, make)


@click.command(
    "coverage",
    cls=Command,
    example="edge-hub report coverage --from 2021-08-01 --out coverage.xlsx",
)
@_shared(site=False)
def coverage_(call: _Call) -> None:
    """Active checkpoints of registered ones, by district and province; who is silent."""

    def make(connection: Connection, period: Period, language: Language, now: datetime) -> Document:
        return coverage_document(coverage(connection, period, park=call.park), language, now)

    _report(call, make)


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

    def make(connection: Connection, period: Period, language: Language, now: datetime) -> Document:
        found = compliance(connection, period, asked, park=call.park, site=call.site)
        return compliance_document(found, language, now)

    _report(call, make)


def _report(
    call: _Call, make: Callable[[Connection, Period, Language, datetime], Document]
) -> None:
    command = f"report {call.name}"
    if call.out is not None and call.out.suffix.lower() not in _FORMATS:
        raise Refusal(
            f"edge-hub {command}: --out {call.out}: ends in none of {', '.join(_FORMATS)}"
        )
    now = datetime.now(UTC)
    with opened(command, call.config, call.store) as (engine, config):
        role = acting(config, Right.REPORT, command)
        zone = ZoneInfo(config.park.time_zone)
        try:
            period = make_period(call.first, call.last, zone, now=now)
        except PeriodError as error:
            raise Refusal(f"edge-hub {command}: {error}") from error
        language = call.language or config.park.language
        # read without the write lock: a large report must not hold up ingest
        with engine.connect() as connection:
            document = make(connection, period, language, now.astimezone(zone))
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
        click.echo(f"\n{note}")


for command in (entries_, coverage_, compliance_):
    report.add_command(command)
