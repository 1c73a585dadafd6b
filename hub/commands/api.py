"""`edge-hub api`: the pages and the HTTP interface by themselves."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from hub.commands.beside import opened
from hub.commands.common import (
    Command,
    Refusal,
    config_option,
    json_option,
    log_in_option,
    show_log_in,
    store_option,
)
from hub.commands.logs import set_up
from hub.config import ConfigError
from identity.keys import KeyFileError

_LISTEN = "127.0.0.1:8080"


@click.command("api", cls=Command, example="edge-hub api --store hub.db --listen 127.0.0.1:8080")
@config_option
@store_option
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help=f"Instead of the configuration's api.listen.  [default: {_LISTEN}]",
)
@log_in_option
@json_option
def api(
    config: Path | None,
    store: str | Path | None,
    listen: str | None,
    log_in: tuple[str, ...],
    *,
    as_json: bool,
) -> None:
    """Serve the pages and the HTTP interface beside a hub that runs elsewhere.

    Until SIGTERM or Ctrl-C. `edge-hub serve` serves them too. Speaks plain HTTP: beyond this
    machine put a server that speaks TLS in front of it.
    """
    from hub.api.app import create
    from hub.api.server import Server
    from hub.web.app import mount

    set_up(as_json=as_json)
    with opened("api", config, store) as (engine, loaded):
        address = listen or loaded.api.listen or _LISTEN
        if not address.rpartition(":")[0] or not address.rpartition(":")[2].isdigit():
            raise Refusal(f"edge-hub api: --listen {address}: give HOST:PORT, as 127.0.0.1:8080")
        try:
            app = create(engine, loaded)
            desk = mount(app, engine, loaded)
            server = Server(app, address)
        except (ConfigError, KeyFileError) as error:
            raise Refusal(f"edge-hub api: {error}") from error
        ending = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: ending.set())
        server.start()
        show_log_in(server.url, desk, log_in, as_json=as_json)
        ending.wait()
        server.stop()
