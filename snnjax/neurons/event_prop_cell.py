"""Leaky neurons with the gradient of when they spike: ``lif`` with ``EventProp``."""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.kernels import native
from snnjax.kernels.native import Backend, match_axes
from snnjax.neurons import backends, event_prop_layer
from snnjax.neurons.checks import with_leak
from snnjax.neurons.event_prop_layer import Constants
from snnjax.neurons.layer import Carry, Options
from snnjax.neurons.population import Replay, population
from snnjax.surrogate import EventProp


def check_options(
    n: int, surrogate: EventProp, params: Any, reset: str, reset_gradient: bool
) -> None:
    """Refuses what the rule is not derived for.

    Raises:
        ValueError: with the reason.
    """
    check.positive("surrogate.slowest", surrogate.slowest)
    check.per_neuron("surrogate.slowest", surrogate.slowest, n)
    reasons = {
        "a synapse, tau_syn=…: without, an input is a jump of the voltage, or of its "
        "slope, and a spike at a jump does not move": params.tau_syn is None,
        "no refractory time, refractory=None: it is not derived for the voltage that "
        "waits": params.refractory is not None,
        "reset='zero' or 'subtract': without one, a spike is every step above "
        "threshold": reset == "none",
        "no reset_gradient=True: a spike that moves takes its reset along in any "
        "case": reset_gradient,
    }
    for needed, wrong in reasons.items():
        if wrong:
            raise ValueError(f"EventProp needs {needed}.")


def cell(
    n: int,
    surrogate: EventProp,
    firing: Any,
    tau_mem: Number | None,
    constants_of: Callable[[Number, Any], Any],
    rest: Callable[[jax.Array], Any],
    backend: Backend,
) -> Cell:
    """A population ``lif`` with this gradient.

    Args:
        n: number of neurons.
        surrogate: with the least slope.
        firing: how they fire and reset, ``leaky.Firing``.
        tau_mem: membrane time constant [s].
        constants_of: ``(dt, dtype) -> leaky.Constants``.
        rest: as of ``Cell``, with a mark.
        backend: who runs a whole sequence forward.
    """

    def constants(dt, dtype):
        pace = jnp.asarray(dt, dtype) / jnp.asarray(with_leak(tau_mem), dtype)
        slowest = jnp.asarray(surrogate.slowest, dtype)
        return Constants(constants_of(dt, dtype), pace, slowest)

    def advance(given, state, x):
        options = Options(firing, x.dtype, keep=True)
        currents = x[None].astype(state.v.dtype)
        given = match_axes(Carry(state, None), currents, None, given)
        made = event_prop_layer.run(options, *given)
        vs: Any = made.vs
        return made.end.state, made.spikes[0], {"v_before": vs[0]}

    run = partial(_whole, firing, backend)
    by_rule = backends.over_sequences("lif", n, rest, constants, run)

    def faster(names):
        # v has a gradient through its reset, too
        return by_rule(names) if {*names} <= {"v_before"} else {}

    also, replay = ("v_before",), Replay(_not_seen)
    given = "lif", n, constants, rest, advance, also, faster, replay
    made = population(*given, unseen=("mark",))
    assert made.about is not None
    return made._replace(about=dataclasses.replace(made.about, uncut=True))


def _not_seen(constants, state, given):
    raise ValueError(
        "EventProp needs the slope of each voltage at its spike, which no recording "
        "shows. Take a surrogate, such as SuperSpike(), for what a device ran."
    )


def _whole(firing, backend, names, constants, state, currents, loop):
    r, spikes, gradient = (None, None, True) if loop is None else loop
    dtype = currents.dtype if spikes is None else spikes.dtype
    support = native.available(*jax.tree.leaves((currents, r, spikes, state.v)))
    who = native.choose(backend, support)
    options = Options(firing, dtype, gradient, who, bool(names))
    given = Carry(state, spikes), currents.astype(state.v.dtype), r, constants
    made = event_prop_layer.run(options, *match_axes(*given))
    if not names:
        return made.end.state, made.spikes
    return made.end.state, (made.spikes, {"v_before": made.vs})
