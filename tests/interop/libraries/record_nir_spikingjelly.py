"""Records networks that SpikingJelly writes as NIR, and what it makes of them.

    python record_nir_spikingjelly.py     writes spikingjelly_*.nir and *.npz

Its neurons fire at threshold, those of NIR above it.
"""

import torch
from nir_cases import keep, raster, weights
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir

DT = 1e-4  # [s], its default


def case(name, modules, xs, scales, **options):
    net = torch.nn.Sequential(*modules)
    drawn = [m for m in net if hasattr(m, "weight")]
    for k, (module, scale) in enumerate(zip(drawn, scales, strict=True)):
        w = weights(*module.weight.shape, scale=scale, mean=scale / 3, seed=k)
        module.weight.data = torch.from_numpy(w).float()
        if module.bias is not None:
            b = weights(*module.bias.shape, scale=scale / 8, seed=9 + k)
            module.bias.data = torch.from_numpy(b).float()
    functional.set_step_mode(net, "m")
    given = torch.from_numpy(xs)[:, None]
    graph = export_to_nir(net, given.float(), **options)
    net[-1].store_v_seq = True
    functional.reset_net(net)
    with torch.no_grad():
        spikes = net.double()(given)[:, 0].numpy()
    seen = {"spikes": spikes, "voltages": net[-1].v_seq[:, 0].detach()}
    keep(name, graph, "spikingjelly", options.get("dt", DT), input=xs, **seen)


if __name__ == "__main__":
    torch.manual_seed(0)
    dense = lambda: [layer.Linear(12, 20), layer.Linear(20, 5)]  # noqa: E731
    one, two = dense()
    case(
        "spikingjelly_lif",  # the input decays with the voltage, then it does not
        [one, neuron.LIFNode(8.0), two, neuron.LIFNode(4.0, decay_input=False)],
        raster(12),
        (2.0, 0.6),
        dt=1e-3,
    )
    one, two = dense()
    plain = neuron.IFNode(v_threshold=2.0, v_reset=-0.25)
    leaky = neuron.LIFNode(4.0, v_threshold=0.75, v_reset=-0.25)
    case("spikingjelly_reset", [one, plain, two, leaky], raster(12), (0.7, 2.5))
    one, two = dense()
    learned = neuron.ParametricLIFNode(4.0, decay_input=False)
    cuba = neuron.CUBALIFNode(0.75, 0.875)
    case("spikingjelly_cuba", [one, learned, two, cuba], raster(12), (0.3, 0.06))
    case(
        "spikingjelly_convolution",
        [
            layer.Conv2d(2, 4, 3, padding=1, stride=2, bias=False),
            neuron.LIFNode(2.0),
            layer.AvgPool2d(2),
            layer.Flatten(),
            layer.Linear(4 * 3 * 2, 5),
            neuron.LIFNode(2.0),
        ],
        raster(2, 12, 8),
        (0.6, 0.7),
    )
