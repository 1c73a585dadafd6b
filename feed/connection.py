"""What gate and hub share about their connections to the broker, over paho-mqtt.

TLS and passwords from files, errors that say what to mend, and callbacks that can't kill paho's
thread.
"""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import paho.mqtt.client as paho
from paho.mqtt.reasoncodes import ReasonCode

from feed.backoff import Backoff

# MQTT 5.0, 3.14.2.1: another client connected with the same client id
_SESSION_TAKEN_OVER = 0x8E
# MQTT 5.0, 3.2.2.2: bad user name or password; not authorised
_REFUSED_WHO = frozenset({0x86, 0x87})


class SetupError(ValueError):
    """A file of the broker's table can't be used. One line: key, file, what is wrong."""


class TlsFiles(Protocol):
    """A table [mqtt.tls]. Without `ca_file` the system's CAs are trusted."""

    @property
    def ca_file(self) -> Path | None: ...
    @property
    def cert_file(self) -> Path | None: ...
    @property
    def key_file(self) -> Path | None: ...


# --- files ----------------------------------------------------------------------------------


def password_in(path: Path) -> str:
    """The first line of a password file. Raises SetupError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"mqtt.password_file: {_file_trouble(path, error)}") from error
    password = text.partition("\n")[0].removesuffix("\r")
    if not password:
        raise SetupError(f"mqtt.password_file: {path} is empty")
    return password


def tls_context(tls: TlsFiles) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and host name always checked. Raises SetupError."""
    context = ssl.create_default_context()
    if tls.ca_file is not None:
        # this park's CA alone, not the world's beside it
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            context.load_verify_locations(tls.ca_file)
        except (OSError, ssl.SSLError) as error:
            trouble = _file_trouble(tls.ca_file, error)
            raise SetupError(f"mqtt.tls.ca_file: {trouble}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.cert_file is not None and tls.key_file is not None:
        _load_own(context, tls.cert_file, tls.key_file)
    return context


def _load_own(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    for name, path in (("cert_file", cert), ("key_file", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise SetupError(f"mqtt.tls.{name}: {_file_trouble(path, error)}") from error
    try:
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        raise SetupError(
            f"mqtt.tls: certificate {cert} and key {key} can't be used together: {error}"
        ) from error


def _no_passphrase() -> str:
    # without this OpenSSL would ask at a terminal that no one sits at
    raise ValueError("the key has a passphrase, and nobody is there to type it")


def _file_trouble(path: Path, error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{path} holds no PEM certificate"
    if isinstance(error, OSError):
        return f"{path}: {error.strerror}"
    return f"{path} is not UTF-8 text"


# --- errors for a person --------------------------------------------------------------------


def explain(error: BaseException | None) -> str:
    """What ended a try to connect."""
    if isinstance(error, ssl.SSLCertVerificationError):
        what = error.verify_message
        return f"the broker's certificate is refused: {what}; {_mend_certificate(what)}"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason or error}; is this the broker's TLS port?"
    if isinstance(error, socket.gaierror):
        return f"the name can't be resolved: {error.strerror}"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused; does a broker listen there?"
    return str(error)


def _mend_certificate(what: str) -> str:
    if "not yet valid" in what or "expired" in what:
        return "is this machine's clock right?"
    if "extension" in what:
        # RFC 5280 as Python 3.13 and later hold to it (ssl.VERIFY_X509_STRICT)
        return "make the CA anew as docs/how-to/broker.md does"
    return "is mqtt.tls.ca_file the CA of this broker, and mqtt.host its name?"


def hint(reason: ReasonCode, *, same_name: str) -> str:
    """What to look at for a reason that the broker gave; `same_name` asks about a second client."""
    if reason.value == _SESSION_TAKEN_OVER:
        return same_name
    if reason.value in _REFUSED_WHO:
        return "; check mqtt.username, the password or the client certificate"
    return ""


class ErrorMemory(logging.Logger):
    """Keeps the last error that paho logs: it names causes that its callbacks don't.

    Not in the tree of loggers: paho logs several errors for each connection that is lost.
    """

    def __init__(self) -> None:
        super().__init__("paho", logging.ERROR)
        self.text = ""

    def handle(self, record: logging.LogRecord) -> None:
        """Remember it."""
        self.text = record.getMessage()


# --- paho's callbacks -----------------------------------------------------------------------


def guarded(
    callback: Callable[..., None], log: logging.Logger, failed: Callable[[], None] | None = None
) -> Callable[..., None]:
    """An exception in a callback would end paho's thread while it still seems connected: it is
    logged, and `failed` counts it.
    """

    def guard(*args: Any) -> None:
        try:
            callback(*args)
        except Exception:
            if failed is not None:
                failed()
            log.exception("an MQTT callback failed; going on")

    return guard


def no_delay(_client: paho.Client, _userdata: Any, sock: Any) -> None:
    """For on_socket_open: with Nagle a PUBACK takes 5 ms instead of 0.5."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def wait_longer(client: paho.Client, backoff: Backoff) -> None:
    """Set what paho waits before it connects again."""
    # paho doubles without jitter: set before each of its waits, this is the wait.
    # Its annotation says int, its arithmetic takes fractions.
    wait_s: Any = backoff.next_s()
    client.reconnect_delay_set(wait_s, wait_s)
