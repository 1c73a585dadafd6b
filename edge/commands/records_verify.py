"""`edge-gate records verify`: is everything there, and as it was written?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.commands.common import Command, Refusal, json_option, say, write_json
from edge.commands.records_common import journal_folder, path_option, readable

if TYPE_CHECKING:
    from edge.records.verify import Finding, Verdict

_HASH = re.compile(r"[0-9a-f]{64}")
_ADVICE = {
    "damaged": "the card is failing or was written to: replace it once all is confirmed",
    "missing": "ask the hub whether it has them; start the gate, which writes a loss record",
    "altered": "someone or something changed the card: keep a copy of it, and compare with the hub",
    "head": "the card was changed or set back: keep a copy of it, and compare with the hub",
    "lost": "known and accounted for: nothing to do",
}
_NOTES = {"lost"}

Head = tuple[str, int, str]


class HeadType(click.ParamType[Head]):
    """STREAM:SEQ:HASH."""

    name = "head"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Head:
        """The parts."""
        if isinstance(value, tuple):
            return value
        stream, _, rest = str(value).partition(":")
        seq, _, head = rest.partition(":")
        if not (stream and re.fullmatch(r"[1-9]\d{0,17}", seq) and _HASH.fullmatch(head)):
            self.fail(f"{value!r} is no head; write STREAM:SEQ:HASH with 64 hex digits", param, ctx)
        return stream, int(seq), head


@click.command(cls=Command, example="edge-gate records verify --heads heads.json")
@click.option(
    "heads",
    "--head",
    type=HeadType(),
    multiple=True,
    metavar="STREAM:SEQ:HASH",
    help="What the hub holds as the newest record of a stream. May be given several times.",
)
@click.option(
    "heads_file",
    "--heads",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The same from a file: `edge-hub status --json > FILE`.",
)
@path_option
@json_option
@click.pass_context
def verify(
    context: click.Context,
    /,
    *,
    heads: tuple[Head, ...],
    heads_file: Path | None,
    folder: Path | None,
    as_json: bool,
) -> int:
    """Look through the journal: checksums, gaps, and the chain of hashes.

    A card that was rewritten as a whole, or cut off at its end, shows only against what the hub
    holds (--head, --heads). Exit code 0 when all is well, 1 when something is not: one line for
    each finding says what, where, and what to do.
    """
    from edge.records import verify as records_verify

    known = _heads_of(heads_file) if heads_file else {}
    known |= {stream: (seq, head) for stream, seq, head in heads}
    with readable():
        verdicts = records_verify.verify(journal_folder(context, folder), known)
    findings = [one for verdict in verdicts for one in verdict.findings]
    findings += _absent(heads, verdicts)
    wrong = [one for one in findings if one.what not in _NOTES]
    if as_json:
        write_json({
            "ok": not wrong,
            "streams": [_verdict_json(one, known) for one in verdicts],
            "findings": [_finding_json(one) for one in findings],
        })  # fmt: skip
    else:
        for one in findings:
            say(_line(one), style="red" if one in wrong else "")
        for verdict in verdicts:
            say(_summary(verdict, known))
        say("something is wrong" if wrong else "all is well", style="red" if wrong else "green")
    return 1 if wrong else 0


def _heads_of(path: Path) -> dict[str, tuple[int, str]]:
    """The heads in what `edge-hub status --json` says. Raises Refusal."""
    try:
        found = json.loads(path.read_bytes())
        heads = {
            str(one["stream"]): (int(one["upto"]), str(one["head"]))
            for one in found["streams"]
            if one["head"] is not None
        }
    except OSError as error:
        raise Refusal(f"{path}: can't be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise Refusal(f"{path}: is not what `edge-hub status --json` writes") from error
    wrong = [stream for stream, (_, head) in heads.items() if not _HASH.fullmatch(head)]
    if wrong:
        raise Refusal(f"{path}: the head of stream {wrong[0]} is no SHA-256 in hex")
    return heads


def _absent(heads: tuple[Head, ...], verdicts: list[Verdict]) -> list[Finding]:
    """Streams asked for by name that are not here; a file may speak of other gates too."""
    from edge.records.verify import Finding

    here = {verdict.stream for verdict in verdicts}
    return [
        Finding(stream, "head", seq, seq, "this journal has no such stream")
        for stream, seq, _ in heads
        if stream not in here
    ]


def _summary(one: Verdict, known: Mapping[str, tuple[int, str]]) -> str:
    text = f"{one.stream}: {one.records} records, {one.first_seq} to {one.last_seq}, "
    text += f"confirmed up to {one.confirmed_upto}"
    return f"{text}, the hub's head is {known[one.stream][0]}" if one.stream in known else text


def _line(one: Finding) -> str:
    seqs = str(one.first) if one.first == one.last else f"{one.first} to {one.last}"
    return f"{one.stream} {seqs}: {one.what}: {one.detail}; {_ADVICE[one.what]}"


def _finding_json(one: Finding) -> dict[str, Any]:
    return {
        "stream": one.stream,
        "what": one.what,
        "first": one.first,
        "last": one.last,
        "detail": one.detail,
        "advice": _ADVICE[one.what],
    }


def _verdict_json(one: Verdict, known: Mapping[str, tuple[int, str]]) -> dict[str, Any]:
    return {
        "stream": one.stream,
        "records": one.records,
        "first_seq": one.first_seq,
        "last_seq": one.last_seq,
        "confirmed_upto": one.confirmed_upto,
        "head_seq": known[one.stream][0] if one.stream in known else None,
    }
