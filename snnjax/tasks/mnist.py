"""The digits of MNIST as spikes."""

from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.compose import chain
from snnjax.datasets import mnist
from snnjax.inputs import latency
from snnjax.networks import dense, fluctuation_driven, normal
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.neurons.leaky import Reset
from snnjax.surrogate import Shape, SuperSpike
from snnjax.tasks.augment import shifted
from snnjax.tasks.network import HIDDEN_AND_OUT, Network, mean_voltage
from snnjax.tasks.options import firing, steps_of, told
from snnjax.tasks.task import Part, Schedule, Task, class_names, load_parts


def mnist_task(
    data: str | Path | None = None,
    *,
    hidden: int = 256,
    surrogate: Shape | str = SuperSpike(),
    reset: Reset = "zero",
    dt: float | None = None,
) -> Task:
    """The 70000 digits of MNIST, each pixel one spike or none, one hidden layer.

    The brighter, the sooner; pixels up to a fifth of full light stay silent. While
    training, images move by up to two pixels and a fifth of the spikes is lost.

    Args:
        data: folder with the files; see ``datasets.mnist`` if omitted.
        hidden: how many neurons.
        surrogate: of their spikes, or its name, as ``options.surrogate_of`` takes it.
        reset: of their voltage after a spike.
        dt: step [s], of 40 ms; 1 ms if omitted.

    Raises:
        ValueError: for a value that no network has, or damaged files.
        FileNotFoundError: saying where it looked and what to do.
    """
    check.whole("hidden", hidden)
    dt = 1e-3 if dt is None else dt
    steps, fires = steps_of(40e-3, dt), firing(surrogate, reset)
    code = partial(
        latency, tau=20e-3, threshold=0.2, steps=steps, dt=dt, outside="drop"
    )
    table = np.asarray(code(jnp.arange(256.0) / 255.0), np.uint8)
    parts = {}
    for split, samples in load_parts(partial(mnist, path=data)).items():
        parts[split] = Part(partial(_images, samples.x, table), samples.labels)
    spikes = parts["train"].raster(np.arange(len(parts["train"].labels))[:1000], None)
    return Task(
        name="mnist",
        parts=parts,
        network=_network(float(spikes.mean()) / dt, dt, hidden, fires),
        schedule=Schedule(batch=128, epochs=12, learning_rate=1e-2),
        notes={"coding": "latency", "steps": steps, "dt": dt},
        options=told(hidden=hidden, **fires, dt=dt),
        classes=class_names((), 10),
    )


def _network(rate, dt, hidden, fires):
    params = LIFParams(tau_mem=20e-3, tau_syn=5e-3)
    draw = partial(fluctuation_driven, rate=rate, xi=1.0, params=params, dt=dt)
    return Network(
        cell=chain(
            hidden=chain(dense(784, hidden, init=draw), lif(hidden, params, **fires)),
            out=chain(dense(hidden, 10, init=normal), li(10, LIParams(20e-3, 5e-3))),
            outputs=HIDDEN_AND_OUT,
        ),
        readout=mean_voltage,
        dt=dt,
    )


def _images(images, table, rows, rng):
    """Spikes of uint8 images; ``table [T, 256]`` tells when each grey fires."""
    light = images[rows]
    if rng is not None:
        light = shifted(light, rng, 2)
        light[rng.random(light.shape, np.float32) < 0.2] = 0  # black, which is silent
    return np.take(table, light.reshape(len(light), -1), axis=1)
