"""Every parser under bytes that nobody would print: an answer each time, in bounded memory.

Inputs are mutated at every layer of a code (text, packed, unpacked), so that most get past the
first check. A failure prints the input; the same seed makes it again.
"""

from __future__ import annotations

import json
import random
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Sequence

import cbor2
import pytest

from identity import base45, inflate
from identity.credential import Credential
from identity.flags import Flag
from identity.schemes import parsers, understand
from identity.schemes.code import Parser
from identity.schemes.signed import DamagedError, unpacked
from identity.trust import Trust
from identity.validity import Now, judged
from tests.identity import signing
from tests.identity.test_schemes import BHYT_17, CAN_CUOC, CCCD, PC_COVID, PC_MASKED
from tests.passmaker import Park

SHORT = 400  # inputs of each kind in `make test`
LONG = 112_000  # in `make proof`: more than a million altogether
SLOWEST_S = 1.0  # of the processor, for one input, in `make proof`
PEAK_BYTES = 4 * 1024 * 1024  # beyond what was taken before

TRUST = Trust(
    dcc=signing.trusting().dcc,
    dcc_revoked=frozenset({"00" * 16}),
    shc={(signing.ISSUER, "k"): (signing.spki(signing.p256()),)},
)
PARK = Park()
USING = parsers(TRUST, PARK.gate().parse)
NOW = Now(at=signing.ISSUED, synced=False)

Mutate = Callable[[random.Random, bytes], bytes]


def mutated(chance: random.Random, raw: bytes) -> bytes:
    """A few bytes changed, cut out, put in, repeated, or all behind one cut off."""
    made = bytearray(raw)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        place = chance.randrange(len(made) + 1)
        match chance.randrange(6):
            case 0 if place < len(made):
                made[place] ^= 1 << chance.randrange(8)
            case 1 if place < len(made):
                made[place] = chance.randrange(256)
            case 2:
                del made[place : place + chance.randrange(1, 9)]
            case 3:
                made[place:place] = chance.randbytes(chance.randrange(1, 5))
            case 4:
                made[place:place] = made[place : place + chance.randrange(1, 33)]
            case 5 if chance.random() < 0.1:
                del made[place:]
            case _:
                pass
    return bytes(made)


def as_text(chance: random.Random, raw: bytes) -> bytes:
    return mutated(chance, raw)


def as_parts(chance: random.Random, raw: bytes) -> bytes:
    """Fields of a card exchanged, doubled and dropped."""
    fields = raw.split(b"|")
    chance.shuffle(fields)
    return b"|".join(fields[: chance.randrange(len(fields) + 2)] * chance.choice((1, 1, 2)))


def as_packed(chance: random.Random, raw: bytes) -> bytes:
    packed = base45.decode(raw[4:].decode())
    return raw[:4] + base45.encode(mutated(chance, packed)).encode()


def as_message(chance: random.Random, raw: bytes) -> bytes:
    """The COSE message, packed again: past base45 and zlib."""
    message = mutated(chance, unpacked(raw[4:].decode()))
    packed = zlib.compress(message, 1) if raw.startswith(b"HC1:") else message
    return raw[:4] + base45.encode(packed).encode()


def as_claims(chance: random.Random, raw: bytes) -> bytes:
    """The claims, signed again: past the signature too."""
    del raw
    item = cbor2.loads(mutated(chance, CLAIMS))
    return signing.Dcc(content=item).code().encode()


CLAIMS = cbor2.dumps(dict(signing.DCC))


def as_card(chance: random.Random, raw: bytes) -> bytes:
    """The JSON of a health card, signed again."""
    del raw
    machine = zlib.compressobj(1, wbits=-15)
    plain = mutated(chance, PLAIN)
    packed = machine.compress(plain) + machine.flush()
    return signing.shc(packed=packed if chance.random() < 0.8 else mutated(chance, packed)).encode()


PLAIN = json.dumps(signing.shc_payload()).encode()

CARDS = [code.encode() for code in (CCCD, CAN_CUOC, PC_COVID, PC_MASKED, BHYT_17)]
HC1 = signing.Dcc().code().encode()
SHC = signing.shc().encode()
EG1 = PARK.code()

KINDS: dict[str, tuple[Sequence[bytes], Mutate]] = {
    "cards": (CARDS, as_text),
    "fields": (CARDS, as_parts),
    "dcc text": ([HC1], as_text),
    "dcc packed": ([HC1], as_packed),
    "dcc message": ([HC1], as_message),
    "dcc claims": ([HC1], as_claims),
    "shc text": ([SHC], as_text),
    "shc content": ([SHC], as_card),
    "pass text": ([EG1], as_text),
    "pass message": ([EG1], as_message),
}


