"""A saved network answers while its input still comes, one step a call."""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn


def saved(folder):
    """Stands for a network that a training left."""
    net = snn.chain(snn.recurrent(20, 64, snn.lif(64)), snn.dense(64, 3), snn.li(3))
    path = Path(folder, "net.safetensors")
    snn.save(path, net.init(jax.random.key(0)), network=net, notes={"dt": 1e-3})
    return path


def sensor(steps):
    """Stands for whatever sends spikes: one array [1, 20] each millisecond."""
    rng = np.random.default_rng(0)
    for _ in range(steps):
        yield (rng.random((1, 20)) < 0.1).astype(np.float32)


def main(steps=1000):
    with TemporaryDirectory() as folder:
        net, weights, notes = snn.load(saved(folder))
    step = jax.jit(net.step)
    frames = list(sensor(steps))
    state = net.rest(frames[0])
    step(weights, state, frames[0], notes["dt"])  # compiles
    answers, began = [], time.perf_counter()
    for frame in frames:
        state, voltages = step(weights, state, frame, notes["dt"])
        answers.append(voltages)
    jax.block_until_ready(voltages)
    took = (time.perf_counter() - began) / steps
    _, whole = snn.unroll(net, weights, jnp.asarray(np.stack(frames)), dt=notes["dt"])
    difference = float(jnp.max(jnp.abs(jnp.stack(answers) - whole)))
    print(f"{1e6 * took:.0f} µs a step; {difference:.1e} from a run of the whole")
    return difference


if __name__ == "__main__":
    main()
