"""Convolutional layers that halve an image until few pixels are left."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from snnjax.cell import Cell
from snnjax.compose import chain
from snnjax.networks import (
    convolution,
    dense,
    flatten,
    fluctuation_driven,
    layer_norm,
    normal,
)
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.tasks.network import HIDDEN_AND_OUT, Network, mean_voltage

_FEW = 8  # pixels along the shorter side of the last maps, at most
_KERNELS = 5, 3, 3, 3, 3  # of the first layer and of others


def maps_network(
    shape: tuple[int, int, int],
    classes: int,
    *,
    maps: int,
    rate: float,
    dt: float,
    params: LIFParams,
    readout: LIParams,
    fires: Mapping[str, Any],
    normalize: bool = False,
) -> Network:
    """Layers of maps with a stride of two, twice as many in each, and a readout.

    Args:
        shape: height, width and channels of an input.
        classes: that are read.
        maps: of the first layer.
        rate: of an input, on average [Hz].
        dt: step [s].
        params: constants of the neurons.
        readout: constants of the readout.
        fires: options of the neurons, as ``options.firing`` gives them.
        normalize: whether currents are normalised over the maps of each layer.

    Raises:
        ValueError: for images too small for a layer.
    """
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    *size, n = shape
    cells: list[Cell] = []
    for kernel in _KERNELS:
        if cells and min(size) <= _FEW:
            break
        if min(size) < kernel:
            raise ValueError(
                f"Images of {shape[0]}x{shape[1]} pixels are too small for maps; take "
                "a network of another kind."
            )
        side = (kernel, kernel)
        first = partial(draw, rate=10.0 if cells else rate)
        cells.append(
            convolution(n, maps, kernel=side, stride=2, padding="valid", init=first)
        )
        if normalize:
            cells.append(layer_norm(maps, space=2, gain=1.5))
        cells.append(lif(maps, params, **fires))
        size = [(each - kernel) // 2 + 1 for each in size]
        n, maps = maps, 2 * maps
    out = dense(size[0] * size[1] * n, classes, init=normal), li(classes, readout)
    return Network(
        cell=chain(
            hidden=chain(*cells, flatten()), out=chain(*out), outputs=HIDDEN_AND_OUT
        ),
        readout=mean_voltage,
        dt=dt,
    )
