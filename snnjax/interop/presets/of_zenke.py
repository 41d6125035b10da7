"""stork and SpyTorch: a spike of the voltage before the step, and a product as a reset.

    s = 1[v > 1]        i' = α i + x        v' = (β v + g i)(1 - s)

i is that of the step before, so that an input acts on the voltage one step later, and
fires two later. In stork it arrives one step after the presynaptic spike on top of
that, which belongs to the wiring: put a ``delay`` of one step in between.
"""

from typing import Any

import jax

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule
from snnjax.networks import dense, recurrent

_RULE = Rule(
    decay="exponential",
    current="read decay jump",
    decide="entry",
    reset="value",
    delayed="outside",
    at_once=False,
    reset_gradient="detached",
)
_READOUT = Rule(
    decay="exponential",
    current="read decay jump",
    most=0,
    reset="none",
)
_STORK = {
    "activation": "give it as surrogate=",
    "dropout_p": "put snnjax.networks.dropout before it",
    "stateful": "a state goes in and comes out of every run",
    "regularizers": "add them to the loss",
}
_LATE = (
    "It fires by the voltage before the step, and that by the current before: two "
    "steps after an input. The reset is a product, which takes this step's current "
    "too. No gradient passes through it"
)


@preset(
    "stork.LIFGroup",
    of="stork.nodes.LIFGroup",
    step="s = 1[v > 1]   i' = α i + x   v ← (β v + (1-β) i)(1 - sg s), at most 1.01 if "
    "clamp_mem   i ← i'",
    clock="seconds",
    shape="stork.SuperSpike",
    learned=("mem_param, syn_param if learn_timescales: τ = 2 τ₀ σ(p)",),
    differs=f"{_LATE}, unless diff_reset. An input arrives one step after the spike "
    "that sends it: put a delay of a step before it.",
    unused=_STORK,
    sizes=("shape",),
)
def _stork_lif(
    n,
    surrogate,
    tau_mem=10e-3,
    tau_syn=5e-3,
    diff_reset=False,
    learn_timescales=False,
    clamp_mem=False,
):
    check.flag("diff_reset", diff_reset)
    check.flag("learn_timescales", learn_timescales)
    check.flag("clamp_mem", clamp_mem)
    gradient: Any = "through" if diff_reset else "detached"
    rule = _RULE._replace(gain="rest", reset_gradient=gradient)
    numbers = Numbers(high=1.01 if clamp_mem else None, dt=None)
    if not learn_timescales:
        numbers = numbers._replace(mem=tau_mem, syn=tau_syn)
        return stepped(n, rule, numbers, surrogate=surrogate)
    check.positive("tau_mem", tau_mem, " [s]")
    check.positive("tau_syn", tau_syn, " [s]")
    numbers = numbers._replace(mem=None, tau_mem=tau_mem, tau_syn=tau_syn)
    return stepped(
        *(n, rule._replace(decay="stretched"), numbers),
        learned={"mem_param": "mem", "syn_param": "syn"},
        draw={"mem_param": _normal, "syn_param": _normal},
        surrogate=surrogate,
    )


def _normal(key):
    return jax.random.normal(key)


@preset(
    "stork.ReadoutGroup",
    of="stork.nodes.ReadoutGroup",
    step="i' = α i + x   v ← β v + (1-β) i   i ← i'",
    clock="seconds",
    differs="A readout: it puts out v, which starts at initial_state.",
    unused={**_STORK, "weight_scale": "scale the weights"},
    sizes=("shape",),
)
def _stork_readout(n, surrogate, tau_mem=10e-3, tau_syn=5e-3, initial_state=-1e-3):
    del surrogate
    numbers = Numbers(mem=tau_mem, syn=tau_syn, v=initial_state, dt=None)
    return stepped(n, _READOUT._replace(gain="rest"), numbers)


_SPYTORCH = {
    "time_step": "give it to the run, unroll(…, dt=dt)",
    "scale": 'give it as surrogate=from_library("spytorch.SurrGradSpike", scale=…)',
}


@preset(
    "spytorch.LIF",
    of="run_snn, its hidden layer",
    step="s = 1[v > 1]   i' = α i + x   v ← (β v + i)(1 - sg s)   i ← i'",
    clock="seconds",
    shape="spytorch.SurrGradSpike",
    differs=f"{_LATE}. What it records is the voltage before the step.",
    unused=_SPYTORCH,
)
def _spytorch_lif(n, surrogate, tau_mem=10e-3, tau_syn=5e-3):
    numbers = Numbers(mem=tau_mem, syn=tau_syn, dt=None)
    return stepped(n, _RULE._replace(recorded="entry"), numbers, surrogate=surrogate)


@preset(
    "spytorch.LIFRecurrent",
    of="run_snn of the fourth tutorial, its hidden layer",
    step="s = 1[v > 1]   i' = α i + x + s₋ V   v ← (β v + i)(1 - sg s)   i ← i'",
    clock="seconds",
    shape="spytorch.SurrGradSpike",
    learned=("recurrent weights",),
    differs=f"{_LATE}. No bias; autapses are on.",
    unused=_SPYTORCH,
)
def _spytorch_recurrent(n, surrogate, tau_mem=10e-3, tau_syn=5e-3):
    return recurrent(_spytorch_lif(n, surrogate, tau_mem, tau_syn), dense(n, n))


@preset(
    "spytorch.readout",
    of="run_snn, its readout",
    step="i' = α i + x   v ← β v + i   i ← i'",
    clock="seconds",
    differs="A readout: it puts out v after the step. There a zero stands before all "
    "steps, so that T steps have T+1 samples.",
    unused=_SPYTORCH,
)
def _spytorch_readout(n, surrogate, tau_mem=10e-3, tau_syn=5e-3):
    del surrogate
    return stepped(n, _READOUT, Numbers(mem=tau_mem, syn=tau_syn, dt=None))
