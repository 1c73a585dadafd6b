"""A report on A4, drawn with vectors and the project's own fonts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout

from hub.badges.drawing import A4_MM, FONT_FILES
from hub.reports.charts import INK, MUTED, RULE, SERIES, WIDTH_MM, Box, Drawing, draw, shortened
from hub.reports.document import Chart, Document, Fact, Table
from hub.reports.texts import Words

_MARGIN_MM = 15.0
_BOTTOM_MM = 18.0
_FAMILY = "DejaVu"
_CARD_MM, _CARD_GAP_MM = 24.0, 3.0
_CELL_PT = 7.0
_SAMPLE = 200  # rows that a column's width is taken from
_NARROWEST_MM, _WIDEST_MM = 9.0, 60.0


def to_pdf(document: Document, tables: Sequence[Table], period: str, scope: str) -> bytes:
    """The report as PDF, its fonts within."""
    words = Words(document.language)
    pages = _Pages(document.title, f"{document.title} · {period} · {scope}", words)
    pages.head(document, period, scope)
    pages.facts(document.facts)
    for chart in document.charts:
        pages.chart(chart)
    for table in tables:
        pages.table_of(table)
    pages.notes(document.notes)
    return bytes(pages.output())


class _Pages(FPDF):
    def __init__(self, title: str, running: str, words: Words) -> None:
        super().__init__(unit="mm", format="A4")
        self._running = running
        self._words = words
        self.set_title(title)
        self.set_lang(words.language)
        self.set_margins(_MARGIN_MM, _MARGIN_MM)
        self.set_auto_page_break(auto=True, margin=_BOTTOM_MM)
        for bold, path in FONT_FILES.items():
            self.add_font(_FAMILY, "B" if bold else "", path)
        self.add_page()

    def footer(self) -> None:
        """Called by fpdf2 at the end of each page."""
        self.set_y(-12)
        self._font(7, colour=MUTED)
        self.cell(WIDTH_MM - 30, 4, shortened(self._running, WIDTH_MM - 32, 7))
        # fpdf2 puts the number of pages in the place of {nb} when they are all there
        number = self._words("page", number=str(self.page_no()), all="{nb}")
        self.cell(30, 4, number, align="R")

    def head(self, document: Document, period: str, scope: str) -> None:
        self._font(18, bold=True)
        self.cell(0, 9, document.title, new_x="LMARGIN", new_y="NEXT")
        self._font(9.5)
        told = f"{self._words('period')}: {period} ({document.period.zone.key}) · {scope}"
        self.multi_cell(0, 5, told, new_x="LMARGIN", new_y="NEXT")
        self._font(8, colour=MUTED)
        made = f"{self._words('made')}: {self._words.time(document.made)}"
        self.cell(0, 5, made, new_x="LMARGIN", new_y="NEXT")
        self.ln(4)

    def facts(self, facts: Sequence[Fact]) -> None:
        width = (WIDTH_MM - _CARD_GAP_MM * (len(facts) - 1)) / len(facts)
        top = self.get_y()
        for number, fact in enumerate(facts):
            x = _MARGIN_MM + number * (width + _CARD_GAP_MM)
            self.set_draw_color(*RULE)
            self.set_line_width(0.25)
            self.rect(x, top, width, _CARD_MM)
            self.set_fill_color(*SERIES[0])
            self.rect(x, top, width, 0.9, style="F")
            inside = width - 4
            self._font(7.5)
            self.text(x + 2, top + 5.5, shortened(fact.label, inside, 7.5))
            self._font(15, bold=True)
            self.text(x + 2, top + 12.5, self._words.number(fact.value))
            self._font(6.5, colour=MUTED)
            share = "" if fact.share is None else f"{self._words.share(fact.share)} "
            self.set_xy(x + 1, top + 14.2)
            self.multi_cell(width - 2, 3.1, f"{share}{fact.note}", align="L", max_line_height=3.1)
        self.set_xy(_MARGIN_MM, top + _CARD_MM + 6)

    def chart(self, chart: Chart) -> None:
        drawing = draw(chart, self._words)
        self._room(drawing.height + 12)
        self._title(chart.title)
        self._draw(drawing)
        self.ln(5)

    def table_of(self, table: Table) -> None:
        self._room(32)
        self._title(table.title)
        if table.note:
            self._font(8, colour=MUTED)
            self.multi_cell(0, 4, table.note, new_x="LMARGIN", new_y="NEXT")
        kinds = [column.kind for column in table.columns]
        cells = [
            [self._words.cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)]
            for row in table.rows
        ]
        self._font(_CELL_PT)
        self.set_draw_color(*RULE)
        self.set_fill_color(255, 255, 255)  # fpdf2 fills cells with what was drawn last
        self.set_line_width(0.2)
        with self.table(
            col_widths=self._widths(table, cells),
            text_align=tuple("RIGHT" if kind in {"count", "share"} else "LEFT" for kind in kinds),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD", fill_color=(241, 243, 245)),
            line_height=3.6,
            padding=(0.5, 1.2),
            v_align="TOP",
        ) as drawn:
            drawn.row([column.label for column in table.columns])
            for row in cells:
                drawn.row(row)
        self.ln(5)

    def notes(self, notes: Sequence[str]) -> None:
        self._font(8, colour=MUTED)
        for note in notes:
            self.multi_cell(0, 4, note, new_x="LMARGIN", new_y="NEXT")

    # --- parts ------------------------------------------------------------------------------

    def _widths(self, table: Table, cells: Sequence[Sequence[str]]) -> tuple[float, ...]:
        """Millimetres a column: what its longest word needs, then by how much text it holds."""
        wanted, needed = [], []
        for number, column in enumerate(table.columns):
            sample = [row[number] for row in cells[:_SAMPLE]]
            self._font(_CELL_PT, bold=True)
            heads = [self.get_string_width(word) for word in column.label.split()]
            self._font(_CELL_PT)
            whole = max((self.get_string_width(text) for text in sample), default=0.0)
            words = max(
                (self.get_string_width(word) for text in sample for word in text.split()), default=0
            )
            if column.kind in {"day", "time"}:
                words = whole
            least = max(*heads, min(words, _WIDEST_MM), _NARROWEST_MM)
            needed.append(least)
            wanted.append(max(min(whole, _WIDEST_MM), least))
        pad = 3.0
        room = WIDTH_MM - pad * len(wanted)
        if sum(wanted) <= room:
            # to the text: a lone number far from its neighbours is read wrongly
            texts = [column.kind == "text" for column in table.columns]
            spare = (room - sum(wanted)) / max(sum(texts), 1)
            return tuple(
                one + pad + (spare if is_text else 0.0)
                for one, is_text in zip(wanted, texts, strict=True)
            )
        if sum(needed) >= room:
            return tuple(one * room / sum(needed) + pad for one in needed)
        part = (room - sum(needed)) / (sum(wanted) - sum(needed))
        return tuple(
            low + (high - low) * part + pad for low, high in zip(needed, wanted, strict=True)
        )

    def _draw(self, drawing: Drawing) -> None:
        top = self.get_y()
        for shape in drawing.shapes:
            x, y = shape.x + _MARGIN_MM, shape.y + top
            if isinstance(shape, Box):
                self.set_fill_color(*shape.colour)
                self.rect(x, y, shape.width, shape.height, style="F")
            else:
                self._font(shape.size_pt, colour=shape.colour)
                width = self.get_string_width(shape.text)
                moved = {"start": 0.0, "middle": width / 2, "end": width}[shape.anchor]
                self.text(x - moved, y, shape.text)
        self.set_xy(_MARGIN_MM, top + drawing.height)

    def _title(self, text: str) -> None:
        self._font(11, bold=True)
        self.cell(0, 7, text, new_x="LMARGIN", new_y="NEXT")

    def _room(self, height: float) -> None:
        """A new page where so much does not fit any more, unless no page holds it."""
        if self.get_y() + height > A4_MM[1] - _BOTTOM_MM and self.get_y() > 60:
            self.add_page()

    def _font(self, size_pt: float, *, bold: bool = False, colour: Any = INK) -> None:
        self.set_font(_FAMILY, "B" if bold else "", size_pt)
        self.set_text_color(*colour)
