"""The page over HTTPS: a browser makes keys only on a page that came safely.

Static files and headers, nothing else: any web server with a certificate does as well.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import ssl
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from hub.listening import why_not_bound

log = logging.getLogger(__name__)

STATIC = Path(__file__).with_name("static")
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; manifest-src 'self'; worker-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # the service worker keeps the page; what it asks for is asked anew
    "Cache-Control": "no-cache",
}
_QUIET_S = 10.0  # a client that says nothing for so long is let go
_SELF_SIGNED_DAYS = 397  # browsers take no longer ones


class ServeError(Exception):
    """The page can't be served as it is asked for. One line."""


class PageServer(ThreadingHTTPServer):
    """Serves the page. Raises ServeError when made: certificate, address."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, host: str, port: int, *, cert_file: Path, key_file: Path) -> None:
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            self._tls.load_cert_chain(cert_file, key_file)
        except (OSError, ValueError) as error:
            raise ServeError(f"{cert_file}, {key_file}: can't be used: {error}") from error
        # read once: what the disk does later can't change what is served
        self.pages = {path.name: path.read_bytes() for path in sorted(STATIC.iterdir())}
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise ServeError(f"{host}:{port}: {why_not_bound(error)}") from error

    def finish_request(self, request: Any, client_address: Any) -> None:
        """In the client's own thread: a slow handshake holds up nobody else."""
        request.settimeout(_QUIET_S)
        try:
            secure = self._tls.wrap_socket(request, server_side=True)
        except (ssl.SSLError, OSError) as error:
            log.debug("%s: no TLS: %s", client_address[0], error)
            return
        try:
            super().finish_request(secure, client_address)
        except (ssl.SSLError, OSError) as error:
            log.debug("%s: gone: %s", client_address[0], error)
        finally:
            secure.close()


class _Handler(BaseHTTPRequestHandler):
    server_version = "edge-hub"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = _QUIET_S
    server: PageServer

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, *, with_body: bool) -> None:
        name = self.path.partition("?")[0].removeprefix("/") or "index.html"
        body = self.server.pages.get(name)
        if body is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", TYPES[Path(name).suffix])
        self.send_header("Content-Length", str(len(body)))
        for header, value in HEADERS.items():
            self.send_header(header, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        # no addresses of people's phones in the log
        log.debug("%s", format % args)


def make_self_signed(cert_file: Path, key_file: Path, host: str) -> None:
    """A certificate for trials: browsers warn of it. Raises ServeError."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(days=_SELF_SIGNED_DAYS))
        .add_extension(x509.SubjectAlternativeName([_alternative(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(key_file, flags, 0o600), "wb") as file:
            file.write(secret)
        cert_file.write_bytes(certificate.public_bytes(Encoding.PEM))
    except OSError as error:
        raise ServeError(f"{key_file}: can't be made: {error.strerror}") from error


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def address_of(server: PageServer) -> str:
    """Where the page is, for a person."""
    host, port = server.server_address[:2]
    shown = socket.gethostname() if host in {"0.0.0.0", "::"} else str(host)  # noqa: S104
    return f"https://{shown}:{port}/"
