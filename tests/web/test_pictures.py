"""Pictures that people send: what is taken, what is refused, and what is left of the file."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from hub import pictures
from hub.pictures import PictureError, take_picture
from tests.web.drawing import drawn


def opened(raw: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(raw))
    image.load()
    return image


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(width: int, height: int) -> bytes:
    """A PNG of some bytes that says it is huge."""
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(10_000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_picture_comes_out_as_the_hubs_own(form: str) -> None:
    found = take_picture(drawn(form))
    image = opened(found.content)
    assert image.format == "WEBP"
    assert image.size == (found.width, found.height) == (400, 300)
    red, _, blue = image.getpixel((50, 150))  # type: ignore[misc]
    assert red - blue > 120


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 1_000,
        b"%PDF-1.7\n",
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        drawn("GIF"),
        drawn("TIFF"),
        drawn("PNG")[:-200],
        drawn("JPEG")[:300],
        drawn("WEBP")[:60],
        b"\x89PNG\r\n\x1a\n" + b"\xff" * 400,
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(raw: bytes) -> None:
    with pytest.raises(PictureError, match="is no PNG, JPEG or WebP picture") as caught:
        take_picture(raw)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("side", [5_000, 20_000, 2_000_000])
def test_a_picture_that_would_unpack_to_gigabytes_is_refused_by_its_header(side: int) -> None:
    raw = bomb(side, side)
    assert len(raw) < 1_000
    with pytest.raises(PictureError, match="more than 24 million pixels"):
        take_picture(raw)


def test_a_small_file_of_too_many_bytes_is_not_even_opened() -> None:
    with pytest.raises(PictureError, match="more than 8 MB"):
        take_picture(drawn() + bytes(pictures.LARGEST_BYTES))


def test_a_picture_in_which_nobody_finds_a_gate_is_refused() -> None:
    with pytest.raises(PictureError, match=r"has only 99 . 300 pixels"):
        take_picture(drawn(size=(99, 300)))


def test_a_large_photo_is_made_small() -> None:
    found = take_picture(drawn("JPEG", (5_600, 4_000)))
    assert (found.width, found.height) == (2_400, 1_714)
    assert len(found.content) < 200_000


def test_a_phones_photo_is_upright_and_says_nothing_of_where_it_was_taken() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned a quarter
    exif.get_ifd(0x8825)[2] = (10.0, 57.0, 36.0)  # latitude
    found = take_picture(drawn("JPEG", exif=exif))
    assert (found.width, found.height) == (300, 400)
    image = opened(found.content)
    assert dict(image.getexif()) == {}
    assert b"EXIF" not in found.content
    red, _, blue = image.getpixel((150, 50))  # type: ignore[misc]
    assert red - blue > 120


def test_what_hides_behind_a_picture_is_gone() -> None:
    found = take_picture(drawn("PNG") + b"<script>alert(1)</script>PK\x03\x04")
    assert b"script" not in found.content


def test_a_transparent_plan_is_drawn_on_white() -> None:
    image = Image.new("RGBA", (200, 200), (0, 0, 0, 0))
    out = io.BytesIO()
    image.save(out, "PNG")
    assert opened(take_picture(out.getvalue()).content).getpixel((10, 10)) == (255, 255, 255)
