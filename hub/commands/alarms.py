"""`edge-hub alarms`: what a person must look at, and saying that one did."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from feed.codec import format_time
from hub import audit
from hub.clock import now_ms
from hub.commands.beside import opened, purpose_option, show_table
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
from hub.monitor.alarms import AlarmError, Key, Wanted, acknowledge, list_alarms
from hub.reports.scope import ScopeError, find_scope
from hub.roles import Right
from hub.store.engine import writing


@click.group("alarms", cls=Group, example="edge-hub alarms list")
def alarms() -> None:
    """Alarms of gates and of the hub itself."""


@click.command("list", cls=Command, example="edge-hub alarms list --all --json")
@click.option("--all", "every", is_flag=True, help="Those acknowledged too.")
@click.option("--park", help="Of this park alone.")
@click.option("--name", help="Of this name alone, such as door_forced.")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=1_000, show_default=True,
    help="At most so many.",
)  # fmt: skip
@click.option(
    "--before", metavar="KEY", help="Those after the key that the list before ended with."
)
@config_option
@store_option
@json_option
def list_(
    park: str | None,
    name: str | None,
    limit: int,
    before: str | None,
    config: Path | None,
    store: str | Path | None,
    *,
    every: bool,
    as_json: bool,
) -> None:
    """The alarms that nobody has acknowledged, the newest first.

    Where there are more, a line on standard error has the key for --before.
    """
    try:
        key = None if before is None else Key.of(before)
    except ValueError as error:
        raise Refusal(f"edge-hub alarms list: --before: {error}") from error
    wanted = Wanted(park=park, name=name, only_open=not every)
    with opened("alarms list", config, store, ScopeError) as (engine, loaded):
        acting(loaded, Right.SEE, "alarms list")
        with engine.connect() as connection:
            find_scope(connection, park, None)
            found = list_alarms(connection, wanted, before=key, limit=limit)
    if found.next is not None:
        click.echo(f"there are more: --before {found.next}", err=True)
    if as_json:
        write_json([asdict(one) for one in found.alarms])
        return
    rows = []
    for one in found.alarms:
        place = "/".join(name for name in (one.park, one.site, one.gate) if name)
        at = format_time(datetime.fromtimestamp(one.at_ms / 1000, UTC))
        rows.append([one.id, at, one.name, place, one.detail, one.acknowledged_by])
    show_table(["id", "at", "alarm", "gate", "detail", "acknowledged by"], rows)


@click.command("acknowledge", cls=Command, example="edge-hub alarms acknowledge 17 18")
@click.argument("ids", metavar="ID...", nargs=-1, required=True, type=click.IntRange(1, 2**63 - 1))
@purpose_option
@config_option
@store_option
@json_option
def acknowledge_(
    ids: tuple[int, ...],
    purpose: str,
    config: Path | None,
    store: str | Path | None,
    *,
    as_json: bool,
) -> None:
    """Say that you have looked at these alarms: they leave the list, and keep your name."""
    at_ms = now_ms()
    with opened("alarms acknowledge", config, store) as (engine, loaded):
        role = acting(loaded, Right.ACKNOWLEDGE, "alarms acknowledge")
        try:
            with writing(engine) as connection:
                done = acknowledge(connection, ids, who=audit.user(), at_ms=at_ms)
                audit.write(
                    connection,
                    who=audit.user(),
                    role=role,
                    action="alarms acknowledge",
                    purpose=purpose,
                    asked={"ids": list(ids)},
                    seen={"acknowledged": done},
                    at_ms=at_ms,
                )
        except AlarmError as error:
            raise Refusal(f"edge-hub alarms acknowledge: {error}") from error
    if as_json:
        write_json({"acknowledged": done})
    else:
        click.echo(f"{done} acknowledged")


for command in (list_, acknowledge_):
    alarms.add_command(command)
