"""The shipped estimate on people's foreheads and mouths; left out where the data is not there."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import fmean

import pytest

from edge.gate.screening import estimate_core_c, window_estimate

Person = tuple[list[float], float, float]  # four rounds, ambient, oral; °C


@pytest.fixture(scope="module")
def shared_data() -> Path:
    folder = Path(__file__).parents[2] / "../shared/data"
    if not folder.is_dir():
        pytest.skip("the shared data is not beside this repository")
    return folder


@pytest.fixture(scope="module")
def people(shared_data: Path) -> list[Person]:
    with (shared_data / "thermal/forehead_oral.csv").open(encoding="utf-8") as file:
        return [
            (
                [float(row[f"forehead_c_{number}"]) for number in (1, 2, 3, 4)],
                float(row["ambient_c"]),
                float(row["oral_c"]),
            )
            for row in csv.DictReader(file)
        ]


def area(scores: list[float], sick: list[bool]) -> float:
    high = [score for score, ill in zip(scores, sick, strict=True) if ill]
    low = [score for score, ill in zip(scores, sick, strict=True) if not ill]
    return fmean((a > b) + 0.5 * (a == b) for a in high for b in low)


def estimate(person: Person) -> float:
    rounds, ambient_c, _ = person
    return estimate_core_c(window_estimate(rounds), ambient_c)


@pytest.mark.parametrize("fever_c", [37.5, 38.0])
def test_it_finds_fevers_no_worse_than_the_raw_readings(
    people: list[Person], fever_c: float
) -> None:
    sick = [oral_c >= fever_c for _, _, oral_c in people]
    shipped = area([estimate(person) for person in people], sick)
    for raw in ([rounds[0] for rounds, _, _ in people], [max(rounds) for rounds, _, _ in people]):
        assert shipped > area(raw, sick) - 0.02


def test_healthy_people_read_the_same_in_a_cool_and_a_warm_room(people: list[Person]) -> None:
    errors_c = [
        (ambient_c, estimate((rounds, ambient_c, oral_c)) - oral_c)
        for rounds, ambient_c, oral_c in people
        if oral_c < 37.5
    ]
    cool_c = fmean(error for ambient_c, error in errors_c if ambient_c < 23)
    warm_c = fmean(error for ambient_c, error in errors_c if ambient_c >= 25)
    assert abs(cool_c) < 0.15
    assert abs(warm_c) < 0.15
    assert abs(warm_c - cool_c) < 0.15
