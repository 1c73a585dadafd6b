from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.gate.events import CodeRefused, CodeSeen
from edge.gate.reasons import Reason
from edge.scan.presentation import Presentations, Sighting
from identity.credential import Credential, Scheme

FRAME_S = 0.1
GAP_S = 1.5


def understand(payload: bytes) -> Credential:
    return Credential(scheme=Scheme.OPAQUE, canonical=payload.decode("latin1").strip())


def presentations(**changes: float) -> Presentations:
    settings = {"gap_s": GAP_S, "settle_s": 0.5} | changes
    return Presentations(
        "in", understand, gap_s=settings["gap_s"], settle_s=settings["settle_s"], max_code_bytes=100
    )


def play(reader: Presentations, text: str, start_s: float = 100.0) -> list[Sighting | None]:
    """One character a frame: '.' is empty, a letter is a code, '&' all of A and B."""
    frames: list[list[bytes]] = [
        [] if char == "." else [b"A", b"B"] if char == "&" else [char.encode()] for char in text
    ]
    return [reader.frame(start_s + FRAME_S * n, codes) for n, codes in enumerate(frames)]


def told(sightings: Sequence[Sighting | None]) -> str:
    """The codes and refusals in short, one character a frame."""
    return "".join(
        "."
        if sighting is None
        else "!"
        if isinstance(sighting, CodeRefused)
        else sighting.credential.canonical
        for sighting in sightings
    )


def numbers(sightings: Sequence[Sighting | None]) -> list[str]:
    return list(dict.fromkeys(sighting.presentation for sighting in sightings if sighting))


def test_thirty_sightings_are_one_presentation() -> None:
    sightings = play(presentations(), "A" * 30)
    assert told(sightings) == "A" * 30
    assert numbers(sightings) == ["in-1"]


def test_a_code_missed_in_some_frames_is_the_same_presentation() -> None:
    assert numbers(play(presentations(), "A...A.............A")) == ["in-1"]


def test_a_code_shown_again_after_the_gap_is_another_presentation() -> None:
    assert numbers(play(presentations(), "A...............A")) == ["in-1", "in-2"]


def test_the_same_code_twice_in_a_frame_is_one() -> None:
    seen = presentations().frame(1.0, [b"A", b"A"])
    assert isinstance(seen, CodeSeen)


def test_an_empty_frame_is_never_unreadable() -> None:
    assert told(play(presentations(), "....")) == "...."


def test_two_codes_at_once_are_refused_as_one_presentation() -> None:
    sightings = play(presentations(), "&&&&")
    assert told(sightings) == "!!!!"
    assert numbers(sightings) == ["in-1"]
    assert isinstance(sightings[0], CodeRefused)
    assert sightings[0].reason == Reason.SEVERAL_CODES


def test_of_two_codes_the_one_that_stays_gets_its_turn_when_the_other_is_away() -> None:
    sightings = play(presentations(), "&&AAAAAAA")
    assert told(sightings) == "!!!!!!AAA"
    assert numbers(sightings) == ["in-1", "in-2"]


def test_two_codes_read_by_turns_after_being_refused_stay_refused() -> None:
    assert told(play(presentations(), "&ABABABABAB")) == "!" * 11


def test_somebody_behind_with_a_phone_does_not_undo_the_entry_in_front() -> None:
    sightings = play(presentations(), "AA&&&&&&")
    assert told(sightings) == "A" * 8
    assert numbers(sightings) == ["in-1"]


def test_somebody_behind_read_by_turns_does_not_undo_the_entry_in_front() -> None:
    assert told(play(presentations(), "AABABABBBAB")) == "AA.A.A...A."


def test_the_next_in_the_queue_gets_a_turn_of_his_own() -> None:
    sightings = play(presentations(), "AA&&BBBBBBBB")
    assert told(sightings) == "AAAA....BBBB"
    assert numbers(sightings) == ["in-1", "in-2"]


