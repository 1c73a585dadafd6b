"""`edge-hub backup` and `edge-hub restore`."""

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
from hub.store.backup import back_up
from hub.store.backup import restore as put_back
from hub.store.base import StoreError

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))


@click.command(cls=Command, example="edge-hub backup /backup/hub-2021-08-23.db --store hub.db")
@_file
@config_option
@store_option
@json_option
def backup(file: Path, config: Path | None, store: str | Path | None, *, as_json: bool) -> None:
    """Copy the store into FILE while the hub runs.

    The copy is of one moment, checked and synced. PostgreSQL is copied by pg_dump in its own
    format.
    """
    where = load_config(config, store=store).store.where
    try:
        back_up(where, file)
    except StoreError as error:
        raise Refusal(f"edge-hub backup: {error}") from error
    size = file.stat().st_size
    if as_json:
        write_json({"file": str(file), "bytes": size})
    else:
        click.echo(f"{file}: {size / 2**20:.1f} MiB")


@click.command(cls=Command, example="edge-hub restore /backup/hub-2021-08-23.db --store hub.db")
@_file
@config_option
@store_option
@json_option
def restore(file: Path, config: Path | None, store: str | Path | None, *, as_json: bool) -> None:
    """Put a backup in the store's place, and have the gates offer again what it lacks.

    The hub must not be running. A file that is there is kept beside it with .before-restore at its
    end; a PostgreSQL database must be new and empty.
    """
    where = load_config(config, store=store).store.where
    try:
        epoch = put_back(where, file)
    except StoreError as error:
        raise Refusal(f"edge-hub restore: {error}") from error
    if as_json:
        write_json({"epoch": epoch})
    else:
        click.echo(f"{where}: epoch {epoch}; start the hub, and the gates send what is missing")
