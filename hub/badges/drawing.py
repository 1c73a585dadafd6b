"""Pages in millimetres, and the two ways to draw them. Text is measured with the font itself."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal

import segno
from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFont

MM_PER_INCH = 25.4
PT_PER_INCH = 72
A4_MM = (210.0, 297.0)
PNG_DPI = 300
QUIET_MODULES = 4  # ISO/IEC 18004, section 9.1

BLACK, GREY, WHITE = (0, 0, 0), (120, 120, 120), (255, 255, 255)

_FONTS = Path(__file__).with_name("fonts")
FONT_FILES = {False: _FONTS / "DejaVuSans.ttf", True: _FONTS / "DejaVuSans-Bold.ttf"}
_FAMILY = "DejaVu"
_MEASURE_PX = 1000
_OVERLAP_MM = 0.01  # between rows of modules: viewers show a hairline where two edges meet

Colour = tuple[int, int, int]
Align = Literal["left", "middle"]


class DrawingError(ValueError):
    """What can't be drawn, on one line."""


@dataclass(frozen=True, slots=True)
class Fill:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: Colour = BLACK


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text on its base line `y`; `x` is its left end, or its middle."""

    x: float
    y: float
    text: str
    size_pt: float
    bold: bool = False
    align: Align = "left"
    colour: Colour = BLACK


@dataclass(slots=True)
class Page:
    """A page and what is on it, in the order of drawing."""

    width: float
    height: float
    items: list[Fill | Text] = field(default_factory=list)

    def add(self, items: Iterable[Fill | Text], *, x: float = 0.0, y: float = 0.0) -> None:
        """Put items on the page, moved by so much."""
        for item in items:
            if isinstance(item, Fill):
                self.items.append(
                    Fill(item.x + x, item.y + y, item.width, item.height, item.colour)
                )
            else:
                self.items.append(
                    Text(item.x + x, item.y + y, item.text, item.size_pt, item.bold, item.align,
                         item.colour)
                )  # fmt: skip


def code(text: str, *, x: float, y: float, size: float, error: str = "m") -> list[Fill]:
    """The QR code of a text, `size` without its quiet zone. Raises DrawingError."""
    try:
        made = segno.make_qr(text, error=error)
    except segno.DataOverflowError as overflow:
        raise DrawingError(f"{len(text)} characters are too many for a code") from overflow
    rows = [bytes(row) for row in made.matrix]
    module = size / len(rows)
    fills = []
    for number, row in enumerate(rows):
        start: int | None = None
        for column, dark in enumerate([*row, 0]):
            if dark and start is None:
                start = column
            elif not dark and start is not None:
                width = (column - start) * module
                height = module + _OVERLAP_MM
                fills.append(Fill(x + start * module, y + number * module, width, height))
                start = None
    return fills


def page_of(code_items: Sequence[Fill], *, size: float) -> Page:
    """A page with nothing but a code and the quiet zone around it."""
    border = size / 8  # four modules of the smallest code in use, of 37
    page = Page(size + 2 * border, size + 2 * border)
    page.add(code_items, x=border, y=border)
    return page


def modules(text: str, error: str = "m") -> int:
    """How many modules wide the code is."""
    return len(segno.make_qr(text, error=error).matrix)


def width_mm(text: str, size_pt: float, *, bold: bool = False) -> float:
    """How wide a line is. Raises DrawingError for a character that the font lacks."""
    font = _font(_MEASURE_PX, bold)
    missing = [character for character in text if ord(character) not in _characters(bold)]
    if missing:
        raise DrawingError(
            f"the badges' font has no {missing[0]!r} (U+{ord(missing[0]):04X}): write the name in "
            "Latin or Cyrillic letters"
        )
    return font.getlength(text) / _MEASURE_PX * size_pt / PT_PER_INCH * MM_PER_INCH


def fitted(
    text: str, *, width: float, lines: int, largest_pt: float, smallest_pt: float, bold: bool
) -> tuple[list[str], float]:
    """The text in at most so many lines, as large as fits; cut with "…" where nothing fits."""
    size_pt = largest_pt
    while size_pt > smallest_pt:
        wrapped = _wrapped(text.split(), width, size_pt, bold=bold)
        if len(wrapped) <= lines and all(
            width_mm(line, size_pt, bold=bold) <= width for line in wrapped
        ):
            return wrapped, size_pt
        size_pt -= 0.5
    wrapped = _wrapped(text.split(), width, smallest_pt, bold=bold)
    kept = [_cut(line, width, smallest_pt, bold=bold) for line in wrapped[:lines]]
    if len(wrapped) > lines:
        kept[-1] = _cut(kept[-1] + "…", width, smallest_pt, bold=bold)
    return kept, smallest_pt


def to_pdf(pages: Sequence[Page], *, title: str) -> bytes:
    """The pages as PDF, its fonts within."""
    pdf = FPDF(unit="mm")
    pdf.set_auto_page_break(auto=False)
    pdf.set_title(title)
    for bold, path in FONT_FILES.items():
        pdf.add_font(_FAMILY, "B" if bold else "", path)
    for page in pages:
        pdf.add_page(format=(page.width, page.height))
        for item in page.items:
            if isinstance(item, Fill):
                pdf.set_fill_color(*item.colour)
                pdf.rect(item.x, item.y, item.width, item.height, style="F")
            else:
                pdf.set_font(_FAMILY, "B" if item.bold else "", item.size_pt)
                pdf.set_text_color(*item.colour)
                pdf.text(_left(item), item.y, item.text)
    return bytes(pdf.output())


def to_png(page: Page, *, dpi: int = PNG_DPI) -> bytes:
    """The page as PNG."""
    scale = dpi / MM_PER_INCH
    size = (round(page.width * scale), round(page.height * scale))
    image = Image.new("RGB", size, WHITE)
    draw = ImageDraw.Draw(image)
    for item in page.items:
        if isinstance(item, Fill):
            left, top = round(item.x * scale), round(item.y * scale)
            right = round((item.x + item.width) * scale)
            bottom = round((item.y + item.height) * scale)
            # both ends belong to Pillow's rectangles
            draw.rectangle(
                (left, top, max(right - 1, left), max(bottom - 1, top)), fill=item.colour
            )
        else:
            font = _font(round(item.size_pt / PT_PER_INCH * dpi), item.bold)
            place = (_left(item) * scale, item.y * scale)
            draw.text(place, item.text, font=font, fill=item.colour, anchor="ls")
    written = io.BytesIO()
    image.save(written, "PNG", dpi=(dpi, dpi))
    return written.getvalue()


def _left(item: Text) -> float:
    if item.align == "left":
        return item.x
    return item.x - width_mm(item.text, item.size_pt, bold=item.bold) / 2


def _wrapped(words: Sequence[str], width: float, size_pt: float, *, bold: bool) -> list[str]:
    lines: list[str] = []
    for word in words:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and width_mm(longer, size_pt, bold=bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _cut(line: str, width: float, size_pt: float, *, bold: bool) -> str:
    whole = line.removesuffix("…")
    shown = line
    while whole and width_mm(shown, size_pt, bold=bold) > width:
        whole = whole[:-1].rstrip()
        shown = f"{whole}…"
    return shown


@cache
def _font(size_px: int, bold: bool) -> ImageFont.FreeTypeFont:  # noqa: FBT001 - cached by place
    return ImageFont.truetype(str(FONT_FILES[bold]), size_px, layout_engine=ImageFont.Layout.BASIC)


@cache
def _characters(bold: bool) -> frozenset[int]:  # noqa: FBT001 - cached by place
    from fontTools.ttLib import TTFont  # type: ignore[import-untyped]

    with TTFont(FONT_FILES[bold]) as font:
        return frozenset(font.getBestCmap())
