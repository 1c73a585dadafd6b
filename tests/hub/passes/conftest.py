"""`edge-hub` as a person calls it, in this process, and a park's folder of passes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.cli import main


@dataclass
class Done:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


Hub = Callable[..., Done]


@pytest.fixture
def hub(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Hub:
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Done:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Done(int(str(ended.value.code)), told.out, told.err)

    return call


@pytest.fixture
def folder(hub: Hub, tmp_path: Path) -> Path:
    """`passes/` with a key."""
    done = hub("pass", "key", "--park", "song-than", "--name", "2021-08-23")
    assert done.code == 0
    return tmp_path / "passes"
