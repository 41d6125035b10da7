"""Spyx, jaxpike and sparx: libraries in JAX whose neurons learn their decays.

Spyx decides on the voltage before the step and resets by that spike in the same step,
with a gradient; jaxpike and sparx reset at once, with a gradient, and differ in ≥, in
the gain and in what they learn: a logarithm, a logit.
"""

from typing import Any

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.entry_loop import entry_loop
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule
from snnjax.networks import dense, recurrent

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
)
def _spyx_li(n, surrogate, beta=None):
    del surrogate
    rule = Rule(decay="clipped", most=0, reset="none")
    start = jnp.full(n, 0.8) if beta is None else beta
    return stepped(n, rule, Numbers(mem=start), learned={"beta": "mem"})


_JAXPIKE_STEP = "v ← α v + (1-α) x   s = 1[v > {t}]   v ← v - s {t}, or (1-s) v{a}"
_LOGARITHM = (
    "tau is in the unit of its dt, and is always learned, by its logarithm. A gradient "
    "passes through the reset."
)


def _jaxpike(n, surrogate, tau, dt, rule, numbers, others=None):
    """Others by field: name and time constant."""
    taus = {"mem": ("log_tau", tau), **(others or {})}
    for _, value in taus.values():
        check.positive("tau", value)
    known, step = check.concrete(tau), check.concrete(dt)
    check.positive("dt", dt)
    if known is not None and step is not None and (known <= step).any():
        raise ValueError(f"tau must be above dt={dt}, got {tau}.")
    dtype = jnp.result_type(float)
    logs = {field: jnp.log(jnp.asarray(p, dtype)) for field, (_, p) in taus.items()}
    numbers = numbers._replace(**logs, dt=dt)
    learned = {name: field for field, (name, _) in taus.items()}
    shape = {} if surrogate is None else {"surrogate": surrogate}
    return stepped(n, rule, numbers, learned=learned, **shape)


def _jaxpike_rule(reset, **words):
    check.one_of("reset", reset, ("subtract", "zero"))
    form: Any = "subtract" if reset == "subtract" else "value"
    return Rule(decay="logarithm", gain="rest", reset=form, **words)


_PIKE = {"log_tau": "give tau; its logarithm is what is learned"}


@preset(
    "jaxpike.LIF",
    step=_JAXPIKE_STEP.format(t="θ", a=""),
    shape="jaxpike.FastSigmoid",
    learned=("log_tau",),
    differs=_LOGARITHM,
    unused=_PIKE,
)
def _jaxpike_lif(n, surrogate, tau=20.0, threshold=1.0, dt=1.0, reset="subtract"):
    numbers = Numbers(threshold=threshold)
    return _jaxpike(n, surrogate, tau, dt, _jaxpike_rule(reset), numbers)


@preset(
    "jaxpike.ALIF",
    step=f"ϑ = θ + β a   {_JAXPIKE_STEP.format(t='ϑ', a='   a ← ρ a + s')}",
    shape="jaxpike.FastSigmoid",
    learned=("log_tau", "log_tau_a"),
    differs=f"A subtraction takes the threshold of the moment. {_LOGARITHM}",
    unused=_PIKE,
)
def _jaxpike_alif(
    n,
    surrogate,
    tau=20.0,
    tau_a=200.0,
    beta=1.8,
    threshold=1.0,
    dt=1.0,
    reset="subtract",
):
    rule = _jaxpike_rule(reset, adapt="read decay jump")
    numbers = Numbers(threshold=threshold, scale=beta)
    others = {"adapt": ("log_tau_a", tau_a)}
    return _jaxpike(n, surrogate, tau, dt, rule, numbers, others)


@preset(
    "jaxpike.LinearLIF",
    step="v ← α v + (1-α) x   s = 1[v > θ]",
    shape="jaxpike.FastSigmoid",
    learned=("log_tau",),
    differs="No reset at all. tau is always learned, by its logarithm.",
    unused=_PIKE,
)
def _jaxpike_linear(n, surrogate, tau=20.0, threshold=1.0, dt=1.0):
    rule = Rule(decay="logarithm", gain="rest", reset="none")
    return _jaxpike(n, surrogate, tau, dt, rule, Numbers(threshold=threshold))


