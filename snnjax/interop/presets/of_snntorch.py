"""snnTorch: raw factors, and a reset that waits for the next step.

With R = sg(1[v > θ]) of the voltage before the step, its classes differ in where R
acts. ``reset_delay=False`` resets by s - R at once, as there: that is a reset in the
same step as long as the voltage after it is not above threshold again.
"""

from typing import Any

import jax.numpy as jnp

from snnjax import check
from snnjax.interop.presets.alpha import alpha_neuron
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.itself import to_itself
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule
from snnjax.networks import dense, recurrent

_UNUSED = {
    "spike_grad": "give it as surrogate=",
    "surrogate_disable": "leave gradients out by jax.lax.stop_gradient",
    "init_hidden": "a state goes in and comes out of every run",
    "output": "a state goes in and comes out of every run",
    "inhibition": "it lets one neuron of a batch fire, which is another model",
    "state_quant": "wrap what is to be rounded by snnjax.hardware.quantize",
    "graded_spikes_factor": "scale the weights of the next connection",
    "learn_graded_spikes_factor": "learn the weights of the next connection",
}
_WIRED = {
    **_UNUSED,
    "conv2d_channels": "close a convolution around it, snnjax.recurrent",
    "kernel_size": "close a convolution around it, snnjax.recurrent",
}
_DELAY = (
    "R, so the reset comes a step late; what a voltage records is before it. beta and "
    "alpha are clipped to 0…1, without gradient outside."
)


def _neuron(n, surrogate, numbers, reset, delay, learned, *, zero, current=None):
    """Any of them; ``zero`` is where a reset to zero acts."""
    check.one_of("reset_mechanism", reset, ("subtract", "zero", "none"))
    check.flag("reset_delay", delay)
    delayed: Any = {"subtract": "outside", "zero": zero, "none": None}[reset]
    rule = Rule(
        decay="clipped",
        current=current,
        reset="value" if reset == "zero" else reset,
        delayed=delayed,
        at_once=not delay,
    )
    for option, (learn, _) in learned.items():
        check.flag(f"learn_{option}", learn)
    names = {option: field for option, (learn, field) in learned.items() if learn}
    return stepped(n, rule, numbers, learned=names, surrogate=surrogate)


@preset(
    "snntorch.Leaky",
    step="subtract: v ← β v + x - θ R   zero: v ← β (1-R) v + x   none: v ← β v + x   "
    "s = 1[v > θ]; without reset_delay then v ← v - (s-R) θ or v ← (1-s+R) v",
    shape="snntorch.atan",
    learned=("beta", "threshold"),
    differs=_DELAY,
    unused=_UNUSED,
)
def _leaky(
    n,
    surrogate,
    beta,
    threshold=1.0,
    learn_beta=False,
    learn_threshold=False,
    reset_mechanism="subtract",
    reset_delay=True,
):
    learned = {"beta": (learn_beta, "mem"), "threshold": (learn_threshold, "threshold")}
    numbers = Numbers(mem=beta, threshold=threshold)
    given = n, surrogate, numbers, reset_mechanism, reset_delay, learned
    return _neuron(*given, zero="inside")


@preset(
    "snntorch.Synaptic",
    step="i ← α i + x   v ← β v + i, less θ R or times (1-R)   s = 1[v > θ]",
    shape="snntorch.atan",
    learned=("alpha", "beta", "threshold"),
    differs=f"A reset to zero is outside the decay and leaves i alone. {_DELAY}",
    unused=_UNUSED,
)
def _synaptic(
    n,
    surrogate,
    alpha,
    beta,
    threshold=1.0,
    learn_alpha=False,
    learn_beta=False,
    learn_threshold=False,
    reset_mechanism="subtract",
    reset_delay=True,
):
    return _synaptic_like(
        *(n, surrogate, alpha, beta, threshold),
        *(learn_alpha, learn_beta, learn_threshold, reset_mechanism, reset_delay),
    )


def _synaptic_like(
    n, surrogate, alpha, beta, theta, learn_a, learn_b, learn_t, reset, delay
):
    learned = {
        "alpha": (learn_a, "syn"),
        "beta": (learn_b, "mem"),
        "threshold": (learn_t, "threshold"),
    }
    numbers = Numbers(mem=beta, syn=alpha, threshold=theta)
    given = n, surrogate, numbers, reset, delay, learned
    return _neuron(*given, zero="outside", current="decay jump read")


@preset(
    "snntorch.Alpha",
    step="e ← α e + x   h ← β h - x   v = τ (e + h), τ = ln α / (ln β - ln α) + 1   "
    "zero: e, h, v times (1-R)   subtract: e ← e - θ R, h ← h - (β h₋ - x) R, "
    "v ← v + h₋ R   s = 1[v > θ]",
    shape="snntorch.atan",
    learned=("beta", "threshold"),
    differs="v is read from two currents, not integrated. Its state has v, i (exc) and "
    f"j (inh). {_DELAY}",
    unused={
        **_UNUSED,
        "learn_alpha": "with it the class cannot be made there, a TypeError",
    },
)
def _alpha(
    n,
    surrogate,
    alpha,
    beta,
    threshold=1.0,
    learn_beta=False,
    learn_threshold=False,
    reset_mechanism="zero",
):
    check.flag("learn_beta", learn_beta)
    check.flag("learn_threshold", learn_threshold)
    check.one_of("reset_mechanism", reset_mechanism, ("subtract", "zero", "none"))
    learned = [
        name
        for name, learn in (("beta", learn_beta), ("threshold", learn_threshold))
        if learn
    ]
    return alpha_neuron(n, alpha, beta, threshold, reset_mechanism, learned, surrogate)


