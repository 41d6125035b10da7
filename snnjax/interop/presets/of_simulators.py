"""mlGeNN and NEST's e-prop: time constants in milliseconds, dt that of the run.

Both learn by rules of their own (EventProp, e-prop), not by a gradient through the
reset; here no gradient passes through it. Spikes arrive a step or more after they were
fired, which belongs to the wiring.
"""

from typing import Any

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule
from snnjax.surrogate import Arctan, Scaled
from snnjax.surrogate import from_library as surrogate_of

_MS = 1e-3
_RULES = (
    "Its learning rules have derivatives of their own; here no gradient passes through "
    "the reset. "
)


@preset(
    "mlgenn.LeakyIntegrateFire",
    of="ml_genn.neurons.LeakyIntegrateFire, after ml_genn.synapses.Exponential",
    step="i ← i + x   v ← α v + i, or + (1-α) i if scale_i   i ← e^(-dt/τs) i   "
    "s = 1[v ≥ θ], if not refractory   v ← v - s (θ - v_reset), or (1-s) v + s v_reset",
    clock="seconds",
    default="eprop",
    differs="Times are in ms. tau_syn is that of its Exponential synapse, None for "
    f"Delta. It fires at threshold already. {_RULES}Spikes arrive one step later at "
    "least.",
    unused={
        "readout": "put a readout behind it, snnjax.li",
        "shape": "n says it",
    },
    optional=("tau_refrac", "tau_syn"),
)
def _mlgenn_lif(
    n,
    surrogate,
    v_thresh=1.0,
    v_reset=0.0,
    v=0.0,
    tau_mem=20.0,
    tau_refrac=None,
    relative_reset=True,
    integrate_during_refrac=True,
    scale_i=False,
    tau_syn=None,
):
    check.flag("relative_reset", relative_reset)
    check.flag("integrate_during_refrac", integrate_during_refrac)
    check.flag("scale_i", scale_i)
    for name, tau in (("tau_mem", tau_mem), ("tau_syn", tau_syn)):
        if tau is not None:
            check.positive(name, tau, " [ms]")
    waits: Any = "integrating" if integrate_during_refrac else "frozen"
    rule = Rule(
        decay="exponential",
        current=None if tau_syn is None else "jump read decay",
        gain="rest" if scale_i else "one",
        compare=">=",
        reset="subtract" if relative_reset else "value",
        reset_gradient="detached",
        refractory=None if tau_refrac is None else waits,
    )
    numbers = Numbers(
        mem=_MS * tau_mem,
        syn=None if tau_syn is None else _MS * tau_syn,
        threshold=v_thresh,
        v_reset=0.0 if relative_reset else v_reset,
        amount=v_thresh - v_reset if relative_reset else None,
        refractory=None if tau_refrac is None else _MS * tau_refrac,
        v=v,
        dt=None,
    )
    shape = surrogate_of("eprop") if surrogate is None else surrogate
    return stepped(n, rule, numbers, surrogate=shape)


_NEST = {
    "C_m": "a current I is a voltage τm/C_m (1-α) I here: scale the input",
    "I_e": "add it to the input",
    "V_m": "start from a state of your own",
    **dict.fromkeys(
        ("c_reg", "f_target", "kappa", "kappa_reg", "eprop_isi_trace_cutoff"),
        "it belongs to the learning rule, snnjax.learning.online",
    ),
}
_VOLT = (
    "Times are in ms. Voltages are those above E_L. It fires at threshold already, and "
    f"goes on integrating while it is refractory. {_RULES}Spikes arrive one step later "
    "at least."
)
_NEST_DEFAULT = "nest.piecewise_linear (height 0.3, width 1)"


def _surrogate(given, function, height, width):
    """NEST's pseudo-derivative by its name; width is 1/beta of older versions."""
    if given is not None:
        if (function, height, width) != ("piecewise_linear", 0.3, 1.0):
            raise ValueError("give surrogate_gradient_…, or surrogate=, not both.")
        return given
    functions = (
        "piecewise_linear",
        "exponential",
        "fast_sigmoid_derivative",
        "arctan",
    )
    check.one_of("surrogate_gradient_function", function, functions)
    check.positive("surrogate_gradient_width", width)
    if function == "arctan":
        return Scaled(Arctan(1.0 / width), height)
    return surrogate_of(f"nest.{function}", gamma=height, beta=1.0 / width)


def _nest(n, shape, volts, times, *, delayed, gain="one", adapt=None):
    """e-prop neurons; ``adapt`` is how much and for how long [ms]."""
    E_L, V_th, V_min = volts
    tau_m, t_ref = times
    for name, value in (("E_L", E_L), ("V_th", V_th)):
        check.finite(name, value)
    check.positive("tau_m", tau_m, " [ms]")
    check.positive("t_ref", t_ref, " [ms]", zero=True)
    rule = Rule(
        decay="exponential",
        gain=gain,
        compare=">=",
        delayed="outside" if delayed else None,
        at_once=not delayed,
        reset_gradient="detached",
        adapt=None if adapt is None else "read decay jump",
        refractory="integrating",
        clamp="before",
    )
    numbers = Numbers(
        mem=_MS * tau_m,
        threshold=V_th - E_L,
        amount=V_th - E_L,
        low=None if V_min is None else V_min - E_L,
        refractory=_MS * t_ref,
        dt=None,
    )
    if adapt is not None:
        beta, tau = adapt
        check.positive("adapt_tau", tau, " [ms]")
        numbers = numbers._replace(scale=beta, adapt=_MS * tau)
    return stepped(n, rule, numbers, surrogate=shape)


