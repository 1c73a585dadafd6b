"""`edge-hub gate`: close gates for entry by order, and open them again."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from feed.codec import format_time
from feed.messages import CloseReason
from hub import audit
from hub.asking import AskError, ask_gates
from hub.clock import now_ms
from hub.closing import LONGEST_NAME, ClosingError, Orderer, Outcome, Wish, gates_at, order
from hub.commands.beside import opened, purpose_option, show_table
from hub.commands.common import (
    Command,
    Group,
    acting,
    config_option,
    json_option,
    store_option,
    write_json,
)
from hub.config import Config, ConfigError
from hub.roles import Right

NOT_ALL = 1

_actor_option = click.option(
    "--actor",
    metavar="NAME",
    help="Who orders it, for the gates and the audit log.  [default: the user who runs this]",
)
_wait_option = click.option(
    "--wait-s",
    type=click.FloatRange(0.1, 60),
    default=5.0,
    show_default=True,
    help="How long a gate that is online may take to answer.",
)


@click.group("gate", cls=Group, example="edge-hub gate close kcn/nha-may-a --reason outbreak")
def gate() -> None:
    """Close gates for entry by order, and open them again."""


@click.command(
    "close",
    cls=Command,
    example="edge-hub gate close kcn/nha-may-a/cong-1 --reason incident --until 18:00",
)
@click.argument("place", metavar="PARK/SITE[/GATE]")
@click.option(
    "--reason",
    required=True,
    type=click.Choice([str(one) for one in CloseReason]),
    help="Told on the screens, in the records and to everybody who looks.",
)
@click.option(
    "--until",
    metavar="TIME",
    help="It opens by itself then: 18:00, 2026-11-29T18:00, or with a zone of its own.  "
    "[default: until it is opened again]",
)
@_actor_option
@purpose_option
@_wait_option
@config_option
@store_option
@json_option
def close(place: str, reason: str, until: str | None, **options: Any) -> int:
    """Let nobody in at a gate, or at all gates of a site.

    The way out, the exit button and fire stay as ever. Every gate answers for itself: one that
    does not is named, the exit code is 1, and people still get in there. Commands are not kept for
    gates that are away: give them again.
    """

    def wish(config: Config) -> Wish:
        until_at = None if until is None else _until(until, ZoneInfo(config.park.time_zone))
        return Wish(command="close", reason=CloseReason(reason), until=until_at)

    return _order("gate close", place, wish, **options)


@click.command("reopen", cls=Command, example="edge-hub gate reopen kcn/nha-may-a")
@click.argument("place", metavar="PARK/SITE[/GATE]")
@_actor_option
@purpose_option
@_wait_option
@config_option
@store_option
@json_option
def reopen(place: str, **options: Any) -> int:
    """Let people in again at a gate, or at all gates of a site, within their hours.

    Every gate answers for itself: one that does not is named, and the exit code is 1.
    """
    return _order("gate reopen", place, lambda _: Wish(command="reopen"), **options)


def _order(
    command: str,
    place: str,
    wish_of: Callable[[Config], Wish],
    *,
    actor: str | None,
    purpose: str,
    wait_s: float,
    config: Path | None,
    store: str | Path | None,
    as_json: bool,
) -> int:
    with opened(command, config, store, ClosingError, ConfigError) as (engine, loaded):
        role = acting(loaded, Right.CLOSE, command)
        with engine.connect() as connection:
            gates = gates_at(connection, place)
        who = audit.user()
        by = Orderer(who, role, _name(actor) or who, purpose)
        ask = partial(ask_gates, loaded.mqtt, wait_s=wait_s)
        try:
            outcomes = order(engine, ask, gates, wish_of(loaded), by, at_ms=now_ms())
        except AskError as error:
            click.echo(f"edge-hub {command}: no gate was asked: {error}", err=True)
            return NOT_ALL
    if as_json:
        write_json([asdict(one) for one in outcomes])
    else:
        rows = [[f"{one.park}/{one.site}/{one.gate}", _said(one)] for one in outcomes]
        show_table(["gate", "now"], rows)
    return 0 if all(one.done for one in outcomes) else NOT_ALL


def _said(one: Outcome) -> str:
    if one.offline_since_ms is not None:
        since = format_time(datetime.fromtimestamp(one.offline_since_ms / 1000, UTC))
        return f"no answer: offline since {since}"
    if not one.answered:
        return "no answer"
    if not one.done:
        return one.error or "refused"
    return "closed" if one.closed else "open"


def _name(actor: str | None) -> str | None:
    if actor is not None and not 0 < len(actor) <= LONGEST_NAME:
        raise ClosingError(f"--actor: a name of 1 to {LONGEST_NAME} characters")
    return actor


def _until(text: str, zone: ZoneInfo) -> datetime:
    """A time of the park's; of an hour alone the next one is meant. Raises ClosingError."""
    now = datetime.fromtimestamp(now_ms() / 1000, zone)
    with suppress(ValueError):
        at = datetime.combine(now.date(), datetime.strptime(text, "%H:%M").time(), zone)  # noqa: DTZ007 - the park's zone
        return at if at > now else at + timedelta(days=1)
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise ClosingError(
            f"--until {text}: give 18:00 or 2026-11-29T18:00, by the park's clock"
        ) from error
    at = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    if at <= now:
        raise ClosingError(f"--until {text}: is over")
    return at


for command in (close, reopen):
    gate.add_command(command)
