"""edge-hub's command line, and how errors reach a person."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.metadata import version
from typing import NoReturn

import click

from hub.commands.alarms import alarms
from hub.commands.api import api
from hub.commands.common import BAD_INPUT, Refusal
from hub.commands.derive import derive
from hub.commands.epoch import new_epoch
from hub.commands.link import link
from hub.commands.muster import muster
from hub.commands.pass_ import pass_group
from hub.commands.phone import phone
from hub.commands.poster import poster
from hub.commands.registry import registry
from hub.commands.report import report
from hub.commands.serve import serve
from hub.commands.status import status
from hub.commands.trace import trace
from hub.commands.unseal import unseal
from hub.commands.user import user

INTERRUPTED = 130  # 128 + SIGINT, as shells count


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(version("edge-gate"), prog_name="edge-hub", message="%(prog)s %(version)s")
def cli() -> None:
    """The central side of edge-gate: stores the records of all gates.

    Example:  edge-hub serve --broker broker.lan:1883 --store hub.db
    """


for command in (
    serve, status, new_epoch, derive, trace, muster, link, pass_group, poster, phone, unseal,
    registry, report, alarms, user, api,
):  # fmt: skip
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point: every expected error is one line on stderr, never a traceback."""
    for stream in (sys.stdout, sys.stderr):
        # a terminal without Unicode is no reason to stop
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        code = cli.main(arguments, prog_name="edge-hub", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        code = BAD_INPUT
    except click.ClickException as error:
        click.echo(_line(error), err=True)
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    sys.exit(code or 0)


def _line(error: click.ClickException) -> str:
    text = error.format_message()
    if isinstance(error, Refusal):
        return text
    path = (
        error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "edge-hub"
    )
    return f"{path}: {' '.join(text.split()).rstrip('.')}; see `{path} --help`"
