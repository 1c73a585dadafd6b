"""`edge-gate keys`: make the keys of identities, and tell one from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from edge.commands.common import Command, Group, Refusal, json_option, say, write_json

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Group, example="edge-gate keys make-token /etc/edge-gate/token.key")
def keys() -> None:
    """Make the keys that tokens and sealed identities need. No key is written over another."""


@keys.command("make-token", cls=Command, example="edge-gate keys make-token token.key")
@click.argument("file", type=_FILE)
@json_option
def make_token(file: Path, *, as_json: bool) -> None:
    """Make the park's token key.

    All gates of a park get a copy of one key: with another one, the same person has another token.
    Only the file's owner can read it; the daemon's group may be given it with chgrp and chmod 640.
    """
    from identity.keys import KeyFileError, fingerprint, make_token_key

    try:
        key = make_token_key(file)
    except KeyFileError as error:
        raise Refusal(str(error)) from error
    _tell({"file": str(file), "kind": "token key", "fingerprint": fingerprint(key)}, as_json)


@keys.command(
    "make-authority",
    cls=Command,
    example="edge-gate keys make-authority authority.pem authority.pub.pem --protect",
)
@click.argument("private", type=_FILE)
@click.argument("public", type=_FILE)
@click.option("--protect", is_flag=True, help="Ask for a password that encrypts the private key.")
@json_option
def make_authority(private: Path, public: Path, *, protect: bool, as_json: bool) -> None:
    """Make the tracing authority's keys, on the authority's own machine.

    The public one goes to the gates ([identity] seal_key_file). The private one never leaves the
    authority: it alone opens sealed identities, and without it nobody ever does.
    """
    from identity.keys import KeyFileError, fingerprint, make_authority_keys

    password = None
    if protect:
        password = click.prompt(
            "Password", hide_input=True, confirmation_prompt=True, err=True
        ).encode()
    try:
        key = make_authority_keys(private, public, password)
    except KeyFileError as error:
        raise Refusal(str(error)) from error
    print_of = fingerprint(key.public_key())
    found = {"file": str(private), "kind": "authority's private key", "fingerprint": print_of}
    _tell(found | {"public": str(public)}, as_json)


@keys.command(cls=Command, example="edge-gate keys show /etc/edge-gate/token.key")
@click.argument("file", type=_FILE)
@json_option
def show(file: Path, *, as_json: bool) -> None:
    """Tell what key a file holds, by a fingerprint; never the key.

    Two gates share a key when the fingerprints are the same. Those of both halves of an authority's
    pair are the same too. Exit code 2 for a file that a gate would refuse.
    """
    from identity.keys import KeyFileError

    try:
        kind, found = _look_at(file)
    except KeyFileError as error:
        raise Refusal(str(error)) from error
    _tell({"file": str(file), "kind": kind, "fingerprint": found}, as_json)


def _look_at(path: Path) -> tuple[str, str]:
    from identity.keys import (
        TOKEN_KEY_BYTES,
        KeyFileError,
        fingerprint,
        read_private_key,
        read_public_key,
        read_token_key,
    )

    try:
        size, head = path.stat().st_size, path.read_bytes()[:64]
    except OSError as error:
        raise KeyFileError(f"{path}: can't be read: {error.strerror}") from error
    if size == TOKEN_KEY_BYTES or b"-----BEGIN" not in head:
        return "token key", fingerprint(read_token_key(path))
    if b"PRIVATE KEY" not in head:
        return "authority's public key", fingerprint(read_public_key(path))
    password = None
    if b"ENCRYPTED" in head:
        password = click.prompt("Password", hide_input=True, err=True).encode()
    private = read_private_key(path, password)
    return "authority's private key", fingerprint(private.public_key())


def _tell(found: dict[str, Any], as_json: bool) -> None:  # noqa: FBT001 - as the option comes
    if as_json:
        write_json(found)
        return
    say(f"{found['file']}: {found['kind']}, fingerprint {found['fingerprint']}")
    if "public" in found:
        say(f"{found['public']}: the public key, for the gates")
