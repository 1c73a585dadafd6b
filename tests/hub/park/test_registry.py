"""The registry: every bad line named, all or nothing, out and in again unchanged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from hub.derive.follower import Follower
from hub.registry import book
from hub.registry.columns import Kind, exported
from hub.registry.credentials import canonicals
from hub.registry.faults import RegistryError
from hub.registry.files import Listing, read_listing
from hub.registry.values import ValueFaultError, phone
from hub.sheets import write_csv, write_xlsx
from hub.store.engine import connect, writing
from hub.store.schema import links, metadata, people, roster, sites, visits
from identity.token import Tokeniser
from tests.hub.park.support import Park, ms, size

TOKENISER = Tokeniser(bytes(range(32)), key_id="k1", scope="park")
SITES = "park,site,name,district,province,longest stay,contact\n"


def listing(text: str, kind: Kind | None = None) -> Listing:
    return read_listing(text.encode(), "f.csv", kind)


def take(engine: Engine, text: str, kind: Kind | None = None, **more: bool) -> book.Imported:
    found = listing(text, kind)
    tokens = book.take_tokens(found, TOKENISER)
    with writing(engine) as connection:
        return book.take(connection, found, tokens, at_ms=1_000, **more)


def faults(text: str, kind: Kind | None = None) -> list[str]:
    with pytest.raises(RegistryError) as caught:
        listing(text, kind)
    return str(caught.value).splitlines()


def out(engine: Engine, kind: Kind) -> list[list[Any]]:
    with engine.connect() as connection:
        return [[row[name] for name in exported(kind)] for row in book.read(connection, kind)]


# --- what is read ---------------------------------------------------------------------------


def test_vietnamese_headings_are_the_same_columns(engine: Engine) -> None:
    done = take(engine, "Mã khu;Mã điểm;TÊN ĐIỂM;Quận/Huyện;Tỉnh\nkcn;a;Cổng chính;Dĩ An;BD\n")
    assert done == book.Imported(Kind.SITES, added=1, changed=0, unchanged=0)
    assert out(engine, Kind.SITES)[0][:3] == ["kcn", "a", "Cổng chính"]


def test_the_kind_is_told_by_the_columns() -> None:
    assert listing("park,site\nk,a\n").kind is Kind.SITES
    assert listing("park,site,gate\nk,a,g\n").kind is Kind.GATES
    assert listing("park,mã nhân viên\nk,1\n").kind is Kind.ROSTER


def test_every_bad_line_is_named_with_its_column_and_how_to_mend_it() -> None:
    text = SITES + "kcn,a,A,,,960,\nkcn,,B,,,,\nkcn,c/d,C,,,x,\nkcn,a,D,,,,\n"
    assert faults(text) == [
        "f.csv: line 3: site: is missing; fill in the cell",
        "f.csv: line 4: site: 'c/d' holds +, # or /; write it as the gate's configuration does",
        "f.csv: line 4: longest stay: 'x' is no number of minutes; give 1 to 10080, such as 960",
        "f.csv: line 5: site: kcn/a stands in line 2 already; take one of them out",
    ]


def test_an_unknown_column_is_told_with_the_nearest_known() -> None:
    (one,) = faults("park,site,distrct\nk,a,b\n")
    assert one == "f.csv: line 1: distrct: unknown column; did you mean district?"


def test_a_required_column_that_lacks_is_named() -> None:
    (one,) = faults("park,name\nk,a\n", Kind.SITES)
    assert one.startswith("f.csv: line 1: no column 'site'; the columns are park, site, name")


def test_blank_lines_and_blank_columns_are_passed_over(engine: Engine) -> None:
    assert take(engine, "park,site,,\n\nkcn, a ,,\n,,,\n").added == 1


def test_a_cell_without_a_heading_is_named() -> None:
    assert faults("park,site,\nkcn,a,stray\n") == [
        "f.csv: line 2: 'stray' stands under no heading; give the column a name or empty the cell"
    ]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0912345678", "84912345678"),
        ("912345678", "84912345678"),  # a spreadsheet ate the zero
        ("+84 912 345 678", "84912345678"),
        ("84912345678", "84912345678"),
        ("028 3812 34567 8", None),
        ("2838123456", "842838123456"),
        ("+1 202 555 0100", "12025550100"),
        ("9.12E+08", None),
        ("01201234567", None),
        ("12", None),
        ("abc", None),
    ],
)
def test_phone_numbers(written: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(ValueFaultError):
            phone(written)
    else:
        assert phone(written) == kept


# --- credentials ----------------------------------------------------------------------------


def test_a_citizen_number_gives_the_token_that_gates_make(engine: Engine) -> None:
    take(engine, "park,holder,cccd\nkcn,1,79084012345\n")  # a spreadsheet ate the zero
    with engine.connect() as connection:
        token = connection.scalar(
            select(people.c.token).join(roster, roster.c.person == people.c.id)
        )
    assert token == TOKENISER.token("cccd:079084012345").v


def test_no_citizen_number_reaches_the_store_or_a_fault(engine: Engine, tmp_path: Path) -> None:
    take(engine, "park,holder,cccd\nkcn,1,079084012345\n")
    if engine.dialect.name == "sqlite":
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        for path in tmp_path.iterdir():
            assert b"079084012345" not in path.read_bytes()
    (one,) = faults("park,holder,cccd\nkcn,1,99999012345\n")
    assert "99999012345" not in one


def test_a_card_s_code_and_the_park_s_pass_are_credentials() -> None:
    text = "079084012345||Nguyễn Văn An|01011984|Nam|1 Lê Lợi|01012021"
    assert canonicals(text, park="kcn", holder="1") == ["cccd:079084012345"]
    assert canonicals("pass", park="kcn", holder="1") == ["pass:kcn/1"]
    assert canonicals("bhyt:DN4790123456789 ; pass", park="k", holder="1") == [
        "bhyt:0123456789",
        "pass:k/1",
    ]


def test_two_credentials_of_one_person_are_linked(engine: Engine) -> None:
    take(engine, "park,holder,credential\nkcn,1,079084012345 ; pass\n")
    with engine.connect() as connection:
        ids = connection.scalars(select(people.c.id).order_by(people.c.id)).all()
        assert connection.execute(select(links.c.person, links.c.other)).all() == [tuple(ids)]


def test_links_that_meet_make_one_person_of_all(engine: Engine) -> None:
    take(engine, "park,holder,credential\nkcn,1,pass ; cmnd:123456789\n")
    take(engine, "park,holder,credential\nkcn,2,pass ; cmnd:223456789\n")
    take(engine, "park,holder,credential\nkcn,3,cmnd:123456789 ; cmnd:223456789\n")
    assert size(engine, links) == 3
    Follower(engine, longest_stay_h=16).catch_up()
    with engine.connect() as connection:
        assert len(set(connection.scalars(select(people.c.same_as)))) == 1


def test_cards_that_the_roster_links_are_one_person_to_the_visits(engine: Engine) -> None:
    take(engine, "park,holder,credential\nkcn,1,079084012345\nkcn,2,pass\n")
    park = Park(engine)
    site = park.site("a")
    with engine.connect() as connection:
        card, badge = connection.scalars(select(people.c.id).order_by(people.c.id))
    park.passage(site, "2021-08-23 07:00", person=card)
    park.passage(site, "2021-08-23 16:00", person=badge, direction="out")
    take(engine, "park,holder,credential\nkcn,2,079084012345 ; pass\n")
    Follower(engine, longest_stay_h=16).catch_up()
    with engine.connect() as connection:
        found = connection.execute(select(visits.c.out_ms, visits.c.assumed)).all()
    assert found == [(ms("2021-08-23 16:00"), False)]


def test_a_credential_without_the_park_s_key_is_refused() -> None:
    with pytest.raises(RegistryError, match="line 2: credential: no token can be taken"):
        book.take_tokens(listing("park,holder,credential\nkcn,1,pass\n"), None)


def test_an_import_without_credentials_keeps_the_person(engine: Engine) -> None:
    take(engine, "park,holder,credential\nkcn,1,pass\n")
    before = out(engine, Kind.ROSTER)
    take(engine, "park,holder,name\nkcn,1,An\n")
    assert [row[-1] for row in out(engine, Kind.ROSTER)] == [before[0][-1]]
    assert before[0][-1] is not None


# --- all or nothing -------------------------------------------------------------------------


def test_gates_of_a_site_that_nobody_registered_are_refused_whole(engine: Engine) -> None:
    take(engine, "park,site\nkcn,a\n")
    with pytest.raises(RegistryError, match="line 3: site: kcn/b is not registered"):
        take(engine, "park,site,gate\nkcn,a,1\nkcn,b,1\n")
    assert out(engine, Kind.GATES) == []


def test_one_bad_line_in_a_big_file_is_named_and_nothing_is_taken(engine: Engine) -> None:
    lines = [f"kcn,{n:06},{'Nguyễn Văn An ' * 7},09{n:08}" for n in range(80_000)]
    lines[40_000] = "kcn,040000,B,12"
    text = "park,holder,name,phone\n" + "\n".join(lines)
    assert len(text.encode()) > 10_000_000
    (one,) = faults(text)
    assert one.startswith("f.csv: line 40002: phone: '12' has 2 digits")
    assert size(engine, roster) == 0


def test_what_changed_is_counted(engine: Engine) -> None:
    take(engine, SITES + "kcn,a,A,,,,\nkcn,b,B,,,,\n")
    done = take(engine, SITES + "kcn,a,A,,,,\nkcn,b,Other,,,,\nkcn,c,C,,,,\n")
    assert (done.added, done.changed, done.unchanged) == (1, 1, 1)


def test_columns_that_the_file_lacks_keep_their_values(engine: Engine) -> None:
    take(engine, SITES + "kcn,a,A,Dĩ An,,,\n")
    take(engine, "park,site,province\nkcn,a,Bình Dương\n")
    assert out(engine, Kind.SITES)[0][2:7] == ["A", None, None, "Dĩ An", "Bình Dương"]


def test_replace_takes_out_what_the_parks_of_the_file_have_beyond_it(engine: Engine) -> None:
    take(engine, "park,site\nkcn,a\nkcn,b\nother,c\n")
    assert take(engine, "park,site\nkcn,a\n", replace=True).removed == 1
    assert [row[:2] for row in out(engine, Kind.SITES)] == [["kcn", "a"], ["other", "c"]]
    assert size(engine, sites) == 3  # records may lead to it


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("kind", list(Kind))
def test_out_and_in_again_is_the_same(
    engine: Engine, tmp_path: Path, kind: Kind, form: str
) -> None:
    take(engine, SITES + 'kcn,a,"=A(1)",Dĩ An,"Tỉnh, ""B""",960,+84\nkcn,b,\'=x,,,,-1\n')
    take(engine, "park,site,gate,name\nkcn,a,1,@cổng\nkcn,a,2,\n")
    take(engine, "park,holder,name,phone,credential\nkcn,0042,-An,912345678,pass\nkcn,7,B,,\n")
    rows, columns = out(engine, kind), exported(kind)
    raw = write_csv(columns, rows) if form == "csv" else write_xlsx([("s", columns, rows)])
    fresh = connect(tmp_path / "fresh.db")
    metadata.create_all(fresh)
    if kind is Kind.GATES:
        take(fresh, "park,site\nkcn,a\n")
    with writing(fresh) as connection:
        book.take(connection, read_listing(raw, f"f.{form}", kind), {}, at_ms=0)
    assert out(fresh, kind) == rows
    assert len(rows) == 2
    fresh.dispose()


def test_places_that_the_feed_named_first_become_registered(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sites.insert().values(park="kcn", site="a", registered=False))
    with engine.connect() as connection:
        assert book.counts(connection)[0].unregistered_sites == 1
    take(engine, "park,site\nkcn,a\n")
    with engine.connect() as connection:
        assert book.counts(connection) == [book.Counts("kcn", 1, 0, 0, 0, 0, 0)]
