"""The pages over HTTP on loopback: static files, server-sent events, the camera's small picture."""

from __future__ import annotations

import html
import logging
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from edge.kiosk.board import Board
from edge.kiosk.message import Messages, compact, event
from edge.kiosk.tones import Tone, wav

log = logging.getLogger(__name__)

STATIC = Path(__file__).with_name("static")
SPEECH = Path(__file__).with_name("speech")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".wav": "audio/wav",
    ".ogg": "audio/ogg",
    ".jpg": "image/jpeg",
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
# what the page is to look for again after the stream broke
RETRY_MS = 300
BEAT_S = 0.5  # a sign of life at least so often; the page calls 2 s without one silence
PICTURE_S = 0.5  # the longest wait for a picture
_QUIET_S = 10.0  # a client that says nothing for so long is let go
MOST_CONNECTIONS = 32  # threads: two displays hold four, whoever looks on a few more


@dataclass(frozen=True, slots=True)
class Site:
    """What is served. `camera` gives a reader's newest picture, waiting for one up to the seconds
    it is given; `silent_s` is how long the gate's thread has not been heard.
    """

    board: Board
    messages: Messages
    assets: Mapping[str, bytes]
    camera: Mapping[str, Callable[[float], bytes | None]]
    silent_s: Callable[[], float]
    monotonic: Callable[[], float]


def load_assets(*, speech: bool) -> dict[str, bytes]:
    """Every fixed file by its path below /-/, read once. Raises OSError."""
    assets = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir())}
    for path in sorted(SPEECH.glob("*/*.ogg")) if speech else ():
        assets[f"speech/{path.parent.name}/{path.name}"] = path.read_bytes()
    return assets | {f"tones/{tone}.wav": wav(tone) for tone in Tone}


def build_of(assets: Mapping[str, bytes]) -> str:
    """A name that changes with the page's files."""
    digest = sha256()
    for name, content in sorted(assets.items()):
        digest.update(f"{name} {len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()[:16]


class KioskServer(ThreadingHTTPServer):
    """Serves a site. Raises OSError when made, where the address can't be had."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int, site: Site) -> None:
        self.site = site
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        self._pages: Counter[str] = Counter()
        self._pages_lock = threading.Lock()
        super().__init__((host, port), _Handler)
        # a page elsewhere that a name leads here must not read along (DNS rebinding)
        self.hosts = {f"{name}:{self.server_port}" for name in (host, "localhost", "127.0.0.1")}

    def process_request(self, request: Any, client_address: Any) -> None:
        """A thread for each, as long as there are not too many."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            log.warning("more than %d connections to the screen: one refused", MOST_CONNECTIONS)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """One connection, until it ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def pages(self, reader: str) -> int:
        """How many pages of a reader listen."""
        with self._pages_lock:
            return self._pages[reader]

    @contextmanager
    def listening(self, reader: str) -> Iterator[None]:
        """A page of a reader listens for so long."""
        with self._pages_lock:
            self._pages[reader] += 1
        try:
            yield
        finally:
            with self._pages_lock:
                self._pages[reader] -= 1

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - base class
        """A page that went away is no error."""
        error = sys.exception()
        if isinstance(error, OSError):
            log.debug("screen: connection ended: %s", error)
        else:
            log.error("screen: a request failed", exc_info=error)


class _Handler(BaseHTTPRequestHandler):
    server_version = "edge-gate"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = _QUIET_S
    disable_nagle_algorithm = True
    server: KioskServer

    def do_GET(self) -> None:
        site = self.server.site
        if self.headers.get("Host", "") not in self.server.hosts:
            self._send(HTTPStatus.MISDIRECTED_REQUEST, ".html", b"")
            return
        reader, _, name = self.path.partition("?")[0].removeprefix("/").partition("/")
        if reader == "":
            self._index()
        elif reader == "-" and name in site.assets:
            self._send(HTTPStatus.OK, Path(name).suffix, site.assets[name])
        elif reader in site.board.readers:
            self._page(reader, name)
        else:
            self._send(HTTPStatus.NOT_FOUND, ".html", b"")

    def _page(self, reader: str, name: str) -> None:
        site = self.server.site
        match name:
            case "":
                if self.path.partition("?")[0].endswith("/"):
                    self._send(HTTPStatus.OK, ".html", site.assets["index.html"])
                else:
                    self._go(f"/{reader}/")
            case "view.json":
                _, view = site.board.wait(reader, -1, 0.0)
                message = site.messages.view(view, now_s=site.monotonic())
                self._send(HTTPStatus.OK, ".json", compact(message))
            case "pages.json":
                pages = {"pages": self.server.pages(reader)}
                self._send(HTTPStatus.OK, ".json", compact(pages))
            case "events":
                with self.server.listening(reader):
                    self._stream(reader)
            case "camera.jpg" if reader in site.camera:
                picture = site.camera[reader](PICTURE_S)
                status = HTTPStatus.NO_CONTENT if picture is None else HTTPStatus.OK
                self._send(status, ".jpg", picture or b"")
            case _:
                self._send(HTTPStatus.NOT_FOUND, ".html", b"")

    def _stream(self, reader: str) -> None:
        """Server-sent events until either side ends."""
        site = self.server.site
        self.close_connection = True
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self._finish_headers()
        self.wfile.write(f"retry: {RETRY_MS}\n\n".encode() + event("hello", site.messages.hello()))
        seen = -1
        while True:
            number, view = site.board.wait(reader, seen, BEAT_S)
            if site.board.closed and number == seen:
                return
            now_s = site.monotonic()
            silent_ms = round(site.silent_s() * 1000)
            if number == seen:
                self.wfile.write(event("beat", {"silent_ms": silent_ms}))
            else:
                message = site.messages.view(view, now_s=now_s)
                self.wfile.write(event("view", {**message, "silent_ms": silent_ms}))
            seen = number

    def _index(self) -> None:
        """All readers, or the only one."""
        readers = self.server.site.board.readers
        if len(readers) == 1:
            self._go(f"/{readers[0]}/")
            return
        items = "".join(
            f'<li><a href="/{html.escape(name)}/">{html.escape(name)}</a></li>' for name in readers
        )
        page = (
            '<!doctype html><html lang="en"><meta charset="utf-8"><title>edge-gate</title>'
            f"<main><h1>edge-gate</h1><ul>{items}</ul></main></html>"
        )
        self._send(HTTPStatus.OK, ".html", page.encode())

    def _go(self, path: str) -> None:
        self.send_response(HTTPStatus.SEE_OTHER)
        self.send_header("Location", path)
        self.send_header("Content-Length", "0")
        self._finish_headers()

    def _send(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", TYPES[kind])
        self.send_header("Content-Length", str(len(body)))
        self._finish_headers()
        self.wfile.write(body)

    def _finish_headers(self) -> None:
        for header, value in HEADERS.items():
            self.send_header(header, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        log.debug("screen: %s", format % args)
