"""The long form: a million damaged codes, none of which raises or is believed."""

from __future__ import annotations

import contextlib
import random

import pytest

from feed.lists import ListError, read_list
from identity import base45
from identity.credential import Credential
from identity.passes.claims import PassError
from identity.passes.phone import PhoneKeyError, read_phone_key, write_phone_key, write_rotating
from identity.passes.place import read_place
from identity.schemes.code import Code
from tests.passmaker import Park
from tests.test_lists import raw as signed_list


def damaged(rng: random.Random, whole: bytes) -> bytes:
    """Bits turned, pieces cut out, doubled, or exchanged for noise."""
    message = bytearray(whole)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(message)) if message else 0
        match rng.randrange(5):
            case 0 if message:
                message[at] ^= 1 << rng.randrange(8)
            case 1:
                del message[at : at + rng.randint(1, 40)]
            case 2:
                message[at:at] = message[at : at + rng.randint(1, 40)]
            case 3:
                message[at : at + 8] = rng.randbytes(rng.randint(0, 12))
            case _ if message:
                message[at] = rng.choice(b"\0\x1b\x3b\x5b\x7b\x80\x9b\xa0\xbb\xd2\xf6\xf9\xfb\xff")
    return bytes(message)


def play(rounds: int, seed: int) -> None:
    rng = random.Random(seed)
    park = Park()
    gate = park.gate()
    paper = base45.decode(park.code().decode().removeprefix("EG1:"))
    phone = write_rotating(park.phone_pass(), park.phone, 162_970_000)
    key = base45.decode(write_phone_key(park.phone).removeprefix("EGK1:"))
    keys = {"k": park.key.public_key()}
    listed = signed_list(3, "9f2c61d0a35be874")
    for _ in range(rounds):
        for whole in (paper, phone):
            text = "EG1:" + base45.encode(damaged(rng, whole))
            answer = gate.parse(Code.read(text.encode()))
            assert isinstance(answer, Credential)
            assert "unverified" in answer.flags or answer.canonical == "pass:song-than/NV-00123"
        text = "EGK1:" + base45.encode(damaged(rng, key))
        try:
            read_phone_key(text)
            assert text == "EGK1:" + base45.encode(key)
        except PhoneKeyError:
            pass
        with pytest.raises(PassError):
            read_place("EGP1:" + base45.encode(damaged(rng, paper)), park.keys)
        with contextlib.suppress(ListError):
            assert read_list(damaged(rng, listed), keys) == read_list(listed, keys)


def test_thousands_of_damaged_codes_are_answers() -> None:
    play(400, seed=1)


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(4))
def test_a_million_damaged_codes_are_answers(seed: int) -> None:
    play(50_000, seed=100 + seed)  # five codes a round
