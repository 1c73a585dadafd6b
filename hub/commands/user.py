"""`edge-hub user`: who may ask the hub over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from hub import audit, users
from hub.clock import now_ms
from hub.commands.beside import opened, read_file, show_table
from hub.commands.common import (
    Command,
    Group,
    Refusal,
    acting,
    config_option,
    json_option,
    store_option,
    write_json,
)
from hub.roles import GIVEN, Right, Role
from hub.store.engine import writing
from hub.users import UserError

_DAY_MS = 86_400_000
_password_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A file whose first line is the password, for people who log in.",
)
_days_option = click.option(
    "--days", type=click.IntRange(1, 3_650), help="The token ends after so many.  [default: never]"
)


@click.group("user", cls=Group, example="edge-hub user list")
def user() -> None:
    """Users of the HTTP interface: their roles, passwords and tokens.

    viewer: states, alarms and counts. manager: also reports, the registry, acknowledging.
    tracer: also traces and reports. administrator: all but tracing.
    """


@click.command("add", cls=Command, example="edge-hub user add grafana --role viewer --days 365")
@click.argument("name")
@click.option("--role", type=click.Choice([str(role) for role in GIVEN]), required=True)
@_password_option
@_days_option
@config_option
@store_option
@json_option
def add(
    name: str,
    role: str,
    password_file: Path | None,
    days: int | None,
    config: Path | None,
    store: str | Path | None,
    *,
    as_json: bool,
) -> None:
    """Make a user and a token, which is shown this once.

    With --password-file no token is made: the user logs in.
    """
    password = _password(password_file, "user add")

    def do(connection: Connection, at_ms: int) -> dict[str, Any]:
        users.add(connection, name, Role(role), password=password, at_ms=at_ms)
        made: dict[str, Any] = {"name": name, "role": role}
        if password is None:
            made["token"] = _token(connection, name, days, at_ms)
        return made

    done = _change("user add", config, store, {"name": name, "role": role}, do)
    if as_json:
        write_json(done)
    else:
        click.echo(done.get("token", f"{name} may log in"))


@click.command("token", cls=Command, example="edge-hub user token grafana --days 90")
@click.argument("name")
@_days_option
@config_option
@store_option
@json_option
def token(
    name: str, days: int | None, config: Path | None, store: str | Path | None, *, as_json: bool
) -> None:
    """A further token of a user, shown this once."""
    done = _change(
        "user token", config, store, {"name": name, "days": days},
        lambda connection, at_ms: {"name": name, "token": _token(connection, name, days, at_ms)},
    )  # fmt: skip
    if as_json:
        write_json(done)
    else:
        click.echo(done["token"])


@click.command(
    "password", cls=Command, example="edge-hub user password lan --password-file new.txt"
)
@click.argument("name")
@_password_option
@config_option
@store_option
@json_option
def password_(
    name: str,
    password_file: Path | None,
    config: Path | None,
    store: str | Path | None,
    *,
    as_json: bool,
) -> None:
    """Another password; every token and session of the user ends."""
    password = _password(password_file, "user password")
    if password is None:
        raise Refusal("edge-hub user password: --password-file is missing")

    def do(connection: Connection, at_ms: int) -> dict[str, Any]:
        del at_ms
        users.set_password(connection, name, password)
        return {"name": name}

    done = _change("user password", config, store, {"name": name}, do)
    if as_json:
        write_json(done)
    else:
        click.echo(f"{name} has another password")


@click.command("remove", cls=Command, example="edge-hub user remove grafana")
@click.argument("name")
@config_option
@store_option
@json_option
def remove(name: str, config: Path | None, store: str | Path | None, *, as_json: bool) -> None:
    """Take a user out, with all tokens. What the audit log says of them stays."""

    def do(connection: Connection, at_ms: int) -> dict[str, Any]:
        del at_ms
        users.remove(connection, name)
        return {"name": name}

    done = _change("user remove", config, store, {"name": name}, do)
    if as_json:
        write_json(done)
    else:
        click.echo(f"{name} is taken out")


@click.command("list", cls=Command, example="edge-hub user list")
@config_option
@store_option
@json_option
def list_(config: Path | None, store: str | Path | None, *, as_json: bool) -> None:
    """Every user, their role and how many tokens speak for them."""
    with opened("user list", config, store) as (engine, loaded):
        acting(loaded, Right.USERS, "user list")
        with engine.connect() as connection:
            found = users.listed(connection)
    if as_json:
        write_json([asdict(one) for one in found])
        return
    rows = [
        [one.name, one.role, f"{datetime.fromtimestamp(one.made_ms / 1000, UTC):%Y-%m-%d}",
         one.tokens]
        for one in found
    ]  # fmt: skip
    show_table(["name", "role", "made", "tokens"], rows)


def _change(
    command: str,
    config: Path | None,
    store: str | Path | None,
    asked: dict[str, Any],
    do: Callable[[Connection, int], dict[str, Any]],
) -> dict[str, Any]:
    at_ms = now_ms()
    with opened(command, config, store) as (engine, loaded):
        role = acting(loaded, Right.USERS, command)
        try:
            with writing(engine) as connection:
                done = do(connection, at_ms)
                audit.write(
                    connection,
                    who=audit.user(),
                    role=role,
                    action=command,
                    purpose="",
                    asked=asked,
                    seen={},
                    at_ms=at_ms,
                )
        except UserError as error:
            raise Refusal(f"edge-hub {command}: {error}") from error
    return done


def _token(connection: Connection, name: str, days: int | None, at_ms: int) -> str:
    until_ms = None if days is None else at_ms + days * _DAY_MS
    return users.make_token(
        connection, name, purpose="by a command", at_ms=at_ms, until_ms=until_ms
    )


def _password(path: Path | None, command: str) -> str | None:
    if path is None:
        return None
    try:
        return read_file(path, command).decode().partition("\n")[0].removesuffix("\r")
    except UnicodeDecodeError as error:
        raise Refusal(f"edge-hub {command}: {path}: is not UTF-8 text") from error


for command in (add, token, password_, remove, list_):
    user.add_command(command)
