"""`edge-hub derive`: make passages, visits and people of the records."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import click
from sqlalchemy import Engine

from hub.commands.beside import engine_of, opened
from hub.commands.common import (
    Command,
    Refusal,
    config_option,
    json_option,
    load_config,
    store_option,
    write_json,
)
from hub.commands.logs import set_up
from hub.config import Config
from hub.derive.follower import Follower, NotReadyError
from hub.derive.turns import BusyError, leading

_NICE = 10  # beside ingest: a trace may be some seconds behind, a receipt holds up a gate


@click.command(cls=Command, example="edge-hub derive --store hub.db --anew")
@config_option
@store_option
@click.option("--anew", is_flag=True, help="Make all of it anew from the records.")
@click.option("--follow", is_flag=True, help="Go on until told to stop, as `edge-hub serve` does.")
@click.option("--with-parent", is_flag=True, hidden=True, help="End when standard input closes.")
@json_option
def derive(
    config: Path | None,
    store: str | Path | None,
    *,
    anew: bool,
    follow: bool,
    with_parent: bool,
    as_json: bool,
) -> None:
    """Make passages, visits, people and alarms of the stored records.

    `edge-hub serve` does this by itself. One process at a time derives for a store. After a kill
    it goes on where it was.
    """
    if follow:
        if anew:
            raise Refusal("edge-hub derive: --anew is done once: leave --follow away")
        loaded = load_config(config, store=store)
        set_up(as_json=as_json)
        # a store that is away is waited for
        _follow(_follower(engine_of("derive", loaded), loaded), with_parent=with_parent)
        return
    with opened("derive", config, store, NotReadyError, BusyError) as (engine, loaded):
        follower = _follower(engine, loaded)
        follower.check()
        with leading(engine):
            if anew:
                follower.forget()
            done = follower.catch_up()
    if as_json:
        write_json({"derived": done})
    else:
        click.echo(f"derived {done} records")


def _follower(engine: Engine, config: Config) -> Follower:
    return Follower(engine, longest_stay_h=config.visits.longest_stay_h)


def _follow(follower: Follower, *, with_parent: bool) -> None:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())

    def wait_for_parent() -> None:
        # not sys.stdin: a thread that waits in it aborts the interpreter at its end
        while os.read(sys.stdin.fileno(), 4_096):
            pass
        stopping.set()

    if with_parent:
        os.nice(_NICE)
        threading.Thread(target=wait_for_parent, name="parent", daemon=True).start()
    follower.run(stopping.is_set, stopping.wait)
