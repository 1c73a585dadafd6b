"""`edge-hub unseal`: open sealed identities with the tracing authority's key, and leave a trace."""

from __future__ import annotations

import json
import os
import platform
import pwd
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from feed.codec import CodecError, decode, format_time
from feed.record import Record, Sealed
from hub.commands.common import (
    BAD_INPUT,
    Command,
    Refusal,
    config_option,
    json_option,
    load_config,
    store_option,
    write_json,
)
from hub.store.engine import connect
from hub.store.schema import records as stored_records
from hub.store.schema import streams
from identity.keys import KeyFileError, read_private_key
from identity.seal import Identity, Opener, UnsealError
from identity.seal import Sealed as SealedIdentity

AUDIT_NAME = "unsealed.jsonl"
SHORTEST_PURPOSE = 10  # characters: more than "x" or "test"

_PLACE = re.compile(r"(?P<stream>[^:\s]+):(?P<seq>[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class _Answer:
    """A record and what became of it: an identity, or why there is none."""

    stream: str
    seq: int
    at: datetime
    identity: Identity | None = None
    error: str | None = None


@click.command(
    cls=Command,
    example='edge-hub unseal --key authority.pem --purpose "case 2021-0815, contacts of 23 August"'
    " 9f2c61d0a35be874:3",
)
@click.argument("records", metavar="STREAM:SEQ...", nargs=-1)
@config_option
@store_option
@click.option(
    "--from",
    "source",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Records as JSON lines, - for standard input, instead of STREAM:SEQ of the store.",
)
@click.option(
    "--key",
    "key_file",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The authority's private key.",
)
@click.option("--key-id", default="s1", show_default=True, help="Its name in the gates' records.")
@click.option("--password", "protected", is_flag=True, help="Ask for the password of the key.")
@click.option("--purpose", default="", help="Why: the case, for the audit. Required.")
@click.option(
    "--audit",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"The audit's file.  [default: {AUDIT_NAME} beside the store]",
)
@json_option
def unseal(
    records: tuple[str, ...],
    config: Path | None,
    store: str | Path | None,
    source: Path | None,
    key_file: Path,
    key_id: str,
    purpose: str,
    audit: Path | None,
    *,
    protected: bool,
    as_json: bool,
) -> int:
    """Open the sealed identities of records, for a stated purpose.

    Before an identity is opened, a line goes into the audit: who, when, why, which record. If that
    line can't be written, nothing is opened. With --json one line for each record: {"stream": ...,
    "seq": ..., "at": ..., "identity": ...}, or "error". Exit code 2 when one could not be opened.
    """
    if len(purpose.strip()) < SHORTEST_PURPOSE:
        raise _refusal('give the purpose, in words: --purpose "case 2021-0815, contacts of ..."')
    if bool(records) == bool(source):
        raise _refusal("give either STREAM:SEQ of the store, or --from FILE")
    loaded = load_config(config, store=store)
    opener = _opener(key_file, key_id, protected=protected)
    raws = _from_lines(source) if source else _from_store(loaded.store.where, records)
    chosen = [_decoded(raw) for raw in raws]
    log = audit or loaded.store.path.with_name(AUDIT_NAME)
    failed = False
    for record in chosen:
        answer = _open(opener, record, log, purpose.strip(), key_id)
        failed = failed or answer.error is not None
        _tell(answer, as_json=as_json)
    return BAD_INPUT if failed else 0


def _refusal(text: str) -> Refusal:
    return Refusal(f"edge-hub unseal: {text}")


def _opener(path: Path, key_id: str, *, protected: bool) -> Opener:
    password = None
    if protected:
        password = click.prompt("Password", hide_input=True, err=True).encode()
    try:
        return Opener(read_private_key(path, password), key_id=key_id)
    except KeyFileError as error:
        raise _refusal(str(error)) from error


# --- the records ----------------------------------------------------------------------------


def _from_lines(source: Path) -> list[bytes]:
    try:
        raw = sys.stdin.buffer.read() if str(source) == "-" else source.read_bytes()
    except OSError as error:
        raise _refusal(f"{source}: can't be read: {error.strerror}") from error
    return [line for line in raw.splitlines() if line.strip()]


def _from_store(store: str | Path, places: Sequence[str]) -> list[bytes]:
    if isinstance(store, Path) and not store.exists():
        raise _refusal(f"{store}: no such file; name the store with --store")
    engine = connect(store, read_only=True)
    try:
        with engine.connect() as db:
            return list(_stored(db, places))
    except SQLAlchemyError as error:
        cause = " ".join(str(getattr(error, "orig", None) or error).split())
        raise _refusal(f"{store}: {cause}") from error
    finally:
        engine.dispose()


def _stored(db: Connection, places: Iterable[str]) -> Iterator[bytes]:
    query = select(stored_records.c.raw).join(streams)
    for place in places:
        match = _PLACE.fullmatch(place)
        if match is None:
            raise _refusal(f"'{place}' is no record; write STREAM:SEQ, such as 9f2c61d0a35be874:3")
        key = streams.c.stream == match["stream"], stored_records.c.seq == int(match["seq"])
        found = db.scalar(query.where(*key))
        if found is None:
            raise _refusal(f"{place}: no such record in the store")
        yield found


def _decoded(raw: bytes) -> Record:
    try:
        return decode(raw)
    except CodecError as error:
        raise _refusal(f"a record that can't be read: {error}") from error


# --- opening --------------------------------------------------------------------------------


def _open(opener: Opener, record: Record, log: Path, purpose: str, key_id: str) -> _Answer:
    answer = _Answer(record.stream, record.seq, record.at)
    sealed = record.person.sealed if record.person is not None else None
    if not isinstance(sealed, Sealed):
        error = "its identity was erased" if sealed else "holds no sealed identity"
        return _Answer(record.stream, record.seq, record.at, error=error)
    _write_audit(log, record, purpose, key_id)
    try:
        identity = opener.open(SealedIdentity(kid=sealed.kid, alg=sealed.alg, ct=sealed.ct))
    except UnsealError as error:
        return _Answer(answer.stream, answer.seq, answer.at, error=str(error))
    return _Answer(answer.stream, answer.seq, answer.at, identity=identity)


def _write_audit(log: Path, record: Record, purpose: str, key_id: str) -> None:
    """On disk before anything is opened. Raises Refusal."""
    line = json.dumps(
        {
            "at": format_time(datetime.now(UTC)),
            "who": _who(),
            "host": platform.node(),
            "purpose": purpose,
            "stream": record.stream,
            "seq": record.seq,
            "key_id": key_id,
        },
        ensure_ascii=False,
    )
    try:
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
        with os.fdopen(handle, "ab") as file:
            file.write(line.encode(errors="backslashreplace") + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _refusal(
            f"{log}: the audit can't be written, so nothing is opened: {error.strerror}; "
            "name another file with --audit"
        ) from error


def _who() -> str:
    """The user that this runs as, and who became that user with sudo."""
    try:
        # not getpass: it believes the environment
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a user without a name
        user = f"uid {os.getuid()}"
    behind = os.environ.get("SUDO_USER")
    return f"{behind} as {user}" if behind and behind != user else user


def _tell(answer: _Answer, *, as_json: bool) -> None:
    place = f"{answer.stream}:{answer.seq}"
    if answer.identity is None:
        click.echo(f"edge-hub unseal: {place}: {answer.error}", err=True)
        stated: dict[str, Any] = {"error": answer.error}
    else:
        stated = {"identity": _plain(answer.identity)}
    if as_json:
        at = format_time(answer.at)
        write_json({"stream": answer.stream, "seq": answer.seq, "at": at, **stated})
    elif answer.identity is not None:
        parts = ", ".join(f"{name} {value}" for name, value in stated["identity"].items())
        click.echo(f"{place}  {format_time(answer.at)}  {parts}")


def _plain(identity: Identity) -> dict[str, str]:
    holder = asdict(identity.holder) if identity.holder is not None else {}
    whole = {"scheme": identity.scheme.value, "canonical": identity.canonical, **holder}
    return {name: value for name, value in whole.items() if value is not None}
