"""`edge-gate show-config`: what is in force, and where each value comes from."""

from __future__ import annotations

import sys

import click

from edge.commands.common import Command, json_option, load_sourced, write_json


@click.command(
    "show-config",
    cls=Command,
    example="EDGE_GATE__MQTT__HOST=broker.lan edge-gate show-config | grep -v default",
)
@json_option
@click.pass_context
def show_config(context: click.Context, *, as_json: bool) -> int:
    """Show the configuration in force, each value with its file and line, variable, or "default".

    Secrets are masked. The output is TOML that loads again.
    """
    from edge.config.show import to_json, to_toml

    loaded = load_sourced(context)
    if as_json:
        write_json(to_json(loaded), indent=2)
        return 0
    text = to_toml(loaded)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.syntax import Syntax

        Console(soft_wrap=True).print(Syntax(text, "toml", background_color="default"))
    else:
        click.echo(text, nl=False)
    return 0
