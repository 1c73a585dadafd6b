"""Does the estimate find fevers? On people's foreheads and mouths, and on the physical simulator.

    python -m bench.bench_screening [--data FILE] [--svg FILE] [--people N]

FILE is forehead_oral.csv: people whose forehead a thermal camera took four times and whose mouth a
clinical thermometer (Wang et al. 2023, PhysioNet, doi 10.13026/3bhc-9065); without it that part is
left out. Nothing is fitted on whoever it is judged on: ten folds. The shipped form is fitted on
people below 37.5 °C only; the line and the quadratic on everybody, as projects that fit them do.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from edge.config.model import Mlx90614Table
from edge.drivers.sim.i2c import SimI2C
from edge.drivers.sim.mlx90614 import Imperfections, SimMlx90614
from edge.drivers.sim.world import forehead_c
from edge.drivers.thermometer.mlx90614 import Mlx90614Thermometer
from edge.gate.estimate import AMBIENT_REF_C
from edge.gate.screening import (
    Scene,
    ScreeningRules,
    estimate_core_c,
    observe,
    steady_reading,
    window_estimate,
)
from feed.record import Reading

SHARED = Path(__file__).parents[1] / "../shared/data/thermal/forehead_oral.csv"
FEVERS_C = (37.5, 38.0)
NORMAL_C = 37.5
FOLDS = 10
RESAMPLES = 2000
SPECIFICITY = 0.95
BANDS_C = (20.5, 23.0, 24.0, 25.0, 29.2)
RATE_HZ = 20.0

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Fit = Callable[[Floats, Floats, Floats], Callable[[Floats, Floats], Floats]]


@dataclass(frozen=True)
class People:
    """One row a person: rounds (n, 4) and one value each; °C."""

    rounds_c: Floats
    ambient_c: Floats
    oral_c: Floats

    @property
    def surface_c(self) -> Floats:
        return np.array([window_estimate(list(rounds)) for rounds in self.rounds_c])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=SHARED)
    parser.add_argument("--svg", type=Path, help="write the ROC curves as a picture")
    parser.add_argument("--people", type=int, default=400, help="simulated people")
    arguments = parser.parse_args()
    console = Console(width=120)
    if arguments.data.exists():
        study(console, read(arguments.data), arguments.svg)
    else:
        console.print(f"no {arguments.data}: the people of the study are left out")
    simulator(console, arguments.people)


def read(path: Path) -> People:
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    rounds = [[float(row[f"forehead_c_{n}"]) for n in (1, 2, 3, 4)] for row in rows]
    return People(
        np.array(rounds),
        np.array([float(row["ambient_c"]) for row in rows]),
        np.array([float(row["oral_c"]) for row in rows]),
    )


# --- the ways to make a temperature of a forehead -----------------------------------------------


def fit_raw(_s: Floats, _a: Floats, _o: Floats) -> Callable[[Floats, Floats], Floats]:
    return lambda s, _: s


def fit_offset(s: Floats, _a: Floats, oral: Floats) -> Callable[[Floats, Floats], Floats]:
    normal = oral < NORMAL_C
    offset = float(np.mean((oral - s)[normal]))
    return lambda s, _: s + offset


def fit_shipped(s: Floats, a: Floats, oral: Floats) -> Callable[[Floats, Floats], Floats]:
    """The shipped form: slope 1 on the surface, a line in ambient, on normal people only."""
    normal = oral < NORMAL_C
    slope, offset = np.polyfit(a[normal] - AMBIENT_REF_C, (oral - s)[normal], 1)
    return lambda s, a: s + offset + slope * (a - AMBIENT_REF_C)


def fit_constants(_s: Floats, _a: Floats, _o: Floats) -> Callable[[Floats, Floats], Floats]:
    """The shipped constants as they stand in edge.gate.estimate."""
    return lambda s, a: np.array([estimate_core_c(*one) for one in zip(s, a, strict=True)])


def fit_line(s: Floats, a: Floats, oral: Floats) -> Callable[[Floats, Floats], Floats]:
    columns = np.c_[s, a, np.ones_like(s)]
    weights = np.linalg.lstsq(columns, oral, rcond=None)[0]
    return lambda s, a: np.asarray(np.c_[s, a, np.ones_like(s)] @ weights, dtype=np.float64)


def fit_quadratic(s: Floats, _a: Floats, oral: Floats) -> Callable[[Floats, Floats], Floats]:
    weights = np.polyfit(s, oral, 2)
    return lambda s, _: np.asarray(np.polyval(weights, s), dtype=np.float64)


WAYS: Mapping[str, Fit] = {
    "raw surface": fit_raw,
    "fixed offset": fit_offset,
    "least-squares line": fit_line,
    "quadratic": fit_quadratic,
    "shipped, fitted anew": fit_shipped,
    "shipped": fit_constants,
}


def cross_validated(people: People, way: Fit, surface_c: Floats | None = None) -> Floats:
    """Everybody's estimate by what the other nine folds taught."""
    s = people.surface_c if surface_c is None else surface_c
    folds = np.random.default_rng(1).permutation(len(s)) % FOLDS
    estimates = np.empty_like(s)
    for fold in range(FOLDS):
        held = folds == fold
        known = ~held
        model = way(s[known], people.ambient_c[known], people.oral_c[known])
        estimates[held] = model(s[held], people.ambient_c[held])
    return estimates


