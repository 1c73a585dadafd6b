"""`edge-hub pass issue`: one pass, or one for everyone in a CSV file."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from hub.badges.drawing import code, page_of, to_png
from hub.commands.common import Command, json_option, write_json
from hub.commands.pass_common import folder_option, key_option, open_book, refusing, write_file
from hub.passbook import PassBookError, new_pass_id
from hub.roll import Terms, read_roll, to_pass
from identity.passes.claims import LONGEST_STEP_S, SHORTEST_STEP_S, STEP_S, Pass, PassError
from identity.passes.code import sign_pass, write_code
from identity.passes.phone import (
    KEY_PREFIX,
    KEY_TEXT_PREFIX,
    PhoneKey,
    PhoneKeyError,
    read_phone_key,
)

_SECOND = timedelta(seconds=1)
_QR_MM = 80.0


@click.command(
    cls=Command,
    example="edge-hub pass issue --csv class-3a.csv --until 2022-05-31 --json > class-3a.jsonl",
)
@folder_option
@key_option
@click.option("--holder", help="The park's own id of the person: a staff or pupil number.")
@click.option("--name", default="", help="Name to show, with its diacritics.")
@click.option("--category", default="staff", show_default=True, help="staff, visitor, pupil ...")
@click.option("--site", "sites", multiple=True, help="A site it is good for.  [default: all]")
@click.option("--from", "first", metavar="DAY", help="First day, 2021-08-23.  [default: today]")
@click.option("--until", "last", metavar="DAY", help="Last day on which it counts.")
@click.option("--declared", metavar="DAY", default="", help="Day of the health declaration.")
@click.option("--declaration", default="", help="Its answers: 'fever=no cough=no'.")
@click.option(
    "--csv",
    "roll",
    type=click.Path(path_type=Path, dir_okay=False),
    help="One pass a line; columns holder, name, category, sites, from, until, declared, "
    "declaration. The other options hold for lines that leave them empty.",
)
@click.option(
    "--leave-name-out", is_flag=True, help="Print the name on badges, but not into the code."
)
@click.option(
    "--phone-key",
    metavar="TEXT|FILE",
    help="A rotating pass for this phone: what its page shows, as text or as a picture.",
)
@click.option(
    "--step-s",
    type=click.IntRange(SHORTEST_STEP_S, LONGEST_STEP_S),
    default=STEP_S,
    show_default=True,
    help="The phone's code changes so often, seconds.",
)
@click.option("--url", help="Where the phone's page is; the pass becomes a link to it.")
@click.option(
    "--qr",
    "picture",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the link (or the code) as a QR picture, PNG.",
)
@click.option(
    "--timezone", "zone_name", default="Asia/Ho_Chi_Minh", show_default=True, help="Of the days."
)
@json_option
def issue(
    folder: Path,
    key_name: str | None,
    holder: str | None,
    name: str,
    category: str,
    sites: tuple[str, ...],
    first: str | None,
    last: str | None,
    declared: str,
    declaration: str,
    roll: Path | None,
    phone_key: str | None,
    step_s: int,
    url: str | None,
    picture: Path | None,
    zone_name: str,
    *,
    leave_name_out: bool,
    as_json: bool,
) -> None:
    """Sign passes. Each stands in the folder's register before it is told.

    With --json one line for each, which `edge-hub pass badge` takes. A phone's pass comes as text
    (or as a link, with --url) for the phone alone; it is worth nothing without that phone.
    """
    if (holder is None) == (roll is None):
        raise click.UsageError("give --holder for one pass, or --csv FILE for many")
    if phone_key is not None and roll is not None:
        raise click.UsageError("--phone-key is one phone's: give --holder, not --csv")
    if picture is not None and roll is not None:
        raise click.UsageError("--qr is one picture: give --holder, not --csv")
    with refusing("pass issue"):
        zone = _zone(zone_name)
        book = open_book(folder)
        terms = Terms(
            park=book.park,
            category=category,
            sites=sites,
            first_day=_day(first, "--from") or datetime.now(zone).date(),
            last_day=_day(last, "--until"),
            zone=zone,
            show_name=not leave_name_out,
            phone=None if phone_key is None else _phone(phone_key),
            step_s=step_s,
        )
        one = {
            "holder": holder or "", "name": name, "declared": declared, "declaration": declaration,
        }  # fmt: skip
        # all are looked at before the first is signed: a fault in the last line costs nothing
        wanted = list(_passes(roll, one, terms))
        key = book.signing_key(key_name)
        for _, made in wanted:
            sign_pass(made, key)
        for printed, made in wanted:
            told = _told(made, book.issue(made, key), printed, zone, url)
            _write(told, as_json=as_json)
            if picture is not None:
                _draw(picture, told)


def _passes(roll: Path | None, one: dict[str, str], terms: Terms) -> Iterator[tuple[str, Pass]]:
    """Names as they are printed, and the passes. Raises RollError, PassError."""
    if roll is None:
        yield one["name"], to_pass(one, terms, new_pass_id())
        return
    for number, cells in read_roll(roll):
        try:
            yield cells.get("name", ""), to_pass(cells, terms, new_pass_id())
        except PassError as error:
            raise PassError(f"{roll}: line {number}: {error}") from error


def _told(
    made: Pass, signed: bytes, printed: str, zone: ZoneInfo, url: str | None
) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": made.id,
        "park": made.park,
        "holder": made.holder,
        "name": " ".join(printed.split()),
        "category": made.category,
        "sites": list(made.sites),
        "from": made.not_before.astimezone(zone).date().isoformat(),
        "until": (made.expires - _SECOND).astimezone(zone).date().isoformat(),
    }
    if made.phone is None:
        return told | {"code": write_code(signed)}
    text = base64.urlsafe_b64encode(signed).rstrip(b"=").decode()
    return told | {"link": f"{url.rstrip('#')}#p={text}" if url else text}


def _write(told: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        write_json(told)
    else:
        shown = told.get("code") or told["link"]
        click.echo(f"{told['id']}  {told['holder']}  until {told['until']}  {shown}")


def _draw(path: Path, told: dict[str, Any]) -> None:
    text = told.get("code") or told["link"]
    write_file(path, to_png(page_of(code(text, x=0, y=0, size=_QR_MM), size=_QR_MM)))


def _day(text: str | None, option: str) -> Any:
    from datetime import date

    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PassError(f"{option} {text}: is no day such as 2021-08-23") from error


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PassError(f"--timezone {name}: is none that this machine knows") from error


def _phone(given: str) -> PhoneKey:
    """From the text, or from a picture of the code. Raises PhoneKeyError, PassBookError."""
    if given.startswith((KEY_PREFIX, KEY_TEXT_PREFIX)):
        return read_phone_key(given)
    path = Path(given)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise PassBookError(f"--phone-key {given}: {error.strerror}") from error
    if raw.startswith((KEY_PREFIX.encode(), KEY_TEXT_PREFIX.encode())):
        return read_phone_key(raw.decode(errors="replace"))
    return read_phone_key(_code_in(path))


def _code_in(path: Path) -> str:
    import zxingcpp
    from PIL import Image, UnidentifiedImageError

    codes = zxingcpp.barcode_formats_from_str("QRCode")
    try:
        with Image.open(path) as image:
            found = [one.text for one in zxingcpp.read_barcodes(image.convert("L"), formats=codes)]
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PassBookError(f"{path}: is neither a phone's key nor a picture of it") from error
    keys = [text for text in found if text.startswith(KEY_PREFIX)]
    if len(keys) != 1:
        raise PhoneKeyError(f"{path}: shows {len(keys)} phones' keys, one is wanted")
    return keys[0]
