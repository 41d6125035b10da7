"""Records networks that Norse writes as NIR, and what Norse makes of them.

    python record_nir_norse.py      writes norse_*.nir and norse_*.npz where one stands

Its ``to_nir`` divides dt by the inverse of a time constant, where its step multiplies
both: with the step of 1 ms at which these run, files written with its default dt have
time constants of a thousandth. Its convolutions cannot be written as they are, without
the size of their input, and its recurrent cells not at all.
"""

import norse.torch as norse
import torch
from nir_cases import keep, raster, weights

DT = 1e-3  # [s], Norse's default


def run(net, xs, layers):
    """Spikes and voltages of the last layer over time."""
    net, states = net.double(), [None] * len(layers)
    spikes, voltages = [], []
    for x in torch.from_numpy(xs):
        h, k = x[None], 0
        for module in net:
            if module in layers:
                h, states[k] = module(h, states[k])
                k += 1
            else:
                h = module(h)
        spikes.append(h[0].numpy().copy())
        voltages.append(states[-1].v[0].numpy().copy())
    return {"spikes": spikes, "voltages": voltages}


def case(name, layers, xs, scales, **options):
    net = norse.SequentialState(*layers)
    for k, (module, scale) in enumerate(zip(layers[::2], scales, strict=True)):
        drawn = weights(*module.weight.shape, scale=scale, mean=scale / 3, seed=k)
        module.weight.data = torch.from_numpy(drawn).float()
        module.bias.data = torch.from_numpy(
            weights(*module.bias.shape, scale=scale / 8, seed=9 + k)
        ).float()
    graph = norse.to_nir(net, torch.from_numpy(xs[:1]).float(), **options)
    dt = DT * options.get("dt", 1e-3)
    with torch.no_grad():
        seen = run(net, xs, layers[1::2])
    keep(name, graph, "norse", dt, input=xs, **seen)


def constants(kind, n, **vary):
    """Constants that are the same number in single precision."""
    given = {"v_th": torch.full((n,), 0.5), "v_leak": torch.zeros(n), **vary}
    return kind(**given)


if __name__ == "__main__":
    torch.manual_seed(0)
    lif = constants(
        norse.LIFParameters,
        20,
        tau_mem_inv=torch.linspace(64.0, 160.0, 20),
        tau_syn_inv=torch.full((20,), 128.0),
    )
    out = constants(
        norse.LIFParameters,
        5,
        tau_mem_inv=torch.full((5,), 96.0),
        tau_syn_inv=torch.full((5,), 192.0),
    )
    box = constants(norse.LIFBoxParameters, 20, tau_mem_inv=torch.full((20,), 128.0))
    end = constants(norse.LIFBoxParameters, 5, tau_mem_inv=torch.full((5,), 96.0))
    dense = lambda: [torch.nn.Linear(12, 20), torch.nn.Linear(20, 5)]  # noqa: E731
    one, two = dense()
    case(
        "norse_cuba",
        [one, norse.LIFCell(lif), two, norse.LIFCell(out)],
        raster(12),
        (0.3, 0.15),
    )
    one, two = dense()
    case(
        "norse_box",
        [one, norse.LIFBoxCell(box), two, norse.LIFBoxCell(end)],
        raster(12),
        (1.6, 1.6),
        dt=1.0,  # which makes seconds of its constants
    )
    one, two = dense()
    case(
        "norse_defaults",  # constants are single numbers
        [one, norse.LIFCell(), two, norse.LIFCell()],
        raster(12),
        (0.8, 0.7),
    )
