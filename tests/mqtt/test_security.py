"""TLS, certificates and passwords against a real broker, and errors that say what to mend."""

from __future__ import annotations

import ipaddress
import logging
import re
import ssl
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge.config.model import MqttTable, TlsTable
from edge.mqtt.publisher import Publisher
from edge.mqtt.security import read_password
from feed.connection import SetupError, explain, tls_context
from tests.mqtt.support import Broker, MemoryOutbox, passage, tool, wait_until

Gate = Callable[..., Publisher]
# a certificate that is refused leaves paho's socket to the garbage collector
refused = pytest.mark.filterwarnings("ignore:unclosed.*:ResourceWarning")
unraisable = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@dataclass(frozen=True)
class Authority:
    """A CA that signs what a test needs."""

    folder: Path
    name: str
    key: ec.EllipticCurvePrivateKey
    cert: x509.Certificate

    @property
    def file(self) -> Path:
        path = self.folder / f"{self.name}.pem"
        path.write_bytes(self.cert.public_bytes(serialization.Encoding.PEM))
        return path

    def issue(
        self, name: str, *, host: str = "127.0.0.1", starts: timedelta = timedelta(days=-1)
    ) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        begin = datetime.now(UTC) + starts
        address = x509.IPAddress(ipaddress.ip_address(host))
        cert = (
            x509.CertificateBuilder()
            .subject_name(_named(name))
            .issuer_name(self.cert.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=30))
            .add_extension(x509.SubjectAlternativeName([address]), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        cert_file, key_file = self.folder / f"{name}.crt", self.folder / f"{name}.key"
        cert_file.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
        key_file.write_bytes(_pem(key))
        return cert_file, key_file


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _pem(key: ec.EllipticCurvePrivateKey, passphrase: bytes | None = None) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase)
        if passphrase
        else serialization.NoEncryption(),
    )


def authority(folder: Path, name: str) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    begin = datetime.now(UTC) - timedelta(days=1)
    cert = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + timedelta(days=30))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return Authority(folder, name, key, cert)


@pytest.fixture
def ca(tmp_path: Path) -> Authority:
    return authority(tmp_path, "park-ca")


def secured(folder: Path, ca: Authority, server: tuple[Path, Path]) -> Broker:
    return Broker(
        folder,
        f"cafile {ca.file}",
        f"certfile {server[0]}",
        f"keyfile {server[1]}",
        "require_certificate true",
        "use_identity_as_username true",
    )


@pytest.fixture
def tls_broker(tmp_path: Path, ca: Authority) -> Iterator[Broker]:
    broker = secured(tmp_path, ca, ca.issue("broker"))
    broker.start()
    yield broker
    broker.stop()


def trouble(worker: Publisher) -> str:
    assert wait_until(lambda: worker.health().last_error is not None)
    return str(worker.health().last_error)


def test_tls_with_a_client_certificate(tls_broker: Broker, ca: Authority, gate: Gate) -> None:
    cert, key = ca.issue("gate-1")
    outbox = MemoryOutbox([passage()] * 20)
    gate(tls_broker.port, outbox, tls=TlsTable(ca_file=ca.file, cert_file=cert, key_file=key))
    assert wait_until(lambda: outbox.confirmed_upto == 20)


@refused
@unraisable
def test_a_broker_of_another_ca_is_refused(tls_broker: Broker, tmp_path: Path, gate: Gate) -> None:
    other = authority(tmp_path, "other-ca")
    outbox = MemoryOutbox([passage()])
    worker = gate(tls_broker.port, outbox, tls=TlsTable(ca_file=other.file))
    assert re.search(
        r"the broker's certificate is refused: .*; is mqtt.tls.ca_file the CA of this broker",
        trouble(worker),
    )
    assert outbox.confirmed_upto == 0


@refused
@unraisable
def test_a_certificate_for_another_host_is_refused(
    tmp_path: Path, ca: Authority, gate: Gate
) -> None:
    broker = secured(tmp_path, ca, ca.issue("broker", host="192.0.2.7"))
    broker.start()
    try:
        worker = gate(broker.port, MemoryOutbox([passage()]), tls=TlsTable(ca_file=ca.file))
        assert "mqtt.host its name" in trouble(worker)
    finally:
        broker.stop()


@refused
@unraisable
def test_a_gate_whose_clock_is_behind_is_told_so(tmp_path: Path, ca: Authority, gate: Gate) -> None:
    broker = secured(tmp_path, ca, ca.issue("broker", starts=timedelta(days=2)))
    broker.start()
    try:
        worker = gate(broker.port, MemoryOutbox([passage()]), tls=TlsTable(ca_file=ca.file))
        assert "is this machine's clock right?" in trouble(worker)
    finally:
        broker.stop()