def test_a_wrong_card_put_away_and_the_right_one_shown_is_read_soon() -> None:
    sightings = play(presentations(), "AAABBBBBB")
    assert told(sightings) == "AAA....BB"


def test_a_code_back_within_the_gap_is_the_same_presentation_after_another_had_its_turn() -> None:
    sightings = play(presentations(gap_s=5.0), "ABBBBBBAAAAAAA")
    assert numbers(sightings) == ["in-1", "in-2"]
    assert told(sightings)[-1] == "A"


def test_two_new_codes_after_the_first_has_left_are_refused() -> None:
    assert told(play(presentations(), "C&&&&&&&"))[-1] == "!"


def test_a_code_that_is_too_long_is_refused_with_its_reason() -> None:
    reader = presentations()
    refused = [reader.frame(n, [b"x" * 101]) for n in (1.0, 1.1)]
    assert isinstance(refused[0], CodeRefused)
    assert refused[0].reason == Reason.CODE_TOO_LONG
    assert refused[0] == refused[1]
    assert isinstance(presentations().frame(1.0, [b"x" * 100]), CodeSeen)


@pytest.mark.parametrize("payload", [b"", b"  "])
def test_a_code_that_says_nothing_is_unreadable(payload: bytes) -> None:
    refused = presentations().frame(1.0, [payload])
    assert isinstance(refused, CodeRefused)
    assert refused.reason == Reason.CODE_UNREADABLE


def test_a_frame_older_than_the_one_before_changes_nothing() -> None:
    reader = presentations()
    reader.frame(100.0, [b"A"])
    late = reader.frame(90.0, [b"A"])
    assert late is not None
    assert late.presentation == "in-1"


def test_a_code_is_parsed_once_however_long_it_is_held() -> None:
    calls = []

    def counting(payload: bytes) -> Credential:
        calls.append(payload)
        return understand(payload)

    reader = Presentations("in", counting, gap_s=GAP_S, max_code_bytes=100)
    play(reader, "AAAAA")
    assert calls == [b"A"]


frame_lists = st.lists(
    st.tuples(
        st.floats(0.01, 4.0),
        st.lists(st.sampled_from([b"A", b"B", b"C", b"", b"x" * 101]), max_size=3),
    ),
    max_size=60,
)


@given(frame_lists)
@settings(deadline=None)
def test_whatever_is_shown_the_rules_of_presentations_hold(
    frames: list[tuple[float, list[bytes]]],
) -> None:
    reader = presentations()
    now_s = 0.0
    last_seen: dict[bytes, float] = {}
    meaning: dict[str, Sighting] = {}
    for step_s, payloads in frames:
        now_s += step_s
        sighting = reader.frame(now_s, payloads)
        if sighting is None:
            assert not payloads or len(last_seen) > 0  # silence only where another has the turn
        else:
            assert payloads  # never out of nothing
            # one number means one thing for good
            assert meaning.setdefault(sighting.presentation, sighting) == sighting
        if isinstance(sighting, CodeSeen):
            shown = sighting.credential.canonical.encode()
            assert shown in payloads  # never for a code that is not there
        last_seen |= dict.fromkeys(payloads, now_s)
    assert sorted(meaning, key=lambda name: int(name[3:])) == list(meaning)


@given(st.lists(st.floats(0.01, 4.0), min_size=1, max_size=40))
def test_one_code_alone_is_always_seen_and_numbered_by_its_gaps(steps_s: list[float]) -> None:
    reader = presentations()
    now_s, expected = 0.0, 0
    for place, step_s in enumerate(steps_s):
        before_s, now_s = now_s, now_s + step_s
        expected += place == 0 or now_s - before_s >= GAP_S
        sighting = reader.frame(now_s, [b"A"])
        assert isinstance(sighting, CodeSeen)
        assert sighting.presentation == f"in-{expected}"
