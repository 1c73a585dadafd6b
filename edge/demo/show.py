"""How the demo looks: a table that grows on a terminal, plain lines into a pipe."""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from edge.demo.count import Line

_HEADINGS = ("time", "gate", "reader", "person", "code", "°C", "decision", "why")
_WIDTHS = (8, 7, 11, 8, 9, 5, 12, 0)
_ROWS = 16
_SHORT = 8  # characters of a token
_STYLES = {
    "granted": "bold green",
    "denied": "bold red",
    "passed": "green",
    "alarm": "bold yellow",
    "not_passed": "yellow",
    "held_open": "yellow",
    "withheld": "red",
}


def make_screen(*, as_json: bool) -> Screen:
    """The screen that suits where the output goes."""
    if as_json:
        return JsonScreen()
    return LiveScreen() if sys.stdout.isatty() else Screen()


class Screen:
    """Plain lines. `say` is for words, `add` for what happens at the gates."""

    def say(self, text: str) -> None:
        print(text, flush=True)

    def begin(self) -> None:
        self.say(_row(_HEADINGS))

    def add(self, line: Line) -> None:
        self.say(_row(_cells(line)))

    def end(self, figures: dict[str, Any]) -> None:
        self.say("")
        for text in _summary(figures):
            self.say(text)
        for text in _trace(figures.get("trace")):
            self.say(text)


class JsonScreen(Screen):
    """One JSON object at the end, and nothing else on standard output."""

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def begin(self) -> None:
        """No headings."""

    def add(self, line: Line) -> None:
        """Not shown."""

    def end(self, figures: dict[str, Any]) -> None:
        print(json.dumps(figures), flush=True)


class LiveScreen(Screen):
    """The last rows in a table that is drawn anew."""

    def __init__(self) -> None:
        self._console = Console()
        self._rows: list[tuple[str, ...]] = []
        self._live: Live | None = None

    def begin(self) -> None:
        self._live = Live(self._table(), console=self._console, auto_refresh=False)
        self._live.start()

    def add(self, line: Line) -> None:
        self._rows = [*self._rows, _cells(line)][-_ROWS:]
        if self._live is not None:
            self._live.update(self._table(), refresh=True)

    def end(self, figures: dict[str, Any]) -> None:
        if self._live is not None:
            self._live.stop()
        super().end(figures)

    def _table(self) -> Table:
        table = Table(*_HEADINGS, box=None, header_style="bold")
        for row in self._rows:
            style = _STYLES.get(row[6].split(" ")[-1], _STYLES.get(row[6].split(" ")[0], ""))
            cells = [Text(cell) for cell in row]
            cells[6].stylize(style)
            table.add_row(*cells)
        return table


def _cells(line: Line) -> tuple[str, ...]:
    result = line.result if line.kind == "person" else f"{line.kind} {line.result}"
    return (
        time.strftime("%H:%M:%S"),
        line.gate,
        line.reader,
        line.person[:_SHORT],
        line.scheme,
        "" if line.temperature_c is None else f"{line.temperature_c:.2f}",
        result,
        ", ".join(line.reasons),
    )


def _row(cells: tuple[str, ...]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, _WIDTHS, strict=True)]
    return "  ".join(padded).rstrip()


def _summary(figures: dict[str, Any]) -> list[str]:
    def listing(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {count}" for name, count in counts.items()) or "none"

    stored = []
    if figures["stored"] is not None:
        confirmed = f"its receipts confirmed {figures['confirmed']} before the gates closed"
        stored = [f"stored     {figures['stored']} by the hub; {confirmed}"]
    kept = "nothing was lost" if figures["lost"] == 0 else f"{figures['lost']} RECORDS ARE MISSING"
    return [
        f"presented  {figures['presented']} people held a code up to a camera",
        f"decoded    {figures['decoded']} of them",
        f"granted    {figures['granted']}",
        f"denied     {listing(figures['denied'])}",
        f"door       {listing(figures['door'])}",
        f"alarms     {listing(figures['alarms'])}",
        f"recorded   {figures['recorded']} records on disk",
        f"received   {figures['received']} by an independent MQTT subscriber",
        *stored,
        f"lost       {kept}",
    ]


def _trace(found: dict[str, Any] | None) -> list[str]:
    """One person's visits and contacts, as the hub tells them."""
    if found is None:
        return []
    lines = ["", f"trace      of {found['token'][:_SHORT]}, one of those who came by"]
    for one in found["visits"]:
        way_in = f"in {_clock(one['in'])} by {one['in_gate']}"
        way_out = "still inside"
        if not one["assumed"]:
            way_out = f"out {_clock(one['out'])} by {one['out_gate']}"
        lines.append(f"visit      {one['site']}: {way_in}, {way_out}")
    for one in found["contacts"]:
        where = ", ".join(one["sites"])
        minutes = f"{one['minutes']:.2f}" if one["minutes"] else "under 0.01"
        lines.append(
            f"contact    {one['who']['token'][:_SHORT]}, {minutes} min together at {where}"
        )
    if not found["contacts"]:
        lines.append("contact    none: nobody else was inside then")
    told = found["completeness"]
    lacks = ", ".join(
        f"{name.replace('_', ' ')} {len(value) if isinstance(value, list) else value}"
        for name, value in told.items()
        if value and name != "complete"
    )
    lines.append(f"complete   {'as far as the hub knows' if told['complete'] else lacks}")
    return lines


def _clock(text: str) -> str:
    return datetime.fromisoformat(text).astimezone().strftime("%H:%M:%S")