@preset(
    "jaxpike.LeakyIntegrator",
    step="v ← α v + (1-α) x",
    learned=("log_tau",),
    differs="A readout: it puts out v. tau is always learned, by its logarithm.",
    unused=_PIKE,
)
def _jaxpike_li(n, surrogate, tau=20.0, dt=1.0):
    del surrogate
    rule = Rule(decay="logarithm", gain="rest", most=0, reset="none")
    return _jaxpike(n, None, tau, dt, rule, Numbers())


_SPARX = {
    "dt": "times are in steps: give tau / dt",
    "unroll": "XLA computes it",
    "record": "ask for what is to be seen, outputs=",
}
_AT = (
    "It fires at threshold already. tau is in steps; learn_tau learns a logit for each "
    "neuron, decay=, as of its cells, says the factor itself. Gradients pass through "
    "the reset, unless detach_reset."
)
_SPARX_RESET = "v ← v - s θ, or (1-s) v, or v"


def _sparx(n, surrogate, reset, detach_reset, learn_tau, decays, numbers, **words):
    """Decays by field: name, factor (or None) and time constant."""
    check.one_of("reset", reset, ("subtract", "zero", "none"))
    check.flag("detach_reset", detach_reset)
    check.flag("learn_tau", learn_tau)
    factors = {
        field: _factor(name, factor, tau, learn_tau)
        for field, (name, factor, tau) in decays.items()
    }
    if learn_tau:
        factors = {
            field: jnp.broadcast_to(jnp.log(d / (1.0 - d)), (n,))
            for field, d in factors.items()
        }
    words = {"compare": ">=", "decay": "sigmoid" if learn_tau else "factor", **words}
    rule = Rule(
        reset="value" if reset == "zero" else reset,
        reset_gradient="detached" if detach_reset else "through",
        **words,
    )
    learned = {name: field for field, (name, _, _) in decays.items() if learn_tau}
    numbers = numbers._replace(**factors)
    shape = {} if surrogate is None else {"surrogate": surrogate}
    return stepped(n, rule, numbers, learned=learned, **shape)


def _factor(name, factor, tau, learn_tau):
    if factor is None:
        check.positive("tau", tau, " [steps]")
        return jnp.exp(-1.0 / jnp.asarray(tau, jnp.result_type(float)))
    if learn_tau:
        raise ValueError(f"learn_tau starts at tau: leave {name} out.")
    return factor


@preset(
    "sparx.LIF",
    of="sparx.nn.LIF, sparx.dynamics.LIFCell",
    step=f"v ← d v + x   s = 1[v ≥ θ]   {_SPARX_RESET}",
    shape="sparx.ATan",
    learned=("decay if learn_tau",),
    differs=_AT,
    unused=_SPARX,
)
def _sparx_lif(
    n,
    surrogate,
    tau=2.0,
    threshold=1.0,
    reset="subtract",
    detach_reset=False,
    learn_tau=False,
    decay=None,
):
    decays = {"mem": ("decay", decay, tau)}
    numbers = Numbers(threshold=threshold)
    return _sparx(n, surrogate, reset, detach_reset, learn_tau, decays, numbers)


@preset(
    "sparx.IF",
    of="sparx.nn.IF",
    step=f"v ← v + x   s = 1[v ≥ θ]   {_SPARX_RESET}",
    shape="sparx.ATan",
    differs="It fires at threshold already. Gradients pass through the reset, unless "
    "detach_reset.",
    unused=_SPARX,
)
def _sparx_if(n, surrogate, threshold=1.0, reset="subtract", detach_reset=False):
    numbers = Numbers(threshold=threshold)
    return _sparx(n, surrogate, reset, detach_reset, False, {}, numbers)


