"""`edge-gate records purge`: make room by hand."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edge.commands.common import Command, json_option, say, write_json
from edge.commands.records_common import journal_folder, path_option, readable

if TYPE_CHECKING:
    from edge.records.purge import Plan

LONGEST_DAYS = 36_500


@click.command(cls=Command, example="edge-gate records purge --older-than 7 --dry-run")
@click.option(
    "days",
    "--older-than",
    type=click.IntRange(0, LONGEST_DAYS),
    required=True,
    metavar="DAYS",
    help="Only what is older than so many days.",
)
@click.option("--quarantine", is_flag=True, help="Also damaged pieces whose file is gone.")
@click.option("--dead-letters", is_flag=True, help="Also dead letters whose loss has arrived.")
@click.option("--dry-run", is_flag=True, help="Only tell what would go; also while the gate runs.")
@path_option
@json_option
@click.pass_context
def purge(
    context: click.Context,
    /,
    *,
    days: int,
    quarantine: bool,
    dead_letters: bool,
    dry_run: bool,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Remove old records that have arrived, sooner than [records] keep_days would.

    Whole files only, oldest first, never a record that still waits, never the file that is
    written to. Stop the daemon first. Without a synchronised clock the age counts back from the
    newest record whose time can be trusted.
    """
    from edge.clock import SystemClock
    from edge.records.purge import carry_out, held, plan

    path = journal_folder(context, folder)
    with readable(), nullcontext() if dry_run else held(path):
        planned = plan(
            path,
            timedelta(days=days),
            clock=SystemClock(),
            quarantine=quarantine,
            dead_letters=dead_letters,
        )
        if not dry_run:
            carry_out(path, planned)
    if as_json:
        write_json(_plan_json(planned, dry_run=dry_run))
    else:
        _tell(planned, dry_run=dry_run)
    return 0


def _plan_json(planned: Plan, *, dry_run: bool) -> dict[str, object]:
    from feed.codec import format_time

    return {
        "dry_run": dry_run,
        "before": format_time(planned.before) if planned.before else None,
        "files": [str(file) for file in planned.files],
        "streams": [str(folder) for folder in planned.streams],
        "quarantined": [str(piece.path) for piece in planned.pieces],
        "dead_letters": [{"stream": one.stream, "seq": one.seq} for one in planned.letters],
    }


def _tell(planned: Plan, *, dry_run: bool) -> None:
    for path in (*planned.files, *planned.streams, *(piece.path for piece in planned.pieces)):
        say(str(path))
    for letter in planned.letters:
        say(f"dead letter {letter.seq} of {letter.stream}")
    if planned.before is None:
        say("nobody knows what time it is: nothing goes")
        return
    count = len(planned.files) + len(planned.streams) + len(planned.pieces) + len(planned.letters)
    say(f"{count} {'would go' if dry_run else 'gone'}")
