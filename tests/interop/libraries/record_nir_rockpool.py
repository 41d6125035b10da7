"""Records networks that Rockpool writes as NIR, and what Rockpool makes of them.

    python record_nir_rockpool.py     writes rockpool_*.nir and rockpool_*.npz

It resets by subtraction, as often as the threshold was passed, where the files say to
zero; biases of neurons are left out of them, so there are none.
"""

import torch
from nir_cases import keep, raster, weights
from rockpool.nn.combinators import Sequential
from rockpool.nn.modules import LIFNeuronTorch, LIFTorch, LinearTorch
from rockpool.nn.modules.torch.lif_torch import StepPWL
from rockpool.nn.modules.torch.nir import to_nir

DT = 1e-3  # [s]


def case(name, modules, xs, scales):
    drawn = [m for m in modules if isinstance(m, LinearTorch)]
    for k, (module, scale) in enumerate(zip(drawn, scales, strict=True)):
        w = weights(*module.weight.shape, scale=scale, mean=scale / 4, seed=k)
        module.weight.data = torch.from_numpy(w).float()
    net = Sequential(*modules)
    graph = to_nir(net, torch.from_numpy(xs[:1]).float())
    torch.set_default_dtype(torch.float64)  # of states that it makes as it runs
    with torch.no_grad():
        net = net.double().reset_state()
        spikes, _, records = net(torch.from_numpy(xs)[None], record=True)
    torch.set_default_dtype(torch.float32)
    told = [record for record in records.values() if isinstance(record, dict)]
    voltages = [record["vmem"][0].numpy() for record in told if "vmem" in record][-1]
    kept = {"spikes": spikes[0].numpy(), "voltages": voltages}
    keep(name, graph, "rockpool", DT, input=xs, **kept)


class Fire:
    """As the neurons do by default, in the precision of the voltages."""

    @staticmethod
    def apply(voltages, *given):
        return StepPWL.apply(voltages, *given).to(voltages.dtype)


def neurons(kind, n, **options):
    options |= {"bias": torch.zeros(n), "spike_generation_fn": Fire}
    return kind(n, tau_mem=8e-3, threshold=torch.ones(n), dt=DT, **options)


if __name__ == "__main__":
    torch.manual_seed(0)
    case(
        "rockpool_cuba",
        [
            LinearTorch((12, 20)),
            neurons(LIFTorch, 20, tau_syn=4e-3),
            LinearTorch((20, 5)),
            neurons(LIFTorch, 5, tau_syn=4e-3),
        ],
        raster(12),
        (0.1, 0.15),
    )
    case(
        "rockpool_lif",
        [
            LinearTorch((12, 20)),
            neurons(LIFNeuronTorch, 20),
            LinearTorch((20, 5)),
            neurons(LIFNeuronTorch, 5),
        ],
        raster(12),
        (0.3, 0.4),
    )
