"""`edge-gate door-safe`: what systemd runs after the daemon, however that ended."""

from __future__ import annotations

import click

from edge.commands.common import load_config


@click.command("door-safe", hidden=True)
@click.pass_context
def door_safe(context: click.Context) -> int:
    r"""Put the door into the state that the configuration declares (door.at_stop).

    A Raspberry Pi keeps an output driven after its process died: ExecStopPost= of the unit runs
    this. A simulated door needs it not.

    \b
    Example:
      edge-gate --config /etc/edge-gate/config.toml door-safe
    """
    from edge.config.model import GpioDoorTable
    from edge.drivers.factory import GatePins, make_door

    config = load_config(context)
    if not isinstance(config.door, GpioDoorTable):
        return 0
    pins = GatePins()
    try:
        door = make_door(config.door, lambda _: None, pins=pins, world=None, readers=config.reader)
        with door:
            pass  # close() leaves the declared state
    finally:
        pins.close()
    return 0
