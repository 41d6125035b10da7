"""One network of each library, on matched work; built inside its own environment.

700 inputs, one recurrent layer of current-based leaky neurons, 20 leaky readouts.
``rival_work.py`` times a training step of it, inference, or calls of a few steps.
Where a library lacks a part it does less work, not more.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

INPUTS, CLASSES, RATE = 700, 20, 0.05
MEM, SYN = 0.951, 0.905  # what a step leaves of voltage and current: 20 and 10 steps


class JaxNetwork(NamedTuple):
    """A network of a library that stands on JAX."""

    weights: Any
    # (weights, spikes [T, B, inputs]) -> voltages [T, B, classes], hidden spikes
    apply: Callable[..., Any]
    # (weights, state or None, spikes) -> state, voltages
    advance: Callable[..., Any] | None = None
    # (weights, spikes, labels) -> what is descended; cross entropy if None
    loss: Callable[..., Any] | None = None


class TorchNetwork(NamedTuple):
    """A network of a library that stands on PyTorch."""

    modules: list[Any]
    # spikes [T, B, inputs] -> voltages [T, B, classes], hidden spikes
    apply: Callable[..., Any]
    # (state or None, spikes) -> state, voltages
    advance: Callable[..., Any] | None = None
    # (spikes, labels) -> what is descended, hidden spikes; cross entropy if None
    loss: Callable[..., Any] | None = None


def data(steps, batch):
    """Spikes that fire at 5 % of the steps, and a label for each sample."""
    rng = np.random.default_rng(0)
    spikes = (rng.random((steps, batch, INPUTS)) < RATE).astype(np.float32)
    return spikes, rng.integers(0, CLASSES, batch)


def snnjax(spikes, hidden, backend, triangle=False):
    import jax

    import snnjax as snn
    from snnjax.networks import normal

    params = snn.LIFParams(20e-3, 10e-3)
    near = {"surrogate": snn.Triangle(5.0)} if triangle else {}  # zero beyond ±0.2

    def draw(key, n_in, n_out):
        return snn.fluctuation_driven(
            key, n_in, n_out, rate=50.0, xi=0.6, params=params, dt=1e-3, share=0.5
        )

    layer = snn.recurrent(
        INPUTS,
        hidden,
        snn.lif(hidden, params, backend=backend, **near),
        init=draw,
        init_recurrent=draw,
    )
    readout = snn.dense(hidden, CLASSES, init=normal, backend=backend)
    out = snn.chain(readout, snn.li(CLASSES, backend=backend))
    keys = jax.random.split(jax.random.key(0))

    def apply(weights, spikes):
        _, hidden = snn.unroll(layer, weights[0], spikes, dt=1e-3)
        return snn.unroll(out, weights[1], hidden, dt=1e-3)[1], hidden

    whole = snn.chain(layer, out)

    def advance(weights, state, spikes):
        if state is None or len(spikes) > 1:
            return snn.unroll(whole, weights, spikes, dt=1e-3, state=state)
        state, volts = whole.step(weights, state, spikes[0], 1e-3)
        return state, volts[None]

    weights = layer.init(keys[0]), out.init(keys[1])
    return JaxNetwork(weights, apply, advance)


def sparx(spikes, hidden):
    import flax.linen as nn
    import jax
    import sparx

    class Net(nn.Module):
        @nn.compact
        def __call__(self, spikes):
            neuron = sparx.nn.Synaptic(
                tau=20.0, tau_synapse=10.0, reset="zero", detach_reset=True
            )
            x = nn.Dense(hidden, use_bias=False)(spikes)
            s = sparx.nn.Recurrent(neuron)(4.0 * x)
            return sparx.nn.LI(tau=20.0)(nn.Dense(CLASSES, use_bias=False)(s)), s

    net = Net()

    def advance(weights, state, spikes):
        carried = weights if state is None else {**weights, **state}
        (volts, _), state = net.apply(carried, spikes, mutable=["state"])
        return state, volts

    return JaxNetwork(net.init(jax.random.key(0), spikes), net.apply, advance)


def spyx(spikes, hidden):
    import spyx.nn as snn
    from flax import nnx
    from spyx.axn import superspike

    rngs = nnx.Rngs(0)
    below = snn.Sequential(
        nnx.Linear(INPUTS, hidden, use_bias=False, rngs=rngs),
        snn.RCuBaLIF((hidden,), SYN, MEM, activation=superspike(), rngs=rngs),
    )
    above = snn.Sequential(
        nnx.Linear(hidden, CLASSES, use_bias=False, rngs=rngs),
        snn.LI((CLASSES,), MEM, rngs=rngs),
    )
    below.layers[1].recurrent_w[...] *= 0.02
    below.layers[0].kernel[...] *= 0.15
    forms, weights = zip(*(nnx.split(m) for m in (below, above)), strict=True)

    def apply(weights, spikes):
        hidden, _ = snn.run(nnx.merge(forms[0], weights[0]), spikes)
        return snn.run(nnx.merge(forms[1], weights[1]), hidden)[0], hidden

    def advance(weights, state, spikes):
        both = [nnx.merge(*each) for each in zip(forms, weights, strict=True)]
        if state is None:
            state = [model.initial_state(spikes.shape[1]) for model in both]
        if len(spikes) > 1:
            hidden, below = snn.run(both[0], spikes, state[0])
            volts, above = snn.run(both[1], hidden, state[1])
        else:
            hidden, below = both[0](spikes[0], state[0])
            volts, above = both[1](hidden, state[1])
            volts = volts[None]
        return [below, above], volts

    return JaxNetwork(weights, apply, advance)


def jaxpike(spikes, hidden):
    import equinox as eqx
    import jax
    import jaxpike as jp

    keys = jax.random.split(jax.random.key(0), 3)
    options = {"use_bias": False}
    below = jp.Graph(
        {
            "in": jp.Dense(INPUTS, hidden, key=keys[0], gain=30.0, **options),
            "hidden": jp.LIF(tau=20.0, reset="zero"),
            "back": jp.Dense(hidden, hidden, key=keys[1], **options),
        },
        [("input", "in"), ("in", "hidden"), ("hidden", "back"), ("back", "hidden")],
        "hidden",
    )
    above = jp.Sequential(
        jp.Dense(hidden, CLASSES, key=keys[2], **options), jp.LeakyIntegrator(20.0)
    )
    weights, forms = eqx.partition((below, above), eqx.is_inexact_array)

    def apply(weights, spikes):
        below, above = eqx.combine(weights, forms)
        hidden, _ = jp.unroll(below, spikes)
        return jp.unroll(above, hidden)[0], hidden

    def advance(weights, state, spikes):
        nets = eqx.combine(weights, forms)
        state = (None, None) if state is None else state
        hidden, lower = jp.unroll(nets[0], spikes, state[0])
        volts, upper = jp.unroll(nets[1], hidden, state[1])
        return (lower, upper), volts

    return JaxNetwork(weights, apply, advance)


def stepped(modules, loop):
    """A network whose state is handed on by loop(state, spikes)."""

    def apply(spikes):
        return loop(None, spikes)[1:]

    def advance(state, spikes):
        return loop(state, spikes)[:2]

    return TorchNetwork(modules, apply, advance)


def remembering(modules, forget, through):
    """A network whose modules keep the state until they are told to forget it."""

    def apply(spikes):
        forget()
        return through(spikes)

    def advance(state, spikes):
        if state is None:
            forget()
        return "kept", through(spikes)[0]

    return TorchNetwork(modules, apply, advance)


def norse(spikes, hidden):
    import norse.torch as norse
    import torch

    params = norse.LIFParameters(
        tau_mem_inv=torch.tensor(50.0), tau_syn_inv=torch.tensor(100.0)
    )
    cell = norse.LIFRecurrentCell(INPUTS, hidden, p=params)
    linear = torch.nn.Linear(hidden, CLASSES, bias=False)
    readout = norse.LICell()
    with torch.no_grad():
        cell.input_weights *= 1.5

    def loop(both, spikes):
        state, end = both or (None, None)
        hidden, volts = [], []
        for x in spikes:
            s, state = cell(x, state)
            v, end = readout(linear(s), end)
            hidden.append(s)
            volts.append(v)
        return (state, end), torch.stack(volts), torch.stack(hidden)

    return stepped([cell, linear], loop)


def snntorch(spikes, hidden):
    import snntorch as snn
    import torch

    dense = torch.nn.Linear(INPUTS, hidden, bias=False)
    layer = snn.RSynaptic(SYN, MEM, linear_features=hidden, reset_mechanism="zero")
    linear = torch.nn.Linear(hidden, CLASSES, bias=False)
    readout = snn.Leaky(MEM, reset_mechanism="none")
    with torch.no_grad():
        dense.weight *= 0.1
        layer.recurrent.weight *= 0.1

    def loop(state, spikes):
        if state is None:
            state = *layer.init_rsynaptic(), readout.init_leaky()
        spk, syn, mem, end = state
        currents = dense(spikes)
        hidden, volts = [], []
        for x in currents:
            spk, syn, mem = layer(x, spk, syn, mem)
            _, end = readout(linear(spk), end)
            hidden.append(spk)
            volts.append(end)
        state = spk, syn, mem, end
        return state, torch.stack(volts), torch.stack(hidden)

    return stepped([dense, layer, linear], loop)


def spikingjelly(spikes, hidden):
    import torch
    from spikingjelly.activation_based import functional, layer, neuron

    lif = neuron.LIFNode(tau=20.0, detach_reset=True, decay_input=False)
    dense = torch.nn.Linear(INPUTS, hidden, bias=False)
    synapse = layer.SynapseFilter(tau=10.0, step_mode="m")
    loop = layer.LinearRecurrentContainer(
        lif, hidden, hidden, bias=False, step_mode="m"
    )
    linear = torch.nn.Linear(hidden, CLASSES, bias=False)
    readout = layer.SynapseFilter(tau=20.0, step_mode="m")
    modules = [dense, synapse, loop, linear, readout]

    def forget():
        for module in modules:
            functional.reset_net(module)

    def through(spikes):
        spikes = loop(synapse(dense(spikes)))
        return readout(linear(spikes)), spikes

    return remembering(modules, forget, through)


def sinabs(spikes, hidden):
    import sinabs.activation as act
    import sinabs.layers as sl
    import torch

    dense = torch.nn.Linear(INPUTS, hidden, bias=False)
    back = torch.nn.Linear(hidden, hidden, bias=False)
    layer = sl.LIFRecurrent(
        tau_mem=20.0,
        tau_syn=10.0,
        rec_connect=back,
        spike_fn=act.SingleSpike,
        reset_fn=act.MembraneReset(),
        norm_input=False,
    )
    linear = torch.nn.Linear(hidden, CLASSES, bias=False)
    readout = sl.ExpLeak(tau_mem=20.0)
    with torch.no_grad():
        dense.weight *= 0.3
        back.weight *= 0.3

    def forget():
        layer.reset_states()
        readout.reset_states()

    def through(spikes):
        s = layer(dense(spikes.transpose(0, 1)))
        return readout(linear(s)).transpose(0, 1), s

    return remembering([dense, layer, linear], forget, through)


SIDES = {
    "snnjax-native": lambda *a: snnjax(*a, "native"),
    "snnjax-native-triangle": lambda *a: snnjax(*a, "native", triangle=True),
    "snnjax-xla": lambda *a: snnjax(*a, "xla"),
    "sparx": sparx,
    "spyx": spyx,
    "jaxpike": jaxpike,
    "norse": norse,
    "snntorch": snntorch,
    "spikingjelly": spikingjelly,
    "sinabs": sinabs,
}
