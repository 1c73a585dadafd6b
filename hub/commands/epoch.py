"""`edge-hub new-epoch`: after a restore, have the gates offer again what the backup lacks."""

from __future__ import annotations

from pathlib import Path

import click

from hub.commands.common import (
    Command,
    Refusal,
    config_option,
    json_option,
    load_config,
    store_option,
    write_json,
)
from hub.store.base import StoreError
from hub.store.opening import open_store


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
    where = load_config(config, store=store).store.where
    if isinstance(where, Path) and not where.exists():
        raise Refusal(f"edge-hub new-epoch: {where}: no such file; name the store with --store")
    try:
        opened = open_store(where)
        try:
            epoch = opened.renew_epoch()
        finally:
            opened.close()
    except StoreError as error:
        raise Refusal(f"edge-hub new-epoch: {error}") from error
    if as_json:
        write_json({"epoch": epoch})
    else:
        click.echo(f"{where}: epoch {epoch}")