# --- judging -----------------------------------------------------------------------------------


def auc(scores: Floats, sick: Bools) -> float:
    """Area under the ROC curve: how often somebody sick scores above somebody well."""
    high, low = scores[sick][:, None], scores[~sick][None, :]
    return float((high > low).mean() + 0.5 * (high == low).mean())


def sensitivity(scores: Floats, sick: Bools) -> float:
    """Of the sick, those above what 95 % of the well stay below."""
    return float((scores[sick] > np.quantile(scores[~sick], SPECIFICITY)).mean())


def resampled(
    figure: Callable[[NDArray[np.intp]], float], sick: Bools, times: int = RESAMPLES
) -> tuple[float, float]:
    """95 % of the bootstrap; sick and well are drawn apart, so that their numbers stay."""
    rng = np.random.default_rng(2)
    places = [np.flatnonzero(sick), np.flatnonzero(~sick)]
    values = [
        figure(np.concatenate([rng.choice(place, len(place)) for place in places]))
        for _ in range(times)
    ]
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)


def study(console: Console, people: People, svg: Path | None) -> None:
    estimates = {name: cross_validated(people, way) for name, way in WAYS.items()}
    for limit_c in FEVERS_C:
        sick = people.oral_c >= limit_c
        console.print(
            f"\noral ≥ {limit_c} °C: {sick.sum()} of {len(sick)} people; area under the ROC curve, "
            f"sensitivity at {SPECIFICITY:.0%} specificity, and what a limit of 37.5 °C does"
        )
        console.print(ways_table(people, estimates, sick))
    console.print(non_inferior(people, estimates))
    console.print("\nmean error at oral < 37.5 °C by the room's temperature, °C")
    console.print(error_table(people, estimates))
    console.print("\nwhich of four rounds: the shipped correction on each estimator")
    console.print(estimator_table(people))
    console.print(rounds_table(people))
    fitted = fit_shipped(people.surface_c, people.ambient_c, people.oral_c)
    at = [float(fitted(np.zeros(1), np.array([a]))[0]) for a in (AMBIENT_REF_C, AMBIENT_REF_C + 1)]
    console.print(f"fitted on all normal people: offset {at[0]:.3f}, slope {at[1] - at[0]:.4f}")
    if svg is not None:
        svg.write_text(draw(people, estimates), encoding="utf-8")
        console.print(f"wrote {svg}")


def ways_table(people: People, estimates: Mapping[str, Floats], sick: Bools) -> Table:
    table = Table("estimate", "AUC", "95 % interval", "sensitivity", "95 % interval",
                  "hidden below 37.5", "well and above")  # fmt: skip
    for name, scores in estimates.items():
        low, high = resampled(lambda i, s=scores: auc(s[i], sick[i]), sick)  # type: ignore[misc]
        s_low, s_high = resampled(
            lambda i, s=scores: sensitivity(s[i], sick[i]),  # type: ignore[misc]
            sick,
        )
        table.add_row(
            name,
            f"{auc(scores, sick):.3f}",
            f"{low:.3f} to {high:.3f}",
            f"{sensitivity(scores, sick):.2f}",
            f"{s_low:.2f} to {s_high:.2f}",
            f"{int((scores[sick] < 37.5).sum())} of {int(sick.sum())}",
            f"{int((scores[people.oral_c < NORMAL_C] >= 37.5).sum())}",
        )
    return table


