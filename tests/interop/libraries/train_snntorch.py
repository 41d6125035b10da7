"""Trains a network in snnTorch on scikit-learn's digits; run inside its environment.

    python train_snntorch.py snntorch_digits

Writes ``NAME.safetensors``, the state dict, and ``NAME.npz``, what the network does
with every test image. 64 grey levels are currents for 25 steps; decays and thresholds
are learned.
"""

import sys

import snntorch as snn
import torch
from digits_task import keep, train

STEPS = 25


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        learned = {"learn_beta": True, "learn_threshold": True}
        self.fc1 = torch.nn.Linear(64, 64)
        self.lif1 = snn.Leaky(beta=torch.full((64,), 0.9), **learned)
        self.fc2 = torch.nn.Linear(64, 10)
        self.lif2 = snn.Leaky(beta=0.8, **learned)


def forward(net, x):
    """Spikes of both layers, ``[T, N, n]``."""
    x = x.flatten(1)
    mem1, mem2 = net.lif1.reset_mem(), net.lif2.reset_mem()
    spikes = []
    for _ in range(STEPS):
        s1, mem1 = net.lif1(net.fc1(x), mem1)
        s2, mem2 = net.lif2(net.fc2(s1.to(x.dtype)), mem2)
        spikes.append((s1, s2))
    return tuple(map(torch.stack, zip(*spikes, strict=True)))


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = Net()
    train(net, forward, epochs=40, lr=2e-3, seed=1)
    versions = f"snntorch {snn.__version__}, torch {torch.__version__}"
    keep(sys.argv[1], net, forward, versions)
