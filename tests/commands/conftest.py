"""The commands as a person starts them: subprocesses."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]

SIMULATED = """\
[gate]
park = "park"
site = "site"
gate = "gate"
[door]
driver = "sim"
lock = "fail_secure"
[[reader]]
name = "in"
direction = "in"
[reader.camera]
driver = "sim"
size = [320, 240]
frame_rate_hz = 30
[reader.thermometer]
driver = "sim"
[identity]
key_file = "token.key"
[records]
path = "records"
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Start `edge-gate` in the repository's root; nothing of this machine's gate reaches it."""

    def run(
        *arguments: str | Path, environ: dict[str, str] | None = None, cwd: Path = ROOT
    ) -> subprocess.CompletedProcess[str]:
        clean = {
            name: value for name, value in os.environ.items() if not name.startswith("EDGE_GATE")
        }
        return subprocess.run(
            [sys.executable, "-m", "edge", *map(str, arguments)],
            cwd=cwd,
            env=clean | {"PYTHONPATH": str(ROOT)} | (environ or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    return run


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    """A gate with simulated devices, its key and its folder of records."""
    path = tmp_path / "config.toml"
    path.write_text(SIMULATED)
    key = tmp_path / "token.key"
    key.write_bytes(bytes(range(32)))
    key.chmod(0o600)
    return path
