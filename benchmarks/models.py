"""Every neuron of ``snnjax.neurons`` in a line: equation, paper, oracle and its error.

An error is what the tests named saw, in double precision unless it says otherwise.
"""

from typing import NamedTuple


class Model(NamedTuple):
    """What a model is, and what it is tested against."""

    equation: str
    source: str  # paper
    doi: str
    oracle: str  # what it is tested against, and the largest error seen


_LEAKY = "τm v' = -v + i, τs i' = -i"
_DRIFT = "dx/dt = η (ν̂/ν* - 1)"
MODELS = {
    "li": Model(
        f"{_LEAKY}; puts out v",
        "Rotter & Diesmann 1999",
        "10.1007/s004220050570",
        "closed form at any dt: 2e-15 of a constant input, 2e-15 of PSPs",
    ),
    "li, native": Model(
        "the same",
        "Rotter & Diesmann 1999",
        "10.1007/s004220050570",
        "voltages as by XLA, bit for bit if compiled for this processor, else to 4 "
        "roundings; gradients in float64: 1e-4 of the largest",
    ),
    "lif": Model(
        f"{_LEAKY}; v > θ: v ← 0",
        "Rotter & Diesmann 1999",
        "10.1007/s004220050570",
        "closed form at any dt: 4e-15; PSPs and fading resets summed: 3e-15",
    ),
    "lif, native": Model(
        "the same, event by event",
        "Rotter & Diesmann 1999",
        "10.1007/s004220050570",
        "spikes as by XLA, bit for bit, 2400 random layers",
    ),
    "srm": Model(
        "v = Σ w ε(t - t_j) + Σ η(t - t_k)",
        "Gerstner et al. 2014",
        "10.1017/CBO9781107447615",
        "`lif` that subtracts, spike for spike; sums of kernels: 4e-15",
    ),
    "reset_free": Model(
        "`lif` without a reset, all steps at once",
        "Fang et al. 2023",
        "10.48550/arXiv.2304.12760",
        "step after step: 9e-15 (2e-6 in single precision)",
    ),
    "stochastic_lif": Model(
        "`lif`; s ~ Bernoulli(F(v - θ))",
        "Gygax & Zenke 2025",
        "10.1162/neco_a_01752",
        "gradient of the expected output by differences: 2e-10; laws of scipy: 5e-16",
    ),
    "smooth_lif": Model(
        "`lif`; s = F(v - θ)",
        "Gygax & Zenke 2025",
        "10.1162/neco_a_01752",
        "equations in NumPy: 4e-16; gradient by differences: 4e-10",
    ),
    "homeostatic_lif": Model(
        f"`lif`; θ = θ₀ eˣ, {_DRIFT}",
        "Desai et al. 1999",
        "10.1038/9165",
        "drift under given spikes in closed form: 8e-14; rate reached: 2 %",
    ),
    "synaptic_scaling": Model(
        f"around a neuron; input times e⁻ˣ, {_DRIFT}",
        "Turrigiano et al. 1998",
        "10.1038/36103",
        "drift under given spikes in closed form: 8e-14; rate reached: 2 %",
    ),
    "alif": Model(
        "`lif`; s = 1[v > θ + β a], a ← ρ a + s",
        "Bellec et al. 2018",
        "10.48550/arXiv.1803.09574",
        "equations in NumPy: 7e-16; β = 0: `lif` bit for bit",
    ),
    "alif, native": Model(
        "the same",
        "Bellec et al. 2018",
        "10.48550/arXiv.1803.09574",
        "spikes as by XLA, bit for bit, some 600 random layers",
    ),
    "adlif": Model(
        "τm v' = -v - w + x, τw w' = -w + a v; w ← w + b",
        "Bittar & Garner 2022",
        "10.3389/fnins.2022.865897",
        "LSODA, 200 ms, dt 1 to 20 ms: 3e-13",
    ),
    "adlif, native": Model(
        "the same",
        "Bittar & Garner 2022",
        "10.3389/fnins.2022.865897",
        "spikes as by XLA, bit for bit, some 600 random layers",
    ),
    "resonate": Model(
        "z' = (-1/τm - κ q + i ω) z + x/τm; q ← q + jump",
        "Higuchi et al. 2024",
        "10.48550/arXiv.2402.14603",
        "LSODA at dt 1 and 10 ms: 9e-13",
    ),
    "conductance_lif": Model(
        "C v' = -g (v - E) - Σ g_k B_k(v) (v - E_k)",
        "Jahr & Stevens 1990",
        "10.1523/JNEUROSCI.10-09-03178.1990",
        "LSODA, 100 ms below threshold: 0.12 µV",
    ),
    "qif": Model(
        "C v' = g (v - E)(v - V_T)/(V_T - E) + i",
        "Ermentrout & Kopell 1986",
        "10.1137/0146017",
        "rates by quadrature: 1e-14",
    ),
    "eif": Model(
        "C v' = -g (v - E) + g Δ e^((v - V_T)/Δ) + i",
        "Fourcaud-Trocmé et al. 2003",
        "10.1523/JNEUROSCI.23-37-11628.2003",
        "rates by quadrature: 6e-5",
    ),
    "izhikevich": Model(
        "v' = k v² + 5000 v + 140 - u + i, u' = a (b v - u)",
        "Izhikevich 2003",
        "10.1109/TNN.2003.820440",
        "LSODA, spikes of 4 types over 500 ms: 0.019 ms",
    ),
    "adex": Model(
        "`eif` - w, τw w' = -w + a (v - E); w ← w + b",
        "Brette & Gerstner 2005",
        "10.1152/jn.00686.2005",
        "LSODA, spikes of 3 patterns over 500 ms: 0.015 ms",
    ),
    "morris_lecar": Model(
        "C v' = -Σ g_k (v - E_k) + i, w' = (w∞ - w)/τ(v)",
        "Morris & Lecar 1981",
        "10.1016/S0006-3495(81)84782-0",
        "LSODA, 500 ms of firing: 0.15 mV",
    ),
    "hodgkin_huxley": Model(
        "C v' = -g_Na m³h (v - E_Na) - g_K n⁴ (v - E_K) - g_L (v - E_L) + i",
        "Hodgkin & Huxley 1952",
        "10.1113/jphysiol.1952.sp004764",
        "LSODA, 50 ms of firing: 0.54 mV; onset of firing: 0.03 % off 6.2618 µA/cm²",
    ),
}
