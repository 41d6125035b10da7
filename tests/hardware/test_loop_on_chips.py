"""Gradients in the loop, through another process: exact where the chip is ideal."""

import os
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from library_chip import NAMES, network

import snnjax as snn
from snnjax import datasets, inputs
from snnjax.hardware import IDEAL, ProcessDevice, emulated_chip, in_the_loop

DT, TAU = 1.7e-6, 6e-6
SIZES = {"n_in": 64, "n": 30, "n_out": 10}


def coded(images):
    code = {"tau": 8e-6, "threshold": 0.2, "steps": 20, "dt": DT}
    return np.asarray(inputs.latency(images, **code, outside="drop"), np.uint8)


def digits(n=20):
    found = datasets.digits("test")
    return coded(found.x[:n].reshape(n, 64) / np.float32(16)), found.labels[:n]


def gradients(net, pack):
    """Of software and in the loop, of the weights of each population."""

    def loss(ys, labels):
        return snn.cross_entropy(10.0 * snn.max_over_time(ys), labels)

    @jax.jit
    def software(weights, xs, labels):
        def run(w):
            return loss(snn.unroll(net, pack(w), xs, dt=DT)[1], labels)

        return jax.value_and_grad(run)(weights)

    @jax.jit
    def looped(weights, xs, labels, seen):
        seen = dict(zip(NAMES, seen, strict=True))

        def run(w):
            return loss(in_the_loop(net, pack(w), xs, seen, dt=DT)[1], labels)

        return jax.value_and_grad(run)(weights)

    return software, looped


def drawn(recurrent, n_in=64, n=30, n_out=10):
    """Weights that make a good part of the neurons fire."""
    keys = jax.random.split(jax.random.key(4), 2)
    rows = n_in + recurrent * n
    below = (0.15 + 0.6 * jax.random.normal(keys[0], (rows, n))) * np.sqrt(64 / n_in)
    below = jnp.where(jnp.arange(rows)[:, None] < n_in, below, 0.3 * below)
    return below, 0.3 * jax.random.normal(keys[1], (n, n_out))


@pytest.mark.usefixtures("optimized")
@pytest.mark.parametrize("recurrent", [False, True])
def test_the_library_in_another_process_gives_the_same_bits(recurrent):
    made = {**SIZES, "tau": TAU, "reset": "zero", "recurrent": recurrent}
    net, pack = network(**made)
    weights, (xs, labels) = drawn(recurrent), digits()
    spikes = jnp.asarray(xs, jnp.float32)
    software, looped = gradients(net, pack)
    settings = {"network": made, "dt": DT, "sizes": [*SIZES.values()]}
    settings["xla_flags"] = os.environ.get("XLA_FLAGS", "")
    program = Path(__file__).with_name("library_chip.py")
    closed = [recurrent, False]
    with ProcessDevice(
        program, [*SIZES.values()], settings=settings, recurrent=closed
    ) as chip:
        shown = chip.run(chip.program([*map(np.asarray, weights)]), xs)
    assert 0.01 < shown.seen[0].spikes.mean() < 0.5
    expected = software(weights, spikes, labels)
    found = looped(weights, spikes, labels, shown.seen)
    jax.tree.map(np.testing.assert_array_equal, expected, found)


def apart(expected, found):
    each = zip(jax.tree.leaves(expected), jax.tree.leaves(found), strict=True)
    return max(float(jnp.linalg.norm(a - b) / jnp.linalg.norm(a)) for a, b in each)


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("recurrent", [False, True])
def test_an_ideal_emulated_chip_gives_the_gradient_of_software(recurrent, reset):
    net, pack = network(**SIZES, tau=TAU, reset=reset, recurrent=recurrent)
    weights, (xs, labels) = drawn(recurrent), digits()
    software, looped = gradients(net, pack)
    made = {"dt": DT, "imperfections": IDEAL, "reset": reset}
    with emulated_chip([*SIZES.values()], **made, recurrent=[recurrent, False]) as chip:
        shown = chip.run(chip.program([*map(np.asarray, weights)]), xs)
    spikes = jnp.asarray(xs, jnp.float32)
    expected = software(weights, spikes, labels)
    assert apart(expected, looped(weights, spikes, labels, shown.seen)) <= 1e-5


def test_so_it_does_on_five_hundred_images_of_mnist(data_folder):
    data_folder("mnist")
    found = datasets.mnist("test")
    images, labels = found.x[:500, 6:22, 6:22].reshape(500, 256), found.labels[:500]
    xs, sizes = coded(images / np.float32(255.0)), (256, 246, 10)
    net, pack = network(*sizes, TAU, "zero", False)
    weights = drawn(False, *sizes)
    software, looped = gradients(net, pack)
    with emulated_chip(sizes, dt=DT, imperfections=IDEAL) as chip:
        shown = chip.run(chip.program([*map(np.asarray, weights)]), xs)
    spikes = jnp.asarray(xs, jnp.float32)
    show = jax.jit(partial(_spikes, net, pack))
    np.testing.assert_array_equal(show(weights, spikes), shown.seen[0].spikes)
    assert shown.seen[0].spikes.mean() > 0.005
    expected = software(weights, spikes, labels)
    assert apart(expected, looped(weights, spikes, labels, shown.seen)) <= 1e-5


def _spikes(net, pack, weights, xs):
    return snn.hardware.show(net, pack(weights), xs, dt=DT)["hidden"].spikes
