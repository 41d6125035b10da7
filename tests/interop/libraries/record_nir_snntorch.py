"""Records networks that snnTorch writes as NIR, and what snnTorch makes of them.

    python record_nir_snntorch.py     writes snntorch_*.nir and snntorch_*.npz

Its files are of steps of 0.1 ms, whatever a step was meant to be. All but
``snntorch_subtract`` reset to zero, as the files say; where this is done in the next
step (``reset_delay``), all neurons but ``Leaky`` lose the current of that step.
"""

import snntorch as snn
import torch
from nir_cases import keep, raster, weights
from snntorch import utils
from snntorch.export_nir import export_to_nir

DT = 1e-4  # [s], fixed in its export
HARD = {"reset_mechanism": "zero", "init_hidden": True}


def case(name, modules, xs, scales):
    net = torch.nn.Sequential(*modules)
    drawn = [m for m in net.modules() if hasattr(m, "weight")]
    for k, (module, scale) in enumerate(zip(drawn, scales, strict=True)):
        w = weights(*module.weight.shape, scale=scale, mean=scale / 4, seed=k)
        module.weight.data = torch.from_numpy(w).float()
        b = weights(*module.bias.shape, scale=scale / 8, seed=9 + k)
        module.bias.data = torch.from_numpy(b).float()
    graph = export_to_nir(net, torch.from_numpy(xs[:1]).float(), ignore_dims=[0])
    with torch.no_grad():
        seen = run(doubled(net), xs)
    keep(name, graph, "snntorch", DT, input=xs, **seen)


def doubled(net):
    """In double precision, also what comes as single spikes."""
    for module in net.modules():
        if isinstance(module, torch.nn.Linear | torch.nn.Conv2d):
            module.register_forward_pre_hook(lambda _, given: (given[0].double(),))
    return net.double()


def run(net, xs):
    """Spikes and voltages before the reset of the last layer, over time."""
    utils.reset(net)
    spikes, voltages = [], []
    for x in torch.from_numpy(xs):
        h = x[None]
        for module in net:
            h = module(h)
            h = (h[0] if isinstance(h, tuple) else h).double()
        spikes.append(h[0].numpy().copy())
        voltages.append(net[-1].mem[0].numpy().copy())
    return {"spikes": spikes, "voltages": voltages}


def dense(n_in, n_out):
    return torch.nn.Linear(n_in, n_out)


def constants(*shape, **options):
    """Of each neuron, as the files need them."""
    kept = {k: torch.full(shape, v) for k, v in {"threshold": 1.0, **options}.items()}
    return {**HARD, **kept}


def leaky(*shape, beta=0.875, **options):
    return snn.Leaky(**{**constants(*shape, beta=beta), **options})


if __name__ == "__main__":
    torch.manual_seed(0)
    case(
        "snntorch_leaky",
        [dense(12, 20), leaky(20), dense(20, 5), leaky(5, beta=0.75)],
        raster(12),
        (0.3, 0.5),
    )
    soft = {"reset_mechanism": "subtract"}
    case(
        "snntorch_subtract",
        [dense(12, 20), leaky(20, **soft), dense(20, 5), leaky(5, beta=0.75, **soft)],
        raster(12),
        (0.3, 0.5),
    )
    synaptic = lambda n: snn.Synaptic(**constants(n, alpha=0.75, beta=0.875))  # noqa: E731
    case(
        "snntorch_synaptic",
        [dense(12, 20), synaptic(20), dense(20, 5), synaptic(5)],
        raster(12),
        (0.15, 0.2),
    )
    at_once = {"reset_delay": False}  # so that no reset takes the current of a step
    one = {"linear_features": 20, **HARD}
    synaptic = lambda n: snn.Synaptic(  # noqa: E731
        **constants(n, alpha=0.75, beta=0.875), **at_once
    )
    case(
        "snntorch_synaptic_at_once",
        [dense(12, 20), synaptic(20), dense(20, 5), synaptic(5)],
        raster(12),
        (0.1, 0.12),
    )
    case(
        "snntorch_recurrent_at_once",
        [dense(12, 20), snn.RLeaky(0.875, **one, **at_once), dense(20, 5), leaky(5)],
        raster(12),
        (0.2, 0.15, 0.3),
    )
    case(
        "snntorch_recurrent",
        [dense(12, 20), snn.RSynaptic(0.75, 0.875, **one), dense(20, 5), leaky(5)],
        raster(12),
        (0.15, 0.1, 0.3),
    )
    case(
        "snntorch_convolution",
        [
            torch.nn.Conv2d(2, 4, 3, padding=1),
            leaky(4, 8, 6),
            torch.nn.AvgPool2d(2),
            torch.nn.Flatten(),
            dense(4 * 4 * 3, 5),
            leaky(5),
        ],
        raster(2, 8, 6),
        (0.4, 0.3),
    )
