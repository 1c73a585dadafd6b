"""feed/asyncapi.yaml before the official parser, and the page made from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PARSER = ROOT / "tests" / "asyncapi"
DOCUMENT = ROOT / "feed" / "asyncapi.yaml"


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is not None and (PARSER / "node_modules" / "@asyncapi" / "parser").is_dir():
        return found
    if found is not None and shutil.which("npm") and os.environ.get("CI") == "true":
        pytest.fail("node is here and the parser is not: run scripts/bootstrap.sh dev")
    pytest.skip("no node, or no parser: scripts/bootstrap.sh dev installs it where npm is")


def validate(node: str, path: Path) -> tuple[int, list[dict[str, str]]]:
    done = subprocess.run(
        [node, "validate.mjs", path],
        cwd=PARSER, capture_output=True, text=True, check=False, timeout=100,
    )  # fmt: skip
    problems: list[dict[str, str]] = json.loads(done.stdout)["problems"]
    return done.returncode, [one for one in problems if one["severity"] in {"error", "warning"}]


def test_the_official_parser_finds_nothing_wrong(node: str) -> None:
    assert validate(node, DOCUMENT) == (0, [])


def test_the_official_parser_would_find_what_is_wrong(node: str, tmp_path: Path) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    broken = tmp_path / "broken.yaml"
    broken.write_text(text.replace("action: send", "action: shout", 1), encoding="utf-8")
    code, problems = validate(node, broken)
    assert code == 1
    assert problems


def test_the_page_of_messages_is_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/feed_reference.py", "--check"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_page_tells_every_topic_message_and_part() -> None:
    page = (ROOT / "docs/reference/feed-messages.md").read_text(encoding="utf-8")
    document = yaml.safe_load(DOCUMENT.read_text(encoding="utf-8"))
    for channel in document["channels"].values():
        assert f"`{channel['address']}`" in page
    for name, schema in document["components"]["schemas"].items():
        section = page.split(f"### Schema {name}\n")[1].split("\n### ")[0]
        for part in schema.get("properties", ()):
            assert f"| `{part}` |" in section


def test_the_parser_is_pinned_and_its_lock_names_no_host() -> None:
    package = json.loads((PARSER / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((PARSER / "package-lock.json").read_text(encoding="utf-8"))
    for version in package["dependencies"].values():
        assert version[0].isdigit()
    for name, one in lock["packages"].items():
        assert "resolved" not in one
        assert not name or "integrity" in one
