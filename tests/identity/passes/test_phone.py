"""A phone's key as it is sent for enrolment: whole, with its proof, or refused."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from identity import base45
from identity.passes.phone import (
    KEY_PREFIX,
    KEY_TEXT_PREFIX,
    PhoneKey,
    PhoneKeyError,
    read_phone_key,
    write_phone_key,
    write_phone_key_text,
)

PHONE = ec.derive_private_key(0xABCDEF, ec.SECP256R1())
KEY = PhoneKey.of(PHONE.public_key())


@pytest.mark.parametrize("write", [write_phone_key, write_phone_key_text])
def test_a_key_reads_back_as_code_and_as_text(write) -> None:
    assert read_phone_key(write(PHONE)) == KEY
    assert read_phone_key(f"{write(PHONE)}\n") == KEY
    assert KEY.public_key() == PHONE.public_key()


def test_a_key_cut_or_altered_is_refused() -> None:
    text = write_phone_key_text(PHONE)
    for wrong in (text[:-4], text + "AAAA", text[:20] + "A" + text[21:], "EGK1.", "EGK2." + text):
        if wrong != text:
            with pytest.raises(PhoneKeyError):
                read_phone_key(wrong)


def test_another_phones_proof_does_not_count() -> None:
    other = ec.derive_private_key(5, ec.SECP256R1())
    raw = base45.decode(write_phone_key(other).removeprefix(KEY_PREFIX))
    with pytest.raises(PhoneKeyError, match="its proof does not hold"):
        read_phone_key(KEY_PREFIX + base45.encode(KEY.point + raw[33:]))


@given(st.sampled_from([KEY_PREFIX, KEY_TEXT_PREFIX, ""]), st.text(max_size=150))
def test_any_text_is_a_key_or_an_error(prefix: str, text: str) -> None:
    with pytest.raises(PhoneKeyError):
        read_phone_key(prefix + text)


@given(st.binary(max_size=110).map(base45.encode))
def test_any_bytes_are_a_key_or_an_error(text: str) -> None:
    with pytest.raises(PhoneKeyError):
        read_phone_key(KEY_PREFIX + text)
