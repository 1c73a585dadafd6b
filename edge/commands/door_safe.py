"""`edge-gate door-safe`: what systemd runs after the daemon, however that ended."""

from __future__ import annotations

import click

from edge.commands.common import Command, load_config, say


@click.command(
    "door-safe",
    hidden=True,
    cls=Command,
    example="edge-gate --config /etc/edge-gate/config.toml door-safe",
)
@click.pass_context
def door_safe(context: click.Context) -> int:
    """Put the door into the state that the configuration declares (door.at_stop).

    A Raspberry Pi keeps an output driven after its process died: ExecStopPost= of the unit runs
    this. A simulated door needs it not.
    """
    config = load_config(context)
    from edge.config.model import GpioDoorTable

    if not isinstance(config.door, GpioDoorTable):
        return 0
    from edge.drivers.base import DeviceError
    from edge.drivers.factory import GatePins, make_door

    pins = GatePins()
    try:
        door = make_door(config.door, lambda _: None, pins=pins, world=None, readers=config.reader)
        with door:
            pass  # close() leaves the declared state
    except DeviceError as error:
        say(f"edge-gate door-safe: {error}", style="red", error=True)
        return 1
    finally:
        pins.close()
    return 0
