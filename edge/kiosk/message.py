"""What goes to the page: a view as JSON, and the settings of the page."""

from __future__ import annotations

import html
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from edge.config.model import KioskTable
from edge.gate.reasons import Reason
from edge.kiosk.texts import Catalogue, Language, degrees
from edge.kiosk.tones import Tone
from edge.kiosk.view import Screen, View

# READY is quiet: a gate that nobody stands at says nothing
TONES: Mapping[Screen, Tone] = {
    Screen.CODE_WANTED: Tone.CODE,
    Screen.CHECKING: Tone.SEEN,
    Screen.COME_CLOSER: Tone.CLOSER,
    Screen.HAT_OFF: Tone.CLOSER,
    Screen.HOT_THING: Tone.CLOSER,
    Screen.HOLD_STILL: Tone.SEEN,
    Screen.MEASURE_AGAIN: Tone.CODE,
    Screen.WELCOME: Tone.GO,
    Screen.GOODBYE: Tone.GO,
    Screen.REFUSED: Tone.STOP,
    Screen.REPEATED: Tone.WAIT,
    Screen.CLOSE_DOOR: Tone.DOOR,
    Screen.OUT_OF_ORDER: Tone.FAULT,
    Screen.EVACUATE: Tone.FIRE,
}
# what is told over and over while it lasts, and the seconds of quiet before each time
LOOPED_S: Mapping[Screen, float] = {Screen.EVACUATE: 0.0, Screen.CLOSE_DOOR: 4.0}
# spoken: what asks for something, or ends it
SPOKEN = frozenset(Screen) - {
    Screen.STARTING, Screen.SHOW_CODE, Screen.SHOW_FACE, Screen.CHECKING, Screen.WAIT,
    Screen.CLOSED, Screen.SILENT,
}  # fmt: skip
_PICTURED = frozenset({Screen.SHOW_CODE, Screen.CODE_WANTED})
# a measurement has a ring that fills; nobody is hurried at anything else
_RINGED = frozenset({Screen.HOLD_STILL, Screen.MEASURE_AGAIN})
# What to do about a refusal, as a picture beside it: a screen's own, or the staff.
STAFF = "staff"
HINTS: Mapping[Reason, Screen] = {
    Reason.CODE_TIMEOUT: Screen.SHOW_CODE,
    Reason.CODE_UNREADABLE: Screen.SHOW_CODE,
    Reason.CODE_NOT_POSSESSED: Screen.SHOW_CODE,
    Reason.CODE_STALE: Screen.SHOW_CODE,
    Reason.CODE_CHANGED: Screen.SHOW_CODE,
    Reason.SEVERAL_CODES: Screen.SHOW_CODE,
    Reason.SECONDARY_NORMAL: Screen.SHOW_CODE,
    Reason.CODE_REPEATED: Screen.REPEATED,
    Reason.CODE_REPLAYED: Screen.REPEATED,
    Reason.CODE_NOT_YET_VALID: Screen.REPEATED,
    Reason.CODE_CLOCK_UNSURE: Screen.REPEATED,
    Reason.OUT_OF_HOURS: Screen.REPEATED,
    Reason.INTERRUPTED: Screen.REPEATED,
    Reason.DOOR_BUSY: Screen.REPEATED,
    Reason.TEMPERATURE_REPEATED: Screen.REPEATED,
    Reason.NO_CODE_NEEDED: Screen.COME_CLOSER,
    Reason.TEMPERATURE_TIMEOUT: Screen.COME_CLOSER,
    Reason.TEMPERATURE_LOW: Screen.HAT_OFF,
    Reason.TEMPERATURE_UNSTEADY: Screen.HOLD_STILL,
    Reason.NOT_A_FACE: Screen.HOT_THING,
    Reason.DOOR_OPEN: Screen.CLOSE_DOOR,
}
# a screen has room for so much of a name
_NAME_CHARS = 80
_ASKING = frozenset({Screen.REFUSED, Screen.OUT_OF_ORDER, Screen.CLOSED})


