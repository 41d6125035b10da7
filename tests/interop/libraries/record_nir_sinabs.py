"""Records networks that sinabs writes as NIR, and what sinabs makes of them.

    python record_nir_sinabs.py     writes sinabs_*.nir and sinabs_*.npz

Time constants in its files are in steps, so dt is 1. It resets by subtraction where the
files say to zero; ``sinabs_zero`` is a network that does as its file says.
"""

import sinabs.activation as sa
import sinabs.layers as sl
import torch
from nir_cases import keep, raster, weights
from sinabs.nir import to_nir

ONE = {"spike_fn": sa.SingleSpike}


def case(name, modules, xs, scales):
    net = torch.nn.Sequential(*modules)
    drawn = [m for m in net if hasattr(m, "weight")]
    for k, (module, scale) in enumerate(zip(drawn, scales, strict=True)):
        w = weights(*module.weight.shape, scale=scale, mean=scale / 4, seed=k)
        module.weight.data = torch.from_numpy(w).float()
        if module.bias is not None:
            b = weights(*module.bias.shape, scale=scale / 8, seed=9 + k)
            module.bias.data = torch.from_numpy(b).float()
    given = torch.from_numpy(xs)  # time is the batch of what is between the neurons
    with torch.no_grad():
        net(given.float())  # gives states their shape
        graph = to_nir(net, given[:1].float())
        for module in net:
            if hasattr(module, "reset_states"):
                module.reset_states()
        out = doubled(net)(given)
    graph.infer_types()
    keep(name, graph, "sinabs", 1.0, input=xs, spikes=out.numpy())


def doubled(net):
    """In double precision, also what comes as single spikes."""
    for module in net.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            module.register_forward_pre_hook(lambda _, given: (given[0].double(),))
    return net.double()


def leaky(n, tau, **options):
    return sl.LIFSqueeze(
        batch_size=1,
        tau_mem=torch.full((n,), tau),
        spike_threshold=torch.ones(n),
        **{**ONE, **options},
    )


if __name__ == "__main__":
    torch.manual_seed(0)
    dense = lambda: [torch.nn.Linear(12, 20), torch.nn.Linear(20, 5)]  # noqa: E731
    one, two = dense()
    case(
        "sinabs_lif",
        [one, leaky(20, 8.0), two, leaky(5, 4.0)],
        raster(12),
        (2.0, 2.0),
    )
    one, two = dense()
    zero = {"reset_fn": sa.MembraneReset()}
    case(
        "sinabs_zero",
        [one, leaky(20, 8.0, **zero), two, leaky(5, 4.0, **zero)],
        raster(12),
        (2.0, 2.0),
    )
    one, two = dense()
    case(
        "sinabs_readout",
        [
            one,
            leaky(20, 8.0),
            two,
            sl.ExpLeakSqueeze(batch_size=1, tau_mem=torch.full((5,), 16.0)),
        ],
        raster(12),
        (2.0, 2.0),
    )
    case(
        "sinabs_convolution",
        [
            torch.nn.Conv2d(2, 4, 3, stride=2, bias=False),
            sl.IAFSqueeze(batch_size=1, **ONE),
            sl.SumPool2d(2),
            torch.nn.Conv2d(4, 3, 2),
            sl.IAFSqueeze(batch_size=1, **ONE),
            torch.nn.Flatten(),
            torch.nn.Linear(3 * 2 * 2, 5),
            sl.IAFSqueeze(batch_size=1, **ONE),
        ],
        raster(2, 13, 13),
        (0.2, 0.15, 0.4),
    )