def inputs(kind: str, count: int) -> Iterator[bytes]:
    codes, mutate = KINDS[kind]
    chance = random.Random(kind)
    made = 0
    while made < count:
        try:
            yield mutate(chance, chance.choice(codes))
        except (cbor2.CBORError, DamagedError):
            continue  # the mutation left nothing that can be signed
        made += 1


def answer(payload: bytes, using: Sequence[Parser] = USING) -> Credential:
    try:
        credential = judged(understand(payload, using), NOW)
        assert credential.canonical
        assert set(credential.flags) <= set(Flag)
        assert not ("signature" in credential.proved and "signature_invalid" in credential.flags)
        repr(credential)
    except Exception as error:
        raise AssertionError(f"{type(error).__name__} for {payload!r}") from error
    return credential


@pytest.mark.parametrize("kind", KINDS)
def test_no_mutated_code_makes_a_parser_raise(kind: str) -> None:
    for payload in inputs(kind, SHORT):
        answer(payload)


@pytest.mark.parametrize("kind", KINDS)
def test_mutations_get_past_the_first_check(kind: str) -> None:
    """A fuzzer whose inputs all fail alike would prove nothing."""
    seen = {answer(payload).flags for payload in inputs(kind, SHORT)}
    assert len(seen) > 2


@pytest.mark.proof
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("kind", KINDS)
def test_no_code_of_a_million_makes_a_parser_raise(kind: str) -> None:
    slowest = (0.0, b"")
    for payload in inputs(kind, LONG):
        began = time.process_time()
        answer(payload)
        slowest = max(slowest, (time.process_time() - began, payload))
    assert slowest[0] < SLOWEST_S, slowest


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small codes that would become large, deep or slow."""
    deflate = zlib.compressobj(9, wbits=-15)
    zeros = deflate.compress(bytes(3_000_000)) + deflate.flush()
    for prefix in ("HC1:", "EG1:"):
        for name, message in {
            "zeros": zlib.compress(bytes(3_000_000), 9),
            "nested twice": zlib.compress(zlib.compress(bytes(30_000_000), 9), 9),
            "lists": zlib.compress(b"\x81" * 60_000),
            "tags": zlib.compress(b"\xd2" * 60_000),
            "chunks": zlib.compress(b"\x5f" + b"\x41x" * 30_000 + b"\xff"),
            "maps": zlib.compress(b"\xbf" + b"\x00\x00" * 30_000 + b"\xff"),
            "length": bytes.fromhex("9bffffffffffffffff"),
            "bignum": zlib.compress(b"\xc2\x59\xff\xf0" + bytes(range(256)) * 256),
            "power": bytes.fromhex("d28440a0c5821a000f42400140"),
        }.items():
            yield f"{prefix} {name}", (prefix + base45.encode(message)).encode()
    yield "shc zeros", signing.shc(packed=zeros).encode()
    for name, plain in {"deep": b"[" * 60_000, "digits": b"9" * 60_000}.items():
        machine = zlib.compressobj(9, wbits=-15)
        packed = machine.compress(plain) + machine.flush()
        yield f"shc {name}", signing.shc(packed=packed).encode()
    yield "bars", b"|" * 2_953
    yield "digits", b"1" * 2_953
    yield "stars", b"*|" * 1_476
    yield "accents", "\u0300".encode() * 1_400
    accents = "\u0300\u0316" * 700
    yield "card of accents", f"001187000001||a{accents}|18011987|Nam|x|01012022".encode()


BOMBS = list(bombs())


@pytest.mark.parametrize(("name", "payload"), BOMBS, ids=[name for name, _ in BOMBS])
def test_a_bomb_takes_little_memory_and_ends_in_an_answer(name: str, payload: bytes) -> None:
    answer(payload)  # what is loaded once stays out of the measurement
    tracemalloc.start()
    try:
        answer(payload)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < PEAK_BYTES, name


def test_unpacking_stops_at_its_limit() -> None:
    whole = bytes(inflate.LARGEST_BYTES)
    assert inflate.unpacked(zlib.compress(whole)) == whole
    with pytest.raises(inflate.InflateError, match="unpacks to more"):
        inflate.unpacked(zlib.compress(whole + b"x"))
