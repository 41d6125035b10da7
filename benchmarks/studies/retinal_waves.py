"""Neighbours fire together in the young retina, and in the adult one they do not.

Waves of activity travel over a retina before it sees. In recordings with arrays of
electrodes, two cells are therefore the more correlated the nearer they lie: measured by
the correlation index (1: as chance has it; Wong, Meister & Shatz 1993) and by the
tiling coefficient (0; Cutts & Eglen 2014), both within 50 ms. As a control, the train
of each unit is shifted around the circle of the recording by a time of its own, which
keeps all but the correlations.

Units of less than 20 spikes are left out, and so are pairs less than 50 µm apart, whose
spikes one electrode may have mixed up. A wave is a time in which a fifth of the units
fires in every second.
"""

from typing import NamedTuple

import numpy as np

from benchmarks.criterion import (
    Criterion,
    above,
    at_least,
    at_most,
    between,
    equal,
    near,
)
from benchmarks.report import emit, tell
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.analysis import (
    by_distance,
    correlation_index,
    detect_waves,
    spike_trains,
    sttc,
)
from snnjax.datasets import retinal_waves

WINDOW = 0.05  # [s]
FEWEST = 20  # spikes of a unit
EDGES = np.arange(50.0, 1000.0, 100.0)  # of distance [µm]
NEAR, FAR = 150.0, 550.0  # neighbours are nearer, far pairs farther apart [µm]
GROUPS = {  # name: study, genotype, ages from and to [days]
    "mouse P5–6, wild type": ("Kirkby2013", "wt", (0, 9)),
    "mouse P4–7, β2 KO": ("Kirkby2013", "Beta2 KO", (0, 9)),
    "mouse P4, wild type": ("Xu2011", "wt", (0, 9)),
    "mouse P4, β2(TG)": ("Xu2011", "Beta2(TG)", (0, 9)),
    "ferret P0–P5": ("Wong1993", None, (0, 5)),
    "ferret P12–P21": ("Wong1993", None, (12, 21)),
    "ferret P30 and adult": ("Wong1993", None, (30, 999)),
}
WILD = ("mouse P5–6, wild type", "mouse P4, wild type")
YOUNG = (*WILD, "ferret P0–P5")


class Size(NamedTuple):
    recordings: int | None = None  # of each group; all if omitted
    shifts: int = 1  # of every train
    checked: int = 3  # recordings in which tiling is computed the slow way, too
    units: int = 8  # of these


class Retina(NamedTuple):
    """A recording, from its first spike to its last."""

    name: str
    group: str
    age: int  # [days]
    trains: list[np.ndarray]  # [s], of the units that are kept
    places: np.ndarray  # [n, 2] [µm]
    duration: float  # [s]
    left_out: int  # units


def group_of(about) -> str:
    kind = about["key"], about.get("genotype")
    for name, (*each, (least, most)) in GROUPS.items():
        if kind == tuple(each) and least <= about["age"] <= most:
            return name
    raise ValueError(f"A recording of no group: {about}.")


def retinas(size: Size) -> list[Retina]:
    """Recordings of every group, as many as asked for."""
    found: dict[str, list[Retina]] = {name: [] for name in GROUPS}
    for name, recording in retinal_waves().items():
        events = recording.events
        start, end = events.times[0], events.times[-1]
        trains = [train - start for train in spike_trains(events)]
        kept = np.array([len(train) >= FEWEST for train in trains])
        group = group_of(recording.about)
        found[group].append(
            Retina(
                *(name, group, int(recording.about["age"])),
                [train for train, keep in zip(trains, kept, strict=True) if keep],
                recording.positions[kept],
                float(end - start),
                int(np.sum(~kept)),
            )
        )
    return [each for some in found.values() for each in some[: size.recordings]]


def shifted(rng, retina: Retina) -> list[np.ndarray]:
    """Each train shifted around the circle of the recording by a time of its own."""
    by = rng.uniform(0.0, retina.duration, len(retina.trains))
    return [
        np.sort((train + shift) % retina.duration)
        for train, shift in zip(retina.trains, by, strict=True)
    ]


def slow_tiling(a, b, window, duration, tick=1e-5) -> float:
    """The tiling coefficient spike by spike, in whole ticks."""
    a, b = np.rint(a / tick).astype(int), np.rint(b / tick).astype(int)
    window, duration = round(window / tick), round(duration / tick)

    def close(x, y):
        return sum(int(np.min(np.abs(y - spike)) <= window) for spike in x) / len(x)

    def covered(x):
        total = upto = 0
        for spike in x:
            start, upto_now = max(spike - window, upto), min(spike + window, duration)
            total, upto = total + max(upto_now - start, 0), upto_now
        return total / duration

    p_a, p_b, t_a, t_b = close(a, b), close(b, a), covered(a), covered(b)
    return 0.5 * ((p_a - t_b) / (1 - p_a * t_b) + (p_b - t_a) / (1 - p_b * t_a))


