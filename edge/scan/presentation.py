"""From what single frames show to presentations: PURE, no clock, no I/O.

A presentation is one code held before one reader, from its first sighting until it has been gone
for `gap_s`. Thirty sightings of it are one presentation; shown again later, it is another.

Whose turn is it, when there are two codes?
- Two codes in view and nobody's turn yet: nobody can tell whose face is being measured, so both
  are refused (`several_codes`) until one of them has been away for `settle_s`.
- A code that was alone first keeps its turn: somebody behind with a phone must not undo, nor get,
  the entry of the person in front. The newcomer waits, and gets the turn once the first has not
  been seen for `settle_s`.
- A code that changes in view and stays its holder's (a phone's rotating pass) is one presentation.
- A code put away and another one shown in its place is a change of turn, after the same
  `settle_s`: until then it can't be told from the first code unread in one frame.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge.gate.events import CodeRefused, CodeSeen
from edge.gate.reasons import Reason
from identity.credential import Credential

SETTLE_S = 0.5  # a few frames: a decoder misses a code in view for one or two, not for this long

Understand = Callable[[bytes], Credential]
Sighting = CodeSeen | CodeRefused


@dataclass(slots=True)
class _InView:
    """One payload in view. `answer` is made at its first turn and repeated from then on."""

    last_s: float
    answer: Sighting | None = None


class Presentations:
    """The presentations of one reader.

    Kept by its owner for the life of the process, over restarts of camera and decoder, so that
    no number is given twice and a code still in view goes on being the same presentation.
    """

    def __init__(
        self,
        reader: str,
        understand: Understand,
        *,
        gap_s: float,
        max_code_bytes: int,
        settle_s: float = SETTLE_S,
    ) -> None:
        self._reader = reader
        self._understand = understand
        self._gap_s = gap_s
        self._settle_s = min(settle_s, gap_s)
        self._max_code_bytes = max_code_bytes
        self._count = 0
        self._now_s = float("-inf")
        self._in_view: dict[bytes, _InView] = {}
        self._turn: bytes | None = None
        self._several: CodeRefused | None = None

    def frame(self, taken_s: float, payloads: Sequence[bytes]) -> Sighting | None:
        """What one frame means: at most one event.

        `taken_s` is monotonic seconds; a frame that claims to be older than the one before counts
        as taken with it. `payloads` are those read in it; an empty one stands for a code that was
        read and holds nothing.
        """
        self._now_s = max(self._now_s, taken_s)
        self._forget()
        for payload in payloads:
            view = self._in_view.setdefault(payload, _InView(self._now_s))
            view.last_s = self._now_s
        self._pass_turn(payloads)
        if self._turn is not None:
            return self._answer(self._turn) if self._turn in payloads else None
        return self._refuse_several() if payloads else None

    def _forget(self) -> None:
        """What has been gone for gap_s is over."""
        self._in_view = {
            payload: view
            for payload, view in self._in_view.items()
            if self._now_s - view.last_s < self._gap_s
        }
        if self._turn not in self._in_view:
            self._turn = None
        if not self._in_view:
            self._several = None

    def _pass_turn(self, payloads: Sequence[bytes]) -> None:
        """Keep the turn while its code is present, else give it to the one that is alone."""
        present = [payload for payload, view in self._in_view.items() if self._present(view)]
        if self._turn in present or not present:
            return
        self._turn = present[0] if len(present) == 1 and present[0] in payloads else None
        if self._turn is not None:
            self._several = None

    def _present(self, view: _InView) -> bool:
        """Counts as present, although the last frames may have missed it."""
        return self._now_s - view.last_s < self._settle_s

    def _answer(self, payload: bytes) -> Sighting:
        view = self._in_view[payload]
        if view.answer is None:
            view.answer = self._first_answer(payload)
        return view.answer

    def _first_answer(self, payload: bytes) -> Sighting:
        if len(payload) > self._max_code_bytes:
            return self._refused(Reason.CODE_TOO_LONG)
        credential = self._understand(payload) if payload else None
        if credential is None or not credential.canonical:
            return self._refused(Reason.CODE_UNREADABLE)
        number = self._number_of(credential.canonical) or self._number()
        return CodeSeen(reader=self._reader, presentation=number, credential=credential)

    def _number_of(self, canonical: str) -> str | None:
        """The presentation of this holder whose code of before was in view until now."""
        for view in self._in_view.values():
            seen = view.answer
            if isinstance(seen, CodeSeen) and seen.credential.canonical == canonical:
                return seen.presentation
        return None

    def _refuse_several(self) -> CodeRefused:
        if self._several is None:
            self._several = self._refused(Reason.SEVERAL_CODES)
        return self._several

    def _refused(self, reason: Reason) -> CodeRefused:
        return CodeRefused(reader=self._reader, presentation=self._number(), reason=reason)

    def _number(self) -> str:
        self._count += 1
        return f"{self._reader}-{self._count}"
