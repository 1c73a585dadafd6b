"""`edge-gate keys`: made once, told apart, never shown."""

from __future__ import annotations

import json
import stat
from pathlib import Path

from tests.commands.conftest import Run


def test_a_token_key_is_made_once(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "token.key"
    made = run("keys", "make-token", path, "--json")
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = path.read_bytes()
    shown = run("keys", "show", path, "--json")
    assert json.loads(shown.stdout) == json.loads(made.stdout)
    assert key.hex() not in shown.stdout + made.stdout
    again = run("keys", "make-token", path)
    assert again.returncode == 2
    assert again.stderr == (
        f"edge-gate: {path}: is there already, and no key is written over another\n"
    )
    assert path.read_bytes() == key


def test_both_halves_of_a_pair_have_one_fingerprint(run: Run, tmp_path: Path) -> None:
    private, public = tmp_path / "authority.pem", tmp_path / "authority.pub.pem"
    assert run("keys", "make-authority", private, public).returncode == 0
    shown = [json.loads(run("keys", "show", path, "--json").stdout) for path in (private, public)]
    assert shown[0]["fingerprint"] == shown[1]["fingerprint"]
    assert [one["kind"] for one in shown] == ["authority's private key", "authority's public key"]


def test_what_is_no_key_is_refused(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"x")
    path.chmod(0o600)
    done = run("keys", "show", path)
    assert done.returncode == 2
    assert done.stderr.startswith(f"edge-gate: {path}: holds 1 bytes, a token key is 32")
    assert "No such file" in run("keys", "show", tmp_path / "y").stderr
