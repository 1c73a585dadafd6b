"""Vietnamese names in the order in which a person looks for them."""

from __future__ import annotations

import random
import unicodedata
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.collation import vietnamese

NAMES = [
    "12A", "An", "Ánh", "Ân", "Bùi", "Dũng", "Đào", "Đỗ Kiều", "Đỗ Thị", "Em", "Ê", "Hồ Ngọc",
    "Huỳnh", "Oanh", "Ông", "Ơn", "Phạm", "Trần", "Ưng", "Xuân", "Ý", "Яна",
]  # fmt: skip


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_stand_where_a_person_looks_for_them(form: Literal["NFC", "NFD"]) -> None:
    names = [unicodedata.normalize(form, name) for name in NAMES]
    mixed = random.Random(1).sample(names, len(names))
    assert sorted(mixed, key=vietnamese) == names


def test_tones_decide_only_between_the_same_letters() -> None:
    words = ["ma", "mà", "mả", "mã", "má", "mạ", "mà a", "má a"]
    mixed = random.Random(2).sample(words, len(words))
    assert sorted(mixed, key=vietnamese) == words


@given(st.text(), st.text())
def test_any_text_has_its_place(one: str, other: str) -> None:
    assert (vietnamese(one) <= vietnamese(other)) or (vietnamese(other) <= vietnamese(one))
