"""Key files and shared test data of the identity suites."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)


@pytest.fixture
def shared_data() -> Path:
    """Data that lies beside the repository and is not part of it."""
    folder = Path(__file__).parents[2] / ".." / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("shared test data is not on this machine")
    return folder


@pytest.fixture
def authority() -> X25519PrivateKey:
    """The tracing authority's key, the same every time."""
    return X25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture
def private_file(tmp_path: Path, authority: X25519PrivateKey) -> Path:
    path = tmp_path / "authority.pem"
    path.write_bytes(authority.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    return path


@pytest.fixture
def public_file(tmp_path: Path, authority: X25519PrivateKey) -> Path:
    path = tmp_path / "authority.pub.pem"
    path.write_bytes(
        authority.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return path


@pytest.fixture
def token_key_file(tmp_path: Path) -> Path:
    path = tmp_path / "token.key"
    path.write_bytes(bytes(range(100, 132)))
    path.chmod(0o640)
    return path
