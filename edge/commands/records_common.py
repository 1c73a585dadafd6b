"""What the commands of `edge-gate records` share: the journal's folder, and its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from edge.commands.common import Refusal, load_config

path_option = click.option(
    "folder",
    "--path",
    type=click.Path(path_type=Path, file_okay=False),
    help="The journal's folder.  [default: records.path of the configuration]",
)


def journal_folder(context: click.Context, folder: Path | None) -> Path:
    """The journal's folder: as given, else of the configuration. Raises Refusal."""
    return folder or load_config(context).records.path


@contextmanager
def readable() -> Iterator[None]:
    """A journal that can't be read is told in one line."""
    from edge.gate.reasons import Cause
    from edge.records.disk import JournalError

    try:
        yield
    except JournalError as error:
        hint = "; is this the gate's machine? --path names another folder"
        raise Refusal(f"{error}{hint if error.cause is Cause.NOT_FOUND else ''}") from error


def local(at: datetime) -> str:
    """A time as people at the gate read it."""
    return f"{at.astimezone():%Y-%m-%d %H:%M:%S}"


def text_or_hex(raw: bytes) -> dict[str, Any]:
    """Bytes for programs: `text` where they are UTF-8, else `hex`."""
    try:
        return {"text": raw.decode()}
    except UnicodeDecodeError:
        return {"hex": raw.hex()}


def size_text(size_bytes: int) -> str:
    """A size with a unit."""
    return f"{size_bytes / (1 << 20):.1f} MiB" if size_bytes >= 1 << 18 else f"{size_bytes} B"
