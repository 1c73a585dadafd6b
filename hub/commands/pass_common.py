"""What the commands of passes share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from hub.badges.drawing import DrawingError
from hub.commands.common import Refusal
from hub.config import ConfigError
from hub.passbook import PassBook, PassBookError
from hub.phone.serve import ServeError
from hub.roll import RollError
from identity.keys import KeyFileError
from identity.passes.claims import PassError
from identity.passes.phone import PhoneKeyError

folder_option = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="EDGE_HUB_PASSES",
    default=Path("passes"),
    show_default=True,
    help="The folder of keys, register and revocations.  [env: EDGE_HUB_PASSES]",
)
key_option = click.option(
    "--key", "key_name", metavar="NAME", help="The signing key.  [default: the last by name]"
)


def open_book(folder: Path) -> PassBook:
    """The folder of passes. Raises PassBookError."""
    return PassBook(folder)


@contextmanager
def refusing(command: str) -> Iterator[None]:
    """Faults of people's input, as one line and exit code 2."""
    try:
        yield
    except (
        ConfigError,
        DrawingError,
        KeyFileError,
        PassBookError,
        PassError,
        PhoneKeyError,
        RollError,
        ServeError,
    ) as error:
        raise Refusal(f"edge-hub {command}: {error}") from error


def write_file(path: Path, content: bytes) -> None:
    """A result. Raises PassBookError."""
    try:
        path.write_bytes(content)
    except OSError as error:
        raise PassBookError(f"{path}: can't be written: {error.strerror}") from error