@preset(
    "sparx.ALIF",
    of="sparx.nn.ALIF, sparx.dynamics.ALIFCell",
    step="ϑ = θ + β a   v ← d v + x   s = 1[v ≥ ϑ]   v ← v - s θ, or (1-s) v, or v   "
    "a ← ρ a + s",
    shape="sparx.ATan",
    learned=("decay, adapt_decay if learn_tau",),
    differs="A subtraction takes θ, not the threshold of the moment. refractory is in "
    f"steps, a spike and the silence after it, in which v goes on. {_AT}",
    unused=_SPARX,
)
def _sparx_alif(
    n,
    surrogate,
    tau=20.0,
    tau_adapt=200.0,
    beta=1.8,
    threshold=1.0,
    reset="subtract",
    detach_reset=False,
    learn_tau=False,
    refractory=0,
    decay=None,
    adapt_decay=None,
):
    decays = {
        "mem": ("decay", decay, tau),
        "adapt": ("adapt_decay", adapt_decay, tau_adapt),
    }
    check.positive("refractory", refractory, " [steps]", zero=True)
    known = check.concrete(refractory)
    waits = known is None or (known > 0).any()
    numbers = Numbers(
        threshold=threshold,
        amount=threshold,
        scale=beta,
        refractory=refractory if waits else None,
    )
    words = {"adapt": "read decay jump"}
    words |= {"refractory": "integrating"} if waits else {}
    given = n, surrogate, reset, detach_reset, learn_tau, decays, numbers
    return _sparx(*given, **words)


@preset(
    "sparx.Synaptic",
    of="sparx.nn.Synaptic, sparx.dynamics.Serial(LICell, LIFCell)",
    step=f"i ← a i + x   v ← d v + i   s = 1[v ≥ θ]   {_SPARX_RESET}",
    shape="sparx.ATan",
    learned=("decay, synapse_decay if learn_tau",),
    differs=_AT,
    unused=_SPARX,
)
def _sparx_synaptic(
    n,
    surrogate,
    tau=10.0,
    tau_synapse=5.0,
    threshold=1.0,
    reset="subtract",
    detach_reset=False,
    learn_tau=False,
    decay=None,
    synapse_decay=None,
):
    decays = {
        "mem": ("decay", decay, tau),
        "syn": ("synapse_decay", synapse_decay, tau_synapse),
    }
    numbers, words = Numbers(threshold=threshold), {"current": "decay jump read"}
    given = n, surrogate, reset, detach_reset, learn_tau, decays, numbers
    return _sparx(*given, **words)


@preset(
    "sparx.LIFRecurrent",
    of="sparx.nn.Recurrent(LIF), sparx.dynamics.RecurrentCell(LIFCell)",
    step=f"v ← d v + x + s₋ W   s = 1[v ≥ θ]   {_SPARX_RESET}",
    shape="sparx.ATan",
    learned=("recurrent weights", "decay if learn_tau"),
    differs="No bias; autapses are on. cut_gradient keeps gradients out of what comes "
    f"back. {_AT}",
    unused=_SPARX,
)
def _sparx_recurrent(
    n,
    surrogate,
    tau=2.0,
    threshold=1.0,
    reset="subtract",
    detach_reset=False,
    learn_tau=False,
    decay=None,
    cut_gradient=False,
):
    check.flag("cut_gradient", cut_gradient)
    given = tau, threshold, reset, detach_reset, learn_tau, decay
    neuron = _sparx_lif(n, surrogate, *given)
    return recurrent(neuron, dense(n, n), recurrent_gradient=not cut_gradient)


@preset(
    "sparx.LI",
    of="sparx.nn.LI, sparx.dynamics.LICell",
    step="v ← d v + x",
    learned=("decay if learn_tau",),
    differs="A readout: it puts out v. tau is in steps; decay= says the factor itself.",
    unused=_SPARX,
)
def _sparx_li(n, surrogate, tau=2.0, learn_tau=False, decay=None):
    del surrogate
    decays, words = {"mem": ("decay", decay, tau)}, {"most": 0}
    return _sparx(n, None, "none", False, learn_tau, decays, Numbers(), **words)
