"""Key files: what can be wrong with one is said in one line that tells how to mend it."""

from __future__ import annotations

import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from identity.keys import (
    KeyFileError,
    fingerprint,
    make_authority_keys,
    make_token_key,
    read_private_key,
    read_public_key,
    read_token_key,
)


def refused(read: Callable[[Path], object], path: Path) -> str:
    with pytest.raises(KeyFileError) as caught:
        read(path)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert len(said.splitlines()) == 1
    return said


def test_a_token_key_is_made_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    key = make_token_key(path)
    assert read_token_key(path) == key
    assert path.stat().st_mode & 0o777 == 0o600
    assert make_token_key(tmp_path / "other.key") != key


def test_making_a_key_never_overwrites_one(token_key_file: Path) -> None:
    before = token_key_file.read_bytes()
    assert "is there already" in refused(make_token_key, token_key_file)
    assert token_key_file.read_bytes() == before


def test_a_group_may_read_the_token_key(token_key_file: Path) -> None:
    """The unit's group reads what root owns."""
    assert len(read_token_key(token_key_file)) == 32


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602, 0o601])
def test_a_key_that_everyone_may_read_is_refused(token_key_file: Path, mode: int) -> None:
    token_key_file.chmod(mode)
    said = refused(read_token_key, token_key_file)
    assert f"{mode:04o}" in said
    assert "chmod o=" in said


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33), bytes(32).hex().encode()])
def test_a_token_key_of_another_size_is_refused(token_key_file: Path, raw: bytes) -> None:
    token_key_file.write_bytes(raw)
    said = refused(read_token_key, token_key_file)
    assert f"{len(raw)} bytes" in said
    assert "edge-gate keys make-token" in said


@pytest.mark.parametrize("read", [read_token_key, read_public_key, read_private_key])
def test_a_missing_key_is_named(tmp_path: Path, read: Callable[[Path], object]) -> None:
    assert "No such file" in refused(read, tmp_path / "nowhere.key")


@pytest.mark.parametrize("read", [read_token_key, read_public_key, read_private_key])
def test_a_folder_is_no_key(tmp_path: Path, read: Callable[[Path], object]) -> None:
    assert "directory" in refused(read, tmp_path)


def test_the_authoritys_keys_are_read(
    public_file: Path, private_file: Path, authority: X25519PrivateKey
) -> None:
    public = authority.public_key().public_bytes_raw()
    assert read_public_key(public_file).public_bytes_raw() == public
    assert read_private_key(private_file).public_key().public_bytes_raw() == public


def test_keys_made_as_the_documentation_says_are_read(tmp_path: Path) -> None:
    private, public = tmp_path / "a.pem", tmp_path / "a.pub.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "x25519", "-out", private], check=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True)
    private.chmod(0o600)
    ours = read_private_key(private).public_key().public_bytes_raw()
    assert read_public_key(public).public_bytes_raw() == ours


def test_a_private_key_on_a_gate_is_refused(private_file: Path) -> None:
    assert "must not lie on a gate" in refused(read_public_key, private_file)


def test_an_open_private_key_is_refused(private_file: Path) -> None:
    private_file.chmod(0o644)
    assert "open to everyone" in refused(read_private_key, private_file)


@pytest.mark.parametrize("read", [read_token_key, read_private_key])
def test_nobody_is_told_to_close_a_file_that_is_no_key(
    tmp_path: Path, read: Callable[[Path], object]
) -> None:
    """As /etc/passwd, which every program of the machine reads."""
    (tmp_path / "passwd").write_text("root:x:0:0:root:/root:/bin/bash\n" * 9)
    (tmp_path / "passwd").chmod(0o644)
    told = refused(read, tmp_path / "passwd")
    assert "chmod" not in told
    assert "key" in told


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    path = tmp_path / "key.pem"
    path.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    assert "X25519" in refused(read_public_key, path)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    path.chmod(0o600)
    assert "X25519" in refused(read_private_key, path)


@pytest.mark.parametrize("raw", [b"", b"\xff\0", b"-----BEGIN PUBLIC KEY-----\nAAAA\n"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(raw)
    path.chmod(0o600)
    assert "no public key in PEM" in refused(read_public_key, path)
    assert "no private key in PEM" in refused(read_private_key, path)


def test_a_private_key_may_have_a_password(tmp_path: Path, authority: X25519PrivateKey) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(
        authority.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word"))
    )
    path.chmod(0o600)
    assert read_private_key(path, b"word").private_bytes_raw() == authority.private_bytes_raw()
    assert "needs its password" in refused(read_private_key, path)
    assert "wrong" in refused(lambda file: read_private_key(file, b"other"), path)


def test_a_password_for_a_key_without_one_is_refused(private_file: Path) -> None:
    said = refused(lambda file: read_private_key(file, b"word"), private_file)
    assert "has no password" in said


def test_a_made_pair_fits_and_only_its_owner_reads_the_private_half(tmp_path: Path) -> None:
    private, public = tmp_path / "authority.pem", tmp_path / "authority.pub.pem"
    key = make_authority_keys(private, public)
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert fingerprint(read_private_key(private).public_key()) == fingerprint(key.public_key())
    assert fingerprint(read_public_key(public)) == fingerprint(key.public_key())


def test_a_private_half_may_have_a_password(tmp_path: Path) -> None:
    private, public = tmp_path / "authority.pem", tmp_path / "authority.pub.pem"
    made = make_authority_keys(private, public, b"a password")
    assert "needs its password" in refused(read_private_key, private)
    read = read_private_key(private, b"a password")
    assert read.private_bytes_raw() == made.private_bytes_raw()


def test_no_half_of_a_pair_is_written_over_another(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    for there, other in ((first, second), (second, first)):
        there.write_text("someone's key")
        with pytest.raises(KeyFileError, match=f"{there}: is there already"):
            make_authority_keys(first, second)
        assert there.read_text() == "someone's key"
        assert not other.exists()
        there.unlink()
    with pytest.raises(KeyFileError, match="can't be made"):
        make_authority_keys(first, tmp_path / "no folder" / "b")
    assert not first.exists()
