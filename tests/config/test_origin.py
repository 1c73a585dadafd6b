"""Lines of keys: TOML's parser tells none."""

from __future__ import annotations

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from edge.config.origin import key_lines
from edge.config.toml import toml_value


def test_every_form_of_a_key_has_its_line() -> None:
    text = '''
a = 1 # one
[gate] # two
park = """
x = 3
"""
[[reader]]
name = "in"
camera = {driver = "sim", size = [1,
2]}
[reader.thermometer]
driver = "x"
[[reader]]
 [reader.camera]
 "x".y = 3
'''
    assert key_lines(text) == {
        ("a",): 2,
        ("gate",): 3,
        ("gate", "park"): 4,
        ("reader", 0): 7,
        ("reader", 0, "name"): 8,
        ("reader", 0, "camera"): 9,
        ("reader", 0, "camera", "driver"): 9,
        ("reader", 0, "camera", "size"): 9,
        ("reader", 0, "thermometer"): 11,
        ("reader", 0, "thermometer", "driver"): 12,
        ("reader", 1): 13,
        ("reader", 1, "camera"): 14,
        ("reader", 1, "camera", "x"): 15,
        ("reader", 1, "camera", "x", "y"): 15,
    }


texts = st.text("ab\n\"'\\é#[]={}\x7f\x00", max_size=8)
keys = st.sampled_from(["a", "b", "c-d", "e_f"])
values = st.recursive(
    st.booleans() | st.integers(-9, 9) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(keys, st.dictionaries(keys, values, max_size=4), max_size=3))
def test_a_key_is_found_on_the_line_where_it_was_written(tables: dict[str, Any]) -> None:
    lines: list[str] = []
    expected: dict[tuple[object, ...], int] = {}
    for table, content in tables.items():
        lines.append(f"[{table}]")
        expected[table,] = len(lines)
        for key, value in content.items():
            lines.append(f"{key} = {toml_value(value)}")
            expected[table, key] = len(lines)
    text = "\n".join(lines)
    found = key_lines(text)
    assert {path: line for path, line in found.items() if len(path) < 3} == expected
    assert tomllib.loads(text) == tables


@given(texts | st.floats(allow_nan=False) | st.integers(-(2**63), 2**63 - 1) | st.booleans())
def test_values_written_as_toml_read_back(value: object) -> None:
    assert tomllib.loads(f"value = {toml_value(value)}")["value"] == value
