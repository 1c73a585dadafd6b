"""`edge-gate records status | quarantined | dead-letters`: how the journal stands."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.commands.common import Command, json_option, load_config, say, write_json, write_table
from edge.commands.records_common import (
    journal_folder,
    local,
    path_option,
    readable,
    size_text,
    text_or_hex,
)

if TYPE_CHECKING:
    from edge.records.query import Status, StreamStatus

SHOWN = 60  # characters of a damaged piece


@click.command(cls=Command, example="edge-gate records status --json")
@path_option
@json_option
@click.pass_context
def status(context: click.Context, /, *, folder: Path | None, as_json: bool) -> int:
    """Tell how the journal stands: what waits, what it takes, what was put aside.

    One row for each stream; the last is the one that is written to. A confirmation of the last
    second may not be on disk yet. The limit is told when the configuration names the folder.
    """
    from edge.records.query import read_status

    path = journal_folder(context, folder)
    limit_bytes = None if folder else load_config(context).records.max_mib << 20
    with readable():
        found = read_status(path)
    now = datetime.now(UTC)
    if as_json:
        write_json(_status_json(path, found, limit_bytes, now))
        return 0
    rows = [_status_row(stream, now) for stream in found.streams]
    headings = ("stream", "records", "confirmed", "unconfirmed", "oldest waits", "files", "size")
    write_table(headings, rows)
    limit = f" of {limit_bytes >> 20} MiB" if limit_bytes is not None else ""
    say(f"{size_text(found.bytes)}{limit}; damaged pieces in quarantine: {len(found.quarantined)}; "
        f"dead letters: {len(found.dead_letters)}")  # fmt: skip
    return 0


def _status_json(
    path: Path, found: Status, limit_bytes: int | None, now: datetime
) -> dict[str, Any]:
    from feed.codec import format_time

    streams = []
    for one in found.streams:
        waits_s = _waits_s(one, now)
        streams.append({
            "stream": one.stream,
            "first_seq": one.first_seq,
            "last_seq": one.last_seq,
            "confirmed_upto": one.confirmed_upto,
            "unconfirmed": one.unconfirmed,
            "oldest_unconfirmed_at": format_time(one.oldest.at) if one.oldest else None,
            "oldest_unconfirmed_s": waits_s,
            "files": one.files,
            "bytes": one.bytes,
        })  # fmt: skip
    return {
        "path": str(path),
        "bytes": found.bytes,
        "limit_bytes": limit_bytes,
        "streams": streams,
        "quarantined": len(found.quarantined),
        "dead_letters": len(found.dead_letters),
    }


def _status_row(one: StreamStatus, now: datetime) -> tuple[str, ...]:
    waits_s = _waits_s(one, now)
    waits = "" if not one.oldest else "?" if waits_s is None else str(timedelta(seconds=waits_s))
    records = f"{one.first_seq}-{one.last_seq}" if one.last_seq else "none"
    return (
        one.stream,
        records,
        f"up to {one.confirmed_upto}" if one.confirmed_upto else "none",
        str(one.unconfirmed),
        waits,
        str(one.files),
        size_text(one.bytes),
    )


def _waits_s(one: StreamStatus, now: datetime) -> int | None:
    """For how long the oldest has been waiting; None when none waits, or nobody knows."""
    if one.oldest is None or not one.oldest.known:
        return None
    return max(0, int((now - one.oldest.at).total_seconds()))


@click.command(cls=Command, example="edge-gate records quarantined")
@path_option
@json_option
@click.pass_context
def quarantined(context: click.Context, /, *, folder: Path | None, as_json: bool) -> int:
    """List damaged pieces of the journal that were copied out of the way.

    With --json one a line, its bytes as "text" or "hex".
    """
    from edge.records.quarantine import read_quarantine
    from feed.codec import format_time

    with readable():
        pieces = read_quarantine(journal_folder(context, folder))
    if as_json:
        for one in pieces:
            write_json(
                {
                    "file": str(one.path),
                    "stream": one.stream,
                    "segment": str(one.segment),
                    "offset": one.offset,
                    "bytes": len(one.raw),
                    "found_at": format_time(one.found_at),
                }
                | text_or_hex(one.raw)
            )
        return 0
    rows = [
        (one.path.name, local(one.found_at), str(one.offset), str(len(one.raw)), _shown(one.raw))
        for one in pieces
    ]
    write_table(("piece", "found", "at byte", "bytes", "begins with"), rows)
    return 0


def _shown(raw: bytes) -> str:
    return ascii(raw[:SHOWN])[2:-1]


@click.command("dead-letters", cls=Command, example="edge-gate records dead-letters --json")
@path_option
@json_option
@click.pass_context
def dead_letters(context: click.Context, /, *, folder: Path | None, as_json: bool) -> int:
    """List records that were refused for good, and why.

    With --json one a line, its bytes as "text" or "hex".
    """
    from edge.records.deadletters import read_dead_letters
    from edge.records.stream import doing

    path = journal_folder(context, folder)
    with readable(), doing(f"reading the journal in {path}"):
        path.stat()
        letters = read_dead_letters(path)
    if as_json:
        for one in letters:
            parts = {"stream": one.stream, "seq": one.seq, "reason": one.reason}
            write_json(parts | text_or_hex(one.raw))
        return 0
    rows = [(one.stream, str(one.seq), _kind(one.raw), one.reason) for one in letters]
    write_table(("stream", "seq", "kind", "reason"), rows)
    return 0


def _kind(raw: bytes) -> str:
    try:
        return str(json.loads(raw)["kind"])
    except (ValueError, LookupError, TypeError):
        return "?"