def non_inferior(people: People, estimates: Mapping[str, Floats]) -> Table:
    """Paired: the same people drawn for both."""
    first = people.rounds_c[:, 0]
    rivals = {"a single raw round": first, "the raw surface": estimates["raw surface"]}
    table = Table("shipped minus", "limit", "AUC difference", "95 % interval", "not worse by 0.02")
    shipped = estimates["shipped"]
    for name, other in rivals.items():
        for limit_c in FEVERS_C:
            sick = people.oral_c >= limit_c
            gain = auc(shipped, sick) - auc(other, sick)
            low, high = resampled(
                lambda i, o=other, y=sick: auc(shipped[i], y[i]) - auc(o[i], y[i]),  # type: ignore[misc]
                sick,
            )
            verdict = "certain" if low > -0.02 else "likely" if gain > -0.02 else "no"
            table.add_row(name, f"{limit_c}", f"{gain:+.3f}", f"{low:+.3f} to {high:+.3f}", verdict)
    return table


def error_table(people: People, estimates: Mapping[str, Floats]) -> Table:
    normal = people.oral_c < NORMAL_C
    bands = list(pairwise(BANDS_C))
    names = [f"{low:g}-{high:g}" for low, high in bands]
    table = Table("estimate", *names, "widest gap", "mean absolute")
    for name in ("fixed offset", "least-squares line", "shipped, fitted anew", "shipped"):
        error = estimates[name] - people.oral_c
        means = [
            float(error[normal & (people.ambient_c >= low) & (people.ambient_c < high)].mean())
            for low, high in bands
        ]
        table.add_row(
            name,
            *(f"{mean:+.2f}" for mean in means),
            f"{max(means) - min(means):.2f}",
            f"{np.abs(error[normal]).mean():.3f}",
        )
    return table


ESTIMATORS: Mapping[str, Callable[[list[float]], float]] = {
    "first": lambda values: values[0],
    "median": lambda values: float(np.median(values)),
    "mean": lambda values: float(np.mean(values)),
    "upper quartile": lambda values: float(np.quantile(values, 0.75)),
    "warmest (shipped)": window_estimate,
}


def estimator_table(people: People) -> Table:
    table = Table("estimator", *(f"AUC ≥ {limit_c}" for limit_c in FEVERS_C), "mean absolute")
    normal = people.oral_c < NORMAL_C
    for name, estimator in ESTIMATORS.items():
        surface = np.array([estimator(list(rounds)) for rounds in people.rounds_c])
        scores = cross_validated(people, fit_shipped, surface)
        areas = (f"{auc(scores, people.oral_c >= limit_c):.3f}" for limit_c in FEVERS_C)
        table.add_row(name, *areas, f"{np.abs(scores - people.oral_c)[normal].mean():.3f}")
    return table


def rounds_table(people: People) -> Table:
    """What measuring again does, at limits that give the same share of false alarms."""
    a = people.ambient_c
    correction = np.array([estimate_core_c(0.0, one) for one in a])
    rounds = people.rounds_c[:, :3] + correction[:, None]
    once = rounds[:, 0]
    repeated = np.median(rounds, axis=1)
    table = Table("rule", "limit", "well refused", *(f"found of ≥ {c}" for c in FEVERS_C))
    well = people.oral_c < NORMAL_C
    for limit_c in (37.0, 37.5):
        rules = {
            "one round": once >= limit_c,
            "high again by the median of three": (once >= limit_c) & (repeated >= limit_c),
        }
        for name, refused in rules.items():
            found = (
                f"{int(refused[people.oral_c >= c].sum())} of {int((people.oral_c >= c).sum())}"
                for c in FEVERS_C
            )
            table.add_row(name, f"{limit_c}", f"{int(refused[well].sum())}", *found)
    return table


