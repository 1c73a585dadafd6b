"""`edge-hub trace`: where someone was, beside whom, and who was at a place."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection, Engine

from hub import audit
from hub.commands.common import (
    Command,
    Refusal,
    acting,
    config_option,
    json_option,
    load_config,
    store_option,
    write_json,
)
from hub.commands.questions import end_of, engine_of, moment, refusing, shown
from hub.roles import Right, Role
from hub.trace import graph, lookup, output, questions, whom
from hub.trace.answers import Contacts, Period, Presence, Visits, Who
from hub.trace.output import Sheet
from identity.keys import KeyFileError

_MOST_SEEN = 5_000  # ids in a line of the audit
_PICTURES = {".svg": "svg", ".png": "png"}

Answer = Visits | Contacts | Presence


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The options."""

    tokens: tuple[str, ...]
    credentials: tuple[str, ...]
    holders: tuple[str, ...]
    park: str | None
    key_file: Path | None
    begin: str
    end: str
    site: str | None
    gate: str | None
    visits: bool
    hops: int
    min_minutes: float
    same_gate_minutes: float | None
    limit: int

    @property
    def of_someone(self) -> bool:
        return bool(self.tokens or self.credentials or self.holders)


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
    help="The park's token key, for --credential and --holder.  [env: EDGE_HUB_TOKEN_KEY]",
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
@click.option("--min-minutes", type=click.FloatRange(0), default=0.0,
              help="Leave out who was there together for less.")  # fmt: skip
@click.option("--same-gate-minutes", type=click.FloatRange(0),
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
    store: Path | None,
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
    Times without a zone are local.
    """
    loaded = load_config(config, store=store)
    with refusing("trace", audit.RefusedError, lookup.UnknownError, KeyFileError, OSError):
        role = acting(loaded, Right.TRACE, "trace")
        stated = audit.purpose_of(purpose)
        asked = _Asked(**options)
        _check(asked, graph_file)
        engine = engine_of(loaded)
        period = Period(_ms(moment(asked.begin, "--from")), _ms(end_of(asked.end, "--to")))
        if period.from_ms >= period.to_ms:
            raise Refusal("edge-hub trace: --to is not after --from")
        with engine.connect() as connection:
            answer = _answer(connection, asked, period)
        _note(engine, role, stated, asked, period, answer)
        sheets = _sheets(answer)
        if csv_file is not None:
            _write(csv_file, output.to_csv(sheets[0]).encode())
        if xlsx_file is not None:
            _write(xlsx_file, output.to_xlsx(sheets))
        if graph_file is not None:
            assert isinstance(answer, Contacts), "checked before"
            _write(graph_file, graph.picture(answer, _PICTURES[graph_file.suffix.lower()]))
    if as_json:
        write_json(_as_json(answer))
    elif csv_file is None or str(csv_file) != "-":
        for sheet in sheets[:1]:
            show(sheet)


def _check(asked: _Asked, graph_file: Path | None) -> None:
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


def _answer(connection: Connection, asked: _Asked, period: Period) -> Answer:
    place = lookup.place(connection, asked.site) if asked.site else None
    gate = lookup.gate(connection, place, asked.gate) if place and asked.gate else None
    if not asked.of_someone:
        assert place is not None, "checked before"
        return questions.at_place(connection, place, period, gate=gate)
    who = _who(connection, asked)
    where = questions.Where(place, gate)
    if asked.visits:
        return questions.visits_of(connection, who, period, where)
    return questions.contacts_of(
        connection,
        who,
        period,
        where,
        hops=asked.hops,
        min_minutes=asked.min_minutes,
        same_gate_minutes=asked.same_gate_minutes,
        most=asked.limit,
    )


def _who(connection: Connection, asked: _Asked) -> tuple[Who, ...]:
    found = [lookup.by_token(connection, one) for one in asked.tokens]
    for text in asked.credentials:
        told = sys.stdin.readline() if text == "-" else text
        found += whom.by_credential(connection, told, asked.key_file)
    for holder in asked.holders:
        found += whom.by_holder(connection, holder, asked.park, asked.key_file)
    return tuple({one.id: one for one in found}.values())


def _note(
    engine: Engine,
    role: Role,
    purpose: str,
    asked: _Asked,
    period: Period,
    answer: Answer,
) -> None:
    """To the audit: tokens in place of the credentials that were typed."""
    if isinstance(answer, Presence):
        seen = [one.who.id for one in answer.people]
    elif isinstance(answer, Contacts):
        seen = [one.who.id for one in answer.contacts]
    else:
        seen = [one.id for one in answer.asked]
    named = () if isinstance(answer, Presence) else answer.asked
    audit.write(
        engine,
        who=audit.user(),
        role=role,
        action="trace",
        purpose=purpose,
        asked={
            "tokens": [one.token for one in named],
            **output.period_json(period),
            "site": asked.site,
            "gate": asked.gate,
            "visits": asked.visits,
            "hops": asked.hops,
            "min_minutes": asked.min_minutes,
            "same_gate_minutes": asked.same_gate_minutes,
        },
        seen={"people": len(seen), "ids": seen[:_MOST_SEEN]},
    )


def _sheets(answer: Answer) -> list[Sheet]:
    if isinstance(answer, Presence):
        return [output.presence_sheet(answer, shown)]
    if isinstance(answer, Contacts):
        return [output.contacts_sheet(answer, shown)]
    return [output.visits_sheet(answer, shown)]


def _as_json(answer: Answer) -> dict[str, Any]:
    if isinstance(answer, Presence):
        return output.presence_json(answer)
    if isinstance(answer, Contacts):
        return output.contacts_json(answer)
    return output.visits_json(answer)


def _write(path: Path, content: bytes) -> None:
    if str(path) == "-":
        click.echo(content.decode("utf-8-sig"), nl=False)
        return
    try:
        path.write_bytes(content)
    except OSError as error:
        raise Refusal(f"edge-hub trace: {path}: can't be written: {error.strerror}") from error


def show(sheet: Sheet) -> None:
    """A table on the screen, and its notes."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*sheet.headings)
    for row in sheet.rows:
        table.add_row(*("" if cell is None else _plain(str(cell)) for cell in row))
    # a pipe has no width of its own, and no table may be cut there
    width: Callable[[], int | None] = lambda: None if sys.stdout.isatty() else 200  # noqa: E731
    console = Console(width=width(), highlight=False, markup=False)
    console.print(table)
    for note in sheet.notes:
        console.print(_plain(note))


def _plain(text: str) -> str:
    """Names come from outside: nothing that a terminal obeys."""
    return "".join(one if one.isprintable() else "?" for one in text)
