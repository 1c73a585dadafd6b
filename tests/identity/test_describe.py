"""Codes for people to look at."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.describe import describe, printable


def unescaped(part: str) -> bytes:
    """The bytes of what stands between two doubled backslashes."""
    raw = b""
    while part:
        if part.startswith("\\x"):
            raw, part = raw + bytes([int(part[2:4], 16)]), part[4:]
        else:
            raw, part = raw + part[0].encode(), part[1:]
    return raw


def test_a_card_is_described_with_its_holder() -> None:
    code = "001187000001||Trần Thị Thử|18011987|Nam|1 Phố Thử|01012022\0"
    assert describe(code.encode()) == {
        "text": code,
        "encoding": "utf-8",
        "scheme": "cccd",
        "holder": {
            "name": "Trần Thị Thử",
            "birth_date": "1987-01-18",
            "sex": "male",
            "document": "001187000001",
        },
        "flags": ["contradictory", "sex_differs"],
    }


def test_a_badge_is_described_with_what_there_is() -> None:
    assert describe(b"STAFF-42") == {
        "text": "STAFF-42",
        "encoding": "utf-8",
        "scheme": "opaque",
    }


def test_text_is_shown_exactly() -> None:
    for text in ("\ufeffNguyễn", "abc\0def\0", "a\\x41", " x "):
        described = describe(text.encode())
        assert (described["text"], described["encoding"]) == (text, "utf-8")


@pytest.mark.parametrize(
    ("payload", "text"), [(b"\xff\x00A", "\\xff\0A"), (b"a\\xff\xff", "a\\\\xff\\xff")]
)
def test_bytes_that_are_no_text_are_escaped(payload: bytes, text: str) -> None:
    described = describe(payload)
    assert (described["text"], described["encoding"]) == (text, "escaped")
    assert described["flags"] == ["not_utf8"]


@given(st.binary(max_size=60))
def test_nothing_of_a_code_is_lost(payload: bytes) -> None:
    described = json.loads(json.dumps(describe(payload)))
    if described["encoding"] == "utf-8":
        assert described["text"].encode() == payload
    else:
        assert b"\\".join(map(unescaped, described["text"].split("\\\\"))) == payload


@given(st.text())
def test_a_terminal_is_given_nothing_to_act_on(text: str) -> None:
    assert printable(text).isprintable()


def test_a_code_can_not_clear_the_screen() -> None:
    assert printable("\x1b[2JTrần\n") == "\\x1b[2JTrần\\n"
