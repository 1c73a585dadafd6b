"""Badges and posters: what is printed reads back, at its size, with its name."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import zlib
from pathlib import Path

import pytest
import zxingcpp
from PIL import Image
from pyzbar import pyzbar
from pyzbar.pyzbar import ZBarSymbol

from hub.badges.badge import CODE_MM, HEIGHT_MM, WIDTH_MM
from hub.badges.drawing import (
    MM_PER_INCH,
    PNG_DPI,
    DrawingError,
    code,
    fitted,
    modules,
    page_of,
    to_png,
    width_mm,
)
from identity.passes.keys import ParkKeys
from identity.passes.place import read_place
from tests.hub.passes.conftest import Hub
from tests.passmaker import Park

QR = zxingcpp.barcode_formats_from_str("QRCode")
NAMES = ["Nguyễn Thị Ánh Tuyết", "Đỗ Ỷ Lữ", "Trần Thị Phương Thảo Nguyên Hồng Ngọc Bảo Châu Quỳnh",
         "Hoàng", "", "Đặng Quốc Vượng", "Phạm Ngữ", "Vũ Thị Mỹ Duyên", "Bùi Xuân Huấn",
         "Ngô Kiến Huy", "Đinh Thị Ẩn"]  # fmt: skip


def decoded(image: Image.Image) -> set[str]:
    """As a gate reads it, on grey. Of nine on a page zbar now and then misses one."""
    gray = image.convert("L")
    found = {one.text for one in zxingcpp.read_barcodes(gray, formats=QR)}
    by_zbar = {one.data.decode() for one in pyzbar.decode(gray, [ZBarSymbol.QRCODE])}
    assert by_zbar
    assert by_zbar <= found
    return found


def rendered(pdf: Path, dpi: int = 100) -> list[Image.Image]:
    program = shutil.which("pdftoppm")
    if program is None:
        pytest.skip("pdftoppm is missing: apt install poppler-utils")
    subprocess.run([program, "-r", str(dpi), str(pdf), str(pdf.with_suffix(""))], check=True)
    return [opened(page) for page in sorted(pdf.parent.glob(f"{pdf.stem}-*.ppm"))]


def opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.copy()


@pytest.fixture
def issued(hub: Hub, folder: Path, tmp_path: Path) -> list[dict[str, str]]:
    rows = "\n".join(f"HS-{number:04},{name}" for number, name in enumerate(NAMES))
    (tmp_path / "class.csv").write_text(f"holder,name\n{rows}\n", encoding="utf-8")
    done = hub("pass", "issue", "--csv", "class.csv", "--category", "pupil", "--until",
               "2091-05-31", "--json")  # fmt: skip
    (tmp_path / "class.jsonl").write_text(done.out, encoding="utf-8")
    return done.lines


def test_a_class_on_a_sheet_reads_back_whole(hub, issued, tmp_path) -> None:
    done = hub("pass", "badge", "class.jsonl", "--out", "class.pdf", "--sheet", "--json")
    assert done.lines == [{"badges": 11, "pages": 2, "files": ["class.pdf"]}]
    pages = rendered(tmp_path / "class.pdf", 150)
    assert [page.size for page in pages] == [(1241, 1754)] * 2  # A4
    found = [decoded(page) for page in pages]
    assert found[0] == {one["code"] for one in issued[:9]}
    assert found[1] == {one["code"] for one in issued[9:]}


def test_one_badge_as_a_picture_has_its_code_at_five_centimetres(hub, issued, tmp_path) -> None:
    (tmp_path / "one.jsonl").write_text(json.dumps(issued[0]))
    assert hub("pass", "badge", "one.jsonl", "--out", "one.png").code == 0
    image = opened(tmp_path / "one.png")
    scale = PNG_DPI / MM_PER_INCH
    assert image.size == (round(WIDTH_MM * scale), round(HEIGHT_MM * scale))
    (found,) = zxingcpp.read_barcodes(image.convert("L"), formats=QR)
    assert found.text == issued[0]["code"]
    side_mm = (found.position.top_right.x - found.position.top_left.x) / scale
    assert side_mm == pytest.approx(CODE_MM, abs=1)
    assert side_mm >= 50


def test_several_pictures_are_numbered(hub, issued, tmp_path) -> None:
    done = hub("pass", "badge", "class.jsonl", "--out", "b.png", "--json")
    assert len(done.lines[0]["files"]) == 11
    assert decoded(opened(tmp_path / "b-2.png")) == {issued[1]["code"]}


def test_the_name_stands_in_the_pdf_as_text_with_its_diacritics(hub, issued, tmp_path) -> None:
    program = shutil.which("pdftotext")
    if program is None:
        pytest.skip("pdftotext is missing: apt install poppler-utils")
    hub("pass", "badge", "class.jsonl", "--out", "class.pdf", "--sheet")
    done = subprocess.run([program, str(tmp_path / "class.pdf"), "-"], capture_output=True,
                          text=True, check=True)  # fmt: skip
    words = " ".join(done.stdout.split())
    for name in ("Đỗ Ỷ Lữ", "Vũ Thị Mỹ Duyên", "Đinh Thị Ẩn"):
        assert name in words


def test_a_phones_pass_is_not_printed(hub, folder, tmp_path) -> None:
    (tmp_path / "one.jsonl").write_text('{"link": "x"}\n')
    done = hub("pass", "badge", "one.jsonl", "--out", "one.pdf")
    assert done.code == 2
    assert "line 1: is a phone's pass" in done.err


@pytest.mark.parametrize(
    ("content", "fault"),
    [("", "holds no pass"), ("{}", "line 1: is no line"), ("[1]", "line 1"), ("x", "line 1")],
)
def test_what_can_not_be_printed_is_told(hub, folder, tmp_path, content, fault) -> None:
    (tmp_path / "bad.jsonl").write_text(content)
    done = hub("pass", "badge", "bad.jsonl", "--out", "bad.pdf")
    assert done.code == 2
    assert fault in done.err
    assert not (tmp_path / "bad.pdf").exists()


def test_the_ending_decides_and_others_are_refused(hub, issued) -> None:
    assert "neither .pdf nor .png" in hub("pass", "badge", "class.jsonl", "--out", "x.gif").err


def test_a_name_that_the_font_lacks_is_told_not_printed_as_boxes() -> None:
    with pytest.raises(DrawingError, match=r"'王' \(U\+738B\)"):
        width_mm("王", 10)


@pytest.mark.parametrize("text", [*NAMES, "Nguyễn" * 12, "Một hai ba bốn năm sáu bảy " * 3])
def test_every_name_fits(text: str) -> None:
    lines, size_pt = fitted(text, width=56, lines=2, largest_pt=13, smallest_pt=8, bold=True)
    assert len(lines) <= 2
    assert all(width_mm(line, size_pt, bold=True) <= 56 for line in lines)
    if len(text) < 60:
        assert " ".join(lines) == text


def test_all_of_vietnamese_can_be_printed() -> None:
    marked = "ăâđêôơưĂÂĐÊÔƠƯ" + "".join(map(chr, range(0x1EA0, 0x1EFA)))
    for bold in (False, True):
        width_mm(marked + "àáãèéìíòóõùúýÀÁÃÈÉÌÍÒÓÕÙÚÝĩũĨŨ₫", 10, bold=bold)


def test_how_large_codes_become() -> None:
    """Modules: what a camera has to tell apart. A change here is a change for every reader."""
    park = Park()
    assert modules(park.code(name=None, sites=()).decode()) <= 53
    assert modules(park.code().decode()) <= 57
    assert modules(park.rotating(name=None, sites=()).decode(), "l") <= 65
    assert modules(park.rotating().decode(), "l") <= 69


# --- posters --------------------------------------------------------------------------------


def test_posters_are_signed_large_and_told_in_both_languages(hub, folder, tmp_path) -> None:
    done = hub("poster", "--site", "cong-chinh", "--at", "quay-1=Quầy lễ tân", "--at", "kho",
               "--out", "posters.pdf", "--json")  # fmt: skip
    keys = ParkKeys.read(folder)
    pages = rendered(tmp_path / "posters.pdf", 60)
    assert len(pages) == 2
    for page, told, label in zip(pages, done.lines, ["Quầy lễ tân", "kho"], strict=True):
        (found,) = zxingcpp.read_barcodes(page.convert("L"), formats=QR)
        assert found.text == told["code"]
        side_mm = (found.position.top_right.x - found.position.top_left.x) / 60 * MM_PER_INCH
        assert side_mm >= 149
        place = read_place(found.text, keys)
        assert (place.park, place.site, place.label) == ("song-than", "cong-chinh", label)
    raw = (tmp_path / "posters.pdf").read_bytes()
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", raw, re.DOTALL)
    assert any(zlib.decompress(one) for one in streams if one[:1] == b"x")


@pytest.mark.parametrize(
    "at",
    ["Quầy=Quầy", "a/b=x", "=x", "kho=" + "x" * 65],
    ids=["diacritics", "slash", "none", "long"],
)
def test_a_position_that_can_be_no_name_is_told(hub, folder, at) -> None:
    done = hub("poster", "--site", "s", "--at", at, "--out", "p.pdf")
    assert done.code == 2
    assert done.err.startswith("edge-hub poster: ")


def test_a_code_alone_keeps_its_quiet_zone() -> None:
    text = "EGK1:" + "A" * 140
    image = Image.open(io.BytesIO(to_png(page_of(code(text, x=0, y=0, size=60), size=60))))
    assert decoded(image) == {text}