@preset(
    "snntorch.Lapicque",
    step="v ← (1 - Δ/(R C)) v + x Δ/C, less θ R or times (1-R)   s = 1[v > θ]",
    shape="snntorch.atan",
    differs="Euler: beta only says C = time_step / (R ln(1/beta)). A reset to zero is "
    "outside the decay. The reset comes a step late; what is recorded is before it.",
    unused={
        **_UNUSED,
        "learn_beta": "beta is read once there, and learning it changes nothing",
    },
    optional=("beta", "R", "C"),
)
def _lapicque(
    n,
    surrogate,
    beta=False,
    R=False,
    C=False,
    time_step=1,
    threshold=1.0,
    learn_threshold=False,
    reset_mechanism="subtract",
):
    R, C = _circuit(beta, R, C, time_step)
    learned = {"threshold": (learn_threshold, "threshold")}
    check.flag("learn_threshold", learn_threshold)
    check.one_of("reset_mechanism", reset_mechanism, ("subtract", "zero", "none"))
    rule = Rule(
        decay="euler",
        gain="rest",
        reset="value" if reset_mechanism == "zero" else reset_mechanism,
        delayed=None if reset_mechanism == "none" else "outside",
        at_once=False,
    )
    numbers = Numbers(mem=R * C, gain=R, threshold=threshold, dt=time_step)
    names = {k: field for k, (learn, field) in learned.items() if learn}
    return stepped(n, rule, numbers, learned=names, surrogate=surrogate)


def _circuit(beta, R, C, time_step):
    """Two of three say the third, as there."""
    given = [value is not False and value is not None for value in (beta, R, C)]
    if not given[0] and not (given[1] and given[2]):
        raise ValueError("give beta, or two of beta, R and C.")
    if all(given):
        raise ValueError("give two of beta, R and C, not all three.")
    if not given[0]:
        return jnp.asarray(R), jnp.asarray(C)
    check.between("beta", beta, 0.0, 1.0, strict=True)
    product = time_step / jnp.log(1.0 / jnp.asarray(beta))
    if given[2]:
        return product / C, jnp.asarray(C)
    R = jnp.asarray(R if given[1] else 1.0)
    return R, product / R


def _wired(n, neuron, V, all_to_all):
    """A population that hears itself, all of all or each of itself."""
    check.flag("all_to_all", all_to_all)
    if all_to_all:
        if not isinstance(V, float | int) or V != 1.0:
            raise ValueError("V is of all_to_all=False; leave it out.")
        return recurrent(neuron, dense(n, n, bias=True))
    return recurrent(neuron, to_itself(n, V))


_LOOP = {
    **_WIRED,
    "learn_recurrent": "leave its weights out of the optimizer, optax.masked",
}


@preset(
    "snntorch.RLeaky",
    step="v ← β v + x + s₋ V + b, less θ R or times (1-R)   s = 1[v > θ]",
    shape="snntorch.atan",
    learned=("beta", "threshold", "recurrent weights and bias, or V"),
    differs="Autapses and a bias are on. A reset to zero is outside the decay. "
    f"{_DELAY}",
    unused=_LOOP,
    sizes=("linear_features",),
)
def _rleaky(
    n,
    surrogate,
    beta,
    V=1.0,
    all_to_all=True,
    threshold=1.0,
    learn_beta=False,
    learn_threshold=False,
    reset_mechanism="subtract",
    reset_delay=True,
):
    learned = {"beta": (learn_beta, "mem"), "threshold": (learn_threshold, "threshold")}
    numbers = Numbers(mem=beta, threshold=threshold)
    given = n, surrogate, numbers, reset_mechanism, reset_delay, learned
    return _wired(n, _neuron(*given, zero="outside"), V, all_to_all)


@preset(
    "snntorch.RSynaptic",
    step="i ← α i + x + s₋ V + b   v ← β v + i, less θ R or times (1-R)   s = 1[v > θ]",
    shape="snntorch.atan",
    learned=("alpha", "beta", "threshold", "recurrent weights and bias, or V"),
    differs=f"Autapses and a bias are on. A reset to zero leaves i alone. {_DELAY}",
    unused={
        **_LOOP,
        "reset_delay": "without it the class there changes a voltage that is thrown "
        "away, or fails",
    },
    sizes=("linear_features",),
)
def _rsynaptic(
    n,
    surrogate,
    alpha,
    beta,
    V=1.0,
    all_to_all=True,
    threshold=1.0,
    learn_alpha=False,
    learn_beta=False,
    learn_threshold=False,
    reset_mechanism="subtract",
):
    neuron = _synaptic_like(
        *(n, surrogate, alpha, beta, threshold),
        *(learn_alpha, learn_beta, learn_threshold, reset_mechanism, True),
    )
    return _wired(n, neuron, V, all_to_all)
