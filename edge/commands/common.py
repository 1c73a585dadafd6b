"""What the commands share: finding the configuration, refusing, and writing to people and programs.

Results go to stdout, everything else to stderr. On a terminal rich draws; into a pipe or a file
the same goes as plain text, never cut to a width.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from edge.config.load import Loaded
    from edge.config.model import Config

BAD_INPUT = 2
PLACES = (Path("config.toml"), Path("/etc/edge-gate/config.toml"))

json_option = click.option("as_json", "--json", is_flag=True, help="Answer in JSON, for programs.")


class _WithExample(click.Command):
    """Adds an example to the help."""

    def __init__(self, *args: Any, example: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.example = example

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The example, as it is typed."""
        del ctx
        formatter.write("\nExample:\n")
        for line in self.example.splitlines():
            formatter.write(f"  {line}\n")


class Command(_WithExample):
    """A command whose help ends with an example."""


class Group(_WithExample, click.Group):
    """A group of commands whose help ends with an example."""


class Refusal(click.ClickException):
    """Bad input: one line for each fault on stderr, exit code 2."""

    exit_code = BAD_INPUT


class BadConfiguration(Refusal):
    """Faults of a configuration: each line begins with its file, as editors like it."""


def find_config(given: Path | None) -> Path:
    """The configuration named by --config or $EDGE_GATE_CONFIG, or the first of PLACES."""
    if given is not None:
        return given
    for place in PLACES:
        if place.exists():
            return place
    places = " nor ".join(str(place) for place in PLACES)
    raise Refusal(f"no configuration: neither {places} is there; name one with --config FILE")


def load_config(context: click.Context) -> Config:
    """The configuration of this call. Raises Refusal that tells every fault in it."""
    return load_sourced(context).config


def load_sourced(context: click.Context) -> Loaded:
    """The same with where each value comes from."""
    import os

    from edge.config.load import ConfigError
    from edge.config.load import load_sourced as load

    try:
        return load(find_config(context.find_root().params["config"]), environ=os.environ)
    except ConfigError as error:
        raise BadConfiguration(str(error)) from error


def write_json(value: Any, *, indent: int | None = None) -> None:
    """One JSON value on stdout; without `indent` on one line."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=indent))


def write_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    styles: Mapping[str, str] | None = None,
) -> None:
    """A table on stdout: drawn on a terminal, columns of plain text otherwise.

    `styles` gives the style of cells with just that text, such as {"denied": "red"}.
    """
    styles = styles or {}
    if not sys.stdout.isatty():
        _write_plain([tuple(columns), *map(tuple, rows)])
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        table.add_row(*(Text(cell, style=styles.get(cell, "")) for cell in row))
    Console().print(table)


def _write_plain(rows: list[tuple[str, ...]]) -> None:
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        padded = (
            cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)
        )
        click.echo("  ".join(padded).rstrip())


def say(text: str, *, style: str = "", error: bool = False) -> None:
    """A line for a person: in colour on a terminal."""
    stream: IO[str] = sys.stderr if error else sys.stdout
    if not style or not stream.isatty():
        click.echo(text, err=error)
        return
    from rich.console import Console

    Console(file=stream, soft_wrap=True).print(text, style=style, markup=False, highlight=False)


@contextmanager
def progress(what: str, total: int | None, *, wanted: bool) -> Iterator[Any]:
    """A progress bar on stderr while `wanted` and stderr is a terminal; yields a function that
    counts one step.
    """
    if not (wanted and sys.stderr.isatty()):
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),
        redirect_stderr=False,
    ) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)
