"""Digits before a moving event camera."""

from functools import partial
from pathlib import Path

import numpy as np

from snnjax import check
from snnjax.datasets import n_mnist
from snnjax.events import Events, rasterize, select
from snnjax.neurons import LIFParams, LIParams
from snnjax.neurons.leaky import Reset
from snnjax.surrogate import Shape, SuperSpike
from snnjax.tasks.augment import shifted, thinned
from snnjax.tasks.maps import maps_network
from snnjax.tasks.options import firing, steps_of, told
from snnjax.tasks.recordings import mean_rate, share_after_the_end
from snnjax.tasks.task import Part, Schedule, Task, class_names, load_parts


def n_mnist_task(
    data: str | Path | None = None,
    *,
    normalize: bool = False,
    hidden: int = 16,
    surrogate: Shape | str = SuperSpike(),
    reset: Reset = "zero",
    dt: float | None = None,
) -> Task:
    """Digits before a moving event camera, through two convolutional layers.

    While training, recordings move by up to three pixels and a tenth of the events is
    lost.

    Args:
        data: folder with ``Train`` and ``Test``; see ``datasets.n_mnist`` if omitted.
        normalize: whether currents are normalised over the maps of each layer, by
            ``layer_norm``, before they reach the neurons.
        hidden: maps of the first layer; the second has twice as many.
        surrogate: of their spikes, or its name, as ``options.surrogate_of`` takes it.
        reset: of their voltage after a spike.
        dt: step [s], of 320 ms; 10 ms if omitted.

    Raises:
        ValueError: for a value that no network has, or damaged files.
        FileNotFoundError: saying where it looked and what to do.
    """
    check.flag("normalize", normalize)
    check.whole("hidden", hidden)
    dt = 10e-3 if dt is None else dt
    steps, fires = steps_of(320e-3, dt), firing(surrogate, reset)
    events = load_parts(partial(n_mnist, path=data))
    parts, late = {}, {}
    for split, each in events.items():
        parts[split] = Part(partial(_recordings, each, steps, dt), each.labels)
        late[split] = share_after_the_end(each, steps, dt)
    return Task(
        name="n-mnist",
        parts=parts,
        network=maps_network(
            (34, 34, 2),
            10,
            maps=hidden,
            rate=mean_rate(events["train"], steps, dt),
            dt=dt,
            params=LIFParams(tau_mem=30e-3, tau_syn=10e-3),
            readout=LIParams(100e-3, 10e-3),
            fires=fires,
            normalize=normalize,
        ),
        schedule=Schedule(batch=32, epochs=40, learning_rate=1e-2),
        notes={
            "steps": steps,
            "dt": dt,
            "normalize": normalize,
            "share_of_events_after_the_end": late,
        },
        options=told(normalize=normalize, hidden=hidden, **fires, dt=dt),
        classes=class_names((), 10),
    )


def _recordings(events: Events, steps, dt, rows, rng):
    raster = rasterize(select(events, rows), steps=steps, dt=dt, outside="drop")
    film = np.moveaxis(raster.reshape(steps, len(rows), 34, 34, 2), 1, 0)
    if rng is None:
        return np.moveaxis(film, 0, 1)
    film = np.moveaxis(shifted(np.moveaxis(film, 1, 3), rng, 3), 3, 1)
    return thinned(np.moveaxis(film, 0, 1), rng, 0.1)
