"""Neurons in JAX: one run, and its gradients by the library's own backward pass."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.interop.libraries import recording

jax.config.update("jax_enable_x64", True)


def driven(make):
    """Gives ``run`` and ``gradients`` of a case.

    ``make(options, weights)`` gives a function of leaves and currents ``[T, 2, n]`` to
    spikes (or None) and voltages, and the leaves by name.
    """

    def run(x, w, options, weights):
        neuron, leaves = make(options, weights)
        spikes, v = jax.jit(neuron)(leaves, jnp.asarray(x) @ jnp.asarray(w))
        return spikes if spikes is None else np.asarray(spikes), np.asarray(v)

    def gradients(x, w, options, weights):
        neuron, leaves = make(options, weights)
        a, b = recording.cotangents()

        def loss(x, w, leaves):
            spikes, v = neuron(leaves, x @ w)
            return jnp.sum(b * v) + (0.0 if spikes is None else jnp.sum(a * spikes))

        of_x, of_w, of_leaves = jax.jit(jax.grad(loss, (0, 1, 2)))(x, w, leaves)
        found = {"x": of_x, "w": of_w} | of_leaves
        return {name: np.asarray(value) for name, value in found.items()}

    return run, gradients


def scanned(step, state, currents):
    """Runs ``step(state, current) -> state, (spikes, v)``."""
    return jax.lax.scan(step, state, currents)[1]
