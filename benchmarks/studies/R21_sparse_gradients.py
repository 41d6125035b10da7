"""R21: neurons far from threshold may be left out of the backward pass.

Handwritten digits through one hidden layer whose surrogate is cut off where the voltage
is further than a width from threshold. All widths and seeds are one program. With an
infinite width nothing is cut off, with a width of 0 the hidden layer learns nothing.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.criterion import at_most, equal
from benchmarks.report import emit, tell
from benchmarks.studies.shared import digit_rasters
from benchmarks.studies.shared.digit_rasters import PARAMS, Training, train
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.surrogate import Sparse
from snnjax.training import sweep

WIDTHS = (np.inf, 1.0, 0.8, 0.3, 0.05, 0.0)


class Size(NamedTuple):
    training: Training = Training()
    seeds: int = 5


FULL = Size(Training(hidden=512, epochs=60))


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    data = digit_rasters.data(size.training)

    def one(make_shape, width, seed):
        key = jax.random.fold_in(jax.random.key(21), seed)
        shape = make_shape(width)
        weights = train(size.training, shape, data, key, backend="xla")  # bit for bit
        seen = [digit_rasters.run(size.training, data, each) for each in weights]
        near = [shape(each.voltages - PARAMS.threshold) != 0.0 for each in seen]
        active = jnp.stack([jnp.mean(each) for each in near])
        return weights.learned, seen[-1].accuracy, active

    def cut(width):
        return Sparse(snn.SuperSpike(), width)

    seeds = range(size.seeds)
    whole = partial(one, lambda _: snn.SuperSpike())
    dense, *_ = sweep(whole, width=(0.0,), seed=seeds).grid()
    weights, hits, active = sweep(partial(one, cut), width=WIDTHS, seed=seeds).grid()
    changed = jax.tree.map(lambda a, b: int(np.sum(a[0] != b[0])), weights, dense)
    rows = {}
    for width, hit, share in zip(WIDTHS, hits, active.mean(axis=1), strict=True):
        rows[str(width)] = {
            "test_accuracy": round(float(hit.mean()), 4),
            "test_accuracies": hit.astype(float).round(4).tolist(),
            "active_at_first": round(float(share[0]), 4),
            "active_at_last": round(float(share[1]), 4),
        }
        emit(width=str(width), **rows[str(width)])
        tell(
            f"     width {width:<5} test {hit.mean():.3f}"
            f"  active {share[0]:.3f} at first, {share[1]:.3f} at last"
        )
    return Finding(
        {"widths": rows, "hidden": size.training.hidden, "seeds": size.seeds},
        criteria(rows, sum(jax.tree.leaves(changed))),
        figure(rows),
    )


def criteria(rows, changed):
    hit = {width: 100 * row["test_accuracy"] for width, row in rows.items()}
    lost = hit["inf"] - hit["0.8"]
    active = rows["0.8"]["active_at_last"]
    above = hit["0.05"] - hit["0.0"]
    return [
        equal("weights after training that an infinite width changes", changed, 0),
        at_most("points lost at width 0.8", lost, 2),
        at_most("entries active at width 0.8", active, 0.15, digits=4),
        at_most(
            "points that width 0.05 is above no gradient at all (collapse)", above, 5
        ),
    ]


def figure(rows):
    drawn, axes = plot.figure(1, 1, (5.5, 3.8))
    ax = axes[0, 0]
    for width, row in rows.items():
        x, hits = row["active_at_last"], row["test_accuracies"]
        if float(width) == 0:
            ax.axhline(np.mean(hits), color="0.5", ls=":", label="readout only")
            continue
        ax.errorbar(x, np.mean(hits), np.std(hits), marker="o", color="#0072b2")
        ax.annotate(
            "∞" if width == "inf" else width,
            *((x, np.mean(hits) + np.std(hits)), (0, 4)),
            textcoords="offset points",
            ha="center",
        )
    ax.axvspan(0.008, 0.15, color="#009e73", alpha=0.12, lw=0, label="at most 15 %")
    ax.set(xscale="log", xlabel="entries active in the backward pass")
    ax.margins(y=0.15)
    ax.set(xlim=(0.008, 1.6), ylabel="test accuracy")
    ax.set_title("digits, surrogate cut off at the width above each point")
    ax.legend(frameon=False, loc="lower right")
    return drawn


STUDY = Study(
    id="R21",
    claim="Neurons far from threshold may be left out of the backward pass.",
    source="Perez-Nieves & Goodman 2021, doi:10.48550/arXiv.2105.08810",
    minutes=0.5,
    run=run,
    missed="Weights for fluctuations with ξ = 1 spread voltages around rest by as much "
    "as the threshold is high, and training until half of them are within 0.8 "
    "of it. And a hundredth of the entries, at a width of 0.05, still is dozens "
    "for each neuron in each batch of 64 samples of 50 steps: enough to learn "
    "with one hidden layer.",
)
