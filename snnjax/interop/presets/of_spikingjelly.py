"""SpikingJelly: time constants in steps, ≥, and a reset in the same step.

v_reset is also where v leaks to and starts; without one (``None``, a soft reset) that
is 0. ``detach_reset`` keeps gradients out of the reset.
"""

from typing import Any

import jax.numpy as jnp

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.neuron import start_at, stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule

_UNUSED = {
    "surrogate_function": "give it as surrogate=",
    "step_mode": "every cell runs one step or many",
    "store_v_seq": 'ask for what is to be seen, outputs="recorded"',
    "backend": "XLA computes it",
}
_RESET = "v ← (1-s) v + s v_reset, or v ← v - s θ if v_reset is None"
_SIGMOID = "spikingjelly.Sigmoid"


def _node(
    n, surrogate, numbers, v_reset, detach_reset, *, leaks, learned=None, **words
):
    """A node; ``leaks`` says whether v goes to v_reset by itself."""
    check.flag("detach_reset", detach_reset)
    gradient: Any = "detached" if detach_reset else "through"
    rule = Rule(compare=">=", reset_gradient=gradient, **words)
    if v_reset is not None:
        start = numbers._replace(v=start_at(v_reset), v_reset=v_reset)
        numbers = start._replace(v_leak=v_reset) if leaks else start
        rule = rule._replace(reset="value")
    return stepped(n, rule, numbers, learned=learned, surrogate=surrogate)


@preset(
    "spikingjelly.IF",
    of="activation_based.neuron.IFNode",
    step=f"v ← v + x   s = 1[v ≥ θ]   {_RESET}",
    shape=_SIGMOID,
    differs="It fires at threshold already. Gradients pass through the reset, unless "
    "detach_reset.",
    unused=_UNUSED,
    optional=("v_reset",),
)
def _if_node(n, surrogate, v_threshold=1.0, v_reset=0.0, detach_reset=False):
    numbers = Numbers(threshold=v_threshold)
    return _node(n, surrogate, numbers, v_reset, detach_reset, leaks=False)


@preset(
    "spikingjelly.LIF",
    of="activation_based.neuron.LIFNode",
    step="decay_input: v ← v + (v_reset - v + x)/τ   not: v ← v + (v_reset - v)/τ + x"
    f"   s = 1[v ≥ θ]   {_RESET}",
    shape=_SIGMOID,
    differs="τ is in steps, and 1/τ is what leaks. It leaks to v_reset. It fires at "
    "threshold already. Gradients pass through the reset, unless detach_reset.",
    unused=_UNUSED,
    optional=("v_reset",),
)
def _lif_node(
    n,
    surrogate,
    tau=2.0,
    decay_input=True,
    v_threshold=1.0,
    v_reset=0.0,
    detach_reset=False,
):
    check.flag("decay_input", decay_input)
    _check_tau("tau", tau)
    numbers = Numbers(mem=tau, threshold=v_threshold)
    return _node(
        *(n, surrogate, numbers, v_reset, detach_reset),
        leaks=True,
        decay="euler",
        gain="rest" if decay_input else "one",
    )


@preset(
    "spikingjelly.PLIF",
    of="activation_based.neuron.ParametricLIFNode",
    step="decay_input: v ← v + (v_reset - v + x) σ(w)   not: v ← v + (v_reset - v) σ(w)"
    f" + x   s = 1[v ≥ θ]   {_RESET}",
    shape=_SIGMOID,
    learned=("w",),
    differs="w, one number for all neurons, is always learned; it starts at "
    "-ln(init_tau - 1).",
    unused=_UNUSED,
    optional=("v_reset",),
)
def _plif_node(
    n,
    surrogate,
    init_tau=2.0,
    decay_input=True,
    v_threshold=1.0,
    v_reset=0.0,
    detach_reset=False,
):
    check.flag("decay_input", decay_input)
    check.one("init_tau", init_tau)
    _check_tau("init_tau", init_tau)
    start = -jnp.log(jnp.asarray(init_tau, jnp.result_type(float)) - 1.0)
    numbers = Numbers(mem=start, threshold=v_threshold)
    return _node(
        *(n, surrogate, numbers, v_reset, detach_reset),
        leaks=True,
        learned={"w": "mem"},
        decay="leak sigmoid",
        gain="rest" if decay_input else "one",
    )


def _check_tau(name, tau):
    known = check.concrete(tau)
    check.finite(name, tau)
    if known is not None and (known <= 1.0).any():
        raise ValueError(f"{name} must be above 1 step, got {tau}.")


@preset(
    "spikingjelly.CUBA",
    of="activation_based.neuron.CUBALIFNode",
    step=f"c ← c_decay c + x   v ← v_decay v + c   s = 1[v ≥ θ]   {_RESET}",
    shape="spikingjelly.Rect",
    differs="Here v leaks to 0 whatever v_reset is, and the decays are factors. "
    "Gradients pass through the reset, unless detach_reset, which is an attribute "
    "there and no option.",
    unused=_UNUSED,
    optional=("v_reset",),
)
def _cuba_node(
    n,
    surrogate,
    c_decay=0.5,
    v_decay=0.75,
    v_threshold=0.5,
    v_reset=0.0,
    detach_reset=False,
):
    numbers = Numbers(mem=v_decay, syn=c_decay, threshold=v_threshold)
    return _node(
        *(n, surrogate, numbers, v_reset, detach_reset),
        leaks=False,
        current="decay jump read",
    )


@preset(
    "spikingjelly.LI",
    of="activation_based.neuron.NonSpikingLIFNode",
    step="v ← v + (x - v)/τ",
    differs="A readout: it puts out v, of every step.",
    unused={**_UNUSED, "decode": "take the maximum, mean or last of what it puts out"},
)
def _li_node(n, surrogate, tau=2.0):
    del surrogate
    _check_tau("tau", tau)
    rule = Rule(decay="euler", gain="rest", most=0, reset="none")
    return stepped(n, rule, Numbers(mem=tau))
