"""sinabs with a threshold that each spike raises.

Its surrogates are as wide as a share of the threshold of the moment.
"""

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.sinabs_layers import (
    DEFAULT,
    DIFFERS,
    SIZES,
    UNUSED,
    firing,
    layer,
    sent,
)

_ALIF_STEP = (
    "i ← α_s (i + x), or x   i ← (1-α) i if norm_input   v ← α v + i   "
    "θ = b0 + k b   s = 1[v ≥ θ]   v ← v - s θ   b ← ρ b + (1-ρ) s"
)
_ALIF_DIFFERS = (
    "A subtraction takes the threshold of the moment, whose gradient passes there but "
    "not in the comparison. norm_input scales the current that is kept, too, if there "
    f"is a tau_syn. {DIFFERS}"
)


def _alif_layer(n, surrogate, taus, adapt_scale, norm_input, train_alphas, given):
    threshold, spike_fn, reset_fn, min_v_mem = given
    tau_mem, tau_adapt, tau_syn = taus
    check.flag("norm_input", norm_input)
    kept = "rest" if tau_syn is None else "kept rest"
    rule, numbers = firing(
        spike_fn,
        reset_fn,
        current=None if tau_syn is None else "jump decay read",
        gain=kept if norm_input else "one",
        adapt="read decay jump",
    )
    start = Numbers(
        threshold=threshold, scale=adapt_scale, jump=None, low=min_v_mem, **numbers
    )
    learned = {
        "mem": ("mem", tau_mem),
        "adapt": ("adapt", tau_adapt),
        "syn": ("syn", tau_syn),
    }
    return layer(n, surrogate, rule, start, learned, train_alphas)


@preset(
    "sinabs.ALIF",
    of="sinabs.layers.ALIF",
    step=_ALIF_STEP,
    default=DEFAULT,
    learned=("tau_mem", "tau_adapt", "tau_syn", "alpha_… if train_alphas"),
    differs=_ALIF_DIFFERS,
    unused=UNUSED,
    sizes=SIZES,
    optional=("tau_syn", "min_v_mem"),
)
def _alif(
    n,
    surrogate,
    tau_mem,
    tau_adapt,
    tau_syn=None,
    adapt_scale=1.8,
    spike_threshold=1.0,
    spike_fn="SingleSpike",
    reset_fn="MembraneSubtract",
    min_v_mem=None,
    train_alphas=False,
    norm_input=True,
):
    given = spike_threshold, spike_fn, reset_fn, min_v_mem
    taus = tau_mem, tau_adapt, tau_syn
    return _alif_layer(n, surrogate, taus, adapt_scale, norm_input, train_alphas, given)


@preset(
    "sinabs.ALIFRecurrent",
    of="sinabs.layers.ALIFRecurrent",
    step="x ← x + s₋ W + b, but not in the first step; then as ALIF",
    default=DEFAULT,
    learned=("as ALIF", "what rec_connect has"),
    differs="Nothing comes back in the first step, not even the bias. As ALIF "
    "otherwise.",
    unused=UNUSED,
    sizes=SIZES,
    optional=("tau_syn", "min_v_mem"),
)
def _alif_recurrent(
    n,
    surrogate,
    tau_mem,
    tau_adapt,
    rec_connect=None,
    tau_syn=None,
    adapt_scale=1.8,
    spike_threshold=1.0,
    spike_fn="SingleSpike",
    reset_fn="MembraneSubtract",
    min_v_mem=None,
    train_alphas=False,
    norm_input=True,
):
    given = spike_threshold, spike_fn, reset_fn, min_v_mem
    taus = tau_mem, tau_adapt, tau_syn
    neuron = _alif_layer(
        n, surrogate, taus, adapt_scale, norm_input, train_alphas, given
    )
    return sent(n, neuron, rec_connect)
