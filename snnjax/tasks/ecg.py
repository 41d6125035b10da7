"""The segments of a heartbeat, step by step."""

from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.compose import chain, learn
from snnjax.datasets import qtdb
from snnjax.networks import dense, fluctuation_driven, normal, recurrent
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.neurons.leaky import Reset
from snnjax.surrogate import Shape, SuperSpike
from snnjax.tasks.network import HIDDEN_AND_OUT, Network, voltage
from snnjax.tasks.options import firing, told
from snnjax.tasks.task import Part, Schedule, Task, load_parts


def ecg_task(
    data: str | Path | None = None,
    *,
    hidden: int = 96,
    surrogate: Shape | str = SuperSpike(),
    reset: Reset = "zero",
) -> Task:
    """Segments of a heartbeat, step by step, from the spikes of two electrodes.

    The neurons of the recurrent layer learn their time constants, spread at first from
    20 to 500 ms, so that some remember a whole beat.

    Args:
        data: folder with the files; see ``datasets.qtdb`` if omitted.
        hidden: how many neurons.
        surrogate: of their spikes, or its name, as ``options.surrogate_of`` takes it.
        reset: of their voltage after a spike.

    Raises:
        ValueError: for a value that no network has, or damaged files.
        FileNotFoundError: saying where it looked and what to do.
    """
    check.whole("hidden", hidden)
    fires = firing(surrogate, reset)
    dt = 4e-3
    beats = load_parts(partial(qtdb, path=data))
    x, classes = beats["train"].x, beats["train"].classes
    _, steps, channels = x.shape
    return Task(
        name="ecg",
        parts={
            s: Part(partial(_beats, each.x), each.labels) for s, each in beats.items()
        },
        network=_network(
            channels, len(classes), float(np.mean(x)) / dt, dt, hidden, fires
        ),
        schedule=Schedule(batch=16, epochs=24, learning_rate=1e-2),
        notes={"steps": steps, "dt": dt},
        options=told(hidden=hidden, **fires),
        classes=classes,
    )


def _network(channels, classes, rate, dt, hidden, fires):
    params = LIFParams(tau_mem=100e-3, tau_syn=20e-3)
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    spread = jnp.geomspace(20e-3, 500e-3, hidden)
    neurons = learn(partial(lif, hidden, **fires), params, tau_mem=spread)
    layer = recurrent(
        channels,
        hidden,
        neurons,
        init=partial(draw, rate=rate, share=0.9),
        init_recurrent=partial(draw, rate=10.0, share=0.1),
    )
    return Network(
        cell=chain(
            hidden=layer,
            out=chain(
                dense(hidden, classes, init=normal), li(classes, LIParams(20e-3, 10e-3))
            ),
            outputs=HIDDEN_AND_OUT,
        ),
        readout=voltage,
        dt=dt,
    )


def _beats(x, rows, rng):
    del rng  # as they were recorded
    return np.moveaxis(x[rows], 1, 0).astype(np.float32)
