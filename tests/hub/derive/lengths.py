"""The short form of a property for every change, and the long one for `make proof`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

EXAMPLES = 300
TIMEOUT_S = 3_600


def short(examples: int) -> settings:
    return settings(
        max_examples=examples,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def proof(test: Callable[..., Any]) -> Any:
    """With many more examples."""
    return pytest.mark.proof(pytest.mark.timeout(TIMEOUT_S)(short(EXAMPLES)(test)))
