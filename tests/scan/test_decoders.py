"""What holds for each decoder by itself."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
import segno

from edge.drivers.base import DeviceError
from edge.drivers.camera import GrayImage
from edge.gate.reasons import Cause
from edge.scan.decoders import Tapir, ZBar, ZXing
from edge.scan.found import Found, box_of
from tests.scan.pictures import code, drawn, scene

Scan = Callable[[GrayImage], Found]

DECODERS: dict[str, Callable[[], Scan]] = {
    "zxing": lambda: ZXing().scan,
    "zbar": lambda: ZBar().scan,
    "tapirscan low": lambda: Tapir("low").scan,
    "tapirscan medium": lambda: Tapir("medium").scan,
}
NAME = "Lê Văn Tú, Thủ Đức"


@pytest.fixture(params=DECODERS)
def scan(request: pytest.FixtureRequest) -> Scan:
    return DECODERS[request.param]()


def payloads(found: Found) -> list[bytes]:
    return [code.payload for code in found.codes]


@pytest.mark.parametrize(
    "payload",
    [NAME.encode(), b"\x00a\x00\x00b\x00", b"\xef\xbb\xbfBOM", bytes(range(256)), b"\xff\xfe\x80"],
    ids=["vietnamese", "NUL", "BOM", "all bytes", "no UTF-8"],
)
def test_the_bytes_arrive_as_they_were_printed(scan: Scan, payload: bytes) -> None:
    assert payloads(scan(scene(code(payload)))) == [payload]


def test_an_encoding_that_the_code_names_changes_nothing(scan: Scan) -> None:
    named = segno.make(NAME, encoding="utf-8", eci=True, micro=False)
    assert payloads(scan(scene(drawn(named)))) == [NAME.encode()]


def test_a_code_is_found_where_it_is(scan: Scan) -> None:
    frame = scene(code(b"left", scale=4), code(b"right", scale=4))
    places = {found.payload: box_of(found.corners) for found in scan(frame).codes}
    middle = 20 + 2 * 29
    assert places[b"left"].holds(middle, 30 + 2 * 29)
    assert places[b"right"].holds(middle + 4 * 29 + 20, 30 + 2 * 29)


def test_a_part_of_a_code_is_refused(scan: Scan) -> None:
    found = scan(scene(drawn(segno.make_sequence("x" * 300, symbol_count=4)[1])))
    assert (payloads(found), found.refused) == ([], 1)


def test_a_picture_of_nothing_shows_nothing(scan: Scan) -> None:
    found = scan(scene())
    assert (payloads(found), found.refused) == ([], 0)


def test_a_second_picture_is_read_like_the_first(scan: Scan) -> None:
    for payload in (b"first", b"second", b"first"):
        assert payloads(scan(scene(code(payload)))) == [payload]


def test_a_damaged_part_of_a_code_is_not_taken_for_a_whole_one() -> None:
    """zxing-cpp hands parts out as ordinary codes; the bits that tell may need correction."""
    part = segno.make_sequence("x" * 300, symbol_count=4, error="h")[1]
    picture = drawn(part, scale=4)
    for number in range(12):
        scratched = picture.copy()
        noise = np.random.default_rng(number)
        size = picture.shape[0]
        corner = size - 4 * 4 - 4 * noise.integers(1, 4)  # the last modules hold the mode
        scratched[corner : size - 16, corner : size - 16] = noise.integers(0, 2) * 255
        found = ZXing().scan(scratched)
        assert not found.codes


def test_a_damaged_whole_code_is_not_taken_for_a_part() -> None:
    picture = drawn(segno.make("NV-0012", error="h", micro=False), scale=4)
    size = picture.shape[0]
    for side in (4, 8, 12):
        for level in (0, 255):
            scratched = picture.copy()
            scratched[size - 16 - side : size - 16, size - 16 - side : size - 16] = level
            assert payloads(ZXing().scan(scratched)) == [b"NV-0012"]


def test_a_mirrored_part_is_refused_too() -> None:
    part = drawn(segno.make_sequence("x" * 300, symbol_count=4)[1])
    found = ZXing().scan(np.ascontiguousarray(part[:, ::-1]))
    assert (payloads(found), found.refused) == ([], 1)


def test_a_micro_code_is_refused_where_it_is_asked_for() -> None:
    micro = scene(drawn(segno.make_micro("A1"), scale=6))
    assert ZXing().scan(micro, micro=True).refused == 1
    assert ZXing().scan(micro) == Found()


def test_a_code_that_fails_is_told_with_its_place() -> None:
    ruined = code(b"ruined", scale=4)
    ruined[16 + 36 : 16 + 80, 16 + 36 : 16 + 80] = 128
    found = ZXing().scan(scene(ruined))
    assert not found.codes
    assert any(box_of(corners).holds(20 + 58, 30 + 58) for corners in found.failed)


@pytest.mark.parametrize(
    ("module", "make", "package"),
    [("zxingcpp", ZXing, "zxing-cpp"), ("tapirscan", lambda: Tapir("low"), "tapirscan")],
)
def test_a_missing_decoder_is_a_fault_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, module: str, make: Callable[[], object], package: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(DeviceError, match=f"pip install {package}") as missing:
        make()
    assert missing.value.cause is Cause.MISSING_LIBRARY
