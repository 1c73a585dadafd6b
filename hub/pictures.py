"""Pictures that people send, made safe: decoded, turned upright, made small, and written anew.

What comes out is this hub's own WebP. Nothing of the file that came survives but its look: no place
where it was taken, no second file behind the first, no script.
"""

from __future__ import annotations

import io
import struct
import threading
import zlib
from dataclasses import dataclass

from PIL import Image, ImageOps

from hub.words import Words

LARGEST_BYTES = 8 * 1024 * 1024
MOST_PIXELS = 24_000_000  # 72 MB decoded; a phone's photo has 12 million
SHORTEST_SIDE = 100
LONGEST_SIDE = 2_400  # pixels: sharp on a wall, some 500 kB at most
KIND = "image/webp"
_FORMATS = ("PNG", "JPEG", "WEBP")
_QUALITY = 86
# what Pillow's decoders say to a damaged file
_DAMAGED = (
    OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, OverflowError,
    struct.error, zlib.error,
)  # fmt: skip
_one = threading.Lock()  # a picture at a time: each takes some 100 MB for a moment


class PictureError(ValueError):
    """A file that is taken for no picture: what is wrong, and how to mend it."""

    def __init__(self, what: Words, mend: Words) -> None:
        super().__init__(f"{what}; {mend}")
        self.what = what
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Picture:
    """A WebP, and its size in pixels."""

    content: bytes
    width: int
    height: int


def take_picture(raw: bytes) -> Picture:
    """The picture in a PNG, JPEG or WebP file. Raises PictureError."""
    if len(raw) > LARGEST_BYTES:
        most = LARGEST_BYTES // 1_048_576
        raise PictureError(Words("what.too_large", most=most), Words("mend.smaller_picture"))
    with _one:
        try:
            with Image.open(io.BytesIO(raw), formats=_FORMATS) as image:
                # known from the header, before anything is unpacked
                size = image.size
                upright = _upright(image) if _may(size) else None
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise _too_many() from error
        except _DAMAGED as error:
            raise PictureError(Words("what.no_picture"), Words("mend.as_picture")) from error
        if upright is None:
            raise _too_many() if size[0] * size[1] > MOST_PIXELS else _too_small(size)
        upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        upright.save(out, "WEBP", quality=_QUALITY)
    return Picture(out.getvalue(), upright.width, upright.height)


def _may(size: tuple[int, int]) -> bool:
    return min(size) >= SHORTEST_SIDE and size[0] * size[1] <= MOST_PIXELS


def _upright(image: Image.Image) -> Image.Image:
    """All of it, in RGB; where it is transparent, on white."""
    # a JPEG can be unpacked at a fraction of its size
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    turned = ImageOps.exif_transpose(image)
    if not turned.has_transparency_data:
        return turned.convert("RGB")
    clear = turned.convert("RGBA")
    paper = Image.new("RGB", clear.size, "white")
    paper.paste(clear, mask=clear)
    return paper


def _too_many() -> PictureError:
    most = MOST_PIXELS // 1_000_000
    return PictureError(Words("what.too_many_pixels", most=most), Words("mend.smaller_picture"))


def _too_small(size: tuple[int, int]) -> PictureError:
    what = Words("what.too_few_pixels", width=size[0], height=size[1])
    return PictureError(what, Words("mend.larger_picture", least=SHORTEST_SIDE))
