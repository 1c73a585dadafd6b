"""Place codes: the park's own, and no passes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from identity import base45
from identity.passes.claims import PassError
from identity.passes.keys import ParkKeys
from identity.passes.place import Place, read_place, write_place
from tests.passmaker import Park, shown

PLACE = Place(park="song-than", site="cong-chinh", position="quay-1", label="Quầy lễ tân",
              issued=datetime(2021, 8, 23, tzinfo=UTC))  # fmt: skip


def test_a_place_reads_back(park) -> None:
    assert read_place(write_place(PLACE, park.key), park.keys) == PLACE


def test_another_parks_place_is_refused(park) -> None:
    stranger = Ed25519PrivateKey.from_private_bytes(bytes(32))
    for keys in (ParkKeys([stranger.public_key()]), ParkKeys(())):
        with pytest.raises(PassError, match="no key of it made the signature"):
            read_place(write_place(PLACE, park.key), keys)


def test_a_place_is_no_pass_and_a_pass_no_place(park) -> None:
    """Both are signed with one key: neither may stand for the other."""
    turned = write_place(PLACE, park.key).replace("EGP1:", "EG1:", 1)
    assert shown(park.gate(), turned.encode()).flags == ("damaged", "bad_content", "unverified")
    with pytest.raises(PassError, match="names no place"):
        read_place(park.code().decode().replace("EG1:", "EGP1:", 1), park.keys)


def test_altered_by_one_bit_is_refused_or_the_same(park) -> None:
    message = base45.decode(write_place(PLACE, park.key).removeprefix("EGP1:"))
    for position in range(len(message) * 8):
        altered = bytearray(message)
        altered[position // 8] ^= 1 << position % 8
        try:
            assert read_place("EGP1:" + base45.encode(bytes(altered)), park.keys) == PLACE
            assert position < 16  # the tag, which no signature covers
        except PassError:
            continue


@given(st.text(max_size=50) | st.binary(max_size=100).map(base45.encode))
def test_any_text_is_a_place_or_an_error(text: str) -> None:
    with pytest.raises(PassError):
        read_place("EGP1:" + text, Park().keys)
