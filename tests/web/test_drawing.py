"""Charts, the map and the forms of numbers: true to the figures, and never out of the picture."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.web.charts import Charts, Edge, Node, Series
from hub.web.doors import safe_path
from hub.web.format import Forms, detail_of, logged

VI, EN = Charts("vi"), Charts("en")
FORMS = Forms("vi", ZoneInfo("Asia/Ho_Chi_Minh"))
PLACES = st.lists(
    st.tuples(
        st.floats(8, 24), st.floats(102, 110), st.text(min_size=1, max_size=40)
    ),
    max_size=40,
)  # fmt: skip


@given(PLACES)
def test_every_site_lies_on_the_map_and_labels_do_not_cover_each_other(
    places: list[tuple[float, float, str]],
) -> None:
    spots = VI.spots(places)
    assert len(spots) == len(places)
    boxes = []
    for spot, (_, _, name) in zip(spots, places, strict=True):
        assert 0 <= spot.x <= 640
        assert 0 <= spot.y <= 400
        if spot.label:
            x, y, anchor = spot.label
            width = len(name) * 10.5
            left = x - {"start": 0, "end": width, "middle": width / 2}[anchor]
            boxes.append((left, y - 24, left + width, y + 6))
    for at, one in enumerate(boxes):
        assert one[0] >= 0
        assert one[2] <= 640
        for other in boxes[:at]:
            assert (
                one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
            )


def test_north_is_up_and_east_is_right_at_one_scale() -> None:
    south, north, east = VI.spots(
        [(10.90, 106.70, "S"), (10.95, 106.70, "N"), (10.90, 106.75, "E")]
    )
    assert north.y < south.y
    assert east.x > south.x
    # a degree of longitude is shorter by the cosine of the latitude
    assert (east.x - south.x) / (south.y - north.y) == pytest.approx(0.982, abs=0.001)


def test_a_park_with_one_site_has_it_in_the_middle() -> None:
    (spot,) = VI.spots([(10.9, 106.7, "Trường học")])
    assert (spot.x, spot.y) == (320, 200)


@given(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), max_size=60))
def test_columns_stand_on_the_line_and_below_the_top(values: list[tuple[int, int]]) -> None:
    labels = [str(at) for at in range(len(values))]
    drawn = VI.columns(
        "Lượt",
        labels,
        [Series("Vào", [v[0] for v in values], 1), Series("Ra", [v[1] for v in values], 2)],
    )
    for rect in re.findall(
        r'<rect class="s\d" x="[\d.]+" y="([\d.-]+)" width="[\d.]+" height="([\d.]+)"', drawn
    ):
        top, height = map(float, rect)
        assert top >= 13.9
        assert top + height <= 260 - 34 + 1.1


@given(st.lists(st.none() | st.floats(30, 43), min_size=1, max_size=80))
def test_lines_have_gaps_where_nothing_was_measured(values: list[float | None]) -> None:
    labels = [str(at) for at in range(len(values))]
    drawn = VI.lines("Nhiệt độ", labels, [Series("Người", values, 3)], unit="°C", ticks=labels)
    assert drawn.count("<circle") == sum(value is not None for value in values)
    assert drawn.count("nan") == 0


NASTY = "</svg><script>alert(1)</script>\"'&"


def test_what_is_drawn_is_well_formed_whatever_the_names() -> None:
    drawn = [
        EN.columns(NASTY, [NASTY], [Series(NASTY, [3], 1)]),
        EN.lines(NASTY, [NASTY], [Series(NASTY, [36.6], 3)], unit=NASTY, ticks=[NASTY]),
        EN.bar(2.0),
        EN.graph(
            NASTY, [Node("1", NASTY, 0), Node("2", NASTY, 1)], [Edge("1", "2", 1.0, NASTY)]
        ),
    ]  # fmt: skip
    for one in drawn:
        assert "<script" not in one
        ET.fromstring(f"<div>{one}</div>")


def test_in_a_graph_of_many_only_lines_between_rings_are_drawn() -> None:
    nodes = [Node(str(n), f"n{n}", 0 if n == 0 else 1) for n in range(30)]
    every = [Edge(str(one), str(other), 0.5, "") for one in range(30) for other in range(one)]
    assert EN.graph("g", nodes, every).count('class="edge"') == 29
    assert (
        EN.graph("g", nodes[:5], [e for e in every if int(e.one) < 5]).count('class="edge"') == 10
    )


def test_numbers_and_days_as_each_language_writes_them() -> None:
    english = Forms("en", FORMS.zone)
    assert (FORMS.number(1234567.5, 1), english.number(1234567.5, 1)) == (
        "1.234.567,5",
        "1,234,567.5",
    )
    assert (FORMS.day(date(2026, 11, 5)), english.day(date(2026, 11, 5))) == (
        "05/11/2026",
        "5 Nov 2026",
    )
    assert FORMS.share(0.386) == "38,6 %"
    assert FORMS.minutes(125) == "2 h 05"
    assert FORMS.difference(-0.04) == "\N{MINUS SIGN}0,04 °C"
    assert ">25/11/2026 07:20</time>" in FORMS.at(1_795_566_000_000)
    assert FORMS.written(1_795_566_000_000) == "2026-11-25T07:20"


DRIFT = (
    '{"at": "kcn/a/x", "reader": "in", "off_c": 0.7, "median_c": 37.2, "people": 60, "peers": 4,'
    ' "peers_median_c": 36.5}'
)


@pytest.mark.parametrize(
    ("name", "text", "words", "said"),
    [
        (
            "device_fault",
            '{"device": "camera", "cause": "hung", "gate": "g1"}',
            "thiết bị: máy ảnh; nguyên nhân: bị treo",
            "",
        ),
        (
            "drift_between_gates",
            DRIFT,
            (
                "đầu đọc: vào; lệch: +0,70 °C; trung vị ở đây: 37,2 °C; số người đo: 60;"
                " số nhiệt kế so sánh: 4; trung vị ở đó: 36,5 °C"
            ),
            "",
        ),
        (
            "moved",
            "comes from a/b/c now, came from a/b/d before",
            "Cổng đã đổi tên hoặc đổi điểm, hoặc thẻ nhớ đã được lắp vào cổng khác.",
            "comes from a/b/c now, came from a/b/d before",
        ),
        (
            "calibration_due",
            '{"why": "last calibrated on 2026-01-05", "state": "raised"}',
            "lý do: hiệu chuẩn lần cuối ngày 2026-01-05",
            "",
        ),
        ("calibration_due", '{"why": "never calibrated"}', "lý do: chưa từng hiệu chuẩn", ""),
        ("temperature_drift", '{"drift_c": -0.31}', "trôi: \N{MINUS SIGN}0,31 °C", ""),
        ("of_a_newer_hub", "words", "", "words"),
        ("fire", "[1]", "", "[1]"),
        ("fire", '{"gate": "g1"}', "", ""),
    ],
)
def test_an_alarms_details_are_words(name: str, text: str, words: str, said: str) -> None:
    found = detail_of(FORMS, name, text)
    assert (found.words, found.said) == (words, said)


def test_a_line_of_the_audit_log_is_words_and_no_program_text() -> None:
    asked = {
        "kind": "token", "value": "11kkK14x", "from_ms": 1_795_566_000_000, "hops": 2,
        "min_minutes": 240.0, "same_gate_minutes": None, "site": "", "replace": False,
    }  # fmt: skip
    assert logged(asked, FORMS) == (
        "loại: mã người; tìm: 11kkK14x; từ: 25/11/2026 07:20; số vòng: 2; ít nhất (phút): 240;"
        " bỏ mục không có trong tệp: không"
    )
    seen = {"contacts": 1_234, "tokens": [f"t{n}" for n in range(9)], "figures": {"granted": 7}}
    assert logged(seen, Forms("en", FORMS.zone)) == (
        "contacts: 1,234; tokens: t0, t1, t2, t3, t4, t5 +3; figures: (granted: 7)"
    )


@pytest.mark.parametrize(
    ("value", "vi", "en"), [(240.0, "240", "240"), (2.5, "2,5", "2.5"), (1500.0, "1500", "1500")]
)
def test_a_number_in_a_field_is_as_people_type_it(value: float, vi: str, en: str) -> None:
    assert (FORMS.typed(value), Forms("en", FORMS.zone).typed(value)) == (vi, en)


@given(st.text())
def test_no_path_leads_to_another_host(text: str) -> None:
    found = safe_path(text)
    assert found.startswith("/")
    assert not found.startswith("//")
    assert "\\" not in found
    assert found.isprintable()


@pytest.mark.parametrize("zone", ["Asia/Ho_Chi_Minh", "America/New_York"])
@pytest.mark.parametrize(("at", "year"), [("0001-01-01", "1"), ("9999-12-31T23:59:59", "9999")])
def test_a_gate_s_wrong_clock_breaks_no_page(zone: str, at: str, year: str) -> None:
    at_ms = round(datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000)
    assert f"/{year} " in Forms("vi", ZoneInfo(zone)).at(at_ms)
