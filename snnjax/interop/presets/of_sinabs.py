"""sinabs: time constants in steps, ≥, several spikes in a step, θ without a gradient.

``spike_fn`` and ``reset_fn`` are the names of its classes, or these with what they are
given, ``("MembraneReset", {"reset_value": -0.1})``.
"""

from typing import Any

import jax.numpy as jnp

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule
from snnjax.interop.presets.sinabs_layers import (
    DEFAULT,
    DIFFERS,
    SIZES,
    UNUSED,
    firing,
    layer,
    sent,
)

_STEP = (
    "i ← α_s (i + x), or x   v ← α v + (1-α) i if norm_input, else + i   "
    "s = ⌊v/θ⌋ or 1[v ≥ θ]   v ← v - s θ or 1[s=0] v + value   v ← max(v, min_v_mem)"
)


def _lif_layer(n, surrogate, tau_mem, tau_syn, norm_input, train_alphas, given):
    threshold, spike_fn, reset_fn, min_v_mem = given
    check.flag("norm_input", norm_input)
    rule, numbers = firing(
        spike_fn,
        reset_fn,
        current=None if tau_syn is None else "jump decay read",
        gain="rest" if norm_input else "one",
    )
    start = Numbers(threshold=threshold, low=min_v_mem, **numbers)
    taus = {"mem": ("mem", tau_mem), "syn": ("syn", tau_syn)}
    return layer(n, surrogate, rule, start, taus, train_alphas)


@preset(
    "sinabs.LIF",
    of="sinabs.layers.LIF",
    step=_STEP,
    default=DEFAULT,
    learned=("tau_mem", "tau_syn", "alpha_mem, alpha_syn if train_alphas"),
    differs=DIFFERS,
    unused=UNUSED,
    sizes=SIZES,
    optional=("tau_syn", "min_v_mem"),
)
def _lif(
    n,
    surrogate,
    tau_mem,
    tau_syn=None,
    spike_threshold=1.0,
    spike_fn="MultiSpike",
    reset_fn="MembraneSubtract",
    min_v_mem=None,
    train_alphas=False,
    norm_input=True,
):
    given = spike_threshold, spike_fn, reset_fn, min_v_mem
    return _lif_layer(n, surrogate, tau_mem, tau_syn, norm_input, train_alphas, given)


@preset(
    "sinabs.LIFRecurrent",
    of="sinabs.layers.LIFRecurrent",
    step="x ← x + s₋ W + b, but not in the first step; then as LIF",
    default=DEFAULT,
    learned=("as LIF", "what rec_connect has"),
    differs="Nothing comes back in the first step, not even the bias. rec_connect is a "
    f"cell, a connection of all with a bias if omitted. {DIFFERS}",
    unused=UNUSED,
    sizes=SIZES,
    optional=("tau_syn", "min_v_mem"),
)
def _lif_recurrent(
    n,
    surrogate,
    tau_mem,
    rec_connect=None,
    tau_syn=None,
    spike_threshold=1.0,
    spike_fn="MultiSpike",
    reset_fn="MembraneSubtract",
    min_v_mem=None,
    train_alphas=False,
    norm_input=True,
):
    given = spike_threshold, spike_fn, reset_fn, min_v_mem
    neuron = _lif_layer(n, surrogate, tau_mem, tau_syn, norm_input, train_alphas, given)
    return sent(n, neuron, rec_connect)


@preset(
    "sinabs.IAF",
    of="sinabs.layers.IAF",
    step=_STEP.replace("α v + (1-α) i if norm_input, else + i", "v + i"),
    default=DEFAULT,
    learned=("tau_syn",),
    differs=DIFFERS,
    unused=UNUSED,
    sizes=SIZES,
    optional=("tau_syn", "min_v_mem"),
)
def _iaf(
    n,
    surrogate,
    spike_threshold=1.0,
    spike_fn="MultiSpike",
    reset_fn="MembraneSubtract",
    tau_syn=None,
    min_v_mem=None,
):
    return _iaf_layer(
        n, surrogate, tau_syn, spike_threshold, spike_fn, reset_fn, min_v_mem
    )


def _iaf_layer(n, surrogate, tau_syn, threshold, spike_fn, reset_fn, min_v_mem):
    current = None if tau_syn is None else "jump decay read"
    rule, numbers = firing(spike_fn, reset_fn, current=current)
    start = Numbers(mem=jnp.inf, threshold=threshold, low=min_v_mem, **numbers)
    return layer(n, surrogate, rule, start, {"syn": ("syn", tau_syn)}, False)


@preset(
    "sinabs.IAFRecurrent",
    of="sinabs.layers.IAFRecurrent",
    step="x ← x + s₋ W + b, but not in the first step; then as IAF",
    default=DEFAULT,
    learned=("tau_syn", "what rec_connect has"),
    differs=f"Nothing comes back in the first step, not even the bias. {DIFFERS}",
    unused=UNUSED,
    sizes=SIZES,
    optional=("tau_syn", "min_v_mem"),
)
def _iaf_recurrent(
    n,
    surrogate,
    rec_connect=None,
    spike_threshold=1.0,
    spike_fn="MultiSpike",
    reset_fn="MembraneSubtract",
    tau_syn=None,
    min_v_mem=None,
):
    given = tau_syn, spike_threshold, spike_fn, reset_fn, min_v_mem
    return sent(n, _iaf_layer(n, surrogate, *given), rec_connect)


@preset(
    "sinabs.ExpLeak",
    of="sinabs.layers.ExpLeak",
    step="v ← α v + x, or + (1-α) x if norm_input   v ← max(v, min_v_mem)",
    learned=("tau_mem", "alpha_mem if train_alphas"),
    differs="A readout: it puts out v, before it is raised to min_v_mem.",
    unused={"record_states": UNUSED["record_states"]},
    sizes=SIZES,
    optional=("min_v_mem",),
)
def _exp_leak(
    n, surrogate, tau_mem, train_alphas=False, min_v_mem=None, norm_input=False
):
    del surrogate
    check.flag("norm_input", norm_input)
    gain: Any = "rest" if norm_input else "one"
    rule = Rule(most=0, reset="none", gain=gain)
    numbers = Numbers(low=min_v_mem)
    return layer(n, None, rule, numbers, {"mem": ("mem", tau_mem)}, train_alphas)
