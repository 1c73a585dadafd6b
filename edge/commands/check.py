"""`edge-gate check`: is the configuration sound?"""

from __future__ import annotations

from typing import Any

import click

from edge.commands.common import BAD_INPUT, Command, find_config, json_option, say, write_json


@click.command(cls=Command, example="edge-gate --config config.toml check")
@json_option
@click.pass_context
def check(context: click.Context, *, as_json: bool) -> int:
    """Check the configuration: every mistake in one go, with file, line and key.

    Devices are not touched (see `edge-gate doctor`). Files that the configuration names and that
    are not on this machine are told as notes.
    """
    import os

    from edge.config.files import absent_files
    from edge.config.load import ConfigError, Loaded, load_sourced

    path = find_config(context.find_root().params["config"])
    try:
        found: Loaded | ConfigError = load_sourced(path, environ=os.environ)
    except ConfigError as error:
        found = error
    problems = found.problems if isinstance(found, ConfigError) else ()
    notes = absent_files(found) if isinstance(found, Loaded) else []
    if as_json:
        write_json(
            {
                "file": str(path),
                "ok": not problems,
                "problems": [_as_json(problem) for problem in problems],
                "notes": [_as_json(note) for note in notes],
            }
        )
    else:
        for problem in problems:
            say(str(problem), style="red", error=True)
        for note in notes:
            say(f"note: {note}", style="yellow", error=True)
        if not problems:
            say(f"{path}: in order", style="green")
    return BAD_INPUT if problems else 0


def _as_json(problem: Any) -> dict[str, str]:
    return {"where": str(problem.where), "key": problem.key, "text": problem.text}
