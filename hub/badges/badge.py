"""A badge: 62 x 90 mm with a code of 51 x 51 mm, and A4 sheets of nine with cut marks.

Personal codes were asked to be at least 5 x 5 cm in 2021; the size fits a common badge holder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from hub.badges.drawing import A4_MM, GREY, WHITE, Colour, Fill, Page, Text, code, fitted

WIDTH_MM, HEIGHT_MM = 62.0, 90.0
CODE_MM = 51.0
COLUMNS, ROWS = 3, 3

_BAND_MM = 12.0
_CODE_TOP_MM = 16.0
_MARGIN_MM = 3.0
_CUT_MM, _CUT_WIDTH_MM = 4.0, 0.15
_LINE_MM = 5.0
_MIDDLE = WIDTH_MM / 2
_TEXT_MM = WIDTH_MM - 2 * _MARGIN_MM

# category: (Vietnamese, English, colour of the band)
_CATEGORIES: dict[str, tuple[str, str, Colour]] = {
    "staff": ("NHÂN VIÊN", "STAFF", (21, 88, 140)),
    "visitor": ("KHÁCH", "VISITOR", (176, 84, 0)),
    "contractor": ("NHÀ THẦU", "CONTRACTOR", (122, 92, 0)),
    "pupil": ("HỌC SINH", "PUPIL", (22, 112, 66)),
    "student": ("SINH VIÊN", "STUDENT", (22, 112, 66)),
    "teacher": ("GIÁO VIÊN", "TEACHER", (96, 48, 128)),
    "patient": ("BỆNH NHÂN", "PATIENT", (160, 32, 48)),
}
_OTHER: Colour = (70, 78, 88)


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """What a badge shows. `last_day` is the last on which the pass counts."""

    code: str = field(repr=False)
    park: str
    name: str = field(repr=False)
    holder: str = field(repr=False)
    category: str
    sites: tuple[str, ...]
    first_day: date
    last_day: date


def single(badge: Badge) -> Page:
    """One badge on a page of its own size. Raises DrawingError."""
    page = Page(WIDTH_MM, HEIGHT_MM)
    page.add(_drawn(badge))
    return page


def sheets(badges: Sequence[Badge]) -> Iterator[Page]:
    """A4 pages of nine badges with cut marks. Raises DrawingError."""
    left, top = (A4_MM[0] - COLUMNS * WIDTH_MM) / 2, (A4_MM[1] - ROWS * HEIGHT_MM) / 2
    for start in range(0, len(badges), COLUMNS * ROWS):
        page = Page(*A4_MM)
        for number, badge in enumerate(badges[start : start + COLUMNS * ROWS]):
            row, column = divmod(number, COLUMNS)
            page.add(_drawn(badge), x=left + column * WIDTH_MM, y=top + row * HEIGHT_MM)
        page.add(_cut_marks(left, top))
        yield page


def _drawn(badge: Badge) -> Iterator[Fill | Text]:
    vietnamese, english, colour = _CATEGORIES.get(
        badge.category, (badge.category.upper(), "", _OTHER)
    )
    inset = 1.0  # the band keeps off the cut
    yield Fill(inset, inset, WIDTH_MM - 2 * inset, _BAND_MM, colour)
    title = f"{vietnamese} · {english}" if english else vietnamese
    yield from _centred(title, 6.2, largest_pt=12, bold=True, colour=WHITE)
    yield from _centred(badge.park, 11.2, largest_pt=9, colour=WHITE)
    yield from code(badge.code, x=_MIDDLE - CODE_MM / 2, y=_CODE_TOP_MM, size=CODE_MM)
    y = _CODE_TOP_MM + CODE_MM + 6.5
    lines, size_pt = fitted(
        badge.name or badge.holder, width=_TEXT_MM, lines=2, largest_pt=13, smallest_pt=8, bold=True
    )
    for line in lines:
        yield Text(_MIDDLE, y, line, size_pt, bold=True, align="middle")
        y += _LINE_MM
    below = badge.holder if badge.name else ""
    places = ", ".join(badge.sites)
    validity = f"{badge.first_day:%d/%m/%Y} – {badge.last_day:%d/%m/%Y}"  # noqa: RUF001 - as dates are written
    stated = " · ".join(part for part in (below, places) if part)
    if stated:
        yield from _centred(stated, HEIGHT_MM - 6.8, largest_pt=7.5, colour=GREY)
    yield from _centred(validity, HEIGHT_MM - 2.8, largest_pt=8.5)


def _centred(
    text: str, y: float, *, largest_pt: float, bold: bool = False, colour: Colour = (0, 0, 0)
) -> Iterator[Text]:
    lines, size_pt = fitted(
        text, width=_TEXT_MM, lines=1, largest_pt=largest_pt, smallest_pt=5.5, bold=bold
    )
    for line in lines:
        yield Text(_MIDDLE, y, line, size_pt, bold=bold, align="middle", colour=colour)


def _cut_marks(left: float, top: float) -> Iterator[Fill]:
    """Ticks outside the badges, and small crosses where four of them meet."""
    right, bottom = left + COLUMNS * WIDTH_MM, top + ROWS * HEIGHT_MM
    half, long = _CUT_WIDTH_MM / 2, _CUT_MM
    for column in range(COLUMNS + 1):
        x = left + column * WIDTH_MM - half
        yield Fill(x, top - long - 1, _CUT_WIDTH_MM, long, GREY)
        yield Fill(x, bottom + 1, _CUT_WIDTH_MM, long, GREY)
    for row in range(ROWS + 1):
        y = top + row * HEIGHT_MM - half
        yield Fill(left - long - 1, y, long, _CUT_WIDTH_MM, GREY)
        yield Fill(right + 1, y, long, _CUT_WIDTH_MM, GREY)
    for column in range(1, COLUMNS):
        for row in range(1, ROWS):
            x, y = left + column * WIDTH_MM, top + row * HEIGHT_MM
            yield Fill(x - 1, y - half, 2, _CUT_WIDTH_MM, GREY)
            yield Fill(x - half, y - 1, _CUT_WIDTH_MM, 2, GREY)
