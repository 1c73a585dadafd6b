"""`edge-hub pass`: the park's signing key, passes, revocations, badges."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import click

from feed.lists import SignedList
from feed.topics import Channel, build
from hub.announce import AnnounceError, announce
from hub.commands.common import (
    Command,
    Group,
    Refusal,
    config_option,
    json_option,
    load_config,
    write_json,
)
from hub.commands.pass_badge import badge
from hub.commands.pass_common import folder_option, key_option, open_book, refusing
from hub.commands.pass_issue import issue
from hub.config import Config
from hub.passbook import PassBook, PassBookError
from identity.passes.claims import PassError
from identity.passes.code import look_into

_ID = re.compile(r"[0-9a-f]{16}")
BROKEN = 1


@click.group("pass", cls=Group, example="edge-hub pass issue --holder 4711 --until 2026-12-31")
def pass_group() -> None:
    """Issue, revoke and print the park's own passes.

    Everything lies in one folder, with the private key: on the hub or on a machine without a
    network, never on a gate.
    """


@click.command(cls=Command, example="edge-hub pass key --park song-than --folder passes")
@folder_option
@click.option("--park", required=True, help="The park, as gate.park names it on its gates.")
@click.option(
    "--name", help="Name of the key; the last by name signs.  [default: today, 2021-08-23]"
)
@json_option
def key(folder: Path, park: str, name: str | None, *, as_json: bool) -> None:
    """Make the park's signing key, or a further one.

    Bring the public half to every gate (trust.park_keys) before the first pass is signed with it;
    the keys before stay good until they are taken away there.
    """
    name = name or f"{datetime.now(UTC):%Y-%m-%d}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise Refusal(f"edge-hub pass key: --name {name}: letters, digits, '_' and '-' only")
    with refusing("key"):
        public = PassBook.begin(folder, park).add_key(name)
    if as_json:
        write_json({"name": name, "public": str(public), "park": park})
    else:
        click.echo(f"{public}: the public key, for every gate (trust.park_keys)")


@click.command(cls=Command, example="edge-hub pass revoke 9f2c61d0a35be874 --broker broker:1883")
@click.argument("passes", metavar="[PASS]...", nargs=-1)
@folder_option
@key_option
@click.option("--holder", "holders", multiple=True, help="Every pass of this holder's id.")
@click.option("--offline", is_flag=True, help="Write the list and publish nothing.")
@click.option("--broker", metavar="HOST:PORT", help="The broker, instead of the configuration's.")
@config_option
@json_option
def revoke(
    passes: tuple[str, ...],
    folder: Path,
    key_name: str | None,
    holders: tuple[str, ...],
    broker: str | None,
    config: Path | None,
    *,
    offline: bool,
    as_json: bool,
) -> int:
    """Revoke passes, by id, by their code (EG1:...) or by holder, and tell every gate.

    The list rises by one version, is signed, lies in the folder and is published retained, so that
    a gate that was away hears it when it comes back. Without PASS the list is published again,
    renewed: what has expired leaves it.
    """
    table = None if offline else load_config(config, store=None, broker=broker)
    with refusing("revoke"):
        book = open_book(folder)
        ids = {_id_of(one) for one in passes} | _ids_of(book, holders)
        fresh = book.revoke(ids, book.signing_key(key_name), now=datetime.now(UTC))
    published = table is not None and _published(table, book)
    if as_json:
        write_json({"version": fresh.version, "revoked": list(fresh.items), "published": published})
    else:
        _tell(fresh, published=published)
    return 0 if offline or published else BROKEN


def _id_of(text: str) -> str:
    if _ID.fullmatch(text.lower()):
        return text.lower()
    try:
        return look_into(text).id
    except PassError as error:
        raise PassBookError(
            f"'{text[:40]}' is neither a pass's id nor its code: {error}"
        ) from error


def _ids_of(book: PassBook, holders: tuple[str, ...]) -> set[str]:
    issued = list(book.issued()) if holders else []
    found: set[str] = set()
    for holder in holders:
        ids = {one.id for one in issued if one.holder == holder}
        if not ids:
            raise PassBookError(f"holder '{holder}': no pass was issued from this folder")
        found |= ids
    return found


def _published(config: Config, book: PassBook) -> bool:
    topic = build(Channel.LIST, park=book.park, name="revoked-passes")
    try:
        announce(config.mqtt, topic, book.revocations_path.read_bytes())
    except AnnounceError as error:
        click.echo(
            f"edge-hub pass revoke: {error}: the list is written but NOT published; "
            "`edge-hub pass revoke` without a pass publishes it",
            err=True,
        )
        return False
    return True


def _tell(fresh: SignedList, *, published: bool) -> None:
    where = "published" if published else "written, not published"
    click.echo(f"version {fresh.version}: {len(fresh.items)} passes revoked, {where}")


for command in (key, issue, revoke, badge):
    pass_group.add_command(command)
