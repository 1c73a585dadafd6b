"""`edge-hub api --log-in`: from the command to a page that is logged in."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from hub.store.engine import connect
from hub.store.schema import metadata

ROOT = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "hub.db"
    engine = connect(path)
    metadata.create_all(engine)
    engine.dispose()
    return path


def test_the_printed_address_logs_in_once_over_an_empty_store(store: Path) -> None:
    words = ["--store", str(store), "--listen", "127.0.0.1:0", "--log-in", "tracer", "--json"]
    with subprocess.Popen(
        [sys.executable, "-m", "hub", "api", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            told = json.loads(process.stdout.readline())
            link = told["log_in"]["tracer"]
            with httpx.Client(base_url=told["url"], timeout=60) as client:
                token = re.findall(r'name="csrf" value="([^"]+)"', client.get(link).text)[0]
                assert client.post(link, data={"csrf": token}).headers["location"] == "/overview"
                page = client.get("/overview")
                assert "Chưa có cổng nào" in page.text
                for path in ("/alarms", "/charts", "/coverage", "/muster", "/trace"):
                    assert client.get(path).status_code == 200, path
                # the HTTP interface beside it is as it was
                assert client.get("/health").status_code in {200, 503}
                assert client.get("/api/v1/gates").status_code == 401
        finally:
            process.send_signal(signal.SIGTERM)
            _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
