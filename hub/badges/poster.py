"""A poster: one position's check-in code, 15 x 15 cm on A4, with instructions in two languages.

Place codes were asked to be at least 15 x 15 cm in 2021.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.badges.drawing import A4_MM, GREY, Fill, Page, Text, code, fitted
from identity.passes.place import Place

CODE_MM = 150.0

_MIDDLE = A4_MM[0] / 2
_TEXT_MM = 180.0
_CODE_TOP_MM = 74.0
_RULE_MM = 0.4
_STEPS = (
    ("1. Mở ứng dụng khai báo của nơi này trên điện thoại.",
     "Open this place's check-in app on your phone."),
    ("2. Quét mã, giữ cách khoảng 40 cm.",
     "Scan the code from about 40 cm away."),
    ("3. Chờ màn hình báo đã ghi nhận rồi mới vào.",
     "Wait until the screen says you are checked in, then enter."),
)  # fmt: skip


def poster(place: Place, text: str) -> Page:
    """The page for a place and the text of its code. Raises DrawingError."""
    page = Page(*A4_MM)
    page.add(_drawn(place, text))
    return page


def _drawn(place: Place, text: str) -> Iterator[Fill | Text]:
    yield from _centred("QUÉT MÃ KHI VÀO", 28, largest_pt=34, bold=True)
    yield from _centred("SCAN TO CHECK IN", 40, largest_pt=20)
    yield from _centred(place.label, 56, largest_pt=26, bold=True)
    yield from _centred(f"{place.park} · {place.site} · {place.position}", 64, largest_pt=12)
    yield from code(text, x=_MIDDLE - CODE_MM / 2, y=_CODE_TOP_MM, size=CODE_MM)
    y = _CODE_TOP_MM + CODE_MM + 18
    yield Fill(_MIDDLE - _TEXT_MM / 2, y - 8, _TEXT_MM, _RULE_MM, GREY)
    for vietnamese, english in _STEPS:
        yield Text(_MIDDLE - _TEXT_MM / 2, y, vietnamese, 13, bold=True)
        yield Text(_MIDDLE - _TEXT_MM / 2 + 6.2, y + 5.5, english, 11)
        y += 13.5
    issued = f"{place.issued:%d/%m/%Y}"
    yield from _centred(
        f"Mã do {place.park} ký ngày {issued} · Signed by {place.park} on {issued}",
        A4_MM[1] - 7,
        largest_pt=8,
    )


def _centred(text: str, y: float, *, largest_pt: float, bold: bool = False) -> Iterator[Text]:
    lines, size_pt = fitted(
        text, width=_TEXT_MM, lines=1, largest_pt=largest_pt, smallest_pt=7, bold=bold
    )
    for line in lines:
        yield Text(_MIDDLE, y, line, size_pt, bold=bold, align="middle")
