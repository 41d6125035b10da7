"""One training step of each library, on matched work; run inside its own environment.

    python rival_sides.py SIDE T BATCH HIDDEN [CHECKOUT]

700 inputs that fire at 5 % of the steps, one recurrent layer of current-based leaky
neurons, 20 leaky readouts, cross entropy of their maximum over time, backpropagation
through all of time, Adam. The step computes loss, gradients and new weights, always
from the same weights, so that firing rates are the same at each repeat. Once compiled
it tells so on standard output; each line on standard input then asks for one step,
answered by its milliseconds.

With CHECKOUT the network is built by the file of this name in another checkout of
snnjax, which has to be the one that Python imports; it is timed as all others are.
"""

import importlib.util
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

INPUTS, CLASSES, RATE = 700, 20, 0.05
MEM, SYN = 0.951, 0.905  # what a step leaves of voltage and current: 20 and 10 steps


class Work(NamedTuple):
    """A training step, ready to be timed."""

    step: Callable[[], Any]  # loss, gradients and new weights, awaited
    hold: Callable[[], None]  # puts the old weights back; not timed
    told: dict[str, Any]  # firing rate at the weights that are held, compilation


def data(steps, batch):
    rng = np.random.default_rng(0)
    spikes = (rng.random((steps, batch, INPUTS)) < RATE).astype(np.float32)
    return spikes, rng.integers(0, CLASSES, batch)


def jax_side(init, apply, spikes, labels):
    """``apply(weights, spikes) -> voltages [T, B, classes], hidden spikes``."""
    import jax
    import jax.numpy as jnp
    import optax

    optimizer = optax.adam(1e-3)
    spikes, labels = jnp.asarray(spikes), jnp.asarray(labels)

    def loss(weights):
        scores = apply(weights, spikes)[0].max(0)
        return optax.softmax_cross_entropy_with_integer_labels(scores, labels).mean()

    @jax.jit
    def step(weights, state):
        value, grads = jax.value_and_grad(loss)(weights)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes counts with floats
            updates, state = optimizer.update(grads, state, weights)
        return optax.apply_updates(weights, updates), state, value

    held = init, optimizer.init(init)
    rate = float(jax.jit(lambda w: apply(w, spikes)[1].mean())(init))
    began = time.perf_counter()
    compiled = step.lower(*held).compile()
    seconds = time.perf_counter() - began
    temp = compiled.memory_analysis().temp_size_in_bytes / 2**20

    def run():
        return jax.block_until_ready(compiled(*held))

    told = {"rate": rate, "compile_s": seconds, "temp_mb": temp}
    return Work(run, lambda: None, told)


def torch_side(modules, apply, spikes, labels):
    """``apply(spikes) -> voltages [T, B, classes], hidden spikes``."""
    import torch

    torch.set_num_threads(2)
    parameters = [p for m in modules for p in m.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=1e-3)
    spikes, labels = torch.from_numpy(spikes), torch.from_numpy(labels)
    kept = [p.detach().clone() for p in parameters]
    told = {"rate": None, "compile_s": 0.0, "temp_mb": None}

    def run():
        optimizer.zero_grad()
        volts, hidden = apply(spikes)
        told["rate"] = float(hidden.detach().mean())
        loss = torch.nn.functional.cross_entropy(volts.max(0).values, labels)
        loss.backward()
        optimizer.step()
        return [p.detach() for p in parameters], loss

    def hold():
        with torch.no_grad():
            for parameter, before in zip(parameters, kept, strict=True):
                parameter.copy_(before)

    return Work(run, hold, told)


def snnjax(spikes, labels, hidden, backend, triangle=False):
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
    out = snn.chain(readout, snn.li(CLASSES))
    keys = jax.random.split(jax.random.key(0))

    def apply(weights, spikes):
        _, hidden = snn.unroll(layer, weights[0], spikes, dt=1e-3)
        return snn.unroll(out, weights[1], hidden, dt=1e-3)[1], hidden

    return jax_side((layer.init(keys[0]), out.init(keys[1])), apply, spikes, labels)


