from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.chromium import WAIT_MS, Chromium, launched


# of a module, not of the session: Playwright's loop would hinder other files' own asyncio
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    expect.set_options(timeout=WAIT_MS)
    with launched() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Chromium]:
    """A fresh browser; no page that it opens may ask another machine or break its own policy."""
    with Chromium(chromium) as made:
        yield made
        assert made.misdeeds() == []