def pairs_of(retina: Retina, matrix) -> tuple[np.ndarray, np.ndarray]:
    """Distances of pairs that two electrodes told apart, and their correlation."""
    first, second = np.triu_indices(len(retina.places), 1)
    apart = np.linalg.norm(retina.places[first] - retina.places[second], axis=1)
    kept = apart >= EDGES[0]
    return apart[kept], matrix[first, second][kept]


def fall(distance, values) -> float:
    """Spearman's rank correlation of all pairs."""
    from scipy.stats import spearmanr

    return float(spearmanr(distance, values).statistic)


def look(retina: Retina, rng, shifts: int):
    """One row of numbers, and both correlations against distance."""
    given = {"window": WINDOW, "duration": retina.duration}
    tiling = sttc(retina.trains, **given)
    index = correlation_index(retina.trains, **given)
    distance, tiled = pairs_of(retina, tiling)
    indexed = pairs_of(retina, index)[1]
    by_chance = np.mean(
        [chances(shifted(rng, retina), retina) for _ in range(shifts)], 0
    )
    seen = detect_waves(retina.trains, duration=retina.duration)
    rates = np.array([len(train) for train in retina.trains]) / retina.duration
    near, far = distance < NEAR, distance > FAR
    row = {
        "recording": retina.name,
        "group": retina.group,
        "age": retina.age,
        "units": len(retina.trains),
        "units_left_out": retina.left_out,
        "minutes": round(retina.duration / 60, 1),
        "rate_hz": round(float(np.median(rates)), 3),
        "waves": len(seen.start),
        "wave_duration_s": _median(seen.end - seen.start),
        "wave_interval_s": _median(np.diff(seen.start)),
        "recruited": _median(seen.recruited),
        "index_of_neighbours": round(float(indexed[near].mean()), 2),
        "tiling_of_neighbours": round(float(tiled[near].mean()), 4),
        "tiling_far": round(float(tiled[far].mean()), 4) if far.sum() >= 20 else None,
        "falls": round(fall(distance, tiled), 3),
        "index_shifted": round(float(by_chance[0]), 3),
        "tiling_shifted": round(float(by_chance[1]), 4),
    }
    curves = {
        name: by_distance(matrix, retina.places, EDGES)
        for name, matrix in (("tiling", tiling), ("index", index))
    }
    return row, curves


def chances(trains, retina: Retina) -> list[float]:
    """Mean correlation index and tiling of trains at the places of a retina."""
    given = {"window": WINDOW, "duration": retina.duration}
    found = (measure(trains, **given) for measure in (correlation_index, sttc))
    return [float(pairs_of(retina, matrix)[1].mean()) for matrix in found]


def _median(x):
    return round(float(np.median(x)), 2) if len(x) else None


