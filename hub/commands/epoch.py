"""`edge-hub new-epoch`: after a restore, have the gates offer again what the backup lacks."""

from __future__ import annotations

from pathlib import Path

import click

from hub.commands.beside import held
from hub.commands.common import (
    Command,
    config_option,
    json_option,
    store_option,
    write_json,
)


@click.command("new-epoch", cls=Command, example="edge-hub new-epoch --store hub.db")
@config_option
@store_option
@json_option
def new_epoch(config: Path | None, store: str | Path | None, *, as_json: bool) -> None:
    """Say that the store may have forgotten records: it was restored from a backup.

    With the next `serve` every gate learns how far the store really is, and sends again what it
    still has. The hub itself notices most restores, from the receipts that its broker retained;
    this is for when the broker was restored as well. The hub must not be running.
    """
    with held("new-epoch", config, store) as (kept, loaded):
        epoch = kept.renew_epoch()
    if as_json:
        write_json({"epoch": epoch})
    else:
        click.echo(f"{loaded.store.where}: epoch {epoch}")