def _scaled(regular_spike_arrival):
    check.flag("regular_spike_arrival", regular_spike_arrival)
    return "one" if regular_spike_arrival else "rest"


_STEP = "v ← max(α v + x{r}, V_min)   s = 1[v ≥ {t}], if not refractory{e}"


@preset(
    "nest.eprop_iaf_bsshslm_2020",
    of="eprop_iaf_bsshslm_2020",
    step=_STEP.format(r=" - θ s₋", t="θ", e="")
    + "; (1-α) x unless regular_spike_arrival",
    clock="seconds",
    default=_NEST_DEFAULT,
    differs=f"The reset waits for the next step. {_VOLT}",
    unused=_NEST,
    optional=("V_min",),
)
def _eprop_iaf_bsshslm(
    n,
    surrogate,
    tau_m=10.0,
    E_L=-70.0,
    V_th=-55.0,
    V_min=None,
    t_ref=2.0,
    regular_spike_arrival=True,
    surrogate_gradient_function="piecewise_linear",
    surrogate_gradient_height=0.3,
    surrogate_gradient_width=1.0,
):
    told = surrogate_gradient_function, surrogate_gradient_height
    shape = _surrogate(surrogate, *told, surrogate_gradient_width)
    volts, times = (E_L, V_th, V_min), (tau_m, t_ref)
    gain = _scaled(regular_spike_arrival)
    return _nest(n, shape, volts, times, delayed=True, gain=gain)


@preset(
    "nest.eprop_iaf_adapt_bsshslm_2020",
    of="eprop_iaf_adapt_bsshslm_2020",
    step=_STEP.format(r=" - θ s₋", t="θ + β a", e="")
    + "   a ← ρ a + s; (1-α) x unless regular_spike_arrival",
    clock="seconds",
    default=_NEST_DEFAULT,
    differs=f"The reset waits for the next step, and takes θ. {_VOLT}",
    unused=_NEST,
    optional=("V_min",),
)
def _eprop_iaf_adapt_bsshslm(
    n,
    surrogate,
    tau_m=10.0,
    E_L=-70.0,
    V_th=-55.0,
    V_min=None,
    t_ref=2.0,
    adapt_beta=1.0,
    adapt_tau=10.0,
    regular_spike_arrival=True,
    surrogate_gradient_function="piecewise_linear",
    surrogate_gradient_height=0.3,
    surrogate_gradient_width=1.0,
):
    told = surrogate_gradient_function, surrogate_gradient_height
    shape = _surrogate(surrogate, *told, surrogate_gradient_width)
    volts, times = (E_L, V_th, V_min), (tau_m, t_ref)
    gain, adapt = _scaled(regular_spike_arrival), (adapt_beta, adapt_tau)
    return _nest(n, shape, volts, times, delayed=True, gain=gain, adapt=adapt)


@preset(
    "nest.eprop_iaf",
    of="eprop_iaf",
    step=_STEP.format(r="", t="θ", e="   v ← v - θ s"),
    clock="seconds",
    default=_NEST_DEFAULT,
    differs=_VOLT,
    unused=_NEST,
    optional=("V_min",),
)
def _eprop_iaf(
    n,
    surrogate,
    tau_m=10.0,
    E_L=-70.0,
    V_th=-55.0,
    V_min=None,
    t_ref=2.0,
    surrogate_gradient_function="piecewise_linear",
    surrogate_gradient_height=0.3,
    surrogate_gradient_width=1.0,
):
    told = surrogate_gradient_function, surrogate_gradient_height
    shape = _surrogate(surrogate, *told, surrogate_gradient_width)
    return _nest(n, shape, (E_L, V_th, V_min), (tau_m, t_ref), delayed=False)


@preset(
    "nest.eprop_iaf_adapt",
    of="eprop_iaf_adapt",
    step=_STEP.format(r="", t="θ + β a", e="   v ← v - θ s   a ← ρ a + s"),
    clock="seconds",
    default=_NEST_DEFAULT,
    differs=f"A subtraction takes θ. {_VOLT}",
    unused=_NEST,
    optional=("V_min",),
)
def _eprop_iaf_adapt(
    n,
    surrogate,
    tau_m=10.0,
    E_L=-70.0,
    V_th=-55.0,
    V_min=None,
    t_ref=2.0,
    adapt_beta=1.0,
    adapt_tau=10.0,
    surrogate_gradient_function="piecewise_linear",
    surrogate_gradient_height=0.3,
    surrogate_gradient_width=1.0,
):
    told = surrogate_gradient_function, surrogate_gradient_height
    shape = _surrogate(surrogate, *told, surrogate_gradient_width)
    volts, times = (E_L, V_th, V_min), (tau_m, t_ref)
    adapt = adapt_beta, adapt_tau
    return _nest(n, shape, volts, times, delayed=False, adapt=adapt)
