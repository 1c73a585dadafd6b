"""`edge-hub pass badge`: passes on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import click

from hub.badges.badge import Badge, sheets, single
from hub.badges.drawing import to_pdf, to_png
from hub.commands.common import Command, counted, json_option, write_json
from hub.commands.pass_common import refusing, write_file
from hub.passbook import PassBookError
from identity.passes.code import PREFIX

MOST_BADGES = 20_000


@click.command(cls=Command, example="edge-hub pass badge class-3a.jsonl --out class-3a.pdf --sheet")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The PDF or PNG to write, by its ending. Several PNGs are numbered: out-1.png ...",
)
@click.option("--sheet", is_flag=True, help="A4 sheets of nine with cut marks.")
@json_option
def badge(file: Path, out: Path, *, sheet: bool, as_json: bool) -> None:
    """Print badges of what `edge-hub pass issue --json` wrote (FILE, or - for stdin).

    A badge is 62 x 90 mm and its code 51 x 51 mm. Print at 100 %, not "fit to page".
    """
    kind = out.suffix.lower()
    if kind not in {".pdf", ".png"}:
        raise click.BadParameter("ends in neither .pdf nor .png", param_hint="--out")
    with refusing("pass badge"):
        badges = list(_badges(file))
        pages = list(sheets(badges)) if sheet else [single(one) for one in badges]
        if kind == ".pdf":
            write_file(out, to_pdf(pages, title=f"{badges[0].park}: {len(badges)}"))
            written = [out]
        else:
            written = [out]
            if len(pages) > 1:
                written = [
                    out.with_stem(f"{out.stem}-{number}") for number in range(1, len(pages) + 1)
                ]
            for path, page in zip(written, pages, strict=True):
                write_file(path, to_png(page))
    if as_json:
        write_json({"badges": len(badges), "pages": len(pages), "files": [str(p) for p in written]})
    else:
        printed = f"{counted(len(badges), 'badge')} on {counted(len(pages), 'page')}"
        click.echo(f"{printed}: {', '.join(map(str, written))}")


def _badges(file: Path) -> Iterator[Badge]:
    try:
        with click.open_file(str(file), encoding="utf-8") as lines:
            text = lines.read()
    except (OSError, UnicodeDecodeError) as error:
        raise PassBookError(f"{file}: can't be read: {error}") from error
    entries = [line for line in text.splitlines() if line.strip()]
    if not entries:
        raise PassBookError(f"{file}: holds no pass; `edge-hub pass issue --json` writes them")
    if len(entries) > MOST_BADGES:
        raise PassBookError(f"{file}: more than {MOST_BADGES} passes; part the file")
    for number, line in enumerate(entries, 1):
        yield _badge(f"{file}: line {number}", line)


def _badge(where: str, line: str) -> Badge:
    try:
        entry = json.loads(line)
        if "link" in entry:
            raise PassBookError(f"{where}: is a phone's pass, which no paper can show")
        made = Badge(
            code=str(entry["code"]),
            park=str(entry["park"]),
            name=str(entry["name"]),
            holder=str(entry["holder"]),
            category=str(entry["category"]),
            sites=tuple(str(site) for site in entry["sites"]),
            first_day=date.fromisoformat(entry["from"]),
            last_day=date.fromisoformat(entry["until"]),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PassBookError(f"{where}: is no line of `edge-hub pass issue --json`") from error
    if not made.code.startswith(PREFIX):
        raise PassBookError(f"{where}: its code is no pass")
    return made
