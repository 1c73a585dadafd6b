"""`edge-hub broker-acl`: the broker's access list, for the gates that are named."""

from __future__ import annotations

import click

from feed.topics import TopicError
from hub.broker.acl import acl, place
from hub.commands.common import Command, Refusal


@click.command(
    "broker-acl",
    cls=Command,
    example="edge-hub broker-acl kcn-tan-thuan/nha-may-a/cong-1 > /etc/mosquitto/edge-gate/acl",
)
@click.argument("gates", metavar="PARK/SITE/GATE...", nargs=-1)
@click.option(
    "--from",
    "source",
    type=click.File(encoding="utf-8"),
    help="A file of gates instead, one a line, - for standard input.",
)
@click.option(
    "--discovery-prefix",
    default="homeassistant",
    show_default=True,
    help="The gates' mqtt.discovery_prefix.",
)
def broker_acl(gates: tuple[str, ...], source: click.File | None, discovery_prefix: str) -> None:
    """Write mosquitto's access list: a gate has its own topics, and no other.

    The users are each gate's PARK/SITE/GATE, `hub`, and `viewer`, who reads everything but receipts
    and commands. After a change mosquitto reads the list again on SIGHUP.
    """
    lines = [line.strip() for line in source] if source is not None else []  # type: ignore[attr-defined]
    try:
        places = [place(one) for one in (*gates, *filter(None, lines))]
    except TopicError as error:
        raise Refusal(f"edge-hub broker-acl: {error}") from error
    if not places:
        raise Refusal("edge-hub broker-acl: name the gates, PARK/SITE/GATE, or give --from FILE")
    click.echo(acl(places, discovery_prefix=discovery_prefix), nl=False)
