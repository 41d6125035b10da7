"""Braille letters under a fingertip."""

from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.compose import chain
from snnjax.datasets import braille
from snnjax.networks import dense, fluctuation_driven, normal, recurrent
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.neurons.leaky import Reset
from snnjax.senses import threshold_crossing
from snnjax.surrogate import Shape, SuperSpike
from snnjax.tasks.network import HIDDEN_AND_OUT, Network, mean_voltage
from snnjax.tasks.options import firing, told
from snnjax.tasks.task import Part, Schedule, Task, load_parts


def braille_task(
    data: str | Path | None = None,
    *,
    recurrence: bool = True,
    hidden: int = 200,
    surrogate: Shape | str = SuperSpike(),
    reset: Reset = "zero",
) -> Task:
    """Braille letters under a fingertip, through a recurrent layer.

    Taxels that feel letters have 16 levels; a channel fires when the pressure passes
    its level upwards, another when downwards. Between two samples pressure is taken to
    change steadily, and there is one step more. While training, letters start earlier
    or later and a tenth of the spikes is lost.

    Args:
        data: folder with the file; see ``datasets.braille`` if omitted.
        recurrence: whether the neurons of the layer hear each other.
        hidden: how many neurons.
        surrogate: of their spikes, or its name, as ``options.surrogate_of`` takes it.
        reset: of their voltage after a spike.

    Raises:
        ValueError: for a value that no network has, or a damaged file.
        FileNotFoundError: saying where it looked and what to do.
    """
    check.flag("recurrence", recurrence)
    check.whole("hidden", hidden)
    dt, fires = 12.5e-3, firing(surrogate, reset)
    letters = load_parts(partial(braille, path=data))
    taxels = np.flatnonzero(np.ptp(letters["train"].x, axis=(0, 1)))
    levels = np.linspace(8.0, 248.0, 16)
    parts = {}
    for split, samples in letters.items():
        pressure = np.moveaxis(samples.x[..., taxels], 1, 0).astype(np.float32)
        crossed = threshold_crossing(jnp.asarray(_twice_as_fast(pressure)), levels)
        raster = partial(_letters, np.asarray(crossed, np.uint8))
        parts[split] = Part(raster, samples.labels)
    spikes = parts["train"].raster(np.arange(len(parts["train"].labels)), None)
    steps, _, channels = spikes.shape
    return Task(
        name="braille",
        parts=parts,
        network=_network(
            channels, float(spikes.mean()) / dt, dt, recurrence, hidden, fires
        ),
        schedule=Schedule(batch=64, epochs=40, learning_rate=1e-2),
        notes={"steps": steps, "dt": dt, "taxels": taxels.tolist()},
        options=told(recurrence=recurrence, hidden=hidden, **fires),
        classes=letters["train"].classes,
    )


def _network(channels, rate, dt, recurrence, hidden, fires):
    slow = LIParams(tau_mem=250e-3, tau_syn=125e-3)
    params = LIFParams(*slow)
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    neurons = lif(hidden, params, **fires)
    if recurrence:
        first = partial(draw, rate=rate, share=0.9)
        again = partial(draw, rate=5.0, share=0.1)
        layer = recurrent(channels, hidden, neurons, init=first, init_recurrent=again)
    else:
        layer = chain(dense(channels, hidden, init=partial(draw, rate=rate)), neurons)
    return Network(
        cell=chain(
            hidden=layer,
            out=chain(dense(hidden, 27, init=normal), li(27, slow)),
            outputs=HIDDEN_AND_OUT,
        ),
        readout=mean_voltage,
        dt=dt,
    )


def _twice_as_fast(x):
    """Puts the mean of each two neighbours in ``[T, ...]`` between them."""
    twice = np.repeat(x, 2, axis=0)[:-1]
    twice[1::2] = (x[1:] + x[:-1]) / 2
    return twice


def _letters(spikes, rows, rng):
    raster = spikes[:, rows].astype(np.float32)
    if rng is None:
        return raster
    check.generator("rng", rng)
    for k, by in enumerate(rng.integers(-2, 3, len(rows))):
        raster[:, k] = np.roll(raster[:, k], by, axis=0)
    return raster * (rng.random(raster.shape, np.float32) >= 0.1)