def test_a_missing_client_certificate_is_named(
    tls_broker: Broker, ca: Authority, gate: Gate
) -> None:
    worker = gate(tls_broker.port, MemoryOutbox([passage()]), tls=TlsTable(ca_file=ca.file))
    assert "certificate required" in trouble(worker).lower()


@refused
@unraisable
def test_tls_to_a_port_without_it_says_so(broker: Broker, ca: Authority, gate: Gate) -> None:
    worker = gate(broker.port, MemoryOutbox([passage()]), tls=TlsTable(ca_file=ca.file))
    assert re.search("TLS port|reset", trouble(worker))


# --- passwords ------------------------------------------------------------------------------


@pytest.fixture
def password_broker(tmp_path: Path) -> Iterator[Broker]:
    users = tmp_path / "users"
    subprocess.run(
        [tool("mosquitto_passwd"), "-b", "-c", str(users), "gate-1", "right"], check=True
    )
    broker = Broker(tmp_path, "allow_anonymous false", f"password_file {users}")
    broker.start()
    yield broker
    broker.stop()


def test_a_password_read_from_a_file(password_broker: Broker, tmp_path: Path, gate: Gate) -> None:
    secret = tmp_path / "secret"
    secret.write_text("right\n")
    outbox = MemoryOutbox([passage()] * 5)
    gate(password_broker.port, outbox, username="gate-1", password_file=secret)
    assert wait_until(lambda: outbox.confirmed_upto == 5)


def test_a_wrong_password_is_said_once_never_shown_and_tried_again(
    password_broker: Broker, tmp_path: Path, gate: Gate, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("wrong-word")
    outbox = MemoryOutbox([passage()])
    with caplog.at_level(logging.DEBUG):
        worker = gate(password_broker.port, outbox, username="gate-1", password_file=secret)
        text = trouble(worker)
        log = (tmp_path / "mosquitto.log").read_text
        assert wait_until(lambda: log().count("CONNACK") >= 3)
    assert re.search("refuses the gate: .*check mqtt.username, the password", text)
    assert caplog.text.count("refuses the gate") == 1
    assert "wrong-word" not in caplog.text
    assert outbox.confirmed_upto == 0


def table(**parts: object) -> MqttTable:
    return MqttTable.model_validate(parts)


def test_a_password_from_the_environment_and_the_first_line_of_a_file(tmp_path: Path) -> None:
    assert read_password(table(username="u", password="e")) == "e"
    (tmp_path / "secret").write_bytes(b" pass word \r\nsecond line\n")
    given = table(username="u", password_file=tmp_path / "secret")
    assert read_password(given) == " pass word "
    assert read_password(table()) is None


def test_setup_errors_are_one_line_with_key_file_and_cause(tmp_path: Path, ca: Authority) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "junk.pem").write_text("junk")
    cert, key = ca.issue("a")
    _, other_key = ca.issue("b")
    locked = tmp_path / "locked.key"
    locked.write_bytes(_pem(ec.generate_private_key(ec.SECP256R1()), b"phrase"))
    gone = tmp_path / "gone"

    def password(path: str) -> Callable[[], object]:
        return lambda: read_password(table(username="u", password_file=tmp_path / path))

    def own(cert: Path, key: Path) -> Callable[[], object]:
        return lambda: tls_context(TlsTable(cert_file=cert, key_file=key))

    cases: list[tuple[Callable[[], object], str]] = [
        (password("gone"), rf"^mqtt.password_file: {gone}: No such file"),
        (password("empty"), "^mqtt.password_file: .*empty is empty$"),
        (password("binary"), "^mqtt.password_file: .*binary is not UTF-8 text$"),
        (lambda: read_password(table(password="x")), "^mqtt.username is missing"),
        (lambda: tls_context(TlsTable(ca_file=gone)), "^mqtt.tls.ca_file: .*gone: No such file"),
        (
            lambda: tls_context(TlsTable(ca_file=tmp_path / "junk.pem")),
            "^mqtt.tls.ca_file: .*junk.pem holds no PEM certificate$",
        ),
        (own(gone, key), "^mqtt.tls.cert_file: .*gone: No such file"),
        (own(cert, gone), "^mqtt.tls.key_file: .*gone: No such file"),
        (own(cert, other_key), "can't be used together"),
        (own(cert, locked), "has a passphrase, and nobody is there to type it"),
    ]
    for attempt, message in cases:
        with pytest.raises(SetupError, match=message) as caught:
            attempt()
        assert "\n" not in str(caught.value)


def test_a_ca_that_newer_pythons_refuse_is_told_with_how_to_make_one() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "CA cert does not include key usage extension"
    told = explain(error)
    assert "key usage" in told
    assert "docs/how-to/broker.md" in told
