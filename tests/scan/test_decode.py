from __future__ import annotations

import contextlib
import ctypes
import json
import unicodedata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from pyzbar import wrapper

from edge.drivers.base import DeviceError
from edge.drivers.camera import GrayImage
from edge.gate.reasons import Cause, Device
from edge.scan.decode import look, read_codes
from edge.scan.decoders import ZBar
from edge.scan.images import load_gray
from tests.scan.pictures import code, drawn, scene

ALPHABET = (
    "aàảãáạăằẳẵắặâầẩẫấậbcdđeèẻẽéẹêềểễếệghiìỉĩíịklmnoòỏõóọôồổỗốộơờởỡớợpqrstuùủũúụưừửữứựvxyỳỷỹýỵ"
)
SCRIPTS = {
    "vietnamese": "037153000257||Lê Văn Tú|18011987|Nam|Khu phố 3, Thủ Đức|01062021",
    "arabic": "مرحبا بالعالم",
    "cjk": "漢字テスト 중국어",
    "emoji": "🙂🚪🌡️",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_text_of_any_script_arrives_as_its_bytes(text: str) -> None:
    assert read_codes(scene(code(text.encode()))) == [text.encode()]


def names() -> st.SearchStrategy[str]:
    """Names in Vietnamese letters, composed or with the diacritics as characters of their own."""
    letters = st.text(ALPHABET + ALPHABET.upper() + " |0123456789", min_size=1, max_size=60)
    return st.builds(unicodedata.normalize, st.sampled_from(("NFC", "NFD")), letters)


@given(names(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_every_vietnamese_letter_arrives_with_and_without_a_named_encoding(
    text: str, named: bool
) -> None:
    symbol = (
        segno.make(text, encoding="utf-8", eci=True, micro=False)
        if named
        else segno.make(text.encode(), mode="byte", micro=False)
    )
    assert read_codes(drawn(symbol)) == [text.encode()]


def test_all_vietnamese_letters_at_once() -> None:
    text = ALPHABET + ALPHABET.upper()
    assert read_codes(scene(code(text.encode(), scale=4))) == [text.encode()]


@pytest.mark.parametrize(
    "payload",
    [
        b"\x00",
        b"a\x00b",
        b"\xef\xbb\xbfbom",
        b"\xff\xfe\x00\x01",
        b"HC1:6BF" + b"+70790T9WJWG.FKY" * 20,
    ],
    ids=["a NUL", "NUL inside", "BOM", "binary", "HC1"],
)
def test_payloads_that_text_would_damage_arrive(payload: bytes) -> None:
    symbol = (
        segno.make(payload.decode(), mode="alphanumeric", error="q", micro=False)
        if payload.startswith(b"HC1:")
        else segno.make(payload, mode="byte", micro=False)
    )
    assert read_codes(scene(drawn(symbol))) == [payload]


@given(st.binary(min_size=1, max_size=300))
@settings(max_examples=30, deadline=None)
def test_any_bytes_arrive_as_they_are(payload: bytes) -> None:
    assert read_codes(code(payload)) == [payload]


def test_all_256_byte_values_arrive() -> None:
    payload = bytes(range(256))
    assert read_codes(scene(code(payload))) == [payload]


def test_a_code_of_3_kb_arrives_whole() -> None:
    payload = np.random.default_rng(2).bytes(2953)  # version 40, level L
    assert read_codes(code(payload)) == [payload]


def test_an_empty_code_is_read_as_empty() -> None:
    assert read_codes(code(b"")) == [b""]


def test_a_part_of_a_structured_append_code_is_no_code_and_no_error() -> None:
    parts = segno.make_sequence("x" * 300, symbol_count=4)
    seen = look(scene(drawn(parts[0]), drawn(parts[1])))
    assert seen.codes == ()
    assert seen.refused > 0


def test_a_code_in_dark_mode_is_read() -> None:
    assert read_codes(np.invert(code(b"dark mode"))) == [b"dark mode"]


def test_a_micro_code_is_no_code_and_no_error() -> None:
    seen = look(scene(drawn(segno.make_micro("A1"), scale=6)))
    assert (seen.codes, seen.refused) == ((), 1)


def test_a_part_beside_a_whole_code_is_left_out() -> None:
    part = drawn(segno.make_sequence("x" * 100, symbol_count=2)[0])
    seen = look(scene(code(b"whole"), part))
    assert seen.codes == (b"whole",)


def test_a_code_inside_a_code_is_never_a_second_code() -> None:
    """Which of the two is read would depend on distance and focus."""
    outer = drawn(segno.make("OUTER", error="h", version=10, micro=False), scale=8)
    inner = code(b"I", scale=3)
    top = (outer.shape[0] - inner.shape[0]) // 2
    outer[top : top + inner.shape[0], top : top + inner.shape[1]] = inner
    assert read_codes(outer) in ([b"OUTER"], [b"I"])


def test_barcodes_of_other_kinds_are_not_invented() -> None:
    stripes = np.where(np.random.default_rng(3).random(640) < 0.5, 0, 255).astype(np.uint8)
    assert read_codes(np.tile(stripes, (480, 1))) == []


def test_codes_are_listed_left_to_right_and_each_once() -> None:
    first, second = code(b"left"), code(b"right")
    assert read_codes(scene(first, second)) == [b"left", b"right"]
    assert read_codes(scene(second, first)) == [b"right", b"left"]
    assert read_codes(scene(first, first)) == [b"left"]


@pytest.mark.parametrize("side", [50, 60, 75, 150, 300, 470])
def test_far_and_near_codes_are_found(side: int) -> None:
    card = cv2.resize(code(b"NV-0012"), (side, side), interpolation=cv2.INTER_AREA)
    frame = np.full((480, 640), 120, np.uint8)
    frame[5 : 5 + side, 20 : 20 + side] = card
    assert read_codes(frame) == [b"NV-0012"]


def test_a_card_in_the_dark_is_read() -> None:
    """Ink and paper are 7 gray levels apart, which decoders take for noise."""
    noise = np.random.default_rng(1).normal(0, 1.5, (480, 640))
    dark = np.clip(scene(code(b"NV-0012", scale=4)) * 0.06 + noise, 0, 255).astype(np.uint8)
    assert read_codes(dark) == [b"NV-0012"]


def test_views_that_are_not_contiguous_are_read() -> None:
    stored = np.repeat(np.repeat(code(b"view"), 2, axis=0), 2, axis=1)
    assert read_codes(stored[::2, ::2]) == [b"view"]
    assert read_codes(np.asfortranarray(code(b"view"))) == [b"view"]
    padded = np.full((200, 256), 255, np.uint8)  # rows with stride padding, as a camera gives them
    picture = code(b"view")
    padded[: picture.shape[0], : picture.shape[1]] = picture
    assert read_codes(padded[: picture.shape[0], : picture.shape[1]]) == [b"view"]


def test_a_read_only_picture_is_read_and_left_alone() -> None:
    picture = code(b"keep")
    picture.flags.writeable = False
    before = picture.copy()
    assert read_codes(picture) == [b"keep"]
    assert np.array_equal(picture, before)


@st.composite
def any_picture(draw: st.DrawFn) -> GrayImage:
    """Noise, or blocks of black and white like modules; any size, contiguous or not."""
    side = st.integers(0, 260)
    shape = (draw(side), draw(side))
    noise = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    block = draw(st.integers(1, 8))
    picture = noise.integers(0, 256, shape, np.uint8)
    if draw(st.booleans()):
        blocks = np.kron(noise.integers(0, 2, shape, np.uint8), np.ones((block, block), np.uint8))
        picture = (blocks * 255)[: shape[0], : shape[1]].astype(np.uint8)
    step = draw(st.sampled_from([-2, -1, 1, 2, 3]))
    return picture[::step, ::step]


@given(any_picture())
@settings(max_examples=60, deadline=None)
def test_no_picture_of_any_size_raises(picture: GrayImage) -> None:
    assert isinstance(read_codes(picture), list)


@pytest.mark.parametrize(
    "shape",
    [
        (0, 0),
        (0, 640),
        (480, 0),
        (1, 1),
        (1, 100_000),
        (100_000, 1),
        (20, 20),
        (21, 21),
        (21, 30_000),
    ],
)
def test_pictures_of_odd_shapes_hold_nothing(shape: tuple[int, int]) -> None:
    assert read_codes(np.full(shape, 128, np.uint8)) == []


def test_a_picture_larger_than_any_camera_gives_is_read() -> None:
    huge = np.full((9000, 7000), 200, np.uint8)
    picture = code(b"huge", scale=40)
    huge[3000 : 3000 + picture.shape[0], 2000 : 2000 + picture.shape[1]] = picture
    assert read_codes(huge, budget_s=60) == [b"huge"]


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((4, 4, 3), np.uint8),
        np.zeros((40, 40), np.float32),
        np.zeros((40, 40), np.int8),
        np.zeros((40, 40), bool),
        np.zeros(40, np.uint8),
        np.uint8(3),
    ],
)
def test_what_is_no_gray_picture_is_refused_by_its_shape(array: Any) -> None:
    with pytest.raises(ValueError, match=r"uint8 \[height, width\]"):
        read_codes(array)


MALLINFO = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class MallInfo(ctypes.Structure):
    """malloc.h, struct mallinfo2"""

    _fields_ = tuple((name, ctypes.c_size_t) for name in MALLINFO)


def allocated_bytes() -> int:
    """What C code holds; resident memory would hide it in pages that were free already."""
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = MallInfo
    return int(mallinfo2().uordblks)


def test_reading_for_hours_does_not_fill_the_memory() -> None:
    scanner, picture = ZBar(), code(b"x", scale=2)
    for _ in range(1000):
        scanner.scan(picture)
    before = allocated_bytes()
    for _ in range(5000):
        scanner.scan(picture)
    assert allocated_bytes() - before < 200_000  # a leak of 40 bytes a frame


def test_a_libzbar_without_binary_mode_is_refused_and_says_what_to_install() -> None:
    def set_config(scanner: object, symbology: int, config: int, value: int) -> int:
        if config == 4:
            return 1  # as libzbar 0.23.0 answers
        done: int = wrapper.zbar_image_scanner_set_config(scanner, symbology, config, value)
        return done

    old: Any = SimpleNamespace(**vars(wrapper))
    old.zbar_image_scanner_set_config = set_config
    with pytest.raises(DeviceError, match=r"0\.23\.1.*apt install libzbar0") as refused:
        ZBar(old)
    assert (refused.value.device, refused.value.cause) == (Device.DECODER, Cause.MISSING_LIBRARY)


def test_photographs_and_hard_frames_are_read_and_never_wrongly(shared_data: Path) -> None:
    folder = shared_data / "qr"
    read = 0
    for item in json.loads((folder / "manifest.json").read_text(encoding="utf-8")):
        codes = read_codes(load_gray(folder / item["file"]), budget_s=60)
        right = expected(item)
        if item["file"] != MISLABELLED and not item.get("unknown"):
            assert all(readings(payload, item) & right for payload in codes), item["file"]
        read += sum(bool(readings(payload, item) & right) for payload in codes)
    assert read >= 1.6 * PLAIN_PYZBAR


PLAIN_PYZBAR = 116  # codes of this set that pyzbar.decode reads, of 251
MISLABELLED = "img/0b3c4a2f187c.png"  # "photograph" on the label, "photography" in the code
CHARSETS = ("utf-8", "shift_jis", "gb18030", "big5", "latin1")


def expected(item: dict[str, Any]) -> set[str | bytes]:
    """What a picture's codes may be read as: text where a label says no more, else bytes."""
    if item.get("raw_hex"):
        return {bytes.fromhex(item["raw_hex"])}
    labels = [*item["expected"], *item["maybe"]]
    if item.get("strict"):
        return {label.encode() for label in labels}
    return {_unified(label) for label in labels}


def readings(payload: bytes, item: dict[str, Any]) -> set[str | bytes]:
    """A payload as bytes and, by the charsets that codes use without saying so, as text."""
    texts = set()
    for charset in CHARSETS:
        with contextlib.suppress(UnicodeDecodeError):
            texts.add(_unified(payload.decode(charset)))
    return {payload} if item.get("strict") else {payload, *texts}


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").strip()
