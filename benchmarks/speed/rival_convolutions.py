"""One convolutional network of each library, on matched work.

34x34x2 inputs that fire at 5 % of the steps; three layers, each a convolution of 3x3
pixels with zeros around the image and leaky neurons; what is descended is the sum of
all spikes of the last. ``rival_work.py`` times a training step of it. Neurons of snnjax
have a synaptic current, the others have none: they do less work. The rate that is told
is that of the last layer.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

SIDE, POLARITIES, RATE, LAYERS = 34, 2, 0.05, 3
MEM = 0.951  # what a step leaves of the voltage: 20 steps


class JaxNetwork(NamedTuple):
    """A network of a library that stands on JAX."""

    weights: Any
    # (weights, spikes [T, B, 34, 34, 2]) -> spikes of the last layer, twice
    apply: Callable[..., Any]
    advance: Callable[..., Any] | None = None
    # (weights, spikes, labels) -> what is descended
    loss: Callable[..., Any] | None = None


class TorchNetwork(NamedTuple):
    """A network of a library that stands on PyTorch."""

    modules: list[Any]
    # spikes [T, B, 34, 34, 2] -> spikes of the last layer, twice
    apply: Callable[..., Any]
    advance: Callable[..., Any] | None = None
    # (spikes, labels) -> what is descended, spikes of the last layer
    loss: Callable[..., Any] | None = None


def data(steps, batch):
    """Spikes of a camera, and labels that no side needs."""
    rng = np.random.default_rng(0)
    shape = (steps, batch, SIDE, SIDE, POLARITIES)
    return (rng.random(shape) < RATE).astype(np.float32), np.zeros(batch, np.int64)


def snnjax(spikes, n, backend):
    import jax

    import snnjax as snn
    from snnjax.networks import convolution

    params = snn.LIFParams(20e-3, 10e-3)
    options = {"backend": backend} if "backend" in signature(convolution) else {}

    def draw(key, n_in, n_out):
        return snn.fluctuation_driven(
            key, n_in, n_out, rate=50.0, xi=0.4, params=params, dt=1e-3, share=0.5
        )

    net = snn.chain(
        *(
            cell
            for c in (POLARITIES, *[n] * (LAYERS - 1))
            for cell in (
                convolution(c, n, kernel=(3, 3), init=draw, **options),
                snn.lif(n, params, backend=backend),
            )
        )
    )

    def apply(weights, spikes):
        last = snn.unroll(net, weights, spikes, dt=1e-3)[1]
        return last, last

    def loss(weights, spikes, labels):
        del labels
        return apply(weights, spikes)[0].sum()

    return JaxNetwork(net.init(jax.random.key(1)), apply, loss=loss)


def signature(factory):
    import inspect

    return inspect.signature(factory).parameters


def of_torch(convolutions, apply, gains):
    """A network that spikes pass as ``[T, B, channels, height, width]``."""
    import torch

    with torch.no_grad():
        for convolution, gain in zip(convolutions, gains, strict=True):
            convolution.weight *= gain

    def loss(spikes, labels):
        del labels
        last = apply(spikes.permute(0, 1, 4, 2, 3).contiguous())
        return last.sum(), last

    return TorchNetwork(convolutions, apply, loss=loss)


def spikingjelly(spikes, n):
    from spikingjelly.activation_based import functional, layer, neuron

    convolutions = [
        layer.Conv2d(c, n, 3, padding=1, bias=False, step_mode="m")
        for c in (POLARITIES, *[n] * (LAYERS - 1))
    ]
    neurons = [
        neuron.LIFNode(tau=20.0, detach_reset=True, decay_input=False, step_mode="m")
        for _ in convolutions
    ]

    def apply(spikes):
        for convolution, lif in zip(convolutions, neurons, strict=True):
            functional.reset_net(lif)
            spikes = lif(convolution(spikes))
        return spikes

    return of_torch(convolutions, apply, (6.0, 6.0, 6.0))


def snntorch(spikes, n):
    import snntorch as snn
    import torch

    convolutions = [
        torch.nn.Conv2d(c, n, 3, padding=1, bias=False)
        for c in (POLARITIES, *[n] * (LAYERS - 1))
    ]
    neurons = [snn.Leaky(MEM, reset_mechanism="zero") for _ in convolutions]

    def apply(spikes):
        for convolution, leaky in zip(convolutions, neurons, strict=True):
            currents = convolution(spikes.flatten(0, 1)).unflatten(0, spikes.shape[:2])
            membrane, fired = leaky.init_leaky(), []
            for current in currents:
                spike, membrane = leaky(current, membrane)
                fired.append(spike)
            spikes = torch.stack(fired)
        return spikes

    return of_torch(convolutions, apply, (6.0, 6.0, 6.0))


SIDES = {
    "snnjax-native": lambda *a: snnjax(*a, "native"),
    "snnjax-xla": lambda *a: snnjax(*a, "xla"),
    "spikingjelly": spikingjelly,
    "snntorch": snntorch,
}
