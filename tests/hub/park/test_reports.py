"""Reports: the figures of a park that is counted by hand, and what they are printed on."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from sqlalchemy import create_engine, literal, select

from hub.reports.charts import draw, to_svg
from hub.reports.compliance import Asked, AskedError, compliance, read_asked
from hub.reports.compose import compliance_document, coverage_document, entries_document
from hub.reports.coverage import Share, coverage
from hub.reports.document import Document
from hub.reports.entries import Figures, entries
from hub.reports.period import Period, PeriodError, day_of, make_period
from hub.reports.render import RENDERERS, csv_of, printed
from hub.reports.texts import REASONS, TEXTS, Language, Words
from hub.store.schema import people
from tests.hub.park.support import PARK, ZONE, Park, ms

MONDAY = date(2021, 8, 23)
WEEK = Period(MONDAY, date(2021, 8, 29), ZONE)
NOW = datetime(2021, 8, 30, 8, 0, tzinfo=ZONE)


# --- days -----------------------------------------------------------------------------------


def test_a_day_begins_at_the_park_s_midnight(park: Park) -> None:
    site = park.site("a")
    for at in ("2021-08-22 23:59:59", "2021-08-23 00:00", "2021-08-23 23:59", "2021-08-30 00:00"):
        park.passage(site, at)
    with park.engine.connect() as connection:
        found = entries(connection, WEEK)
    assert found.total.decisions == 2
    assert found.by_day[MONDAY].decisions == 2
    assert list(found.by_day) == WEEK.days


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    zone=st.sampled_from(["Asia/Ho_Chi_Minh", "Europe/Berlin", "America/St_Johns", "UTC"]),
    first=st.dates(date(2015, 1, 1), date(2030, 1, 1)),
    days=st.integers(1, 400),
    at=st.floats(0, 1, exclude_max=True),
)
def test_the_database_s_day_is_the_calendar_s(zone: str, first: date, days: int, at: float) -> None:
    period = Period(first, date.fromordinal(first.toordinal() + days - 1), ZoneInfo(zone))
    at_ms = period.from_ms + int((period.to_ms - period.from_ms) * at)
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        number = connection.scalar(select(period.day_number(literal(at_ms))))
    engine.dispose()
    assert (
        day_of(int(number or 0))
        == datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo(zone)).date()
    )


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(PeriodError, match="before it begins"):
        Period(date(2021, 8, 2), date(2021, 8, 1), ZONE)


def test_without_days_it_is_the_last_week_of_the_park_s_calendar() -> None:
    now = datetime(2021, 8, 22, 18, 0, tzinfo=UTC)  # Monday already in Vietnam
    period = make_period(None, None, ZONE, now=now)
    assert (period.first, period.last) == (date(2021, 8, 17), MONDAY)


# --- entries --------------------------------------------------------------------------------


@pytest.fixture
def busy(park: Park) -> Park:
    a, b = park.site("a", name="Cổng A"), park.site("b")
    park.passage(a, "2021-08-23 07:00")
    park.passage(a, "2021-08-23 07:01", direction="out")
    park.passage(a, "2021-08-23 07:02", outcome="not_passed")
    park.passage(a, "2021-08-23 07:03", denied="temperature_high code_accepted", verdict="high")
    park.passage(a, "2021-08-24 07:00", denied="code_expired", verdict=None)
    park.passage(b, "2021-08-24 07:00", at_known=False, verdict="unsteady")
    park.passage(b, "2021-08-24 07:01", declaration='{"fever":true,"cough":false}')
    return park


def test_entries_are_those_who_went_in(busy: Park) -> None:
    with busy.engine.connect() as connection:
        found = entries(connection, WEEK)
    assert found.total == Figures(
        decisions=7, granted=5, denied=2, entries=3, exits=1, measured=5, fever=1, declared=1
    )
    assert found.reasons == {"temperature_high": 1, "code_expired": 1}
    assert found.answers == {"fever": 1}
    assert found.unsure == 1
    assert {place.site: one.decisions for place, one in found.by_place.items()} == {"a": 5, "b": 2}
    assert sum(found.by_day.values(), Figures()) == found.total


def test_a_report_of_one_site_counts_that_site_alone(busy: Park) -> None:
    with busy.engine.connect() as connection:
        assert entries(connection, WEEK, park="kcn", site="b").total.decisions == 2
        assert entries(connection, WEEK, park="other").total == Figures()


# --- coverage -------------------------------------------------------------------------------


def test_coverage_counts_registered_sites_and_names_the_silent(park: Park) -> None:
    a = park.site("a", province="BD", district="Dĩ An")
    b = park.site("b", province="BD", district="Dĩ An", contact="An 0912345678")
    c = park.site("c", province="HCM", district="Q7")
    d = park.site("d", registered=False)
    park.passage(a, "2021-08-23 07:00")
    park.passage(b, "2021-08-01 07:00")  # before the period
    park.passage(b, "2021-09-01 07:00")  # after it
    park.passage(c, "2021-08-29 23:59")
    park.passage(d, "2021-08-23 07:00")
    with park.engine.connect() as connection:
        found = coverage(connection, WEEK)
    assert found.total == Share(2, 3)
    ranked = [(area.rank, area.province, area.figures) for area in found.provinces]
    assert ranked == [(1, "HCM", Share(1, 1)), (2, "BD", Share(1, 2))]
    (silent,) = found.silent
    assert (silent.site, silent.contact) == ("b", "An 0912345678")
    assert silent.last_ms == ms("2021-08-01 07:00")
    assert found.unregistered == (("kcn", "d"),)


def test_areas_with_one_share_have_one_rank(park: Park) -> None:
    for name, province in (("a", "P"), ("b", "Q"), ("c", "R")):
        site = park.site(name, province=province)
        if name != "c":
            park.passage(site, "2021-08-23 07:00")
    with park.engine.connect() as connection:
        ranks = [area.rank for area in coverage(connection, WEEK).provinces]
    assert ranks == [1, 1, 3]


def test_the_share_is_written_as_the_letters_of_2021_did() -> None:
    assert Words("vi").share(3725 / 9661) == "38,6 %"
    assert Words("en").share(3725 / 9661) == "38.6 %"
    assert Words("vi").number(9661) == "9.661"


# --- compliance -----------------------------------------------------------------------------


@pytest.fixture
def asked_park(park: Park) -> Park:
    a, b = park.site("a"), park.site("b")
    one = park.person("t1")
    other = park.person("t2", same_as=one)
    with park.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE people SET same_as = {one} WHERE id = {one}")
    park.on_roster("42", name="An", phone="84912345678", person=other)
    park.on_roster("43", name="Bình", phone="84912345679", person=park.person("t3"))
    park.on_roster("44", name="Chi", phone="84912345670")
    park.passage(a, "2021-08-23 07:00", person=one)
    park.passage(a, "2021-08-24 07:00", person=other)
    park.passage(b, "2021-08-24 09:00", person=other, denied="code_expired")
    park.passage(b, "2021-09-24 09:00", person=one)
    return park


def test_who_was_seen_where_who_was_not_and_who_is_unknown(asked_park: Park) -> None:
    asked = [Asked(1, "0912345678"), Asked(2, "43"), Asked(3, "84912345670"), Asked(4, "99")]
    with asked_park.engine.connect() as connection:
        found = compliance(connection, WEEK, asked)
    seen = [(one.holder, one.site, one.entries, one.denied) for one in found.seen]
    assert seen == [("42", "a", 2, 0), ("42", "b", 0, 1)]
    assert found.seen[0].first_ms == ms("2021-08-23 07:00")
    assert [(one.holder, one.traceable) for one in found.absent] == [("43", True), ("44", False)]
    assert found.unknown == (Asked(4, "99"),)
    assert (found.people_seen, found.people_known) == (1, 3)


def test_a_site_is_told_with_its_own_park(asked_park: Park) -> None:
    """Who stands on one park's roster may be seen in another's."""
    other = asked_park.site("c", park="another")
    with asked_park.engine.begin() as connection:
        who = connection.scalar(select(people.c.id).where(people.c.token == "t3"))
    asked_park.passage(other, "2021-08-25 07:00", person=who)
    with asked_park.engine.connect() as connection:
        document = compliance_document(compliance(connection, WEEK, [Asked(1, "43")]), "en", NOW)
    (row,) = document.plain()["tables"]["seen"]
    assert (row["park"], row["site"]) == (PARK, "another/c")


def test_someone_asked_for_twice_is_told_once(asked_park: Park) -> None:
    asked = [Asked(1, "0912345678"), Asked(2, "42")]
    with asked_park.engine.connect() as connection:
        assert len(compliance(connection, WEEK, asked, site="a").seen) == 1


@pytest.mark.parametrize(
    ("raw", "texts"),
    [
        (b"0912345678\n\n42\n", ["0912345678", "42"]),
        ("Họ tên,Số điện thoại\nAn,912345678\nB,\n".encode(), ["912345678"]),
        ("mã nhân viên\n42\n".encode(), ["42"]),
    ],
)
def test_a_list_is_read_from_text_and_tables(raw: bytes, texts: list[str]) -> None:
    assert [one.text for one in read_asked(raw, "l.csv")] == texts


def test_an_empty_list_is_one_line() -> None:
    with pytest.raises(AskedError, match=r"^l\.txt: holds no phone number or id"):
        read_asked(b"\n\n", "l.txt")


# --- on paper -------------------------------------------------------------------------------


def documents(busy: Park, language: str) -> list[Document]:
    tongue: Language = "vi" if language == "vi" else "en"
    with busy.engine.connect() as connection:
        return [
            entries_document(entries(connection, WEEK), tongue, NOW),
            coverage_document(coverage(connection, WEEK), tongue, NOW),
            compliance_document(compliance(connection, WEEK, [Asked(1, "1")]), tongue, NOW),
        ]


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_report_comes_in_every_format(busy: Park, language: str) -> None:
    for document in documents(busy, language):
        made = {name: render(document) for name, render in RENDERERS.items()}
        assert json.loads(made["json"])["period"]["time_zone"] == "Asia/Ho_Chi_Minh"
        assert made["pdf"].startswith(b"%PDF")
        page = made["html"].decode()
        assert document.title in page
        assert "<script" not in page
        assert "://" not in page.replace("http://www.w3.org/2000/svg", "")
        book = load_workbook(io.BytesIO(made["xlsx"]))
        assert len(book.worksheets) == len(document.tables) + 1
        text = made["csv"].decode("utf-8-sig")
        assert next(csv.reader(io.StringIO(text))) == [c.key for c in document.tables[0].columns]


def test_each_figure_stands_beside_what_it_is_a_part_of(busy: Park) -> None:
    page = RENDERERS["html"](documents(busy, "en")[0]).decode()
    assert "28.6 % of 7 decisions" in page
    assert "20.0 % of 5 measured" in page
    assert "2021-08-23 - 2021-08-29" in page


def test_the_pdf_says_it_in_vietnamese(busy: Park, tmp_path: Path) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("no pdftotext: apt install poppler-utils")
    path = tmp_path / "r.pdf"
    path.write_bytes(RENDERERS["pdf"](documents(busy, "vi")[0]))
    text = subprocess.run(
        ["pdftotext", "-layout", path, "-"], capture_output=True, text=True, check=True
    ).stdout
    for word in ("Lượt vào ra", "Thân nhiệt cao", "23/08/2021", "Trang 1/", "Mã hết hạn"):
        assert word in text


def test_another_table_of_a_report_as_csv(busy: Park) -> None:
    text = csv_of(documents(busy, "en")[0], "by_reason").decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["reason"], row["share"]) for row in rows] == [
        ("temperature_high", "0.5"),
        ("code_expired", "0.5"),
    ]


def test_a_name_that_is_markup_stays_a_name(park: Park) -> None:
    park.site("a", name="<script>alert(1)</script>", province="<b>", contact="&")
    park.site("b", province="P")
    with park.engine.connect() as connection:
        document = coverage_document(coverage(connection, WEEK), "en", NOW)
    page = RENDERERS["html"](document).decode()
    assert "<script>alert" not in page
    assert "<b>" not in page.split("<body>")[1].replace("<b>0</b>", "").replace("<b>2</b>", "")


def test_letters_that_the_font_lacks_do_not_stop_a_report(park: Park) -> None:
    park.site("a", name="北京", province="北京", contact="🙂")
    park.site("b", province="P")
    with park.engine.connect() as connection:
        document = coverage_document(coverage(connection, WEEK), "en", NOW)
    assert RENDERERS["pdf"](document).startswith(b"%PDF")


def test_what_is_not_printed_is_said(busy: Park) -> None:
    document = documents(busy, "en")[0]
    table = document.tables[0]
    cut = printed(type(table)(table.key, "t", table.columns, table.rows, "", 3), Words("en"))
    assert len(cut.rows) == 3
    assert cut.note == "3 of 7 rows are printed; XLSX, CSV and JSON hold all."


def test_a_chart_of_nothing_is_drawn(busy: Park) -> None:
    words = Words("en")
    for document in documents(busy, "en"):
        for chart in document.charts:
            nothing = tuple((name, tuple(0.0 for _ in values)) for name, values in chart.series)
            empty = type(chart)(chart.key, chart.title, chart.form, chart.labels, nothing)
            assert to_svg(draw(empty, words), "x").startswith("<svg")


def test_both_languages_take_the_same_parts() -> None:
    for vietnamese, english in TEXTS.values():
        assert [p for p in ("{of}", "{count}", "{name}") if p in vietnamese] == [
            p for p in ("{of}", "{count}", "{name}") if p in english
        ]


def test_every_reason_of_a_refusal_has_words() -> None:
    from edge.gate.reasons import Reason

    # those that only ever stand beside a grant, or beside what decided
    granting = {
        "code_accepted", "code_flagged", "no_code_needed", "temperature_normal",
        "temperature_repeated", "secondary_normal", "record_only",
    }  # fmt: skip
    assert {str(reason) for reason in Reason} - granting <= set(REASONS)
