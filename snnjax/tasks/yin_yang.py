"""Points on a yin-yang symbol, told by the times of five spikes."""

from collections.abc import Callable
from functools import partial
from typing import Literal, get_args

import jax
import numpy as np

from snnjax import check
from snnjax.compose import chain
from snnjax.events import time_bins
from snnjax.inputs import yin_yang
from snnjax.learning import exp_weighted_over_time
from snnjax.networks import dense, normal
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.neurons.leaky import Reset
from snnjax.surrogate import EventProp, Shape, SuperSpike
from snnjax.tasks.network import HIDDEN_AND_OUT, Network
from snnjax.tasks.options import firing, steps_of, told
from snnjax.tasks.task import Part, Schedule, Task
from snnjax.tasks.timed import TimedNetwork

Gradient = Literal["surrogate", "eventprop", "ttfs"]
TAU = 5e-3  # τs [s]
END = 4.0 * TAU  # of a trial [s]
PARTS = {"train": (5000, 42), "validation": (1000, 41), "test": (1000, 40)}
CLASSES = "yin", "yang", "dot"


def yin_yang_task(
    *,
    gradient: Gradient = "surrogate",
    hidden: int | None = None,
    surrogate: Shape | str | None = None,
    reset: Reset | None = None,
    dt: float | None = None,
) -> Task:
    """Points on a yin-yang symbol, told by the times of five spikes.

    A point (x, y) is four spikes, x, y, 1-x and 1-y from 0.15 to 2 τs, and a fifth at
    0.9 τs, always. The points are those of the published sets, made here (Kriener,
    Göltz & Petrovici 2022, doi:10.1145/3517343.3517380).

    Args:
        gradient: by which a network learns: ``"surrogate"``, leaky neurons on a grid of
            time, whose outputs' early voltages count most; ``"eventprop"``, the same
            network by what it is worth to move its spikes; or ``"ttfs"``, times to
            first spike in continuous time, exactly, of neurons without leak.
        hidden: how many neurons; 120 on the grid and 30 in continuous time if omitted.
        surrogate: of spikes on the grid, or its name, as ``options.surrogate_of`` takes
            it; ``SuperSpike(10)`` if omitted.
        reset: of voltages after a spike on the grid; to ``"zero"`` if omitted.
        dt: step [s], of 20 ms; 0.25 ms if omitted.

    Raises:
        ValueError: for a value that no network has, or another gradient; for a
            surrogate beside EventProp, or one, a reset or a step without a grid.
    """
    check.one_of("gradient", gradient, get_args(Gradient))
    if gradient == "ttfs":
        _refuse(surrogate=surrogate, reset=reset, dt=dt)
        hidden = 30 if hidden is None else hidden
        check.whole("hidden", hidden)
        return _task(
            _timed(hidden),
            0.25e-3,
            Schedule(150, 120, 1e-2, norm=1.0),
            {"gradient": gradient, "hidden": hidden},
        )
    hidden = 120 if hidden is None else hidden
    check.whole("hidden", hidden)
    dt = 0.25e-3 if dt is None else dt
    if gradient == "eventprop" and surrogate is not None:
        raise ValueError(
            "gradient 'eventprop' takes the place of a surrogate; got both, surrogate "
            f"{surrogate!r:.80}. Leave one out."
        )
    shape = SuperSpike() if surrogate is None else surrogate
    fires = firing(shape, "zero" if reset is None else reset)
    options = told(gradient=gradient, hidden=hidden, **fires, dt=dt)
    if gradient == "eventprop":
        fires["surrogate"] = EventProp()
        del options["surrogate"]
    network, schedule = _on_grid(hidden, dt, fires), Schedule(150, 30, 2e-2)
    return _task(network, dt, schedule, options)


def _refuse(**given):
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"{name} is of a grid of time, which networks of spike times do not "
                f"have; got {value!r:.80} with gradient 'ttfs'. Leave it out."
            )


def _task(network, dt, schedule, options):
    steps, parts = steps_of(END, dt), {}
    for split, (size, seed) in PARTS.items():
        points, labels = yin_yang(size, seed)
        times = input_times(points)
        parts[split] = Part(
            partial(_raster, times, steps, dt), labels, partial(_times, times)
        )
    return Task(
        name="yin-yang",
        parts=parts,
        network=network,
        schedule=schedule,
        notes={"coding": "one spike of each coordinate", "steps": steps, "dt": dt},
        options=options,
        classes=CLASSES,
    )


def input_times(points: np.ndarray) -> np.ndarray:
    """When five channels fire [s], ``[N, 5]``, of points ``[N, 4]`` of 0 to 1."""
    told = TAU * (0.15 + (2.0 - 0.15) * points)
    always = np.full((len(points), 1), 0.9 * TAU)
    return np.concatenate([told, always], axis=1).astype(np.float32)


def _times(times, rows, rng):
    del rng  # always the same points
    return times[rows]


def _raster(times, steps, dt, rows, rng):
    bins = time_bins(_times(times, rows, rng), dt=dt)
    return (bins[None] == np.arange(steps)[:, None, None]).astype(np.float32)


def _timed(hidden):
    params = LIFParams(tau_mem=None, tau_syn=TAU)
    sizes = 5, hidden, len(CLASSES)
    return TimedNetwork(sizes, params, END, tau=0.15 * TAU, wake=1e-2, dt=0.25e-3)


def _on_grid(hidden, dt, fires):
    params, n = LIFParams(tau_mem=TAU, tau_syn=TAU), len(CLASSES)
    return Network(
        cell=chain(
            hidden=chain(
                dense(5, hidden, init=partial(normal, gain=5.0)),
                lif(hidden, params, **fires),
            ),
            out=chain(
                dense(hidden, n, init=partial(normal, gain=3.0)),
                li(n, LIParams(TAU, TAU)),
            ),
            outputs=HIDDEN_AND_OUT,
        ),
        readout=early(dt),
        dt=dt,
    )


def early(dt: float) -> Callable[[jax.Array], jax.Array]:
    """A readout: voltages, early ones more than late ones, ``[B, classes]``."""

    def early_voltage(v: jax.Array) -> jax.Array:
        return 15.0 * exp_weighted_over_time(v, tau=TAU / 2.0, dt=dt)

    return early_voltage
