"""`edge-gate decode`: pictures to codes and credentials."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click

from edge.commands.common import BAD_INPUT, Command, json_option, progress, say, write_json

# what a folder is searched for; a file that is named is tried whatever its name
SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".jp2", ".pbm", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
_MANY = 4  # files from which on a progress bar is worth its place


@click.command(cls=Command, example="edge-gate decode --json photographs/ badge.png")
@click.argument(
    "files", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@json_option
def decode(files: tuple[Path, ...], *, as_json: bool) -> int:
    """Read the QR codes in pictures, and what they say.

    A folder stands for the pictures in it and below. With --json one line for each file:
    {"file": ..., "codes": [{"text": ..., "scheme": ...}]}; bytes that are no UTF-8 are escaped in
    "text" and whole in "hex"; a file that can't be read has an "error". Exit code 2 when a file
    could not be read; the others are read all the same.
    """
    failed = False
    chosen = list(_pictures(files))
    with progress("decoding", len(chosen), wanted=len(chosen) >= _MANY) as step:
        for path, error in chosen:
            found = {"file": str(path), "codes": [], "error": error} if error else _read(path)
            failed = failed or "error" in found
            _write(found, as_json=as_json)
            step()
    return BAD_INPUT if failed else 0


def _pictures(files: Iterable[Path]) -> Iterator[tuple[Path, str | None]]:
    """Each picture, folders walked in order of names; with an error where there is none."""
    for path in files:
        if not path.is_dir():
            yield path, None
            continue
        empty = True
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                if Path(name).suffix.lower() in SUFFIXES:
                    empty = False
                    yield Path(folder, name), None
        if empty:
            yield path, f"{path}: no pictures in this folder; give files or another folder"


def _read(path: Path) -> dict[str, Any]:
    from edge.scan.decode import read_codes
    from edge.scan.images import load_gray

    try:
        gray = load_gray(path)
    except ValueError as error:
        return {"file": str(path), "codes": [], "error": str(error)}
    return {"file": str(path), "codes": [_code(payload) for payload in read_codes(gray)]}


def _code(payload: bytes) -> dict[str, Any]:
    from identity.describe import describe

    code = describe(payload)
    if code.pop("encoding") != "utf-8":
        code["hex"] = payload.hex()
    return code


def _write(found: dict[str, Any], *, as_json: bool) -> None:
    from identity.describe import printable

    if as_json:
        write_json(found)
    if "error" in found:
        if not as_json:
            say(f"edge-gate: {found['error']}", style="red", error=True)
        return
    if as_json:
        return
    if not found["codes"]:
        say(f"{found['file']}: no code", style="dim")
    for code in found["codes"]:
        flags = "".join(f" [{flag}]" for flag in code.get("flags", ()))
        say(f"{found['file']}: {code['scheme']}{flags}: {printable(code['text'])}")
