"""`edge-gate close` and `reopen`: an order given at the gate itself, without hub or network."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from typing import Literal

import click

from edge.commands.common import Command, Refusal, json_option, load_config, say, write_json
from feed.record import Detail

# feed.messages.CloseReason, whose import would slow every command down; a test compares them
REASONS = ("outbreak", "incident", "maintenance", "other")

_by_option = click.option(
    "--by",
    metavar="NAME",
    help="Who orders it, for the records.  [default: the user who runs this]",
)


@click.command(cls=Command, example="edge-gate close --reason maintenance --until 18:00")
@click.option(
    "--reason", required=True, type=click.Choice(REASONS), help="Told on the screen and recorded."
)
@click.option(
    "--until",
    metavar="TIME",
    help="It opens by itself then: 18:00, 2026-11-29T18:00, or with a zone of its own.  "
    "[default: until it is opened again]",
)
@_by_option
@json_option
@click.pass_context
def close(
    context: click.Context, /, *, reason: str, until: str | None, by: str | None, as_json: bool
) -> int:
    """Let nobody in from now on, also after a power cut.

    The way out, the exit button and fire stay as ever. Speaks to the running daemon on this
    machine.
    """
    args: dict[str, Detail] = {"reason": reason}
    if until is not None:
        args["until"] = until
    return _order(context, "close", args, by, as_json=as_json)


@click.command(cls=Command, example="edge-gate reopen")
@_by_option
@json_option
@click.pass_context
def reopen(context: click.Context, /, *, by: str | None, as_json: bool) -> int:
    """Let people in again, within the hours of the gate.

    Ends an order of the hub as well. Speaks to the running daemon on this machine.
    """
    return _order(context, "reopen", {}, by, as_json=as_json)


def _order(
    context: click.Context,
    name: Literal["close", "reopen"],
    args: Mapping[str, Detail],
    by: str | None,
    *,
    as_json: bool,
) -> int:
    config = load_config(context)
    import secrets
    from zoneinfo import ZoneInfo

    from edge.control import NobodyAnswersError, ask
    from feed import messages

    said = {**args, "by": _user() if by is None else by}
    zone = None if config.hours is None else config.hours.zone
    until = said.get("until")
    if isinstance(until, str):
        said["until"] = _until(until, None if zone is None else ZoneInfo(zone)).isoformat()
    command = messages.Command(id=secrets.token_hex(8), command=name, args=said)
    try:
        reply = ask(config.records.path, command)
    except (ValueError, NobodyAnswersError) as error:
        raise Refusal(str(error)) from error
    if as_json:
        write_json({"ok": reply.ok, "error": reply.error, **(reply.result or {})})
    elif not reply.ok:
        say(f"edge-gate {name}: {reply.error}", style="red", error=True)
    elif (reply.result or {}).get("closed"):
        say("closed" if name == "close" else "no longer closed by order, but by its hours")
    else:
        say("open")
    return 0 if reply.ok else 1


def _user() -> str:
    if found := os.environ.get("SUDO_USER"):
        return found
    with suppress(OSError, KeyError):
        return getpass.getuser()
    return str(os.getuid())


def _until(text: str, zone: tzinfo | None) -> datetime:
    """A time of the gate's hours, else of this machine; of an hour alone the next one is meant."""
    now = datetime.now().astimezone(zone)
    with suppress(ValueError):
        at = datetime.combine(now.date(), datetime.strptime(text, "%H:%M").time())  # noqa: DTZ007 - the zone follows
        at = _placed(at, zone)
        return at if at > now else _placed(at.replace(tzinfo=None) + timedelta(days=1), zone)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise Refusal(
            f"edge-gate close: --until {text}: give 18:00 or 2026-11-29T18:00, by the gate's clock"
        ) from error
    at = _placed(at, zone) if at.tzinfo is None else at
    if at <= now:
        raise Refusal(
            f"edge-gate close: --until {text}: is over, it is {now:%Y-%m-%d %H:%M} here; leave it "
            "away where the clock is wrong"
        )
    return at


def _placed(at: datetime, zone: tzinfo | None) -> datetime:
    return at.astimezone() if zone is None else at.replace(tzinfo=zone)