def slow_difference(retina: Retina, units: int) -> float:
    """How far the library's tiling is off the slow one, at most."""
    trains = retina.trains[:units]
    fast = sttc(trains, window=WINDOW, duration=retina.duration)
    slow = [
        [slow_tiling(a, b, WINDOW, retina.duration) for b in trains] for a in trains
    ]
    off = ~np.eye(len(trains), dtype=bool)
    return float(np.max(np.abs(fast - slow)[off]))


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (Size(shifts=10, checked=10) if full else Size())
    rng = np.random.default_rng(0)
    found = retinas(size)
    rows, curves = [], []
    for retina in found:
        row, curve = look(retina, rng, size.shifts)
        emit(**row)
        rows.append(row)
        curves.append(curve)
    checked = found[:: max(len(found) // size.checked, 1)][: size.checked]
    slow = max(slow_difference(retina, size.units) for retina in checked)
    groups = {}
    for name in GROUPS:
        some = [row for row in rows if row["group"] == name]
        groups[name] = {
            key: _mean([row[key] for row in some])
            for key in (
                *("rate_hz", "wave_duration_s", "wave_interval_s", "recruited"),
                *("index_of_neighbours", "tiling_of_neighbours", "tiling_far"),
            )
        } | {
            "recordings": len(some),
            "waves_per_minute": _mean([row["waves"] / row["minutes"] for row in some]),
        }
        tell(f"     {name:<24} {groups[name]}")
    return Finding(
        {"groups": groups, "recordings": rows, "checked": [r.name for r in checked]},
        criteria(rows, groups, slow),
        figure(found, rows, curves),
    )


def _mean(values):
    known = [value for value in values if value is not None]
    return round(float(np.mean(known)), 3) if known else None


def criteria(rows, groups, slow) -> list[Criterion]:
    young = [row for row in rows if row["group"] in YOUNG]
    ferrets = {
        old: [row["index_of_neighbours"] for row in rows if row["group"] == name]
        for old, name in ((False, "ferret P0–P5"), (True, "ferret P30 and adult"))
    }
    wild, mutant = (
        groups[name]["tiling_far"] / groups[name]["tiling_of_neighbours"]
        for name in ("mouse P4, wild type", "mouse P4, β2(TG)")
    )
    fewer = min(ferrets[False]) / max(ferrets[True])
    intervals = [
        row["wave_interval_s"] for row in rows if row["group"] in WILD and row["waves"]
    ]
    every = float(np.median([each for each in intervals if each is not None]))
    least = min(row["index_of_neighbours"] for row in young)
    falling = np.mean([row["falls"] < 0 for row in young])
    chance = float(np.mean([row["index_shifted"] for row in rows]))
    none = float(np.max(np.abs([row["tiling_shifted"] for row in rows])))
    return [
        at_most("tiling off one computed slowly", slow, 1e-9, digits=None),
        at_least("young retinas: least correlation index of neighbours", least, 5),
        equal(
            "share of young retinas whose tiling falls with distance",
            float(falling),
            1,
            digits=3,
        ),
        near("shifted trains: mean correlation index", chance, 1, 0.05, digits=4),
        at_most("shifted trains: largest mean tiling", none, 0.02, digits=4),
        above(
            "ferret: least index of neighbours at P0–P5 in those of the oldest",
            fewer,
            1,
        ),
        above(
            "share of neighbours' tiling that is left far away: wild type above β2(TG)",
            wild - mutant,
            0,
            digits=3,
        ),
        between("wild-type mice: median interval of waves, s", every, 30, 240),
    ]


COLORS = dict(
    zip(
        GROUPS,
        ("#0072b2", "#56b4e9", "#009e73", "#d55e00", "#0072b2", "#e69f00", "#999999"),
        strict=True,
    )
)


def figure(found, rows, curves):
    drawn, axes = plot.figure(2, 3, (14.0, 7.4))
    shown = next(k for k, r in enumerate(found) if r.group == "mouse P4, wild type")
    raster(axes[0, 0], found[shown])
    against_rate(axes[1, 0], rows)
    for column, animal in ((1, "mouse"), (2, "ferret")):
        for row, (name, chance) in enumerate((("tiling", 0.0), ("index", 1.0))):
            ax = axes[row, column]
            compare(ax, animal, name, found, curves)
            ax.axhline(chance, color="0.5", ls=":")
    return drawn


def against_rate(ax, rows):
    for name, color in COLORS.items():
        some = [row for row in rows if row["group"] == name]
        rates = [row["rate_hz"] for row in some]
        index = [row["index_of_neighbours"] for row in some]
        mark = "s" if name.startswith("ferret") else "o"
        ax.plot(rates, index, mark, color=color, ms=5, label=name)
    ax.axhline(1.0, color="0.5", ls=":")
    ax.set(xscale="log", yscale="log", xlabel="median rate of units (Hz)")
    ax.set(ylabel="correlation index of neighbours")
    ax.legend(frameon=False, fontsize=7, loc="lower left")


def compare(ax, animal, name, found, curves):
    for group, color in COLORS.items():
        if not group.startswith(animal):
            continue
        some = [
            curve[name]
            for retina, curve in zip(found, curves, strict=True)
            if retina.group == group
        ]
        pairs = np.sum([curve.pairs for curve in some], axis=0)
        drawn = np.flatnonzero(pairs >= 20)
        distance = some[0].distance[drawn]
        means = np.array([curve.mean for curve in some])[:, drawn]
        shown = np.where(means > 0, means, np.nan) if name == "index" else means
        ax.plot(distance, shown.T, color=color, lw=0.6, alpha=0.35)
        mean = np.nanmean(means, axis=0)
        ax.plot(distance, mean, "o-", color=color, ms=4, label=group)
    ax.set(xlabel="distance (µm)", xlim=(50, 950 if animal == "mouse" else 650))
    if name == "tiling":
        ax.set(ylabel="tiling coefficient", title=animal)
        ax.legend(frameon=False, fontsize=8)
    else:
        ax.set(yscale="log", ylabel="correlation index", ylim=(0.5, 200))


def raster(ax, retina, seconds=600.0):
    for unit, train in enumerate(retina.trains):
        early = train[train < seconds]
        ax.plot(early, np.full(len(early), unit), "|", color="black", ms=2.5, mew=0.6)
    seen = detect_waves(retina.trains, duration=retina.duration)
    for start, end in zip(seen.start, seen.end, strict=True):
        if start < seconds:
            ax.axvspan(start, end, color="#e69f00", alpha=0.4, lw=0)
    ax.set(xlim=(0, seconds), ylim=(-1, len(retina.trains)))
    ax.set(xlabel="time (s)", ylabel="unit", title=f"waves, {retina.name}")
    ax.title.set_fontsize(9)


STUDY = Study(
    id="retinal-waves",
    claim="Neighbours fire together in the young retina, less so the farther apart.",
    source="recordings of Wong et al. 1993, Xu et al. 2011, Kirkby & Feller 2013, "
    "doi:10.1186/2047-217X-3-3",
    minutes=0.5,
    run=run,
)
