"""decode: one line for each file, the others done when one can't be read."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
import segno
from pyzbar import pyzbar

Run = Callable[..., subprocess.CompletedProcess[str]]

CARD = "012345678901||Lê Văn Tú|18011987|Nam|Thủ Đức|01062021"
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "qr"


def picture(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    segno.make(content, micro=False).save(str(path), scale=6)
    return path


def lines(done: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_json_has_one_line_for_each_file_in_the_order_given(run: Run, tmp_path: Path) -> None:
    card = picture(tmp_path / "card.png", CARD)
    badge = picture(tmp_path / "badge.png", "NV-0001")
    done = run("decode", "--json", card, badge)
    first, second = lines(done)
    assert done.returncode == 0
    assert done.stderr == ""
    assert first["file"] == str(card)
    assert first["codes"][0]["text"] == CARD
    assert first["codes"][0]["scheme"] == "cccd"
    assert (second["codes"][0]["text"], second["codes"][0]["scheme"]) == ("NV-0001", "opaque")


def test_bytes_that_are_no_text_are_whole_in_hex(run: Run, tmp_path: Path) -> None:
    payload = b"\xff\xfe\\x\x00"
    (found,) = lines(run("decode", "--json", picture(tmp_path / "a.png", payload)))
    (code,) = found["codes"]
    assert bytes.fromhex(code["hex"]) == payload
    assert code["text"].isprintable() or "\x00" in code["text"]


def test_a_file_that_cant_be_read_leaves_the_others_done(run: Run, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_text("no picture")
    good = picture(tmp_path / "good.png", "NV-0001")
    done = run("decode", "--json", tmp_path / "missing.png", bad, good)
    missing, broken, whole = lines(done)
    assert done.returncode == 2
    assert "No such file" in missing["error"]
    assert "not an image" in broken["error"]
    assert missing["codes"] == broken["codes"] == []
    assert whole["codes"][0]["text"] == "NV-0001"


def test_an_error_is_one_line_for_people(run: Run, tmp_path: Path) -> None:
    good = picture(tmp_path / "good.png", "NV-0001")
    done = run("decode", tmp_path / "missing.png", good)
    assert done.returncode == 2
    assert done.stdout == f"{good}: opaque: NV-0001\n"
    assert len(done.stderr.splitlines()) == 1


def test_a_picture_without_a_code_is_no_error(run: Run, tmp_path: Path) -> None:
    empty = tmp_path / "empty.pgm"
    empty.write_bytes(b"P5 64 64 255\n" + bytes(range(64)) * 64)
    assert lines(run("decode", "--json", empty)) == [{"file": str(empty), "codes": []}]
    done = run("decode", empty)
    assert (done.returncode, done.stdout) == (0, f"{empty}: no code\n")


def test_folders_are_walked_in_order(run: Run, tmp_path: Path) -> None:
    for name in ("b/2.png", "a.png", "b/1.png"):
        picture(tmp_path / "all" / name, name)
    (tmp_path / "all" / "notes.txt").write_text("no picture")
    found = lines(run("decode", "--json", tmp_path / "all"))
    assert [code["text"] for one in found for code in one["codes"]] == [
        "a.png",
        "b/1.png",
        "b/2.png",
    ]


def test_a_folder_without_pictures_is_told(run: Run, tmp_path: Path) -> None:
    done = run("decode", tmp_path)
    assert done.returncode == 2
    assert "no pictures in this folder" in done.stderr


def test_control_characters_do_not_reach_the_terminal(run: Run, tmp_path: Path) -> None:
    done = run("decode", picture(tmp_path / "a.png", "x\x1b[31mred\nnext"))
    assert done.stdout.count("\n") == 1
    assert "\x1b" not in done.stdout


@pytest.mark.skipif(not SHARED.exists(), reason="the photographs are not beside this repository")
def test_photographs_read_at_least_as_often_as_with_plain_pyzbar(run: Run) -> None:
    entries = json.loads((SHARED / "manifest.json").read_text())[::5]
    files = [SHARED / entry["file"] for entry in entries]
    done = run("decode", "--json", *files)
    assert done.returncode == 0
    ours = plain = 0
    for entry, file, found in zip(entries, files, lines(done), strict=True):
        assert found["file"] == str(file)
        expected = set(entry["expected"])
        ours += bool(expected) and expected <= {code["text"] for code in found["codes"]}
        symbols = pyzbar.decode(cv2.imread(str(file), cv2.IMREAD_GRAYSCALE))
        plain += bool(expected) and expected <= {symbol.data.decode() for symbol in symbols}
    assert ours >= plain > 0
