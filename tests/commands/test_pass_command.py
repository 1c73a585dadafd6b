"""edge-gate pass verify: what a gate makes of a pass, from a picture or its text."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import segno
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from feed.lists import REVOKED_PASSES, SignedList, sign_list
from identity.passes.keys import key_id
from tests.passmaker import Park

Run = Callable[..., subprocess.CompletedProcess[str]]
NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=180)


@pytest.fixture
def park() -> Park:
    return Park()


@pytest.fixture
def keys(tmp_path: Path, park: Park) -> Path:
    path = tmp_path / "park.pub.pem"
    path.write_bytes(
        park.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    return path


def good(maker: Park, **parts: Any) -> str:
    given: dict[str, Any] = {"not_before": NOW - YEAR, "expires": NOW + YEAR}
    return maker.code(**given | parts).decode()


def test_a_badge_in_a_picture_is_told_in_json(run: Run, tmp_path, park, keys) -> None:
    path = tmp_path / "badge.png"
    segno.make_qr(good(park)).save(str(path), scale=4)
    done = run("pass", "verify", path, "--keys", keys, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    assert told["good"] is True
    assert told["proved"] == ["signature"]
    assert told["name"] == "Nguyễn Thị Ánh Tuyết"
    assert told["category"] == "staff"


def test_text_that_is_refused_says_why_and_exits_with_one(run: Run, park, keys) -> None:
    old = good(park, not_before=NOW - 2 * YEAR, expires=NOW - YEAR)
    done = run("pass", "verify", old, "--keys", keys)
    assert done.returncode == 1
    assert "refused: expired" in done.stdout
    forged = run("pass", "verify", good(park)[:-2] + "00", "--keys", keys, "--json")
    assert forged.returncode == 1
    assert json.loads(forged.stdout)["good"] is False


def test_with_the_configuration_site_and_revocations_count(
    run: Run, config_file, tmp_path, park, keys
) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    revoked = SignedList(park="park", name=REVOKED_PASSES, version=1, at=NOW, items=("00" * 8,))
    kid = key_id(park.key.public_key()).hex()
    (lists / "revoked-passes.json").write_bytes(sign_list(revoked, park.key, key_id=kid))
    config_file.write_text(
        config_file.read_text() + '[trust]\npark_keys = "park.pub.pem"\nlists_path = "lists"\n'
    )
    here: dict[str, Any] = {"park": "park", "sites": ("site",)}
    for parts, flags in [
        (here, []),
        (here | {"sites": ("other",)}, ["wrong_site"]),
        (here | {"pass_id": bytes(8)}, ["revoked"]),
    ]:
        done = run("--config", config_file, "pass", "verify", good(park, **parts), "--json")
        assert json.loads(done.stdout)["flags"] == flags, done.stderr


@pytest.mark.parametrize(
    ("code", "fault"),
    [("EG9:XX", "No such file"), ("none.png", "No such file"), ("text.txt", "")],
)
def test_what_is_no_pass_exits_with_two_and_one_line(run: Run, tmp_path, keys, code, fault) -> None:
    (tmp_path / "text.txt").write_text("hello")
    done = run("pass", "verify", tmp_path / code, "--keys", keys)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert fault in done.stderr


def test_a_picture_of_another_code_is_told(run: Run, tmp_path, keys) -> None:
    path = tmp_path / "badge.png"
    segno.make_qr("NV-0001").save(str(path), scale=4)
    done = run("pass", "verify", path, "--keys", keys)
    assert done.returncode == 2
    assert "shows 0 passes, one is wanted" in done.stderr


def test_without_keys_the_way_to_them_is_told(run: Run, config_file, park) -> None:
    done = run("--config", config_file, "pass", "verify", good(park))
    assert done.returncode == 2
    assert "no trust.park_keys; name them with --keys" in done.stderr
