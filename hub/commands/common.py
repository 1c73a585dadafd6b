"""What the commands share: help with an example, refusing, the options."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from hub.config import Config, ConfigError, load
from hub.roles import GIVEN, Right, Role, RoleError, check, role_here

if TYPE_CHECKING:
    from hub.web.desk import Desk

BAD_INPUT = 2
PLACES = (Path("hub.toml"), Path("/etc/edge-hub/hub.toml"))

json_option = click.option("as_json", "--json", is_flag=True, help="Answer in JSON, for programs.")
config_option = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="EDGE_HUB_CONFIG",
    help="The hub's configuration.  [default: $EDGE_HUB_CONFIG, ./hub.toml, "
    "/etc/edge-hub/hub.toml, or the keys' own defaults]",
)


class _Store(click.Path):
    """A file, or postgresql://..."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if "://" in str(value) else super().convert(value, param, ctx)


store_option = click.option(
    "--store",
    type=_Store(path_type=Path, dir_okay=False),
    metavar="FILE|URL",
    help="The file of the records, or postgresql://USER@HOST/DATABASE, instead of the "
    "configuration's.",
)

log_in_option = click.option(
    "log_in",
    "--log-in",
    metavar="ROLE",
    multiple=True,
    type=click.Choice([str(role) for role in GIVEN]),
    help="Print an address that logs in to the pages once, within 15 minutes, as ROLE: for trials.",
)


def show_log_in(url: str, desk: Desk, roles: Sequence[str], *, as_json: bool) -> None:
    """The address of the pages, and one for each role that logs in once."""
    links = {role: desk.one_time_link(url, role=role, name=role) for role in roles}
    if as_json:
        write_json({"url": url} | ({"log_in": links} if links else {}))
    else:
        click.echo("\n".join([url, *links.values()]))


class _WithExample(click.Command):
    def __init__(self, *args: Any, example: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example, as it is typed."""
        del ctx
        formatter.write(f"\nExample:\n  {self.example}\n")


class Command(_WithExample):
    """A command whose help ends with an example."""


class Group(_WithExample, click.Group):
    """A group of commands whose help ends with an example."""


class Refusal(click.ClickException):
    """Bad input: one line for each fault on stderr, exit code 2."""

    exit_code = BAD_INPUT


def load_config(
    config: Path | None, *, store: str | Path | None, broker: str | None = None
) -> Config:
    """The configuration of this call. Raises Refusal that tells every fault in it."""
    if config is None:
        config = next((place for place in PLACES if place.exists()), None)
    try:
        return load(config, broker=broker, store=store)
    except ConfigError as error:
        raise Refusal(str(error)) from error


def acting(config: Config, right: Right, command: str) -> Role:
    """The role in which this is run. Raises Refusal where it may not."""
    try:
        role = role_here(config.roles, config.store.owned)
        check(role, right)
    except RoleError as error:
        raise Refusal(f"edge-hub {command}: {error}") from error
    return role


def write_json(value: Any) -> None:
    """One JSON value on stdout, on one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def counted(number: int, name: str) -> str:
    """`1 page`, `2 pages`."""
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
