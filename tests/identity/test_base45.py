"""RFC 9285's own examples, and its limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from identity.base45 import Base45Error, decode, encode


@pytest.mark.parametrize(
    ("text", "decoded"),
    [("BB8", b"AB"), ("%69 VD92EX0", b"Hello!!"), ("UJCLQE7W581", b"base-45"), ("", b"")],
)
def test_the_standards_examples_decode(text: str, decoded: bytes) -> None:
    assert decode(text) == decoded
    assert encode(decoded) == text


@pytest.mark.parametrize("text", ["A", "GGW", "::", ":::", "BB8B"])
def test_groups_that_no_bytes_give_are_refused(text: str) -> None:
    with pytest.raises(Base45Error) as caught:
        decode(text)
    assert not caught.value.alphabet


@pytest.mark.parametrize("text", ["bb8", "BB8\n", "B\u00e98", "\uff22B8"])
def test_characters_outside_the_alphabet_are_named(text: str) -> None:
    with pytest.raises(Base45Error) as caught:
        decode(text)
    assert caught.value.alphabet


@given(st.binary())
def test_what_was_encoded_decodes(payload: bytes) -> None:
    assert decode(encode(payload)) == payload
