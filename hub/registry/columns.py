"""The columns of registry files, and the headings that people write over them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hub.registry.faults import Fault
from hub.words import Words


class Kind(StrEnum):
    """What a file lists."""

    SITES = "sites"
    GATES = "gates"
    ROSTER = "roster"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the registry, and other headings it goes by. `key` columns name the
    line, `required` ones may not be empty.
    """

    name: str
    headings: tuple[str, ...]
    required: bool = False
    key: bool = False
    exported: bool = True


_PARK = Column("park", ("park id", "mã khu", "khu", "đơn vị"), required=True, key=True)
_SITE = Column(
    "site",
    ("site id", "checkpoint", "mã điểm", "điểm", "mã điểm kiểm dịch", "điểm kiểm dịch"),
    required=True,
    key=True,
)
_NAME = Column("name", ("full name", "tên", "họ tên", "họ và tên", "tên điểm", "tên cổng"))

COLUMNS: Mapping[Kind, tuple[Column, ...]] = {
    Kind.SITES: (
        _PARK,
        _SITE,
        _NAME,
        Column("type", ("kind", "loại", "loại hình", "loại điểm")),
        Column("address", ("địa chỉ",)),
        Column("district", ("huyện", "quận", "quận huyện", "quận/huyện")),
        Column("province", ("city", "tỉnh", "tỉnh thành", "tỉnh/thành phố", "thành phố")),
        Column("latitude", ("lat", "vĩ độ")),
        Column("longitude", ("lon", "lng", "long", "kinh độ")),
        Column(
            "longest_stay_min",
            ("longest stay", "longest stay (min)", "ở lâu nhất (phút)", "ở lâu nhất"),
        ),
        Column("contact", ("contact person", "liên hệ", "người liên hệ", "đầu mối")),
    ),
    Kind.GATES: (
        _PARK,
        _SITE,
        Column("gate", ("gate id", "mã cổng", "cổng"), required=True, key=True),
        _NAME,
    ),
    Kind.ROSTER: (
        _PARK,
        Column(
            "holder",
            (
                "id", "staff id", "pupil id", "student id", "employee id", "mã số", "mã nhân viên",
                "mã nv", "mã học sinh", "mã số nhân viên",
            ),
            required=True,
            key=True,
        ),
        _NAME,
        Column("category", ("loại", "nhóm", "đối tượng")),
        Column("phone", ("phone number", "mobile", "tel", "điện thoại", "số điện thoại", "sđt")),
        Column("token", ("mã băm", "mã người")),
        Column(
            "credential",
            ("code", "qr", "cccd", "citizen id", "mã qr", "giấy tờ", "số định danh", "căn cước"),
            exported=False,
        ),
    ),
}  # fmt: skip


def plain(heading: str) -> str:
    """A heading without case, diacritics and punctuation, as headings are compared."""
    folded = unicodedata.normalize("NFD", heading.lower().replace("đ", "d"))
    bare = "".join(one for one in folded if not unicodedata.combining(one))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", bare).split())


def key_of(kind: Kind) -> tuple[str, ...]:
    """The columns that name a line."""
    return tuple(column.name for column in COLUMNS[kind] if column.key)


def exported(kind: Kind) -> tuple[str, ...]:
    """The columns of an export."""
    return tuple(column.name for column in COLUMNS[kind] if column.exported)


def kind_of(headings: Sequence[str]) -> Kind | None:
    """What a file lists, by its headings: a gate's or a holder's column tells."""
    found = {plain(heading) for heading in headings}
    for kind, telling in ((Kind.GATES, "gate"), (Kind.ROSTER, "holder"), (Kind.SITES, "site")):
        column = next(one for one in COLUMNS[kind] if one.name == telling)
        if found & _written(column):
            return kind
    return None


def matched(
    kind: Kind, headings: Sequence[str], file: str, line: int
) -> tuple[list[Column | None], list[Fault]]:
    """The column under each heading, None under an empty one; and what is wrong with them."""
    known = {text: column for column in COLUMNS[kind] for text in _written(column)}
    columns: list[Column | None] = []
    faults = []
    for heading in headings:
        column = known.get(plain(heading)) if heading else None
        if heading and column is None:
            what = Words("what.unknown_column")
            faults.append(Fault(file, line, heading[:60], what, _near(kind, heading)))
        elif column is not None and column in columns:
            what = Words("what.second_column", name=column.name)
            faults.append(Fault(file, line, heading, what, Words("mend.take_one_out")))
        columns.append(column)
    for column in COLUMNS[kind]:
        if column.required and column not in columns:
            what = Words("what.lacks_column", name=column.name)
            faults.append(Fault(file, line, None, what, _names(kind)))
    return columns, faults


def _written(column: Column) -> set[str]:
    return {plain(text) for text in (column.name, *column.headings)}


def _names(kind: Kind) -> Words:
    return Words("mend.columns_are", names=", ".join(one.name for one in COLUMNS[kind]))


def _near(kind: Kind, heading: str) -> Words:
    by_text = {text: column.name for column in COLUMNS[kind] for text in _written(column)}
    near = difflib.get_close_matches(plain(heading), by_text, n=1)
    if near:
        return Words("mend.did_you_mean", name=by_text[near[0]])
    return _names(kind)
