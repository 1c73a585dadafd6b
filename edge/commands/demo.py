"""`edge-gate demo`: gates, people and a broker on this machine."""

from __future__ import annotations

import click

from edge.commands.common import Command, json_option


@click.command(cls=Command, example="edge-gate demo --seconds 30")
@click.option(
    "--seconds",
    type=click.FloatRange(min=1),
    help="End by itself after so long.  [default: run until Ctrl-C]",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Who comes, and when.")
@json_option
def demo(*, seconds: float | None, seed: int, as_json: bool) -> int:
    """Show two gates at work with simulated people, on real decoded images.

    Starts a broker of its own on a free port, a hub, a gate with two readers and a second gate,
    and ends with a trace of one who came by. Where the hub's packages are missing it says so and
    goes on without. Exit code 0 only if every record arrived.
    """
    from edge.demo import run_demo

    return run_demo(seconds, seed=seed, as_json=as_json)
