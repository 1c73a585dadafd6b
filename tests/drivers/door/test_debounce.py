"""Bouncing contacts: one report for one movement, and the last level is never lost."""

from hypothesis import given
from hypothesis import strategies as st

from edge.drivers.door.debounce import Debouncer

SETTLE_S = 0.03


def test_a_bouncing_contact_is_reported_once_after_it_settled() -> None:
    contact = Debouncer(SETTLE_S, level=False)
    for at_s, level in ((0.0, True), (0.001, False), (0.002, True)):
        assert contact.edge(level, at_s) is None
    assert contact.settled(0.031) is None
    assert contact.settled(0.0321) is True
    assert contact.settled(1.0) is None


def test_a_spike_shorter_than_the_time_is_no_movement() -> None:
    contact = Debouncer(SETTLE_S, level=False)
    contact.edge(True, 0.0)
    contact.edge(False, 0.02)
    assert contact.due_s is None
    assert contact.settled(1.0) is None


def test_a_short_opening_is_not_lost_when_the_thread_came_late() -> None:
    contact = Debouncer(SETTLE_S, level=False)
    assert contact.edge(True, 0.0) is None
    assert contact.edge(False, 0.2) is True  # it had stood open for 0.2 s by then
    assert contact.settled(0.3) is False


def test_without_a_time_every_edge_counts() -> None:
    contact = Debouncer(0.0, level=False)
    contact.edge(True, 1.0)
    assert contact.settled(1.0) is True


@given(st.lists(st.tuples(st.floats(0.0001, 0.1), st.booleans()), max_size=60), st.booleans())
def test_reports_alternate_stand_long_enough_and_end_with_the_truth(
    steps: list[tuple[float, bool]], level: bool
) -> None:
    contact = Debouncer(SETTLE_S, level=level)
    reports: list[bool] = []
    at_s, seen, since_s, stood = 0.0, level, 0.0, 0
    for wait_s, new in steps:
        at_s += wait_s
        settled = contact.edge(new, at_s)
        if settled is not None:
            reports.append(settled)
        if new != seen:
            stood += at_s - since_s >= SETTLE_S
            seen, since_s = new, at_s
    settled = contact.settled(at_s + SETTLE_S + 0.001)
    reports += [] if settled is None else [settled]
    assert contact.level == seen
    assert contact.due_s is None
    assert all(one != other for one, other in zip([level, *reports], reports, strict=False))
    assert len(reports) <= stood + 1