def sparx(spikes, labels, hidden):
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
    return jax_side(net.init(jax.random.key(0), spikes), net.apply, spikes, labels)


def spyx(spikes, labels, hidden):
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

    return jax_side(weights, apply, spikes, labels)


def jaxpike(spikes, labels, hidden):
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

    return jax_side(weights, apply, spikes, labels)


def norse(spikes, labels, hidden):
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

    def apply(spikes):
        state = end = None
        hidden, volts = [], []
        for x in spikes:
            s, state = cell(x, state)
            v, end = readout(linear(s), end)
            hidden.append(s)
            volts.append(v)
        return torch.stack(volts), torch.stack(hidden)

    return torch_side([cell, linear], apply, spikes, labels)


def snntorch(spikes, labels, hidden):
    import snntorch as snn
    import torch

    dense = torch.nn.Linear(INPUTS, hidden, bias=False)
    layer = snn.RSynaptic(SYN, MEM, linear_features=hidden, reset_mechanism="zero")
    linear = torch.nn.Linear(hidden, CLASSES, bias=False)
    readout = snn.Leaky(MEM, reset_mechanism="none")
    with torch.no_grad():
        dense.weight *= 0.1
        layer.recurrent.weight *= 0.1

    def apply(spikes):
        spk, syn, mem = layer.init_rsynaptic()
        end = readout.init_leaky()
        currents = dense(spikes)
        hidden, volts = [], []
        for x in currents:
            spk, syn, mem = layer(x, spk, syn, mem)
            _, end = readout(linear(spk), end)
            hidden.append(spk)
            volts.append(end)
        return torch.stack(volts), torch.stack(hidden)

    return torch_side([dense, layer, linear], apply, spikes, labels)


def spikingjelly(spikes, labels, hidden):
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

    def apply(spikes):
        for module in modules:
            functional.reset_net(module)
        spikes = loop(synapse(dense(spikes)))
        return readout(linear(spikes)), spikes

    return torch_side(modules, apply, spikes, labels)


def sinabs(spikes, labels, hidden):
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

    def apply(spikes):
        layer.reset_states()
        readout.reset_states()
        s = layer(dense(spikes.transpose(0, 1)))
        return readout(linear(s)).transpose(0, 1), s

    return torch_side([dense, layer, linear], apply, spikes, labels)


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


def sides_of(checkout: Path) -> dict[str, Callable[..., Work]]:
    """The sides that another checkout builds, timed by the steps of this one."""
    import snnjax

    if Path(snnjax.__file__).resolve().parents[1] != checkout.resolve():
        raise ImportError(f"snnjax comes from {snnjax.__file__}, not from {checkout}.")
    places = (checkout / "benchmarks" / sub / "rival_sides.py" for sub in ("speed", ""))
    path = next((path for path in places if path.exists()), None)
    if path is None:
        raise FileNotFoundError(f"There is no rival_sides.py in {checkout}/benchmarks.")
    spec = importlib.util.spec_from_file_location("other_sides", path)
    other = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(other)
    other.jax_side = jax_side
    return other.SIDES


def main():
    side, steps, batch, hidden = sys.argv[1], *map(int, sys.argv[2:5])
    sides = sides_of(Path(sys.argv[5])) if sys.argv[5:] else SIDES
    answers, sys.stdout = sys.stdout, sys.stderr
    work = sides[side](*data(steps, batch), hidden)
    work.step()
    work.hold()
    print(json.dumps(work.told), file=answers, flush=True)
    for _ in sys.stdin:
        began = time.perf_counter()
        work.step()
        ms = 1e3 * (time.perf_counter() - began)
        work.hold()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        told = {"ms": ms, "peak_mb": peak, "rate": work.told["rate"]}
        print(json.dumps(told), file=answers, flush=True)


if __name__ == "__main__":
    main()
