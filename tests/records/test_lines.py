"""Lines: an intact line is found whatever stands around it, and a tear is told from damage."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.records.lines import SECTOR_BYTES, scan, to_line
from tests.records.support import quick

bodies = st.lists(
    st.dictionaries(st.text(max_size=3), st.text(max_size=30), min_size=1).map(
        lambda value: json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()
    ),
    max_size=6,
    unique=True,
)


def found(data: bytes) -> list[bytes]:
    return [data[start:end] for start, end in scan(data).bodies]


@quick
@given(bodies, st.integers(0, 700))
def test_every_line_is_found_again_before_any_number_of_zeros(
    texts: list[bytes], zeros: int
) -> None:
    data = b"".join(map(to_line, texts))
    seen = scan(data + bytes(zeros))
    assert found(data + bytes(zeros)) == texts
    assert (seen.end, seen.torn, seen.damaged) == (len(data), False, [])


@quick
@given(bodies.filter(bool), st.data())
def test_a_line_cut_at_any_byte_is_torn_and_never_hides_those_before(
    texts: list[bytes], data: st.DataObject
) -> None:
    before = b"".join(map(to_line, texts[:-1]))
    last = to_line(texts[-1])
    kept = data.draw(st.integers(1, len(last) - 2))
    seen = scan(before + last[:kept] + bytes(600))
    assert (seen.end, seen.torn, seen.damaged) == (len(before), True, [])
    assert len(seen.bodies) == len(texts) - 1


@quick
@given(bodies.filter(bool), st.data())
def test_one_flipped_bit_costs_one_line_at_most(texts: list[bytes], data: st.DataObject) -> None:
    whole = bytearray(b"".join(map(to_line, texts)))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] ^= 1 << data.draw(st.integers(0, 7))
    intact = found(bytes(whole) + bytes(600))
    assert [text for text in texts if text in intact] == intact
    assert len(intact) >= len(texts) - 1
    if len(intact) < len(texts):
        assert scan(bytes(whole) + bytes(600)).damaged


def test_a_damaged_last_line_is_not_taken_for_a_torn_one() -> None:
    """Else its seq would be given again, to a record that the hub takes for one it has."""
    line = to_line(b'{"v":1}')
    seen = scan(line + line.replace(b"v", b"w") + bytes(600))
    assert (seen.torn, seen.end, len(seen.damaged)) == (False, 2 * len(line), 1)


def test_a_line_whose_first_sector_never_arrived_is_torn() -> None:
    before = to_line(b'{"a":1}')
    line = to_line(b'{"b":"' + b"x" * SECTOR_BYTES + b'"}')
    arrived = (before + line)[SECTOR_BYTES:]
    seen = scan(before + bytes(SECTOR_BYTES - len(before)) + arrived + bytes(600))
    assert (seen.torn, seen.end, seen.damaged) == (True, len(before), [])


@pytest.mark.parametrize("zero_bit", [b" ", b"@"])
def test_a_flip_that_makes_a_zero_byte_is_damage_and_no_tear(zero_bit: bytes) -> None:
    line = bytearray(to_line(b'{"at":"user@host here"}'))
    line[line.index(zero_bit)] = 0
    seen = scan(bytes(line) + bytes(600))
    assert (seen.torn, len(seen.damaged)) == (False, 1)


@quick
@given(st.binary(max_size=2000))
def test_any_bytes_can_be_scanned(data: bytes) -> None:
    seen = scan(data)
    assert 0 <= seen.end <= len(data)
