"""R24: networks learn from exact gradients of spike times, without a surrogate.

Yin-Yang, five input spikes, three classes, by Adam. Where time is continuous:

- TTFS, 5-30-3 without leak: the output that fires first tells the class. Weights of
  neurons that are silent in too many samples are raised a little.
- EventProp, 5-120-3: hidden leaky neurons fire up to three times each, and voltages of
  leaky readouts are weighted exponentially, in closed form.

On a grid of 20 steps a time constant, 5-120-3 with the same readout: EventProp and
SuperSpike. Controls of each, with the same optimizer: the hidden layer stays as it was
drawn (frozen), or inputs lead to outputs without one (shallow). On the grid both
gradients have the same controls, as a readout has no spikes.

TTFS with a leak (τm = τs) is told as it is: with weights that are raised, and with an
input that forces everybody to fire late in the trial. What TTFS without leak and
EventProp in continuous time learn with was chosen on validation points; the others took
it over.
"""

import time
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.criterion import above, at_least, at_most
from benchmarks.report import emit, tell
from benchmarks.studies.shared import yin_yang
from benchmarks.studies.shared.yin_yang import ARMS, LEAKY, Plan
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.surrogate import EventProp, SuperSpike

WAYS = {
    "TTFS": yin_yang.ttfs(),
    "EventProp": yin_yang.continuous(),
    "EventProp, grid": yin_yang.on_grid(EventProp()),
    "SuperSpike, grid": yin_yang.on_grid(SuperSpike(10.0)),
    "TTFS, leak": yin_yang.ttfs(LEAKY, gain=2.7),
    "TTFS, leak, forced": yin_yang.ttfs(LEAKY, gain=2.7, forced=6.0, bump=0.0),
}
COLLAPSED = 0.6  # training accuracy in the end, of a network that had been above 0.7
SAME_CONTROLS = {"SuperSpike, grid": "EventProp, grid"}
LEAKS = "TTFS, leak", "TTFS, leak, forced"


class Size(NamedTuple):
    train: int = 5000
    test: int = 1000
    plans: Mapping[str, Plan] = MappingProxyType(
        {
            "TTFS": Plan(30, 100),
            "EventProp": Plan(120, 40),
            "EventProp, grid": Plan(120, 30),
            "SuperSpike, grid": Plan(120, 30),
            "TTFS, leak": Plan(30, 40),
            "TTFS, leak, forced": Plan(30, 40),
        }
    )
    seeds: int = 5


def run(full: bool, size: Size | None = None) -> Finding:
    del full
    size = size or Size()
    parts = yin_yang.points(size.train, 42), yin_yang.points(size.test, 40)
    seeds, found, minutes = jnp.arange(size.seeds), {}, {}
    for name, way in WAYS.items():
        for arm in arms_of(name):
            began = time.process_time()
            learn = partial(yin_yang.train, way, size.plans[name], arm, parts)
            curves, tests = jax.block_until_ready(jax.jit(jax.vmap(learn))(seeds))
            minutes[name, arm] = (time.process_time() - began) / 60
            found[name, arm] = np.asarray(curves), np.asarray(tests)
            hits = found[name, arm][1].astype(float).round(4).tolist()
            emit(network=name, layers=arm, test=hits)
            tell(f"     {name:<18} {arm:<8} {np.mean(hits):.4f}")
    for name, other in SAME_CONTROLS.items():
        for arm in ARMS[1:]:
            found[name, arm] = found[other, arm]
    return Finding(
        summary(found, minutes), criteria(found, minutes), figure(found, size)
    )


def arms_of(name):
    """What is trained; others have the controls of another way, or none."""
    return ARMS[:1] if name in SAME_CONTROLS or name in LEAKS else ARMS


def summary(found, minutes):
    told: dict[str, dict] = {name: {} for name in WAYS}
    for (name, arm), (curves, tests) in found.items():
        lowest = float(curves[:, curves.shape[1] // 2 :].min())
        told[name][arm] = {
            "test_accuracies": tests.astype(float).round(4).tolist(),
            "test_accuracy": round(float(tests.mean()), 4),
            "lowest_training_accuracy_of_the_second_half": round(lowest, 4),
            **price(name, arm, minutes),
        }
    for name in LEAKS:
        told[name]["all"]["collapsed"] = collapsed(found[name, "all"][0])
    return told


def price(name, arm, minutes):
    """What an arm took, or whose it is."""
    if (name, arm) not in minutes:
        return {"as_of": SAME_CONTROLS[name]}
    return {"processor_minutes": round(minutes[name, arm], 2)}


def collapsed(curves):
    """How many networks learned for a while and then lost it."""
    return int(np.sum((curves.max(axis=1) > 0.7) & (curves[:, -1] < COLLAPSED)))


def criteria(found, minutes):
    means = {k: float(tests.mean()) for k, (_, tests) in found.items()}
    bounds = zip(WAYS, (0.95, 0.96, 0.945, 0.94), strict=False)
    made = [
        at_least(f"{name}: mean test accuracy", means[name, "all"], bound, 4)
        for name, bound in bounds
    ]
    made.append(at_most("TTFS: minutes of a processor", minutes["TTFS", "all"], 2))
    for name in WAYS:
        for arm in ARMS[1:] if name not in LEAKS else ():
            ahead = 100 * (means[name, "all"] - means[name, arm])
            made.append(above(f"{name}: points ahead of {arm}", ahead, 0))
    return made


def figure(found, size):
    drawn, axes = plot.figure(2, 3, (11.0, 6.0))
    for ax, name in zip(axes.flat, WAYS, strict=True):
        for arm, color in zip(ARMS, ("#0072b2", "#d55e00", "0.5"), strict=True):
            for k, curve in enumerate(found.get((name, arm), ((),))[0]):
                ax.plot(curve, color=color, lw=0.8, label=None if k else arm)
        ax.set(xlabel="epoch", ylabel="training accuracy", ylim=(0.1, 1.0))
        ax.set_title(f"{name}, 5-{size.plans[name].hidden}-3")
    axes[0, 0].legend(frameon=False)
    return drawn


STUDY = Study(
    id="R24",
    claim="Exact gradients of spike times train networks, and their hidden layer.",
    source="Göltz et al. 2021, doi:10.1038/s42256-021-00388-x; Wunderlich & Pehle "
    "2021, doi:10.1038/s41598-021-91786-z",
    minutes=8,
    run=run,
    one_size=True,
)
