"""The packet error code against vectors printed by Melexis, and what it must catch."""

from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.thermometer.pec import crc8, read_pec, write_pec

BYTE = st.integers(0, 255)


def test_melexis_own_examples() -> None:
    # data sheet 3901090614: read of TOBJ1 0x3AD2; sleep command; application note 390119061402:
    # erasing and writing the SMBus address cell at slave address 0
    assert read_pec(0x5A, 0x07, 0xD2, 0x3A) == 0x30
    assert write_pec(0x5A, [0xFF]) == 0xE8
    assert write_pec(0x00, [0x2E, 0x00, 0x00]) == 0x6F
    assert write_pec(0x00, [0x2E, 0x5A, 0x00]) == 0xE1


@given(st.integers(3, 0x77), BYTE, BYTE, BYTE, st.integers(0, 23), st.integers(0, 23))
def test_no_one_or_two_flipped_bits_go_unnoticed(
    address: int, command: int, low: int, high: int, first: int, second: int
) -> None:
    sent = int.from_bytes((low, high, read_pec(address, command, low, high)))
    spoilt = sent ^ (1 << first | 1 << second)
    low, high, pec = spoilt.to_bytes(3)
    assert read_pec(address, command, low, high) != pec


@given(st.binary(), st.binary())
def test_a_crc_goes_on_from_earlier_bytes(head: bytes, tail: bytes) -> None:
    assert crc8(tail, crc8(head)) == crc8(head + tail)
