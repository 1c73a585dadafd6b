"""`edge-gate run`: the daemon."""

from __future__ import annotations

import click

from edge.commands.common import Command, json_option, load_config


@click.command(cls=Command, example="edge-gate --config /etc/edge-gate/config.toml run")
@json_option
@click.pass_context
def run(context: click.Context, *, as_json: bool) -> int:
    """Run the gate until it is told to stop.

    It tells systemd when it is ready, and stops on SIGTERM or Ctrl-C with the door in its declared
    safe state. With --json the log is JSON lines.
    """
    config = load_config(context)
    from edge.app import run_gate
    from edge.commands.logs import set_up

    set_up(config.log.level, as_json=as_json)
    return run_gate(config)
