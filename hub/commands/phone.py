"""`edge-hub phone`: the page that shows rotating passes."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import click

from hub.commands.common import Command, Group, json_option, write_json
from hub.commands.logs import set_up
from hub.commands.pass_common import refusing
from hub.phone.serve import PageServer, ServeError, address_of, make_self_signed


@click.group(
    cls=Group, example="edge-hub phone serve --cert /etc/ssl/pass.pem --key /etc/ssl/pass.key"
)
def phone() -> None:
    """The page on which phones show rotating passes."""


@click.command(
    cls=Command, example="edge-hub phone serve --cert /etc/ssl/pass.pem --key /etc/ssl/pass.key"
)
@click.option("--host", default="0.0.0.0", show_default=True, help="Address to listen at.")  # noqa: S104
@click.option("--port", type=click.IntRange(0, 65_535), default=8443, show_default=True)
@click.option(
    "--cert",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Certificate, PEM, its chain too.",
)
@click.option(
    "--key", type=click.Path(path_type=Path, dir_okay=False), help="Its private key, PEM."
)
@click.option(
    "--self-signed",
    metavar="NAME",
    help="For trials: make --cert and --key for this name or address, where they are missing.",
)
@json_option
def serve(
    host: str,
    port: int,
    cert: Path | None,
    key: Path | None,
    self_signed: str | None,
    *,
    as_json: bool,
) -> None:
    """Serve the page over HTTPS until SIGTERM or Ctrl-C.

    Browsers make keys only on pages that come with a certificate they trust. The page is static:
    the files in hub/phone/static may as well lie behind any web server.
    """
    set_up(as_json=as_json)
    with refusing("phone serve"):
        if cert is None or key is None:
            raise ServeError("--cert and --key: both are needed; --self-signed NAME makes them")
        if self_signed is not None and not (cert.exists() and key.exists()):
            make_self_signed(cert, key, self_signed)
        server = PageServer(host, port, cert_file=cert, key_file=key)
    with server:
        for number in (signal.SIGTERM, signal.SIGINT):
            # shutdown waits for the loop that this handler interrupts
            signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
        if as_json:
            write_json({"url": address_of(server)})
        else:
            click.echo(address_of(server))
        server.serve_forever()


phone.add_command(serve)
