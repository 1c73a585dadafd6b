"""The record's contract with those who fill it in."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from feed.record import Draft, Kind, Record


def test_a_written_record_can_not_be_changed() -> None:
    draft = Draft(kind=Kind.PASSAGE)
    with pytest.raises(FrozenInstanceError):
        draft.kind = "other"  # type: ignore[misc]


def test_a_record_is_a_draft_with_its_place() -> None:
    """The journal copies a draft's parts by name: none may be missing from the record."""
    assert {part.name for part in fields(Draft)} <= {part.name for part in fields(Record)}


def test_the_kinds_of_this_version_keep_their_names() -> None:
    assert {kind.value for kind in Kind} == {
        *("passage", "outcome", "door", "gate", "alarm"),
        *("clock", "check", "calibration", "audit", "loss"),
    }
