"""What stands in the repository, and what must not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# in pieces, so that this file is not found itself
HOSTS = re.compile(
    "|".join(
        re.escape(host)
        for host in (
            "pypi" + ".org", "python" + "hosted.org", "pi" + "wheels.org", "npm" + "js.org",
            "npm" + "js.com", "proxy.golang" + ".org", "deb.debian" + ".org",
            "--index" + "-url", "--extra" + "-index-url", "--find" + "-links",
        )
    )
)  # fmt: skip
# the header of a compiled file repeats the option that keeps index names out
ALLOWED = "--no-emit-index-url"
SCRIPTS = sorted([*ROOT.glob("scripts/*.sh"), ROOT / ".ci/run"])


def tracked() -> list[Path]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a clone")
    # a clone that another user owns is read all the same
    done = subprocess.run(
        [git, "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_index_is_named() -> None:
    found = []
    for path in tracked():
        for number, line in enumerate(path.read_bytes().split(b"\n"), 1):
            text = line.decode(errors="replace").replace(ALLOWED, "")
            if HOSTS.search(text):
                found.append(f"{path.relative_to(ROOT)}:{number}: {text.strip()[:80]}")
    assert found == []


@pytest.mark.parametrize("name", ["gate.txt", "hub.txt", "dev.txt", "build.txt"])
def test_every_requirement_is_pinned_with_its_hash(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    entries = re.split(r"\n(?=[a-z])", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE))
    for entry in filter(str.strip, entries):
        assert re.match(r"[a-z0-9-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def pins(name: str) -> set[str]:
    text = (ROOT / "requirements" / name).read_text()
    return set(re.findall(r"^[a-z0-9-]+==[^\s;\\]+", text, flags=re.MULTILINE))


def test_the_build_tools_agree_with_the_other_pins() -> None:
    """An environment is filled from both: a second version would replace the first."""
    for name in ("gate.txt", "hub.txt", "dev.txt"):
        other = dict(pin.split("==") for pin in pins(name))
        for pin in pins("build.txt"):
            package, version = pin.split("==")
            assert other.get(package, version) == version, (name, pin)


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_can_be_started_and_parse(script: Path) -> None:
    assert os.access(script, os.X_OK)
    shell = script.read_text().partition("\n")[0].removeprefix("#!")
    subprocess.run([shell, "-n", script], check=True)


def test_every_target_of_make_is_told_by_help() -> None:
    text = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z]+):", text, flags=re.MULTILINE))
    done = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True,
                          check=True)  # fmt: skip
    told = {line.split()[1] for line in done.stdout.splitlines()}
    assert targets == told
    assert {"demo", "test", "lint", "bench", "proof", "help", "install"} <= told
