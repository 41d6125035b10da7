"""R16: training in the loop makes up for neurons that are not alike.

Digits of MNIST at 16x16 pixels on an emulated chip, 256-246-10, whose neurons differ in
τ, threshold and gain by a factor each (spread 0 to 50 %), with synapses of 7 bits and
voltages of 8. Weights from software are programmed as they are, then trained in the
loop for one epoch; or weights are trained in the loop from the start (Cramer et al.
2022, doi:10.1073/pnas.2109194119, figure 4). The gate has
scikit-learn's digits, 64-100-10.

Then, at 30 %, how much of what software has is won back in fifty updates by what is
measured: outputs alone, spikes, voltages of half the neurons or of every fourth step,
everything, and nothing, which is software training by another name. And a chip that
drifts, by 20 % over an epoch, with weights that stay and weights that go on learning.

Fixed before the first run: learning rates 5e-3 from the start and 2e-3 afterwards; the
bounds of the criteria. A test set is read as often as there are arms; nothing is chosen
by it.
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.criterion import at_least, at_most
from benchmarks.report import emit, tell
from benchmarks.studies.shared import chips
from benchmarks.studies.shared.chips import MNIST, Size, data, per_epoch, software
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.hardware import Imperfections, Seen
from snnjax.tasks import looped

SPREADS = 0.0, 0.2, 0.3, 0.5
AT = 0.3  # where partial recordings are compared
DRIFT = 0.2
COLORS = {"programmed": "#d55e00", "loop": "#0072b2", "scratch": "#009e73"}


LABELS = {
    "programmed": "software weights, as they are",
    "loop": "then in the loop",
    "scratch": "in the loop from the start",
}


def _only(change, p, seen):
    """Changes what is seen of the hidden layer, population 0."""
    return seen if p else change(seen)


def _half(seen):
    known = np.arange(seen.v.shape[-1]) % 2 == 0
    return seen._replace(known=known)


def _fourth(p, seen):
    known = (np.arange(len(seen.v)) % 4 == 3)[:, None, None]
    return seen._replace(known=known)


PARTIAL = {
    "everything": lambda p, seen: seen,
    "half the neurons": partial(_only, _half),
    "every fourth step": _fourth,
    "spikes and outputs": partial(_only, lambda seen: Seen(seen.spikes)),
    "spikes": lambda p, seen: seen._replace(v=None),
    "outputs": partial(_only, lambda seen: Seen()),
}
NOTHING = "nothing"


class Sizes(NamedTuple):
    task: Size = MNIST
    spreads: tuple[float, ...] = SPREADS
    scratch: tuple[float, ...] = (0.0, AT)
    few: int = 50  # updates with partial recordings
    shown: tuple[str, ...] = tuple(PARTIAL)
    drift: int = 500  # updates over which a chip drifts


def arms(sizes: Sizes) -> list[dict[str, Any]]:
    """Accuracies over seeds, chips and spreads."""
    size, rows = sizes.task, []
    updates = per_epoch(data(size.task, size.samples))
    for spread in sizes.spreads:
        for seed in size.seeds:
            for serial in size.serials:
                row: dict[str, Any] = {"spread": spread, "seed": seed, "chip": serial}
                start = software(size, seed)
                with chips.chip(size, serial, spread) as device:
                    run = partial(chips.in_loop, size, device, seed)
                    row["programmed"] = chips.on_chip(size, device, start)
                    looped = run(size.loop_epochs * updates, start=start)
                    row["loop"] = chips.on_chip(size, device, looped)
                    if spread in sizes.scratch:
                        fresh = run(size.scratch_epochs * updates)
                        row["scratch"] = chips.on_chip(size, device, fresh)
                rows.append(row)
                emit(**row)
        tell(f"     {spread:4.0%}  " + _told(rows, spread))
    return rows


def _told(rows, spread):
    found = [row for row in rows if row["spread"] == spread]
    return "  ".join(
        f"{name} {np.mean([row[name] for row in found]):.4f}"
        for name in COLORS
        if name in found[0]
    )


def partial_readout(sizes: Sizes) -> dict[str, float]:
    """Share of the gap to software that is won back, by what is measured."""
    size, gains = sizes.task, {name: [] for name in (*sizes.shown, NOTHING)}
    found = data(size.task, size.samples)
    for seed in size.seeds:
        start = software(size, seed)
        goal = chips.accuracy(found.network, start, found.parts["test"])
        loss = chips.of_task(chips.plain_loss, size)
        more = {"rate": chips.LATER, "start": start}
        simulated = chips.trained(found, loss, seed, sizes.few, **more)
        for serial in size.serials:
            with chips.chip(size, serial, AT) as device:
                before = chips.on_chip(size, device, start)
                reached = {NOTHING: chips.on_chip(size, device, simulated)}
                for name in sizes.shown:
                    shown = chips.Showing(device, PARTIAL[name])
                    weights = chips.in_loop(size, shown, seed, sizes.few, start=start)
                    reached[name] = chips.on_chip(size, device, weights)
            for name, value in reached.items():
                gains[name].append((value - before) / (goal - before))
            emit(seed=seed, chip=serial, software=goal, programmed=before, **reached)
    shares = {name: float(np.mean(values)) for name, values in gains.items()}
    tell("     won back: " + ", ".join(f"{k} {v:.0%}" for k, v in shares.items()))
    return shares


def drift(sizes: Sizes) -> dict[str, list[float]]:
    """What a chip that drifts costs, with weights that stay and that learn on."""
    size, seed = sizes.task, sizes.task.seeds[0]
    found = data(size.task, size.samples)
    each = DRIFT / np.sqrt(sizes.drift)  # of a random walk
    wrong = Imperfections(drift=float(each))
    lost: dict[str, list[float]] = {"frozen": [], "learning on": []}
    for serial in size.serials:
        with chips.chip(size, serial, 0.2) as device:
            updates = size.loop_epochs * per_epoch(found)
            start = software(size, seed)
            fitted = chips.in_loop(size, device, seed, updates, start=start)
            before = chips.on_chip(size, device, fitted)
        with chips.chip(size, serial, 0.2, wrong) as device:
            handle = device.program([*map(np.asarray, looped.chip_weights(fitted))])
            blank = np.zeros((1, 1, found.sizes[0]), np.uint8)
            device.run(handle, blank, trial=sizes.drift - 1)
            after = {"frozen": chips.on_chip(size, device, fitted, trial=None)}
        with chips.chip(size, serial, 0.2, wrong) as device:
            how = {"rate": chips.LATER / 2, "constant": True}
            kept = chips.in_loop(size, device, 99, sizes.drift, start=fitted, **how)
            after["learning on"] = chips.on_chip(size, device, kept, trial=None)
        for name, value in after.items():
            lost[name].append(before - value)
        emit(chip=serial, before=before, **after)
    tell("     lost: " + ", ".join(f"{k} {np.mean(v):.2%}" for k, v in lost.items()))
    return lost


def run(full: bool, size: Sizes | None = None) -> Finding:
    del full  # there is one size
    sizes = size or Sizes()
    task = sizes.task
    found = data(task.task, task.samples)
    every = [software(task, seed) for seed in task.seeds]
    each = [chips.accuracy(found.network, w, found.parts["test"]) for w in every]
    base = float(np.mean(each))
    tell(f"     software {base:.4f} {each}")
    rows, shares, lost = arms(sizes), partial_readout(sizes), drift(sizes)

    def mean(arm, spread):
        found = [row[arm] for row in rows if row["spread"] == spread]
        return float(np.mean(found))

    def points(a, b):
        return 100.0 * (a - b)

    loop, last = partial(mean, "loop"), max(sizes.spreads)
    held = {
        "software, test accuracy": at_least("", base, 0.968, 4),
        "in the loop at 20 %, points below software": at_most(
            "", points(base, loop(0.2)), 1.0
        ),
        "in the loop at 30 %, points below 0 %": at_most(
            "", points(loop(0.0), loop(AT)), 1.5
        ),
        f"in the loop at {last:.0%}, points below 0 %": at_most(
            "", points(loop(0.0), loop(last)), 3.0
        ),
        "programmed at 30 %, points below in the loop": at_least(
            "", points(loop(AT), mean("programmed", AT)), 5.0
        ),
        "from the start at 30 %, points below 0 %": at_most(
            "", points(mean("scratch", 0.0), mean("scratch", AT)), 1.5
        ),
        "won back with outputs alone": at_least("", shares["outputs"], 0.7),
        "won back with everything": at_least("", shares["everything"], 0.75),
        "won back with nothing": at_most("", shares[NOTHING], 0.1),
        "learning on, points lost to drift": at_most(
            "", points(np.mean(lost["learning on"]), 0.0), 1.0
        ),
        "frozen, points lost to drift": at_least(
            "", points(np.mean(lost["frozen"]), 0.0), 2.0
        ),
    }
    summary = {
        **{"software": each, "rows": rows, "won_back": shares, "lost_to_drift": lost},
        "saturated": "hidden weights are kept within 63 steps, readouts are scaled",
    }
    criteria = [c._replace(name=name) for name, c in held.items()]
    return Finding(summary, criteria, figure(rows, shares, base))


def figure(rows: list[dict[str, Any]], shares: dict[str, float], base: float) -> Any:
    """Accuracy against mismatch, and what is won back by what is measured."""
    made, axes = plot.figure(1, 2, (9.0, 3.4))
    left, right = axes[0]
    for name, color in COLORS.items():
        at = sorted({row["spread"] for row in rows if name in row})
        each = [[row[name] for row in rows if row["spread"] == x] for x in at]
        middle = np.array([np.mean(values) for values in each])
        ends = [[np.min(v) for v in each], [np.max(v) for v in each]]
        label = LABELS[name]
        left.plot(100 * np.array(at), middle, "o-", color=color, label=label)
        left.fill_between(100 * np.array(at), *ends, color=color, alpha=0.2, lw=0)
    left.axhline(base, color="0.5", lw=0.8, ls="--")
    left.text(0.0, base, "software", color="0.4", fontsize=7, va="bottom")
    left.set(xlabel="mismatch [%]", ylabel="test accuracy")
    left.legend(fontsize=8, frameon=False)
    names = [NOTHING, *reversed([k for k in shares if k != NOTHING])]
    right.barh(names, [100 * shares[name] for name in names], color="#0072b2")
    right.axvline(0.0, color="0.3", lw=0.8)
    right.set(xlabel="share of the gap to software won back [%]")
    right.set_title("what is measured, at 30 %", fontsize=9)
    return made


STUDY = Study(
    id="R16",
    claim="Training in the loop makes up for neurons that are not alike.",
    source="Cramer et al. 2022, doi:10.1073/pnas.2109194119",
    minutes=42,
    run=run,
    one_size=True,
)
