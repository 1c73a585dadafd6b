"""What changed, to everyone who looks, by server-sent events.

One watcher reads the store for all viewers, and only while there are some. What changed is
rendered once for each audience (a language, and whether entries may be seen), and the same bytes
go to each of its viewers. A viewer too slow for its queue is let go: its browser comes back with
the last version that it saw and gets what changed since. At each reading one question to the store
tells whose sessions are over: their streams end.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from hub.clock import now_ms
from hub.web.look import Looker, Overview
from hub.words import Language

log = logging.getLogger(__name__)

INTERVAL_S = 0.5
BEAT_S = 5.0
MOST_VIEWERS = 150  # below hub.api.server's limit, so that pages are still answered
_QUEUE = 16  # messages that a viewer may be behind
_KEEP_FOR_S = 2.0  # a reading of the store serves pages for so long


@dataclass(frozen=True, slots=True)
class Audience:
    """Viewers who get the same bytes. `site`: they look at that one alone."""

    language: Language
    entries: bool
    site: int | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a page: the macro of parts.html that renders it, and what it is given. It is
    rendered anew when `given` differs. `entries` pieces are for those who may see entries.
    """

    macro: str
    given: object
    entries: bool = False


Pieces = Callable[[Overview, int | None], Mapping[str, Piece]]  # of a site, or of the overview
Render = Callable[[Audience, Piece], str]
Lasting = Callable[[Collection[str]], frozenset[str]]  # which of these sessions are not over


class TooManyViewersError(Exception):
    """No more viewers are taken."""


@dataclass(eq=False, slots=True)
class _Viewer:
    session: str
    queue: asyncio.Queue[bytes | None] = field(
        default_factory=lambda: asyncio.Queue(maxsize=_QUEUE)
    )


class _Board:
    """The newest reading, and at which version each of its pieces last changed."""

    def __init__(
        self, engine: Engine, looker: Looker, pieces: Pieces, now_ms: Callable[[], int]
    ) -> None:
        self.epoch = secrets.token_hex(4)  # another process counts anew
        self.version = 0
        self.pieces: dict[tuple[int | None, str], tuple[Piece, int]] = {}
        self.wanted: frozenset[int] = frozenset()  # sites whose own pieces are made too
        self._made: frozenset[int] = frozenset()
        self._engine = engine
        self._looker = looker
        self._make = pieces
        self._now_ms = now_ms
        self._lock = threading.Lock()
        self._overview: Overview | None = None
        self._read_s = float("-inf")

    def read(self, *, older_s: float = 0.0) -> tuple[Overview, str]:
        """The store as it is, or was `older_s` ago at most, with its version. From any thread;
        raises SQLAlchemyError.
        """
        with self._lock:
            wanted = self.wanted
            fresh = time.monotonic() - self._read_s <= older_s and wanted <= self._made
            if self._overview is None or not fresh:
                with self._engine.connect() as connection:
                    overview = self._looker.overview(connection, self._now_ms())
                of: tuple[int | None, ...] = (None, *wanted)
                made = {site: self._make(overview, site) for site in of}
                self._take(
                    {(site, name): one for site, some in made.items() for name, one in some.items()}
                )
                self._made = wanted
                self._overview, self._read_s = overview, time.monotonic()
            return self._overview, f"{self.epoch}-{self.version}"

    def changed(self, since: int, audience: Audience) -> tuple[int, dict[str, Piece]]:
        """The version now, and the pieces that changed after another."""
        with self._lock:
            found = {
                name: piece
                for (site, name), (piece, version) in self.pieces.items()
                if version > since
                and site == audience.site
                and (audience.entries or not piece.entries)
            }
            return self.version, found

    def _take(self, pieces: Mapping[tuple[int | None, str], Piece]) -> None:
        after = self.version + 1
        kept = {}
        for name, piece in pieces.items():
            before = self.pieces.get(name)
            kept[name] = before if before is not None and before[0] == piece else (piece, after)
        if kept != self.pieces:
            self.pieces = kept
            self.version = after


