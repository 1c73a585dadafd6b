"""Stores to ask."""

from __future__ import annotations

from tests.hub.derive.conftest import engine, postgres

__all__ = ["engine", "postgres"]