class Messages:
    """Makes messages by the texts and the table [kiosk]. They hold nothing of a person but what
    the View holds.
    """

    def __init__(self, table: KioskTable, catalogue: Catalogue, *, build: str) -> None:
        self._table = table
        self._catalogue = catalogue
        self._build = build

    def hello(self) -> dict[str, Any]:
        """What the page has to know before the first view; `build` makes an old page load anew."""
        table = self._table
        return {
            "build": self._build,
            "layout": table.layout,
            "alternate_ms": round(table.alternate_s * 1000),
            "refused_ms": round(table.refused_s * 1000),
            "tones": table.tones,
            "speech": table.speech,
        }

    def page(self, template: str) -> bytes:
        """The page itself, which comes with all that is said when the daemon says nothing."""
        sayings = self._catalogue.say(View(screen=Screen.SILENT), self._table.languages)
        sections = "".join(
            f'<section class="saying" lang="{one.lang}">'
            f'<h{level} class="title">{html.escape(one.title)}</h{level}>'
            f'<p class="why" hidden></p><p class="todo">{html.escape(one.todo)}</p></section>\n'
            for level, one in enumerate(sayings, 1)
        )
        contact = html.escape(self._table.contact)
        return (
            template.replace("<!--sayings-->", sections).replace("<!--contact-->", contact).encode()
        )

    def view(self, view: View, *, now_s: float) -> dict[str, Any]:
        """One view; `now_s` is the monotonic second of sending."""
        languages = self._table.languages
        message: dict[str, Any] = {
            "screen": view.screen,
            "texts": [
                {"lang": one.lang, "title": one.title, "why": one.why, "todo": one.todo}
                for one in self._catalogue.say(view, languages)
            ],
            "tone": TONES.get(view.screen, ""),
            "speech": self._speech(view, languages[0]),
            "camera": self._table.show_camera and view.screen in _PICTURED,
        }
        if view.screen in LOOPED_S:
            message["loop_ms"] = round(LOOPED_S[view.screen] * 1000)
        if view.reason is not None:
            message["reason"] = view.reason
        if view.screen in _RINGED and view.until_s is not None and view.of_s:
            message["ring"] = {
                "left_ms": max(0, round((view.until_s - now_s) * 1000)),
                "of_ms": round(view.of_s * 1000),
            }
        if view.screen is Screen.REFUSED:
            message["hint"] = STAFF if view.reason is None else HINTS.get(view.reason, STAFF)
        if view.name is not None and (name := _seen(view.name)):
            message["name"] = name
        if view.temperature_c is not None:
            message["temperature"] = degrees(view.temperature_c, languages[0])
        if self._table.contact and view.screen in _ASKING:
            message["contact"] = self._table.contact
        return message

    @staticmethod
    def _speech(view: View, lang: Language) -> str:
        """The file that speaks this view, "" for none."""
        if view.screen not in SPOKEN:
            return ""
        name = f"screen-{view.screen}" if view.reason is None else f"reason-{view.reason}"
        return f"{lang}/{name}.ogg"


def _seen(name: str) -> str:
    """A name as one line of what is seen: a card may hold characters that turn text around."""
    # control and format characters, halves of pairs, private and unassigned ones
    unseen = {char for char in name if unicodedata.category(char).startswith("C")}
    line = " ".join("".join(char for char in name if char.isspace() or char not in unseen).split())
    return line if len(line) <= _NAME_CHARS else line[: _NAME_CHARS - 1].rstrip() + "…"


def event(name: str, data: Mapping[str, Any]) -> bytes:
    """A server-sent event (WHATWG HTML, 9.2.6). JSON has no line breaks of its own."""
    return f"event: {name}\ndata: {compact(data).decode()}\n\n".encode()


def compact(data: Mapping[str, Any] | Sequence[Any]) -> bytes:
    """JSON without blanks."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()