class Live:
    """The watcher and its viewers. Streams belong to one event loop."""

    def __init__(
        self,
        engine: Engine,
        looker: Looker,
        pieces: Pieces,
        render: Render,
        lasting: Lasting,
        *,
        now_ms: Callable[[], int] = now_ms,
        interval_s: float = INTERVAL_S,
        beat_s: float = BEAT_S,
    ) -> None:
        self._board = _Board(engine, looker, pieces, now_ms)
        self._render = render
        self._lasting = lasting
        self._now_ms = now_ms
        self._interval_s = interval_s
        self._beat_s = beat_s
        self._viewers: dict[Audience, set[_Viewer]] = {}
        self._sent: dict[Audience, int] = {}
        self._watcher: asyncio.Task[None] | None = None

    @property
    def viewers(self) -> int:
        return sum(len(each) for each in self._viewers.values())

    def current(self) -> tuple[Overview, str]:
        """The overview for a page, and the version it has. From any thread."""
        return self._board.read(older_s=_KEEP_FOR_S if self._viewers else 0.0)

    def changed_now(self) -> None:
        """Read anew at once, after an action. From any thread."""
        self._board.read()

    async def stream(self, audience: Audience, since: str, session: str) -> AsyncIterator[bytes]:
        """The events for one viewer, until it goes or its session is over.

        Raises TooManyViewersError.
        """
        if self.viewers >= MOST_VIEWERS:
            raise TooManyViewersError
        viewer = _Viewer(session)
        await asyncio.to_thread(self.current)
        self._viewers.setdefault(audience, set()).add(viewer)
        try:
            self._board.wanted = self._watched()
            # only where the site's own pieces were not made yet
            await asyncio.to_thread(self._board.read, older_s=_KEEP_FOR_S)
            self._sent.setdefault(audience, self._board.version)
            if self._watcher is None or self._watcher.done():
                self._watcher = asyncio.create_task(self._watch())
            yield b"retry: 2000\n\n"
            yield await asyncio.to_thread(self._message, audience, self._since(since))
            while (message := await viewer.queue.get()) is not None:
                yield message
        finally:
            self._leave(audience, viewer)

    def _leave(self, audience: Audience, viewer: _Viewer) -> None:
        left = self._viewers.get(audience, set())
        left.discard(viewer)
        if not left:
            self._viewers.pop(audience, None)
            self._sent.pop(audience, None)
            self._board.wanted = self._watched()

    def _watched(self) -> frozenset[int]:
        return frozenset(one.site for one in self._viewers if one.site is not None)

    def _since(self, text: str) -> int:
        epoch, _, version = text.partition("-")
        if epoch != self._board.epoch or not (version.isascii() and version.isdigit()):
            return 0
        return int(version)

    async def _watch(self) -> None:
        """Until nobody looks any more."""
        beat_s = time.monotonic()
        while self._viewers:
            began_s = time.monotonic()
            try:
                await asyncio.to_thread(self._board.read)
                await self._end_those_over()
            except SQLAlchemyError as error:
                # without beats the pages say by themselves that they are old
                log.warning("the store can't be read: %s", str(error).partition("\n")[0])
                await asyncio.sleep(self._interval_s)
                continue
            version = self._board.version
            for audience in list(self._viewers):
                sent = self._sent.get(audience, version)  # none: its first message is being made
                if sent < version:
                    message = await asyncio.to_thread(self._message, audience, sent)
                    self._sent[audience] = version
                    self._send(audience, message)
            if began_s - beat_s >= self._beat_s:
                beat_s = began_s
                beat = f"event: beat\ndata: {self._now_ms()}\n\n".encode()
                for audience in list(self._viewers):
                    self._send(audience, beat)
            await asyncio.sleep(max(0.05, self._interval_s - (time.monotonic() - began_s)))

    async def _end_those_over(self) -> None:
        every = [(audience, one) for audience, some in self._viewers.items() for one in some]
        keys = {viewer.session for _, viewer in every}
        lasting = await asyncio.to_thread(self._lasting, keys)
        for audience, viewer in every:
            if viewer.session not in lasting:
                self._let_go(audience, viewer)

    def _send(self, audience: Audience, message: bytes) -> None:
        for viewer in list(self._viewers.get(audience, ())):
            if viewer.queue.full():
                self._let_go(audience, viewer)
            else:
                viewer.queue.put_nowait(message)

    def _let_go(self, audience: Audience, viewer: _Viewer) -> None:
        """Its stream ends, with nothing more of what was to come."""
        while not viewer.queue.empty():
            viewer.queue.get_nowait()
        viewer.queue.put_nowait(None)
        self._leave(audience, viewer)

    def _message(self, audience: Audience, since: int) -> bytes:
        version, changed = self._board.changed(since, audience)
        parts = {name: self._render(audience, piece) for name, piece in changed.items()}
        data = json.dumps({"at": self._now_ms(), "parts": parts}, ensure_ascii=False)
        return f"id: {self._board.epoch}-{version}\nevent: parts\ndata: {data}\n\n".encode()
