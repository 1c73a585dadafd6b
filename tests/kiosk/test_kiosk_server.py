"""The kiosk's server: what it serves to whom, and that nobody who looks holds a gate up."""

from __future__ import annotations

import http.client
import json
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from typing import Any, Self

import pytest

from edge.config.model import KioskTable
from edge.demo.broker import free_port
from edge.gate import events as ev
from edge.gate.reasons import Cause, Device, Reason
from edge.kiosk.board import Board, Mailbox
from edge.kiosk.server import MOST_CONNECTIONS
from edge.kiosk.view import Screen, View
from edge.kiosk.worker import Kiosk, KioskWorker
from feed.backoff import Backoff
from tests.browser.pinned import PinnedKiosk
from tests.gate.gatebench import RULES, Bench


@pytest.fixture
def kiosk() -> Iterator[PinnedKiosk]:
    with PinnedKiosk(("in", "out")) as made:
        yield made


def get(port: int, path: str, host: str | None = None) -> tuple[int, dict[str, str], bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


class Stream:
    """The events of a page, read as a browser would."""

    def __init__(self, port: int, reader: str = "in") -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.connection.request("GET", f"/{reader}/events")
        self.answer = self.connection.getresponse()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.answer.close()  # it holds the socket too
        self.connection.close()

    def next(self, wanted: str) -> dict[str, Any]:
        name = ""
        while line := self.answer.readline().decode():
            if line.startswith("event: "):
                name = line[7:].strip()
            elif line.startswith("data: ") and name == wanted:
                data: dict[str, Any] = json.loads(line[6:])
                return data
        raise EOFError


def test_each_reader_has_a_page_of_its_own_and_nothing_else_is_there(kiosk: PinnedKiosk) -> None:
    kiosk.pin(Screen.WELCOME, "in")
    kiosk.pin(Screen.REFUSED, "out", reason=Reason.CODE_EXPIRED)
    status, headers, page = get(kiosk.port, "/in/")
    assert status == 200
    assert b"<script src" not in page.replace(b'<script type="module" src', b"")
    assert b"style=" not in page
    policy = headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "default-src 'none'" in policy
    assert json.loads(get(kiosk.port, "/in/view.json")[2])["screen"] == "welcome"
    assert json.loads(get(kiosk.port, "/out/view.json")[2])["reason"] == "code_expired"
    for path in ("/side/", "/in/../app.py", "/-/../worker.py", "/-/", "/in/nothing"):
        assert get(kiosk.port, path)[0] == 404
    assert get(kiosk.port, "/in")[1]["Location"] == "/in/"
    assert b'href="/out/"' in get(kiosk.port, "/")[2]


def test_a_page_elsewhere_can_t_read_along_under_another_name(kiosk: PinnedKiosk) -> None:
    assert get(kiosk.port, "/in/view.json", host=f"evil.example:{kiosk.port}")[0] == 421
    assert get(kiosk.port, "/in/view.json", host=f"localhost:{kiosk.port}")[0] == 200


def test_a_stream_begins_with_the_present_and_goes_on(kiosk: PinnedKiosk) -> None:
    kiosk.pin(Screen.SHOW_CODE)
    with Stream(kiosk.port) as stream:
        assert stream.next("hello")["tones"] is True
        assert stream.next("view")["screen"] == "show_code"
        kiosk.pin(Screen.CHECKING)
        assert stream.next("view")["screen"] == "checking"


def test_a_beat_tells_how_long_the_gate_was_silent(kiosk: PinnedKiosk) -> None:
    with Stream(kiosk.port) as stream:
        assert stream.next("beat")["silent_ms"] == 0
        kiosk.silent_s = 3.5
        assert stream.next("beat")["silent_ms"] == 3500


def test_how_many_pages_listen_is_told_to_whoever_watches_the_browser(kiosk: PinnedKiosk) -> None:
    def pages(reader: str) -> bytes:
        return get(kiosk.port, f"/{reader}/pages.json")[2]

    assert pages("in") == b'{"pages":0}'
    with Stream(kiosk.port) as stream:
        stream.next("view")
        assert (pages("in"), pages("out")) == (b'{"pages":1}', b'{"pages":0}')
    # a page that went away is noticed at the next beats
    deadline_s = time.monotonic() + 30
    while pages("in") != b'{"pages":0}':
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_name_with_markup_stays_text(kiosk: PinnedKiosk) -> None:
    kiosk.pin(Screen.WELCOME, name='<img src=x onerror="alert(1)">\n\nevent: view\ndata: {}')
    with Stream(kiosk.port) as stream:
        assert stream.next("view")["name"].startswith("<img")
        assert stream.next("beat")


def test_the_camera_s_picture_is_served_where_there_is_one(kiosk: PinnedKiosk) -> None:
    assert get(kiosk.port, "/in/camera.jpg")[0] == 204
    kiosk.pictures = {"in": b"\xff\xd8\xff picture"}
    status, headers, body = get(kiosk.port, "/in/camera.jpg?12")
    assert (status, headers["Content-Type"], body) == (200, "image/jpeg", b"\xff\xd8\xff picture")


def test_more_pages_than_there_is_room_for_are_turned_away(kiosk: PinnedKiosk) -> None:
    streams = [Stream(kiosk.port) for _ in range(MOST_CONNECTIONS)]
    with pytest.raises((http.client.HTTPException, OSError)):
        get(kiosk.port, "/in/")
    for stream in streams:
        stream.connection.close()


def test_a_browser_that_reads_nothing_holds_nobody_up(kiosk: PinnedKiosk) -> None:
    with socket.create_connection(("127.0.0.1", kiosk.port)) as stalled:
        stalled.sendall(f"GET /in/events HTTP/1.1\r\nHost: 127.0.0.1:{kiosk.port}\r\n\r\n".encode())
        stalled.recv(1)
        for number in range(2000):
            kiosk.pin(Screen.WELCOME, name=f"{number}" * 200)
        with Stream(kiosk.port) as stream:
            assert stream.next("view")["screen"] == "welcome"


# --- the board and the worker ---------------------------------------------------------------------


def test_the_gate_never_waits_for_the_screen_and_only_the_newest_counts() -> None:
    bench, mailbox = Bench(), Mailbox()
    assert mailbox.look(0.0) is None
    for _ in range(10_000):
        mailbox.put(bench.state)
    bench.code()
    mailbox.put(bench.state)
    assert mailbox.look(0.0) is bench.state


def test_who_waits_at_the_board_is_let_go_when_it_closes() -> None:
    board = Board(["in"])
    number, _ = board.wait("in", -1, 0.0)
    left = queue.SimpleQueue[int]()
    waiting = threading.Thread(target=lambda: left.put(board.wait("in", number, 60.0)[0]))
    waiting.start()
    board.close()
    waiting.join(10)
    assert left.get(timeout=1) == number


def test_the_same_view_is_not_told_twice() -> None:
    board = Board(["in"])
    board.pin("in", View(screen=Screen.WAIT))
    number, _ = board.wait("in", -1, 0.0)
    board.pin("in", View(screen=Screen.WAIT))
    assert board.wait("in", number, 0.0)[0] == number


def test_a_worker_shows_what_the_gate_has_stepped_to_and_its_successor_too() -> None:
    bench = Bench()
    kiosk = Kiosk(KioskTable(listen=f"127.0.0.1:{free_port()}"), RULES, silent_s=lambda: 0.0)
    port = int(kiosk.table.listen.rpartition(":")[2])
    bench.code()
    kiosk.stepped(bench.state)
    for faulted in (False, True):
        told: queue.SimpleQueue[ev.Event] = queue.SimpleQueue()
        worker = KioskWorker(kiosk, told.put, faulted=faulted)
        worker.start()
        if faulted:
            assert told.get(timeout=10) == ev.Recovered(device=Device.SCREEN)
        with connected(port) as stream:
            while stream.next("view")["screen"] != "come_closer":
                pass
        assert worker.stop(10)
        assert worker.error is None


def test_a_port_in_use_is_a_fault_of_the_screen_until_it_is_free() -> None:
    told: queue.SimpleQueue[ev.Event] = queue.SimpleQueue()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        kiosk = Kiosk(KioskTable(listen=f"127.0.0.1:{port}"), RULES, silent_s=lambda: 0.0)
        worker = KioskWorker(kiosk, told.put, backoff=Backoff(first_s=0.05, longest_s=0.1))
        worker.start()
        event = told.get(timeout=10)
        assert isinstance(event, ev.Faulted)
        assert (event.device, event.cause) == (Device.SCREEN, Cause.BUSY)
        assert "give kiosk.listen another port" in event.detail
    assert told.get(timeout=10) == ev.Recovered(device=Device.SCREEN)
    assert worker.stop(10)


def connected(port: int) -> Stream:
    """A stream of a server that is just being started."""
    for _ in range(500):
        try:
            return Stream(port)
        except ConnectionRefusedError:
            threading.Event().wait(0.01)
    raise AssertionError("nobody listens")


@pytest.mark.parametrize(
    "listen", ["0.0.0.0:8090", "192.168.1.4:8090", "127.0.0.1", "127.0.0.1:70000"]
)
def test_a_screen_is_served_on_loopback_only(listen: str) -> None:
    with pytest.raises(ValueError, match=r"listen|port"):
        KioskTable(listen=listen)


def test_a_language_named_twice_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="twice"):
        KioskTable(languages=("vi", "vi"))
