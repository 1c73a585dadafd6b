"""`edge-gate pass`: look at passes as a gate does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edge.commands.common import (
    Command,
    Group,
    Refusal,
    json_option,
    load_config,
    say,
    write_json,
)

if TYPE_CHECKING:
    from identity.credential import Credential

REFUSED = 1
_PREFIX = "EG1:"


@click.group("pass", cls=Group, example="edge-gate pass verify badge.png")
def pass_group() -> None:
    """The park's passes: what this gate makes of them."""


@click.command(cls=Command, example="edge-gate pass verify --keys park.pub.pem badge.png")
@click.argument("code", metavar="FILE|TEXT")
@click.option(
    "--keys",
    type=click.Path(path_type=Path),
    help="The park's public keys, a file or a folder.  [default: the configuration's]",
)
@json_option
@click.pass_context
def verify(context: click.Context, code: str, keys: Path | None, *, as_json: bool) -> int:
    """Check a pass: a picture of it, or its text (EG1:...).

    By the configuration's keys, site and list of revoked passes; with --keys by those keys alone,
    for any site. The machine's clock counts as right. A phone's code may be checked any number of
    times here. Exit code 0 for a pass that counts, 1 for one that is refused, 2 for what is no
    pass at all.
    """
    from identity.credential import Scheme

    payload = code.encode() if code.startswith(_PREFIX) else _read(Path(code))
    found = _judged(context, payload, keys)
    if found.scheme is not Scheme.PASS:
        raise Refusal(f"{code[:80]}: is no pass: its scheme is {found.scheme}")
    good = bool(found.proved) and not found.flags
    if as_json:
        write_json(_described(found, good=good))
    else:
        _tell(found, good=good)
    return 0 if good else REFUSED


def _read(path: Path) -> bytes:
    """The one code in a picture; of several, the one that is a pass."""
    from edge.scan.decode import read_codes
    from edge.scan.images import load_gray

    try:
        codes = read_codes(load_gray(path))
    except ValueError as error:
        raise Refusal(str(error)) from error
    passes = [payload for payload in codes if payload.startswith(_PREFIX.encode())]
    if len(passes) != 1:
        raise Refusal(f"{path}: shows {len(passes)} passes, one is wanted")
    return passes[0]


def _judged(context: click.Context, payload: bytes, keys: Path | None) -> Credential:
    from datetime import UTC, datetime

    from edge.lists import Lists
    from identity.keys import KeyFileError
    from identity.passes.keys import ParkKeys
    from identity.schemes import parsers, understand
    from identity.schemes.park_pass import PassVerifier, Tolerance
    from identity.validity import Now, judged

    now = Now(at=datetime.now(UTC), synced=True)
    try:
        if keys is not None:
            verifier = PassVerifier(ParkKeys.read(keys), clock=lambda: now)
        else:
            config = load_config(context)
            table, gate = config.trust, config.gate
            if table.park_keys is None:
                raise Refusal("the configuration has no trust.park_keys; name them with --keys")
            park_keys = ParkKeys.read(table.park_keys)
            lists = Lists(
                table.lists_path,
                park_keys.by_id(),
                park=gate.park,
                note=lambda noted: say(f"{noted.name}: {noted.detail}", error=True),
            )
            lists.load()
            verifier = PassVerifier(
                park_keys,
                clock=lambda: now,
                park=gate.park,
                site=gate.site,
                revoked=lists.revoked,
                tolerance=Tolerance(steps=table.phone_steps, slack_s=table.clock_slack_s),
            )
    except KeyFileError as error:
        raise Refusal(str(error)) from error
    return judged(understand(payload, parsers(park_pass=verifier.parse)), now)


def _described(found: Credential, *, good: bool) -> dict[str, Any]:
    holder = found.holder
    times = {"valid_from": found.valid_from, "valid_until": found.valid_until}
    described: dict[str, Any] = {
        "good": good,
        "proved": list(found.proved),
        "flags": list(found.flags),
        "park": found.issuer,
        "holder": holder.document if holder else None,
        "name": holder.name if holder else None,
        "category": found.category,
        **{name: at.isoformat() if at else None for name, at in times.items()},
        "declaration": None if found.declaration is None else dict(found.declaration),
    }
    return {name: value for name, value in described.items() if value is not None}


def _tell(found: Credential, *, good: bool) -> None:
    style = "green" if good else "red"
    proofs = ", ".join(found.proved) or "nothing"
    if good:
        say(f"good: proves {proofs}", style=style)
    else:
        say(f"refused: {', '.join(found.flags)}", style=style)
    stated = _described(found, good=good)
    for name in ("holder", "name", "category", "valid_from", "valid_until"):
        if name in stated:
            say(f"{name}: {stated[name]}")


pass_group.add_command(verify)
