"""Trains a network in SpikingJelly on scikit-learn's digits; run in its environment.

    python train_spikingjelly.py spikingjelly_digits

Writes ``NAME.safetensors``, the state dict, and ``NAME.npz``, what the network does
with every test image. Images are currents for 16 steps, through a convolution, batch
normalisation, neurons that learn their decay, a pool, and a dense layer of neurons.
"""

import sys
from importlib.metadata import version

import torch
from digits_task import keep, train
from spikingjelly.activation_based import functional, layer, neuron, surrogate

STEPS = 16


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        shape = {"surrogate_function": surrogate.ATan(), "detach_reset": True}
        self.conv = layer.Conv2d(1, 12, 3, padding=1, bias=False)
        self.bn = layer.BatchNorm2d(12)
        self.plif = neuron.ParametricLIFNode(init_tau=2.0, **shape)
        self.pool = layer.AvgPool2d(2)
        self.flatten = layer.Flatten()
        self.fc = layer.Linear(12 * 4 * 4, 10)
        self.lif = neuron.LIFNode(tau=2.0, **shape)
        functional.set_step_mode(self, "m")


def forward(net, x):
    """Spikes of both layers, ``[T, N, …]``."""
    functional.reset_net(net)
    x = x[None, :, None].expand(STEPS, -1, -1, -1, -1)
    s1 = net.plif(net.bn(net.conv(x)))
    return s1, net.lif(net.fc(net.flatten(net.pool(s1))))


if __name__ == "__main__":
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = Net()
    train(net, forward, epochs=15, lr=5e-3, seed=1)
    versions = f"spikingjelly {version('spikingjelly')}, torch {torch.__version__}"
    keep(sys.argv[1], net, forward, versions)
