"""Networks for recordings of one's own; time constants go by how long these last."""

import math
from typing import Literal, get_args

from snnjax.neurons import LIFParams, LIParams
from snnjax.tasks.maps import maps_network
from snnjax.tasks.spoken_networks import (
    ADAPTIVE,
    Reader,
    Size,
    adlif_reader,
    delays_reader,
    feedforward_reader,
    lif_reader,
)

Kind = Literal["feedforward", "recurrent", "adlif", "delays", "convolutional"]
KINDS = get_args(Kind)


def own_reader(kind: Kind, shape: tuple[int, ...], steps: int, size: Size) -> Reader:
    """A network of a kind.

    A membrane remembers a twentieth of the duration, but no less than two steps; a
    synapse half of that; an adaptation current four tenths of the duration; delays
    reach over three tenths.

    Args:
        kind: of the network.
        shape: of a step of the input.
        steps: of a sample.
        size: of the network, whose readout is set here.

    Raises:
        ValueError: for maps of what is no image, or a reset that adlif does not have.
    """
    duration = steps * size.dt
    memory = max(duration / 20, 2 * size.dt)
    params = LIFParams(memory, memory / 2)
    size = size._replace(readout=LIParams(2 * memory, memory / 2))
    if kind == "convolutional":
        if len(shape) < 2:
            raise ValueError(
                "network 'convolutional' needs images or an event camera; the inputs "
                f"are [T, {shape[0]}]. Take 'feedforward' or 'recurrent'."
            )
        fires = {"surrogate": size.surrogate, "reset": size.reset}
        return Reader(
            maps_network(
                (shape[0], shape[1], math.prod(shape[2:])),
                size.classes,
                maps=size.hidden,
                rate=size.rate,
                dt=size.dt,
                params=params,
                readout=size.readout,
                fires=fires,
            ),
            None,
        )
    if kind == "feedforward":
        return feedforward_reader(size, params)
    if kind == "adlif":
        constants = ADAPTIVE._replace(tau_mem=memory, tau_adapt=0.4 * duration)
        return adlif_reader(size, constants)
    if kind == "delays":
        longest = max(round(0.3 * steps), 1)
        widths = max(0.12 * steps, 0.5), 0.25
        without = LIFParams(memory, None)
        return delays_reader(size, without, longest=longest, widths=widths)
    return lif_reader(size, params)
