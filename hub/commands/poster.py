"""`edge-hub poster`: a site's own check-in codes on paper."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from hub.badges.drawing import to_pdf
from hub.badges.poster import poster as draw
from hub.commands.common import Command, counted, json_option, write_json
from hub.commands.pass_common import folder_option, key_option, open_book, refusing, write_file
from identity.passes.place import Place, write_place


@click.command(
    cls=Command,
    example='edge-hub poster --site cong-chinh --at "quay-1=Quầy lễ tân" --at "kho=Kho" '
    "--out posters.pdf",
)
@folder_option
@key_option
@click.option("--site", required=True, help="The site, as gate.site names it.")
@click.option(
    "--at",
    "positions",
    metavar="NAME=LABEL",
    multiple=True,
    required=True,
    help="A position of the site and what its poster calls it; give it again for more.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The PDF to write, one A4 page for each position.",
)
@json_option
def poster(
    folder: Path,
    key_name: str | None,
    site: str,
    positions: tuple[str, ...],
    out: Path,
    *,
    as_json: bool,
) -> None:
    """Print a site's signed check-in codes, for those who scan with their phone.

    One A4 page for each position, its code 15 x 15 cm. Print at 100 %, not "fit to page".
    """
    with refusing("poster"):
        book = open_book(folder)
        key = book.signing_key(key_name)
        named = [position.partition("=") for position in positions]
        places = [
            Place(
                park=book.park,
                site=site,
                position=name,
                label=" ".join(label.split()) or name,
                issued=datetime.now(UTC).replace(microsecond=0),
            )
            for name, _, label in named
        ]
        texts = [write_place(place, key) for place in places]
        pages = [draw(place, text) for place, text in zip(places, texts, strict=True)]
        write_file(out, to_pdf(pages, title=f"{book.park} {site}"))
    if as_json:
        for place, text in zip(places, texts, strict=True):
            write_json({"site": site, "position": place.position, "code": text})
    else:
        click.echo(f"{counted(len(pages), 'page')}: {out}")
