"""How far a stream is: the spans against a plain set of numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.standing import Standing
from tests.hub.support import PLACE

SPANS = st.lists(
    st.tuples(st.integers(1, 30), st.integers(0, 6)).map(lambda pair: (pair[0], sum(pair)))
)


@given(SPANS)
def test_any_order_of_spans_is_one_set_of_numbers(spans: list[tuple[int, int]]) -> None:
    standing = Standing(1, "s", PLACE)
    known: set[int] = set()
    for first, last in spans:
        standing.account(first, last)
        known |= set(range(first, last + 1))
        upto = next(seq for seq in range(1, 100) if seq not in known) - 1
        assert standing.upto == upto
        assert {seq for seq in range(-2, 60) if standing.has(seq)} == known
        beyond = {seq for first, last in standing.islands for seq in range(first, last + 1)}
        assert beyond == {seq for seq in known if seq > upto}
        holes = {seq for first, last in standing.holes() for seq in range(first, last + 1)}
        assert holes == set(range(1, max(known) + 1)) - known
        edges = [upto, *(edge for island in standing.islands for edge in island)]
        assert all(b - a > 1 for a, b in zip(edges[::2], edges[1::2], strict=False))
