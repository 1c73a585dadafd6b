"""The files that a configuration names."""

from __future__ import annotations

import os
from pathlib import Path

from edge.config.load import Loaded
from edge.config.schema import walk
from edge.config.sources import Problem

# systemd shows a unit's credentials to the unit alone
_CREDENTIALS = Path("/run/credentials")


def absent_files(loaded: Loaded) -> list[Problem]:
    """The files that can't be read here. The records' folder is made by the gate itself."""
    sources = loaded.sources
    problems = []
    for path, key, value in walk(sources.values):
        made_here = path[-1] == "path" and path[0] == "records"
        if not key.is_path or made_here or _hidden(Path(value)):
            continue
        text = _why_not(Path(value))
        if text:
            problems.append(Problem(sources.origin(path), sources.dotted(path), text))
    return problems


def _hidden(path: Path) -> bool:
    return path.is_relative_to(_CREDENTIALS) and "CREDENTIALS_DIRECTORY" not in os.environ


def _why_not(path: Path) -> str | None:
    if not path.exists():
        return f"{path} is not there"
    return None if os.access(path, os.R_OK) else f"{path} can't be read by this user"
