"""Neurons in PyTorch: one run, and its gradients by the library's own backward pass."""

import numpy as np
import torch

from tests.interop.libraries import recording

torch.set_default_dtype(torch.float64)
torch.set_num_threads(1)


def driven(make):
    """Gives ``run`` and ``gradients`` of a case.

    ``make(options, weights)`` gives a function of currents ``[T, 2, n]`` to spikes and
    voltages, and its leaves by name.
    """

    def run(x, w, options, weights):
        with torch.no_grad():
            neuron, _ = make(options, weights)
            spikes, v = neuron(torch.tensor(x) @ torch.tensor(w))
        return spikes if spikes is None else spikes.double().numpy(), v.double().numpy()

    def gradients(x, w, options, weights):
        neuron, leaves = make(options, weights)
        x, w = (torch.tensor(each, requires_grad=True) for each in (x, w))
        spikes, v = neuron(x @ w)
        a, b = (torch.tensor(each) for each in recording.cotangents())
        loss = (b * v).sum() + (0.0 if spikes is None else (a * spikes).sum())
        loss.backward()
        leaves = {"x": x, "w": w} | leaves
        missing = [name for name, leaf in leaves.items() if leaf.grad is None]
        assert not missing, f"no gradient reaches {missing}"
        return {name: np.array(leaf.grad) for name, leaf in leaves.items()}

    return run, gradients


def loaded(module, weights):
    """A module with weights of ours, by name."""
    named = dict(module.named_parameters())
    for name, value in weights.items():
        with torch.no_grad():
            named[name].copy_(torch.tensor(value))
    return module
