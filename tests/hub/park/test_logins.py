"""Log-ins that fail are counted in the store: for every hub over it, and across restarts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, select

from hub.logins import Limit, LoginLimits
from hub.store.schema import login_tries
from tests.hub.park.support import size

LAN, HUNG = Limit("name lan", 2), Limit("name hùng", 2)


@pytest.fixture
def now_ms() -> list[int]:
    return [1_000_000]


@pytest.fixture
def limits(engine: Engine, now_ms: list[int]) -> LoginLimits:
    return LoginLimits(engine, window_s=60, now_ms=lambda: now_ms[0])


def test_failed_tries_are_forgotten_after_a_while(limits: LoginLimits, now_ms: list[int]) -> None:
    assert limits.take(LAN) == 0
    now_ms[0] += 30_000
    assert limits.take(LAN, HUNG) == 0
    assert limits.take(LAN) == 30
    assert limits.take(HUNG) == 0
    now_ms[0] += 30_000
    assert limits.take(LAN) == 0


def test_who_must_wait_is_not_counted_once_more(limits: LoginLimits, engine: Engine) -> None:
    for _ in range(5):
        limits.take(LAN, HUNG)
    assert size(engine, login_tries) == 4


def test_a_success_forgets_the_tries_before(limits: LoginLimits) -> None:
    limits.take(LAN)
    limits.take(LAN)
    limits.succeeded(LAN)
    assert limits.take(LAN) == 0


def test_another_hub_over_the_same_store_counts_on(
    limits: LoginLimits, engine: Engine, now_ms: list[int]
) -> None:
    other = LoginLimits(engine, window_s=60, now_ms=lambda: now_ms[0])
    assert (limits.take(LAN), other.take(LAN)) == (0, 0)
    assert limits.take(LAN) == other.take(LAN) == 60


def test_tries_at_one_time_are_tries_too(limits: LoginLimits) -> None:
    with ThreadPoolExecutor(8) as pool:
        waits = list(pool.map(lambda _: limits.take(LAN), range(16)))
    assert sorted(waits) == [0] * 2 + [60] * 14


def test_a_clock_that_was_set_back_locks_nobody_out_for_long(
    limits: LoginLimits, now_ms: list[int]
) -> None:
    limits.take(LAN)
    limits.take(LAN)
    now_ms[0] -= 86_400_000 // 24
    assert limits.take(LAN) == 0


def test_the_table_names_nobody(limits: LoginLimits, engine: Engine) -> None:
    limits.take(Limit("page pair lan\n203.0.113.9", 8))
    with engine.connect() as connection:
        row = connection.execute(select(login_tries)).one()
    assert len(row.digest) == 64
    assert set(row.digest) <= set("0123456789abcdef")
