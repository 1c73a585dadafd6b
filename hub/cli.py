"""edge-hub's command line, and how errors reach a person."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from typing import NoReturn

import click

from hub.commands.common import BAD_INPUT, Refusal

_FOR_THE_USER_ALONE = 0o077
INTERRUPTED = 130  # 128 + SIGINT, as shells count

# name: where it is; imported when it is called, as each brings libraries of its own
COMMANDS = {
    "serve": "serve:serve",
    "status": "status:status",
    "new-epoch": "epoch:new_epoch",
    "backup": "backup:backup",
    "restore": "backup:restore",
    "purge": "purge:purge",
    "derive": "derive:derive",
    "trace": "trace:trace",
    "muster": "muster:muster",
    "link": "link:link",
    "registry": "registry:registry",
    "report": "report:report",
    "alarms": "alarms:alarms",
    "gate": "gate:gate",
    "user": "user:user",
    "api": "api:api",
    "pass": "pass_:pass_group",
    "phone": "phone:phone",
    "poster": "poster:poster",
    "unseal": "unseal:unseal",
    "broker-acl": "broker:broker_acl",
}


def command(name: str) -> click.Command:
    """One of COMMANDS. Raises KeyError."""
    module, _, attribute = COMMANDS[name].partition(":")
    found: click.Command = getattr(import_module(f"hub.commands.{module}"), attribute)
    return found


class Commands(click.Group):
    """The group of COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of COMMANDS."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import it. None for a name that is none of them."""
        del ctx
        return command(cmd_name) if cmd_name in COMMANDS else None


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(version("edge-gate"), prog_name="edge-hub", message="%(prog)s %(version)s")
def cli() -> None:
    """The central side of edge-gate: stores the records of all gates.

    Example:  edge-hub serve --broker broker.lan:1883 --store hub.db
    """


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """The entry point: every expected error is one line on stderr, never a traceback."""
    # stores, backups and answers tell where people were: what is written is for this user alone
    before = os.umask(_FOR_THE_USER_ALONE)
    try:
        code = _call(arguments)
    finally:
        os.umask(before)
    sys.exit(code)


def _call(arguments: Sequence[str] | None) -> int:
    for stream in (sys.stdout, sys.stderr):
        # a terminal without Unicode is no reason to stop
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        return cli.main(arguments, prog_name="edge-hub", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return BAD_INPUT
    except click.ClickException as error:
        click.echo(_line(error), err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] in {"hub", "feed", "identity"}:
            raise
        click.echo(
            f"edge-hub: the Python package {error.name} is missing: this environment was made for "
            "a gate; install the hub's with pip install -r requirements/hub.txt",
            err=True,
        )
        return BAD_INPUT


def _line(error: click.ClickException) -> str:
    text = error.format_message()
    if isinstance(error, Refusal):
        return text
    path = (
        error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "edge-hub"
    )
    return f"{path}: {' '.join(text.split()).rstrip('.')}; see `{path} --help`"
