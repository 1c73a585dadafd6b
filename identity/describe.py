"""A code for people and programs to look at: what `edge-gate decode` prints."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from identity.schemes import understand
from identity.schemes.code import Code


def describe(payload: bytes) -> dict[str, Any]:
    r"""The code as plain values for JSON; parts that are not there are left out.

    `text` is the code's text exactly, `encoding` "utf-8". Bytes that are no UTF-8 stand as `\xNN`
    and backslashes doubled, so that nothing is lost, `encoding` "escaped". Further `scheme`,
    `holder` (name, birth_date, sex, document), `proved` and `flags`. Never raises.
    """
    code = Code.read(payload)
    credential = understand(payload)
    described: dict[str, Any] = {
        "text": code.text if code.is_utf8 else _escaped(payload),
        "encoding": "utf-8" if code.is_utf8 else "escaped",
        "scheme": credential.scheme.value,
    }
    if credential.holder is not None:
        stated = {key: value for key, value in asdict(credential.holder).items() if value}
        described |= {"holder": stated} if stated else {}
    if credential.proved:
        described["proved"] = list(credential.proved)
    if credential.flags:
        described["flags"] = list(credential.flags)
    return described


def printable(text: str) -> str:
    """`text` with what a terminal would act on escaped: a code may hold control characters."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in text
    )


def _escaped(payload: bytes) -> str:
    return payload.replace(b"\\", b"\\\\").decode(errors="backslashreplace")
