"""sparx: a factor with gain 1, ≥, a reset at once with a gradient through it.

Layers have time constants in steps and may learn the logit of the factor; its cells are
given the factor itself (``decay=``).
"""

import jax.numpy as jnp

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule
from snnjax.networks import dense, recurrent

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
    optional=("decay",),
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
    optional=("decay", "adapt_decay"),
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
    optional=("decay", "synapse_decay"),
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
    optional=("decay",),
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
    optional=("decay",),
)
def _sparx_li(n, surrogate, tau=2.0, learn_tau=False, decay=None):
    del surrogate
    decays, words = {"mem": ("decay", decay, tau)}, {"most": 0}
    return _sparx(n, None, "none", False, learn_tau, decays, Numbers(), **words)
