"""hxtorch and SLAYER: models of BrainScaleS-2 and Loihi in software.

hxtorch's are those that run when no hardware data comes; with a recording of a chip use
``snnjax.hardware.in_the_loop``. SLAYER counts in whole numbers, as Loihi does, and its
backward pass knows neither the rounding nor the reset.
"""

import jax.numpy as jnp

from snnjax import check
from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.neuron import start_at, stepped
from snnjax.interop.presets.registry import preset
from snnjax.interop.presets.rule import Rule
from snnjax.surrogate import from_library as surrogate_of

_HXTORCH = {
    "hw_data": "a recording of a chip goes to snnjax.hardware.in_the_loop",
    "params": "give its fields, such as tau_mem=",
}
_DEFAULT = "hxtorch.superspike (alpha=50)"


def _shape(given, method, alpha):
    check.one_of("method", method, ("superspike",))
    if given is None:
        return surrogate_of("hxtorch.superspike", alpha=alpha)
    if alpha != 50.0:
        raise ValueError("give alpha, or surrogate=, not both.")
    return given


def _rule(decay):
    return Rule(
        decay=decay,
        current="read decay jump",
        gain="rest",
        reset="value",
        reset_gradient="detached",
    )


@preset(
    "hxtorch.exp_cuba_lif_integration",
    of="hxtorch.spiking.functional.exp_cuba_lif_integration",
    step="v ← β (v - leak) + leak + (1-β) i   i ← α i + x   s = 1[v > θ]   "
    "v ← (1-sg s) v + sg s reset",
    default=_DEFAULT,
    differs="Deprecated there. The decays are factors. An input acts on the voltage "
    "one step later. No gradient passes through the reset.",
    unused=_HXTORCH,
)
def _exp_cuba_lif(
    n,
    surrogate,
    tau_syn_exp,
    tau_mem_exp,
    leak=0.0,
    reset=0.0,
    threshold=1.0,
    method="superspike",
    alpha=50.0,
):
    numbers = Numbers(mem=tau_mem_exp, syn=tau_syn_exp, threshold=threshold)
    numbers = numbers._replace(v_leak=leak, v=start_at(leak), v_reset=reset)
    shape = _shape(surrogate, method, alpha)
    return stepped(n, _rule("factor"), numbers, surrogate=shape)


@preset(
    "hxtorch.cuba_lif_integration",
    of="hxtorch.spiking.functional.cuba_lif_integration",
    step="v ← v + dt/τm (leak - v + i)   i ← (1 - dt/τs) i + x   s = 1[v > θ]   "
    "v ← (1-sg s) v + sg s reset",
    clock="seconds",
    default=_DEFAULT,
    differs="Euler: dt of the run matters. An input acts on the voltage one step "
    "later. No gradient passes through the reset.",
    unused={
        **_HXTORCH,
        "dt": "give it to the run, unroll(…, dt=dt)",
        "refractory_time": "take neurons.lif, whose refractory time holds the voltage",
    },
)
def _cuba_lif(
    n,
    surrogate,
    tau_mem,
    tau_syn,
    leak=0.0,
    threshold=1.0,
    reset=0.0,
    alpha=50.0,
    method="superspike",
):
    numbers = Numbers(mem=tau_mem, syn=tau_syn, threshold=threshold, dt=None)
    numbers = numbers._replace(v_leak=leak, v=start_at(leak), v_reset=reset)
    shape = _shape(surrogate, method, alpha)
    return stepped(n, _rule("euler"), numbers, surrogate=shape)


_BITS = 4096.0


@preset(
    "slayer.cuba",
    of="lava.lib.dl.slayer.neuron.cuba.Neuron",
    step="i ← ⌊(1-d_i) i⌋ + ⌊x⌋   v ← ⌊(1-d_v) v⌋ + i   s = 1[v ≥ θ]   v ← (1-s) v, in "
    "whole 4096ths, cut off towards zero; backward: no ⌊⌋ and no reset",
    default="lava.slayer (tau_rho=tau_grad θ, scale_rho=scale_grad)",
    differs="Decays are rounded to 4096ths, the threshold is cut off to 64ths. It "
    "fires at threshold already. What it records is the voltage before the reset, "
    "whose backward pass is that of a leaky integrator that never fired.",
    unused={
        "scale": "it is 64, as there unless changed",
        "norm": "put snnjax.networks.batch_norm before it",
        "dropout": "put snnjax.networks.dropout before it",
        "shared_param": "give one number, or [n]",
        "persistent_state": "a state goes in and comes out of every run",
        "requires_grad": "decays are fixed here",
        "graded_spike": "take the voltages, outputs=",
    },
)
def _slayer_cuba(
    n, surrogate, threshold, current_decay, voltage_decay, tau_grad=1.0, scale_grad=1.0
):
    for name, value in (("current", current_decay), ("voltage", voltage_decay)):
        check.between(f"{name}_decay", value, 0.0, 1.0)
    check.positive("threshold", threshold)
    theta = jnp.trunc(_number(threshold) * 64.0) / 64.0
    if surrogate is None:
        widths = {"tau_rho": tau_grad * theta, "scale_rho": scale_grad}
        surrogate = surrogate_of("lava.slayer", **widths)
    elif (tau_grad, scale_grad) != (1.0, 1.0):
        raise ValueError("give tau_grad and scale_grad, or surrogate=, not both.")
    rule = Rule(
        current="decay jump read",
        compare=">=",
        reset="value",
        reset_gradient="ignored",
        integer=True,
        recorded="compared",
    )
    kept = [1.0 - _rounded(d) for d in (voltage_decay, current_decay)]
    numbers = Numbers(mem=kept[0], syn=kept[1], threshold=theta)
    return stepped(n, rule, numbers, surrogate=surrogate)


def _number(value):
    return jnp.asarray(value, jnp.result_type(float))


def _rounded(decay):
    """A decay as the chip has it, in 4096ths."""
    return jnp.round(_number(decay) * _BITS) / _BITS
