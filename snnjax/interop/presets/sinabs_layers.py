"""What the layers of sinabs share: how they fire and reset, what they learn, loops."""

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp

from snnjax import check
from snnjax.cell import Cell
from snnjax.compose import stateless
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.relative import RelativeExponential
from snnjax.interop.presets.rule import Rule
from snnjax.networks import dense, graph

UNUSED = {
    "surrogate_grad_fn": "give it as surrogate=",
    "record_states": 'ask for what is to be seen, outputs="recorded"',
}
SIZES = ("shape",)
DEFAULT = "sinabs.SingleExponential, as wide as θ"
DIFFERS = (
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
    named = isinstance(value, list | tuple) and len(value) == 2
    name, given = value if named else (value, {})
    check.one_of(option, name, choices)
    check.mapping(f"What {name} of {option} is given", given)
    odd = [key for key in given if key not in _CALLS[name]]
    if odd:
        raise ValueError(f"{option}: {name} has no parameter {odd[0]!r}.")
    return name, given


def firing(spike_fn, reset_fn, **words) -> tuple[Rule, dict[str, Any]]:
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


def layer(n, surrogate, rule, numbers, taus: Mapping[str, Any], train_alphas):
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


def sent(n, neuron, rec_connect):
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
