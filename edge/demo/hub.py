"""The hub beside the demo's gates, as processes of its own: gate and hub share the feed alone."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from edge.demo.broker import free_port

_START_S = 30.0
_STOP_S = 15.0
_TRACE_S = 60.0
_LOOK_S = 0.2
_HOST = "127.0.0.1"
# where this project's packages are found, whatever the working directory
_ROOT = Path(__file__).parents[2]
_COMMAND = (sys.executable, "-m", "hub")
_LOG_IN = ("--log-in", "manager", "--log-in", "tracer")


class HubError(Exception):
    """No hub, or no answer of it: one line."""


class DemoHub:
    """`edge-hub serve` with SQLite in `folder`, the HTTP interface on a free port, and the park's
    key. Started when made; `wait` until it answers.
    """

    def __init__(self, folder: Path, broker_port: int) -> None:
        self._port = free_port()
        self._config = folder / "hub.toml"
        self._log = folder / "hub.log"
        self._told = folder / "hub.out"
        self._config.write_text(
            f'[store]\npath = "hub.db"\n[mqtt]\nhost = "{_HOST}"\nport = {broker_port}\n'
            f'[identity]\nkey_file = "park.key"\n[api]\nlisten = "{_HOST}:{self._port}"\n',
            encoding="utf-8",
        )
        with self._log.open("wb") as log, self._told.open("wb") as told:
            self._process = subprocess.Popen(
                [*_COMMAND, "serve", "--config", self._config, *_LOG_IN],
                cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=told, stderr=log,
                # Ctrl-C is the demo's: the hub stores what the gates still have to say
                start_new_session=True,
            )  # fmt: skip

    @property
    def addresses(self) -> tuple[tuple[str, str], ...]:
        """What a visitor may open once the hub answers: a word and an address each.

        Those of the pages log in once, within 15 minutes.
        """
        _, *links = self._told.read_text(encoding="utf-8").splitlines()
        return tuple(zip(_LOG_IN[1::2], links, strict=True))

    def wait(self) -> None:
        """Until it answers over HTTP. Raises HubError when it ended or takes too long."""
        deadline_s = time.monotonic() + _START_S
        while time.monotonic() < deadline_s and self._process.poll() is None:
            if self._figures() and self._told.stat().st_size:  # written in one go
                return
            time.sleep(_LOOK_S)
        said = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise HubError(said[-1] if said else "it said nothing")

    def wait_for(self, records: int, timeout_s: float) -> int:
        """Wait until so many records are stored and made into visits: how many are stored."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            found = self._figures()
            stored = int(found.get("edge_hub_records", 0))
            behind = found.get("edge_hub_derivation_lag_records", 1)
            if (stored >= records and not behind) or time.monotonic() > deadline_s:
                return stored
            time.sleep(_LOOK_S)

    def trace(self, token: str, begin: datetime, end: datetime) -> dict[str, Any]:
        """What `edge-hub trace` tells of a person: visits, contacts, completeness. Raises
        HubError.
        """
        asked = (
            "trace", "--config", str(self._config), "--token", token,
            "--from", _utc(begin), "--to", _utc(end),
            "--purpose", "the demo shows what a tracer sees", "--json",
        )  # fmt: skip
        contacts = _answer(asked)
        return {
            "token": token,
            "visits": _answer((*asked, "--visits"))["visits"],
            "contacts": contacts["contacts"],
            "completeness": contacts["completeness"],
        }

    def stop(self) -> None:
        """End it; harmless the second time."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_S)

    def _figures(self) -> dict[str, float]:
        """Its metrics without labels; none while it doesn't answer."""
        connection = http.client.HTTPConnection(_HOST, self._port, timeout=5)
        try:
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
        except (OSError, http.client.HTTPException):
            return {}
        finally:
            connection.close()
        lines = (line.split() for line in text.splitlines() if not line.startswith("#"))
        return {words[0]: float(words[1]) for words in lines if len(words) == 2}


def _answer(words: Sequence[str]) -> dict[str, Any]:
    try:
        done = subprocess.run(
            [*_COMMAND, *words], cwd=_ROOT, capture_output=True, text=True, check=False,
            timeout=_TRACE_S, start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise HubError(f"edge-hub {words[0]} took longer than {_TRACE_S:g} s") from None
    if done.returncode != 0:
        raise HubError((done.stderr.strip().splitlines() or ["it said nothing"])[-1])
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def _utc(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds")
