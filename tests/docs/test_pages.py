"""The pages: made from the code where they can be, their links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from edge.cli import cli

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(#[^)]*)?\)")


def test_pages_made_from_the_code_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/reference.py", "--check"],
        cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", [n for n, c in cli.commands.items() if not c.hidden])
def test_every_command_is_documented(name: str) -> None:
    page = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    section = page.split(f"\n## edge-gate {name}\n")[1].split("\n## ")[0]
    assert "Example:" in section
    for option in cli.commands[name].params:
        if isinstance(option, click.Option):
            assert option.opts[-1] in section


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, _ in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", ["README.md", "README.vi.md"])
def test_the_two_commands_stand_on_top(page: str) -> None:
    top = (ROOT / page).read_text(encoding="utf-8")[:1500]
    assert "make demo" in top
    assert "make test" in top


def test_every_page_of_the_docs_is_reached_from_the_index() -> None:
    index = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    linked = {(ROOT / "docs" / target).resolve() for target, _ in LINK.findall(index)}
    pages = {page.resolve() for page in ROOT.glob("docs/**/*.md")}
    apart = {ROOT / "docs/index.md", *ROOT.glob("docs/adr/*.md")}
    assert pages - linked - {page.resolve() for page in apart} == set()
