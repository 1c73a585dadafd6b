"""`edge-gate doctor`: is every device there, readable and sane?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from edge.commands.common import (
    Command,
    Refusal,
    json_option,
    load_config,
    progress,
    write_json,
    write_table,
)


@click.command(cls=Command, example="sudo systemctl stop edge-gate && sudo edge-gate doctor --move")
@click.option(
    "--move",
    is_flag=True,
    help="Also release the door for a moment and light the lamps: with nobody at the door.",
)
@json_option
@click.pass_context
def doctor(context: click.Context, /, *, move: bool, as_json: bool) -> int:
    """Look at everything the gate needs: devices, keys, disk, broker, clock.

    Each device is opened with the driver of the configuration, so stop the daemon first. The door
    is not released unless --move says so. Exit code 0 when nothing failed, 1 otherwise.
    """
    config = load_config(context)
    from edge.commands.checks import broker, keys, machine
    from edge.commands.checks.devices import Devices
    from edge.commands.checks.finding import Check, Finding, Status

    try:
        devices = Devices(config, move=move)
    except ValueError as error:
        raise Refusal(f"sim.script: {error}") from error
    found: list[Finding] = []

    def checks() -> Iterator[Check]:
        yield from keys.checks(config)
        yield from devices.checks()
        yield from machine.checks(config)
        yield from broker.checks(config)

    try:
        every = list(checks())
        with progress("examining", len(every), wanted=not as_json) as step:
            for check in every:
                found += check.look()
                step()
    finally:
        devices.close()
    failed = any(finding.status is Status.FAIL for finding in found)
    if as_json:
        write_json({"ok": not failed, "findings": [asdict(finding) for finding in found]})
    else:
        write_table(
            ("", "what", "found", "to do"),
            [(one.status.value, one.name, one.detail, one.hint) for one in found],
            styles={"ok": "green", "warn": "yellow", "fail": "bold red", "skip": "dim"},
        )
    return 1 if failed else 0
