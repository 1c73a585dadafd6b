"""What proves the gate to the broker and the broker to the gate: password, CA, certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

from edge.config.model import MqttTable, TlsTable


class MqttSetupError(ValueError):
    """The broker's table names something that can't be used. One line: key, file, what to do."""


def read_password(table: MqttTable) -> str | None:
    """The password of the environment or the file. Raises MqttSetupError."""
    if table.password is not None:
        password: str | None = table.password.get_secret_value()
    elif table.password_file is not None:
        password = _password_in(table.password_file)
    else:
        password = None
    if password is not None and table.username is None:
        raise MqttSetupError("mqtt.username is missing: a password needs one")
    return password


def _password_in(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MqttSetupError(f"mqtt.password_file: {_file_trouble(path, error)}") from error
    password, _, _ = text.partition("\n")
    password = password.removesuffix("\r")
    if not password:
        raise MqttSetupError(f"mqtt.password_file: {path} is empty")
    return password


def tls_context(tls: TlsTable) -> ssl.SSLContext:
    """TLS 1.2 or newer, certificate and host name always checked. Raises MqttSetupError."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.ca_file is not None:
        # this park's CA alone, not the world's beside it
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_verify_locations(tls.ca_file)
        except (OSError, ssl.SSLError) as error:
            trouble = _file_trouble(tls.ca_file, error)
            raise MqttSetupError(f"mqtt.tls.ca_file: {trouble}") from error
    if tls.cert_file is not None and tls.key_file is not None:
        _load_own(context, tls.cert_file, tls.key_file)
    return context


def _load_own(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    for name, path in (("cert_file", cert), ("key_file", key)):
        try:
            path.read_bytes()
        except OSError as error:
            raise MqttSetupError(f"mqtt.tls.{name}: {_file_trouble(path, error)}") from error
    try:
        context.load_cert_chain(cert, key, password=_no_passphrase)
    except (OSError, ValueError) as error:
        raise MqttSetupError(
            f"mqtt.tls: certificate {cert} and key {key} can't be used together: {error}"
        ) from error


def _no_passphrase() -> str:
    # without this OpenSSL would ask at a terminal that no one sits at
    raise ValueError("the key has a passphrase, which an unattended gate can't type")


def _file_trouble(path: Path, error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{path} holds no PEM certificate"
    if isinstance(error, OSError):
        return f"{path}: {error.strerror}"
    return f"{path} is not UTF-8 text"
