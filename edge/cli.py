"""edge-gate's command line: options that all commands share, and how errors reach a person."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn

import click

from edge.commands.calibrate import calibrate
from edge.commands.check import check
from edge.commands.closing import close, reopen
from edge.commands.common import BAD_INPUT, BadConfiguration, Group
from edge.commands.decode import decode
from edge.commands.demo import demo
from edge.commands.doctor import doctor
from edge.commands.door_safe import door_safe
from edge.commands.keys import keys
from edge.commands.pass_ import pass_group
from edge.commands.records import records
from edge.commands.run import run
from edge.commands.secondary import secondary
from edge.commands.show_config import show_config

INTERRUPTED = 130  # 128 + SIGINT, as shells count


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    cls=Group,
    example="edge-gate demo --seconds 30",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="EDGE_GATE_CONFIG",
    help="The gate's configuration.  [default: $EDGE_GATE_CONFIG, ./config.toml, "
    "/etc/edge-gate/config.toml]",
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    help="Tell the version.",
    callback=lambda context, _, wanted: _tell_version(context) if wanted else None,
)
def cli(config: Path | None) -> None:
    """An unattended entry gate: QR code, temperature, door, and records that can be traced."""


for command in (
    run,
    demo,
    check,
    doctor,
    calibrate,
    secondary,
    close,
    reopen,
    decode,
    keys,
    records,
    show_config,
    door_safe,
    pass_group,
):
    cli.add_command(command)


def _tell_version(context: click.Context) -> None:
    try:
        click.echo(f"edge-gate {version('edge-gate')}")
    except PackageNotFoundError:
        click.echo("edge-gate, not installed")
    context.exit()


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point: every expected error is one line on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # a terminal without Unicode, or a file name that is no text, is no reason to stop
            stream.reconfigure(errors="backslashreplace")
    try:
        code = cli.main(arguments, prog_name="edge-gate", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = BAD_INPUT
    except click.ClickException as error:
        click.echo(_line(error), err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except BrokenPipeError:
        # the reader has seen enough (`| head`); nothing more can be flushed to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code or 0)


def _line(error: click.ClickException) -> str:
    if isinstance(error, BadConfiguration):
        return error.format_message()
    if not isinstance(error, click.UsageError):
        return f"edge-gate: {error.format_message()}"
    text = " ".join(error.format_message().split()).rstrip(".")
    path = error.ctx.command_path if error.ctx else "edge-gate"
    return f"{path}: {text}; see `{path} --help`"
