"""`edge-hub status`: what the store holds, and what a person must look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from hub.commands.beside import printable
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
from hub.store.status import read_status


@click.command(cls=Command, example="edge-hub status --store hub.db --json")
@config_option
@store_option
@json_option
def status(config: Path | None, store: str | Path | None, *, as_json: bool) -> None:
    """Tell how far each stream is stored, its gaps, the alarms and dead letters.

    Reads beside a running hub.
    """
    where = load_config(config, store=store).store.where
    try:
        found = read_status(where)
    except StoreError as error:
        raise Refusal(f"edge-hub status: {error}") from error
    if as_json:
        write_json(found)
    else:
        _tell(found)


def _tell(found: dict[str, Any]) -> None:
    for line in _lines(found):
        click.echo(printable(line))


def _lines(found: dict[str, Any]) -> Iterator[str]:
    yield f"epoch {found['epoch']}, {found['records']} records"
    for one in found["streams"]:
        gaps = ", ".join(f"{first}-{last}" for first, last in one["gaps"])
        missing = f", missing {gaps}" if gaps else ""
        place = "/".join(one[name] for name in ("park", "site", "gate"))
        yield (
            f"{place}  {one['stream']}  stored up to {one['upto']}{missing}"
            f"  ({one['duplicates']} deliveries beyond the first)"
        )
    for one in found["alarms"]:
        where = "" if one["seq"] is None else f" {one['seq']}"
        yield f"alarm {one['name']}  {one['stream']}{where}  {one['detail']}"
    for one in found["dead_letters"]:
        yield f"dead letter {one['id']}  {one['topic']}  {one['reason']}"
