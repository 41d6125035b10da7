"""jaxpike: exact decay with gain 1 - α, >, a reset at once with a gradient through it.

It learns the logarithms of its time constants.
"""

from typing import Any

import jax.numpy as jnp

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule

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
