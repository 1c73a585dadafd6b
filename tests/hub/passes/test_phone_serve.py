"""The page's server: only its own files, over TLS, with the headers that keep scripts out."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.phone.serve import (
    HEADERS,
    STATIC,
    TYPES,
    PageServer,
    ServeError,
    make_self_signed,
)

ROOT = Path(__file__).parents[3]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PageServer]:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    make_self_signed(cert, key, "127.0.0.1")
    made = PageServer("127.0.0.1", 0, cert_file=cert, key_file=key)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    thread.join(10)
    made.server_close()


def get(server: PageServer, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    folder_cert = ssl.create_default_context()
    folder_cert.check_hostname = False
    folder_cert.verify_mode = ssl.CERT_NONE
    port = int(server.server_address[1])
    link = http.client.HTTPSConnection("127.0.0.1", port, context=folder_cert, timeout=20)
    try:
        link.request(method, path)
        answer = link.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        link.close()


def test_every_file_of_the_page_comes_with_its_kind_and_its_policy(server) -> None:
    for path in sorted(STATIC.iterdir()):
        status, headers, body = get(server, f"/{path.name}")
        assert status == 200
        assert body == path.read_bytes()
        assert headers["Content-Type"] == TYPES[path.suffix]
        for name, value in HEADERS.items():
            assert headers[name] == value
    assert get(server, "/")[2] == (STATIC / "index.html").read_bytes()
    assert get(server, "/?x=1", "HEAD")[2] == b""


@pytest.mark.parametrize(
    "path", ["/../serve.py", "/%2e%2e/serve.py", "/static/app.js", "//etc/passwd", "/app.js/", "/x"]
)
def test_nothing_else_is_served(server, path) -> None:
    assert get(server, path)[0] == 404


def test_other_methods_are_refused(server) -> None:
    assert get(server, "/", "POST")[0] == 501


def test_a_client_that_says_nothing_holds_up_nobody(server) -> None:
    port = int(server.server_address[1])
    with socket.create_connection(("127.0.0.1", port)) as silent:
        assert get(server, "/")[0] == 200
        silent.sendall(b"GET / HTTP/1.0\r\n\r\n")  # no TLS
        assert get(server, "/")[0] == 200


def test_the_page_asks_for_nothing_from_elsewhere_and_has_no_inline_script() -> None:
    for path in STATIC.iterdir():
        text = path.read_text(encoding="utf-8")
        if path.suffix in {".html", ".css", ".webmanifest"} or path.name in {"sw.js", "app.js"}:
            assert not re.search(r"(?:https?:)?//[a-z0-9]", text.replace("<!DOCTYPE html>", ""))
        if path.suffix == ".html":
            assert not re.search(r"<script(?![^>]*\bsrc=)", text)
            assert not re.search(r"\son[a-z]+=|\sstyle=|<style", text)
            assert HEADERS["Content-Security-Policy"].partition("; frame")[0] in text


def test_the_service_worker_keeps_every_file_the_page_needs() -> None:
    worker = (STATIC / "sw.js").read_text(encoding="utf-8")
    needed = {path.name for path in STATIC.iterdir()} - {
        "index.html", "sw.js", "qrcode.LICENSE.txt",
    }  # fmt: skip
    assert {name for name in needed if f'"{name}"' not in worker} == set()


def test_both_languages_say_everything() -> None:
    text = (STATIC / "texts.js").read_text(encoding="utf-8")
    vietnamese, english = (set(re.findall(r"^    (\w+):", part, re.MULTILINE))
                           for part in text.split("  en: {"))  # fmt: skip
    assert vietnamese == english
    used = set()
    for path in STATIC.iterdir():
        content = path.read_text(encoding="utf-8")
        used |= set(re.findall(r'data-text="(\w+)"|\btext\("(\w+)"\)|complain\("(\w+)"\)', content))
    assert {name for group in used for name in group if name} <= english


def test_a_certificate_that_can_not_be_used_is_told(tmp_path) -> None:
    with pytest.raises(ServeError, match="can't be used"):
        PageServer("127.0.0.1", 0, cert_file=tmp_path / "no.pem", key_file=tmp_path / "no.key")


def test_the_command_serves_until_it_is_told_to_stop(tmp_path) -> None:
    command = [sys.executable, "-m", "hub", "phone", "serve", "--host", "127.0.0.1", "--port", "0",
               "--cert", str(tmp_path / "c.pem"), "--key", str(tmp_path / "k.pem"),
               "--self-signed", "127.0.0.1"]  # fmt: skip
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline().startswith("https://127.0.0.1:")
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
        finally:
            process.kill()
    assert (tmp_path / "k.pem").stat().st_mode & 0o077 == 0
