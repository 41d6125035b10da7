"""sinabs: time constants in steps, ≥, several spikes in a step, θ without a gradient.

Its surrogates are as wide as a share of the threshold, which of an adaptive neuron
moves. ``spike_fn`` and ``reset_fn`` are the names of its classes, or these with what
they are given, ``("MembraneReset", {"reset_value": -0.1})``.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.compose import stateless
from snnjax.exported import exportable
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule
from snnjax.networks import dense, graph
from snnjax.surrogate import from_library as surrogate_of


@exportable
class RelativeExponential(NamedTuple):
    """h(v) = g/(w θ) · exp(-|v|/(w θ)), as wide as a share of the threshold θ.

    This is the SingleExponential of sinabs; called by itself it is that of θ = 1.
    """

    grad_width: Number = 0.5  # w
    grad_scale: Number = 1.0  # g

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.at(1.0)(v)

    def at(self, threshold: Number) -> Any:
        """The shape at a threshold."""
        width, scale = self.grad_width, self.grad_scale
        made = surrogate_of("sinabs.SingleExponential", grad_width=width)
        rate = made.shape._replace(slope=made.shape.slope / threshold)
        return made._replace(shape=rate, amplitude=scale * made.amplitude / threshold)


_UNUSED = {
    "surrogate_grad_fn": "give it as surrogate=",
    "record_states": 'ask for what is to be seen, outputs="recorded"',
}
_SIZES = ("shape",)
_DEFAULT = "sinabs.SingleExponential, as wide as θ"
_STEP = (
    "i ← α_s (i + x), or x   v ← α v + (1-α) i if norm_input, else + i   "
    "s = ⌊v/θ⌋ or 1[v ≥ θ]   v ← v - s θ or 1[s=0] v + value   v ← max(v, min_v_mem)"
)
_DIFFERS = (
    "Time constants, in steps, are always learned, or their factors (train_alphas). "
    "MembraneSubtract lets gradients through, MembraneReset does not, and adds its "
    "value to every neuron in every step. θ has no gradient where v is compared to it."
)
_CALLS = {
    "MultiSpike": (),
    "SingleSpike": (),
    "MaxSpike": ("max_num_spikes_per_bin",),
    "MembraneSubtract": ("subtract_value",),
    "MembraneReset": ("reset_value",),
}


def _called(option, value, choices):
    """A class by name, and what it is given."""
    name, given = (value, {}) if isinstance(value, str) else tuple(value)
    check.one_of(option, name, choices)
    check.mapping(f"What {name} of {option} is given", given)
    odd = [key for key in given if key not in _CALLS[name]]
    if odd:
        raise ValueError(f"{option}: {name} has no parameter {odd[0]!r}.")
    return name, given


def _rule(spike_fn, reset_fn, **words) -> tuple[Rule, dict[str, Any]]:
    """How it fires and resets: words, and numbers."""
    fires, most = _called(
        "spike_fn", spike_fn, ("MultiSpike", "SingleSpike", "MaxSpike")
    )
    resets, value = _called("reset_fn", reset_fn, ("MembraneSubtract", "MembraneReset"))
    subtracts = resets == "MembraneSubtract"
    numbers: dict[str, Any] = {"amount": value.get("subtract_value")}
    if not subtracts:
        numbers = {"shift": value.get("reset_value")}
    rule = Rule(
        compare=">=",
        most=1 if fires == "SingleSpike" else most.get("max_num_spikes_per_bin"),
        reset="subtract" if subtracts else "value",
        reset_gradient="through" if subtracts else "detached",
        threshold_gradient=False,
        **words,
    )
    return rule, numbers


def _layer(n, surrogate, rule, numbers, taus: Mapping[str, Any], train_alphas):
    """A layer with its time constants learned; ``taus`` by field: name and number."""
    check.flag("train_alphas", train_alphas)
    learned, fields = {}, {}
    for field, (name, tau) in taus.items():
        if tau is None:
            continue
        check.positive(f"tau_{name}", tau, " [steps]")
        tau = jnp.asarray(tau, jnp.result_type(float))
        fields[field] = jnp.exp(-1.0 / tau) if train_alphas else tau
        learned[f"{'alpha' if train_alphas else 'tau'}_{name}"] = field
    rule = rule._replace(decay="factor" if train_alphas else "exponential")
    shape = RelativeExponential() if surrogate is None else surrogate
    numbers = numbers._replace(**fields)
    return stepped(n, rule, numbers, learned=learned, surrogate=shape)


def _lif_layer(n, surrogate, tau_mem, tau_syn, norm_input, train_alphas, given):
    threshold, spike_fn, reset_fn, min_v_mem = given
    check.flag("norm_input", norm_input)
    rule, numbers = _rule(
        spike_fn,
        reset_fn,
        current=None if tau_syn is None else "jump decay read",
        gain="rest" if norm_input else "one",
    )
    start = Numbers(threshold=threshold, low=min_v_mem, **numbers)
    taus = {"mem": ("mem", tau_mem), "syn": ("syn", tau_syn)}
    return _layer(n, surrogate, rule, start, taus, train_alphas)


@preset(
    "sinabs.LIF",
    of="sinabs.layers.LIF",
    step=_STEP,
    default=_DEFAULT,
    learned=("tau_mem", "tau_syn", "alpha_mem, alpha_syn if train_alphas"),
    differs=_DIFFERS,
    unused=_UNUSED,
    sizes=_SIZES,
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
    default=_DEFAULT,
    learned=("as LIF", "what rec_connect has"),
    differs="Nothing comes back in the first step, not even the bias. rec_connect is a "
    f"cell, a connection of all with a bias if omitted. {_DIFFERS}",
    unused=_UNUSED,
    sizes=_SIZES,
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
    return _sent(n, neuron, rec_connect)


def _sent(n, neuron, rec_connect):
    """Feedback that is worked out when it is sent, so that none comes at first."""
    feedback = dense(n, n, bias=True) if rec_connect is None else rec_connect
    if not isinstance(feedback, Cell):
        raise ValueError(
            "rec_connect must be a cell such as dense(10, 10, bias=True), got "
            f"{check.told(feedback)}."
        )
    cells = {"neuron": neuron, "sent": stateless(jnp.asarray)}
    wires = {"input->neuron": None, "neuron->sent": feedback, "sent->neuron": None}
    return graph(cells, wires, outputs="neuron")


@preset(
    "sinabs.IAF",
    of="sinabs.layers.IAF",
    step=_STEP.replace("α v + (1-α) i if norm_input, else + i", "v + i"),
    default=_DEFAULT,
    learned=("tau_syn",),
    differs=_DIFFERS,
    unused=_UNUSED,
    sizes=_SIZES,
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
    rule, numbers = _rule(spike_fn, reset_fn, current=current)
    start = Numbers(mem=jnp.inf, threshold=threshold, low=min_v_mem, **numbers)
    return _layer(n, surrogate, rule, start, {"syn": ("syn", tau_syn)}, False)


@preset(
    "sinabs.IAFRecurrent",
    of="sinabs.layers.IAFRecurrent",
    step="x ← x + s₋ W + b, but not in the first step; then as IAF",
    default=_DEFAULT,
    learned=("tau_syn", "what rec_connect has"),
    differs=f"Nothing comes back in the first step, not even the bias. {_DIFFERS}",
    unused=_UNUSED,
    sizes=_SIZES,
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
    return _sent(n, _iaf_layer(n, surrogate, *given), rec_connect)


_ALIF_STEP = (
    "i ← α_s (i + x), or x   i ← (1-α) i if norm_input   v ← α v + i   "
    "θ = b0 + k b   s = 1[v ≥ θ]   v ← v - s θ   b ← ρ b + (1-ρ) s"
)
_ALIF_DIFFERS = (
    "A subtraction takes the threshold of the moment, whose gradient passes there but "
    "not in the comparison. norm_input scales the current that is kept, too, if there "
    f"is a tau_syn. {_DIFFERS}"
)


def _alif_layer(n, surrogate, taus, adapt_scale, norm_input, train_alphas, given):
    threshold, spike_fn, reset_fn, min_v_mem = given
    tau_mem, tau_adapt, tau_syn = taus
    check.flag("norm_input", norm_input)
    kept = "rest" if tau_syn is None else "kept rest"
    rule, numbers = _rule(
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
    return _layer(n, surrogate, rule, start, learned, train_alphas)


@preset(
    "sinabs.ALIF",
    of="sinabs.layers.ALIF",
    step=_ALIF_STEP,
    default=_DEFAULT,
    learned=("tau_mem", "tau_adapt", "tau_syn", "alpha_… if train_alphas"),
    differs=_ALIF_DIFFERS,
    unused=_UNUSED,
    sizes=_SIZES,
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
    default=_DEFAULT,
    learned=("as ALIF", "what rec_connect has"),
    differs="Nothing comes back in the first step, not even the bias. As ALIF "
    "otherwise.",
    unused=_UNUSED,
    sizes=_SIZES,
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
    return _sent(n, neuron, rec_connect)


@preset(
    "sinabs.ExpLeak",
    of="sinabs.layers.ExpLeak",
    step="v ← α v + x, or + (1-α) x if norm_input   v ← max(v, min_v_mem)",
    learned=("tau_mem", "alpha_mem if train_alphas"),
    differs="A readout: it puts out v, before it is raised to min_v_mem.",
    unused={"record_states": _UNUSED["record_states"]},
    sizes=_SIZES,
)
def _exp_leak(
    n, surrogate, tau_mem, train_alphas=False, min_v_mem=None, norm_input=False
):
    del surrogate
    check.flag("norm_input", norm_input)
    gain: Any = "rest" if norm_input else "one"
    rule = Rule(most=0, reset="none", gain=gain)
    numbers = Numbers(low=min_v_mem)
    return _layer(n, None, rule, numbers, {"mem": ("mem", tau_mem)}, train_alphas)
