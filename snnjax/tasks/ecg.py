"""The segments of a heartbeat, step by step."""

from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from snnjax.cell import chain, learn
from snnjax.datasets import qtdb
from snnjax.networks import dense, fluctuation_driven, recurrent
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.tasks.task import Part, Task


def ecg_task(data: str | Path | None = None) -> Task:
    """Segments of a heartbeat, step by step, from the spikes of two electrodes.

    The neurons of the recurrent layer learn their time constants, spread at first from
    20 to 500 ms, so that some remember a whole beat.

    Args:
        data: folder with the files; see ``datasets.qtdb`` if omitted.
    """
    dt, hidden = 4e-3, 96
    spread = jnp.geomspace(20e-3, 500e-3, hidden)
    parts = {}
    for split in ("train", "validation", "test"):
        found = qtdb(split, data)
        parts[split] = Part(partial(_beats, found.x), found.labels)
    rate = float(np.mean(found.x)) / dt
    params = LIFParams(tau_mem=100e-3, tau_syn=20e-3)
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    neurons = learn(
        lambda tau_mem: lif(hidden, params._replace(tau_mem=tau_mem)), tau_mem=spread
    )
    layer = recurrent(
        found.x.shape[2],
        hidden,
        neurons,
        init=partial(draw, rate=rate, share=0.9),
        init_recurrent=partial(draw, rate=10.0, share=0.1),
    )
    classes = len(found.classes)
    return Task(
        name="ecg",
        parts=parts,
        hidden=layer,
        output=chain(dense(hidden, classes), li(classes, LIParams(20e-3, 10e-3))),
        readout=lambda v: 10.0 * v,
        dt=dt,
        batch=16,
        epochs=24,
        learning_rate=1e-2,
        notes={"steps": found.x.shape[1], "dt": dt, "classes": found.classes},
    )


def _beats(x, rows, rng):
    del rng  # as they were recorded
    return np.moveaxis(x[rows], 1, 0).astype(np.float32)
