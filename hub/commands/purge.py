"""`edge-hub purge`: drop records that are older than they are to be kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from hub.commands.beside import held
from hub.commands.common import (
    Command,
    Refusal,
    config_option,
    json_option,
    store_option,
    write_json,
)


@click.command(cls=Command, example="edge-hub purge --keep-days 90 --store hub.db")
@click.option(
    "--keep-days",
    type=click.IntRange(min=1),
    help="Keep the records that arrived within so many days.  [default: store.keep_days]",
)
@config_option
@store_option
@json_option
def purge(
    keep_days: int | None, config: Path | None, store: str | Path | None, *, as_json: bool
) -> None:
    """Drop old records, and what was derived from them.

    `serve` does this by itself each hour where the configuration has store.keep_days; this is for
    once. A hub on an SQLite file must not be running. On PostgreSQL whole days go. Receipts stay
    what they were: gates send nothing again.
    """
    gone = 0
    with held("purge", config, store) as (kept, loaded):
        days = keep_days or loaded.store.keep_days
        if days is None:
            raise Refusal(
                "edge-hub purge: give --keep-days, or store.keep_days in the configuration"
            )
        while some := kept.purge(datetime.now(UTC) - timedelta(days=days)):
            gone += some
    if as_json:
        write_json({"dropped": gone})
    else:
        click.echo(f"{loaded.store.where}: {gone} dropped")
