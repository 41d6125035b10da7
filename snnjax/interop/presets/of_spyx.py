"""Spyx: a spike of the voltage before the step, whose reset comes in the step itself.

    s = 1[v > θ]        v ← β v + x - s θ        with a gradient through s

Recurrent ones bring that spike back in the same step. Decays are learned, and clipped.
"""

from typing import Any

import jax
import jax.numpy as jnp

from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.entry_loop import entry_loop
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule

_SPYX = {
    "activation": "give it as surrogate=",
    "rngs": "weights are drawn by init(key)",
}
_SPYX_SIZES = "hidden_shape", "layer_shape"
_BEFORE = (
    "It fires by the voltage before the step, one step later than others, and a "
    "gradient passes through the reset. beta, alpha and gamma are always learned, "
    "clipped to 0…1, without gradient outside; one number if given, drawn for each "
    "neuron if not."
)
_ENTRY = Rule(
    decay="clipped",
    decide="entry",
    delayed="outside",
    at_once=False,
)


def _around_half(n):
    """Draws as there: half, and a normal number of σ = 1/4, cut off at 2 σ."""

    def draw(key):
        return 0.5 + 0.25 * jax.random.truncated_normal(key, -2.0, 2.0, (n,))

    return draw


def _spyx(n, surrogate, rule, threshold, decays, make=stepped):
    """Decays by field: name and number; None is drawn."""
    given: dict[str, Any] = {field: p for field, (_, p) in decays.items()}
    drawn = {name: _around_half(n) for name, p in decays.values() if p is None}
    numbers = Numbers(threshold=threshold, jump=None)._replace(**given)
    learned = {name: field for field, (name, _) in decays.items()}
    return make(n, rule, numbers, learned=learned, draw=drawn, surrogate=surrogate)


@preset(
    "spyx.LIF",
    of="spyx.nn.LIF",
    step="s = 1[v > θ]   v ← β v + x - s θ",
    shape="spyx.superspike",
    learned=("beta",),
    differs=_BEFORE,
    unused=_SPYX,
    sizes=_SPYX_SIZES,
    optional=("beta",),
)
def _spyx_lif(n, surrogate, beta=None, threshold=1.0):
    return _spyx(n, surrogate, _ENTRY, threshold, {"mem": ("beta", beta)})


@preset(
    "spyx.IF",
    of="spyx.nn.IF",
    step="s = 1[v > θ]   v ← v + x - s θ",
    shape="spyx.superspike",
    differs=_BEFORE,
    unused=_SPYX,
    sizes=_SPYX_SIZES,
)
def _spyx_if(n, surrogate, threshold=1.0):
    rule = _ENTRY._replace(decay="factor")
    return stepped(n, rule, Numbers(threshold=threshold), surrogate=surrogate)


@preset(
    "spyx.ALIF",
    of="spyx.nn.ALIF",
    step="ϑ = θ + T   s = 1[v > ϑ]   v ← β v + x - s ϑ   T ← γ T + (1-γ) s",
    shape="spyx.superspike",
    learned=("beta", "gamma"),
    differs=_BEFORE,
    unused=_SPYX,
    sizes=_SPYX_SIZES,
    optional=("beta", "gamma"),
)
def _spyx_alif(n, surrogate, beta=None, gamma=None, threshold=1.0):
    rule = _ENTRY._replace(adapt="read decay jump")
    decays = {"mem": ("beta", beta), "adapt": ("gamma", gamma)}
    return _spyx(n, surrogate, rule, threshold, decays)


_CUBA = _ENTRY._replace(current="decay jump read", delayed="inside")


@preset(
    "spyx.CuBaLIF",
    of="spyx.nn.CuBaLIF",
    step="s = 1[v > θ]   i ← α i + x   v ← β (v - s θ) + i",
    shape="spyx.superspike",
    learned=("alpha", "beta"),
    differs=f"The reset is inside the decay. {_BEFORE}",
    unused=_SPYX,
    sizes=_SPYX_SIZES,
    optional=("alpha", "beta"),
)
def _spyx_cuba(n, surrogate, alpha=None, beta=None, threshold=1.0):
    decays = {"syn": ("alpha", alpha), "mem": ("beta", beta)}
    return _spyx(n, surrogate, _CUBA, threshold, decays)


@preset(
    "spyx.RIF",
    of="spyx.nn.RIF",
    step="s = 1[v > θ]   v ← v + x + s W - s θ",
    shape="spyx.superspike",
    learned=("recurrent_w",),
    differs="Spikes come back in the step in which they are fired. No bias; autapses "
    f"are on. {_BEFORE}",
    unused=_SPYX,
    sizes=_SPYX_SIZES,
)
def _spyx_rif(n, surrogate, threshold=1.0):
    rule = _ENTRY._replace(decay="factor")
    return entry_loop(n, rule, Numbers(threshold=threshold), surrogate=surrogate)


@preset(
    "spyx.RLIF",
    of="spyx.nn.RLIF",
    step="s = 1[v > θ]   v ← β v + x + s W - s θ",
    shape="spyx.superspike",
    learned=("beta", "recurrent_w"),
    differs="Spikes come back in the step in which they are fired. No bias; autapses "
    f"are on. {_BEFORE}",
    unused=_SPYX,
    sizes=_SPYX_SIZES,
    optional=("beta",),
)
def _spyx_rlif(n, surrogate, beta=None, threshold=1.0):
    decays = {"mem": ("beta", beta)}
    return _spyx(n, surrogate, _ENTRY, threshold, decays, entry_loop)


@preset(
    "spyx.RCuBaLIF",
    of="spyx.nn.RCuBaLIF",
    step="s = 1[v > θ]   i ← α i + x + s W   v ← β (v - s θ) + i",
    shape="spyx.superspike",
    learned=("alpha", "beta", "recurrent_w"),
    differs="Spikes come back in the step in which they are fired. No bias; autapses "
    f"are on. The reset is inside the decay. {_BEFORE}",
    unused=_SPYX,
    sizes=_SPYX_SIZES,
    optional=("alpha", "beta"),
)
def _spyx_rcuba(n, surrogate, alpha=None, beta=None, threshold=1.0):
    decays = {"syn": ("alpha", alpha), "mem": ("beta", beta)}
    return _spyx(n, surrogate, _CUBA, threshold, decays, entry_loop)


@preset(
    "spyx.LI",
    of="spyx.nn.LI",
    step="v ← β v + x",
    learned=("beta",),
    differs="A readout: it puts out v. beta is always learned, clipped to 0…1; 0.8 for "
    "each neuron if not given.",
    unused={"rngs": _SPYX["rngs"]},
    sizes=_SPYX_SIZES,
    optional=("beta",),
)
def _spyx_li(n, surrogate, beta=None):
    del surrogate
    rule = Rule(decay="clipped", most=0, reset="none")
    start = jnp.full(n, 0.8) if beta is None else beta
    return stepped(n, rule, Numbers(mem=start), learned={"beta": "mem"})