# --- the picture -------------------------------------------------------------------------------

SIDE, GAP = 360, 70
COLOURS = {"raw surface": "#777", "least-squares line": "#c60", "shipped": "#06c"}
GRID = np.linspace(0, 1, 51)


def roc(scores: Floats, sick: Bools) -> Floats:
    """Sensitivity at each false-alarm rate of GRID."""
    limits = np.quantile(scores[~sick], 1 - GRID)
    return np.array([(scores[sick] >= limit).mean() for limit in limits])


def draw(people: People, estimates: Mapping[str, Floats]) -> str:
    """Both limits side by side, the shipped one with its 95 % band."""
    width, height = 2 * (SIDE + GAP) + 20, SIDE + 2 * GAP
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
    parts = [
        head + 'font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for panel, limit_c in enumerate(FEVERS_C):
        left = GAP + panel * (SIDE + GAP)
        parts += _panel(left, people, estimates, limit_c)
    return "\n".join([*parts, "</svg>", ""])


def _panel(
    left: int, people: People, estimates: Mapping[str, Floats], limit_c: float
) -> Iterator[str]:
    sick = people.oral_c >= limit_c

    def at(x: float, y: float) -> str:
        return f"{left + x * SIDE:.1f},{GAP + (1 - y) * SIDE:.1f}"

    yield f'<rect x="{left}" y="{GAP}" width="{SIDE}" height="{SIDE}" fill="none" stroke="#999"/>'
    yield (
        f'<text x="{left}" y="{GAP - 14}">oral at least {limit_c} °C: {sick.sum()} of '
        f"{len(sick)} people</text>"
    )
    yield f'<text x="{left}" y="{GAP + SIDE + 34}">well people refused</text>'
    for part in (0.0, 0.5, 1.0):
        yield (
            f'<text x="{left + part * SIDE - 8:.0f}" y="{GAP + SIDE + 17}">{part:g}</text>'
            f'<text x="{left - 26}" y="{GAP + (1 - part) * SIDE + 4:.0f}">{part:g}</text>'
        )
    yield f'<path d="M {at(0, 0)} L {at(1, 1)}" stroke="#ccc" fill="none"/>'
    low, high = _band(estimates["shipped"], sick)
    there = " ".join(at(x, y) for x, y in zip(GRID, high, strict=True))
    back = " ".join(at(x, y) for x, y in zip(GRID[::-1], low[::-1], strict=True))
    yield f'<polygon points="{there} {back}" fill="#06c" fill-opacity="0.15"/>'
    for row, (name, colour) in enumerate(COLOURS.items()):
        scores = estimates[name]
        points = " ".join(at(x, y) for x, y in zip(GRID, roc(scores, sick), strict=True))
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        y = GAP + SIDE - 54 + 18 * row
        yield (
            f'<text x="{left + SIDE - 190}" y="{y}" fill="{colour}">{name} '
            f"{auc(scores, sick):.3f}</text>"
        )


def _band(scores: Floats, sick: Bools) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(3)
    places = [np.flatnonzero(sick), np.flatnonzero(~sick)]
    curves = []
    for _ in range(500):
        drawn = np.concatenate([rng.choice(place, len(place)) for place in places])
        curves.append(roc(scores[drawn], sick[drawn]))
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    return low, high


# --- the physical simulator ---------------------------------------------------------------------


@dataclass(frozen=True)
class Passer:
    """Somebody simulated: how they come, hold still, and what covers part of the spot."""

    core_c: float
    ambient_c: float
    skin_c: float  # how far this forehead lies from the usual one
    arrives_s: float
    walks_s: float  # until the forehead fills the spot
    sways: float  # part of the spot that leaves the forehead at most, and comes back
    phase: float

    def seen_c(self, at_s: float) -> float:
        """The mean over the spot: forehead, and beside it hair and room."""
        since_s = at_s - self.arrives_s
        if since_s < 0:
            return self.ambient_c
        full = min(1.0, since_s / self.walks_s)
        swayed = self.sways * 0.5 * (1 - np.cos(2 * np.pi * 0.4 * since_s + self.phase))
        part = full * (1 - swayed)
        bare_c = forehead_c(self.core_c, self.ambient_c) + self.skin_c
        return float(part * bare_c + (1 - part) * self.ambient_c)


def passers(count: int) -> Iterator[Passer]:
    rng = np.random.default_rng(4)
    for number in range(count):
        sick = number % 8 == 0
        yield Passer(
            core_c=float(rng.uniform(38.0, 39.5) if sick else rng.normal(36.7, 0.25)),
            ambient_c=float(rng.uniform(21, 29)),
            skin_c=float(rng.normal(0, 0.35)),
            arrives_s=3.0 + float(rng.uniform(0, 0.2)),
            # 3.2 cm of spot at 0.3 to 1 m a second
            walks_s=float(rng.uniform(0.03, 0.11)),
            sways=float(rng.choice([0.0, 0.02, 0.05])),
            phase=float(rng.uniform(0, 2 * np.pi)),
        )


def measure(
    passer: Passer, rules: ScreeningRules, config: int
) -> tuple[float, float, list[float], Reading] | None:
    """Seconds from presence to verdict, the settling time, the window, and the reading."""
    now_s = [0.0]
    chip = SimMlx90614(
        lambda at_s: (passer.seen_c(at_s), passer.ambient_c),
        config=config,
        two_piles=True,
        imperfections=Imperfections(noise_c=0.05),
        seed=int(passer.phase * 1e6),
        monotonic=lambda: now_s[0],
    )
    driver = Mlx90614Thermometer(
        Mlx90614Table(driver="mlx90614"),
        bus=SimI2C(chip),
        monotonic=lambda: now_s[0],
        sleep=lambda _: None,
    )
    scene = Scene()
    with driver:
        while now_s[0] < 15.0:
            now_s[0] += 1 / RATE_HZ
            measured = driver.read()
            scene = observe(
                rules,
                scene,
                measured.object_c,
                measured.ambient_c,
                now=now_s[0],
                settling_s=driver.settling_s,
                code_in_view=True,
            )
            reading = steady_reading(rules, scene) if scene.present else None
            if reading is not None and reading.verdict != "low":
                window = [object_c for object_c, _ in scene.window]
                return now_s[0] - scene.since_s, driver.settling_s, window, reading
    return None


def simulator(console: Console, count: int) -> None:
    rules = ScreeningRules()
    found = [(passer, measure(passer, rules, 0x9FB4)) for passer in passers(count)]
    done = [(passer, one) for passer, one in found if one is not None]
    console.print(f"\nthe simulator: {len(done)} of {count} people measured in time")
    console.print(windows_table(done))
    table = Table("filter (ConfigRegister1)", "settling s", "p50 s", "p95 s", "goal s", "measured")
    for config in (0x9FB4, 0x9FB5, 0x9FB0):
        some = [measure(passer, rules, config) for passer in passers(count)]
        known = [one for one in some if one is not None]
        if not known:
            continue
        p50, p95 = np.percentile([one[0] for one in known], [50, 95])
        settling_s = known[0][1]
        table.add_row(f"{config:#06x}", f"{settling_s:.2f}", f"{p50:.2f}", f"{p95:.2f}",
                      f"{settling_s + 0.3:.2f}", f"{len(known)} of {len(some)}")  # fmt: skip
    console.print("from presence to verdict", table)


def windows_table(done: list[tuple[Passer, Any]]) -> Table:
    table = Table("estimator of the window", "mean error", "spread", "AUC ≥ 38")
    cores = np.array([passer.core_c for passer, _ in done])
    for name, estimator in ESTIMATORS.items():
        estimates = np.array(
            [estimate_core_c(estimator(one[2]), passer.ambient_c) for passer, one in done]
        )
        # beside how foreheads differ from each other, which no estimator can know
        skins = np.array([passer.skin_c for passer, _ in done])
        bare = np.array([
            estimate_core_c(forehead_c(passer.core_c, passer.ambient_c), passer.ambient_c)
            for passer, _ in done
        ])  # fmt: skip
        error = estimates - skins - bare
        table.add_row(
            name, f"{error.mean():+.3f}", f"{error.std():.3f}",
            f"{auc(estimates, cores >= 38.0):.4f}",
        )  # fmt: skip
    return table


if __name__ == "__main__":
    main()
