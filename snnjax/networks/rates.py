"""Weights scaled on data until each population fires at its target rate.

The theory of ``fluctuations.py`` takes inputs to be independent and of known rate. Real
inputs are neither, and errors grow from layer to layer. Here rates are measured: from
the input on, the weights onto each population are multiplied by one factor, found by
bisection.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.cell import Cell, Weights, check_cell, check_input, unroll
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.parts import Flat, flat, labels
from snnjax.probes import watched

_POWER = 10  # factors lie between 2^-10 and 2^10
_HALVINGS = 20


@exportable
class ScaledWeights(NamedTuple):
    """What ``scale_to_rates`` found."""

    weights: Weights  # as they came, but scaled
    factors: dict[str, jax.Array]  # by target, each []
    reached: dict[str, jax.Array]  # what was measured of each in the end, []


def scale_to_rates(
    net: Cell,
    weights: Weights,
    xs: Any,
    *,
    dt: Number,
    targets: Mapping[str, Number],
    measure: Callable[[jax.Array], jax.Array] | None = None,
    tolerance: float = 0.05,
    sweeps: int = 1,
    mask: jax.Array | None = None,
) -> ScaledWeights:
    """Scales the weights onto each population until its mean rate is on target.

        net = chain(input=dense(9, 64), low=lif(64), high=recurrent(64, 64, lif(64)),
                    readout=dense(64, 2), out=li(2))
        targets = {"low": 10.0, "high": 10.0}
        scaled = scale_to_rates(net, weights, xs, dt=dt, targets=targets)

    All weights from which signals reach a target without passing another are scaled by
    one positive factor, so that signs stay; what reaches several belongs to the first.
    Matrices and kernels are scaled, that is all arrays of leaves with two axes or more;
    biases and learned constants stay. The factor is the one at which the measure passes
    the target from below, between 2^-10 and 2^10; the measure should grow with the
    weights. Targets are met in the order in which the network acts.

    Args:
        net: any network of parts.
        weights: from ``net.init``.
        xs: inputs ``[T, *batch, n_in]``, as the network will see.
        dt: time step [s].
        targets: dotted names of parts, and the mean rate [Hz] of each over all neurons,
            samples and steps.
        measure: of what a part puts out ``[T, *batch, n]``, in place of the rate: one
            number in the units of the targets.
        tolerance: relative distance from the target that passes as reached.
        sweeps: how often to go through all targets; more than once where populations
            hear those above them, as excitation and inhibition do.
        mask: valid steps ``[T, *batch]``, as of ``unroll``. Rates are over these; a
            ``measure`` sees zeros elsewhere.

    Returns:
        ``ScaledWeights(weights, factors, reached)``. Where the inputs are traced
        nothing can be raised: compare ``reached`` with the targets.

    Raises:
        ValueError: for no target, one that is no part, lies inside another or is not
            positive, a part onto which there is nothing to scale, or one that does not
            reach its target; then with what it reached.
    """
    check_cell("net", net)
    check_input(xs, dt, mask)
    check.whole("sweeps", sweeps)
    check.positive("tolerance", tolerance)
    check.one("tolerance", tolerance)
    if measure is not None:
        check.function("measure", measure)
    check.arrays("weights", weights, numbers=True)
    weights = jax.tree.map(jnp.asarray, weights)
    whole = flat(net, weights)
    targets = _targets(whole, targets)
    groups, names = _groups(whole, targets), labels(net, weights)
    mean = measure or partial(_mean_rate, dt=dt, mask=mask)

    def reached(weights, *names):
        _, (_, ys) = unroll(watched(net, names), weights, xs, dt=dt, mask=mask)
        return {name: mean(ys[name]) for name in names}

    def scaled(weights, target, factor):
        def scale(name, w):
            mine = name in groups[target] and jnp.ndim(w) >= 2
            return w * factor.astype(w.dtype) if mine else w

        return jax.tree.map(scale, names, weights)

    factors = dict.fromkeys(targets, jnp.ones((), check.precision(weights)))
    for target, rate in [*targets.items()] * sweeps:

        def measured(factor, weights=weights, target=target):
            return reached(scaled(weights, target, factor), target)[target]

        factor = _factor(measured, rate, check.precision(weights))
        weights = scaled(weights, target, factor)
        factors[target] = factors[target] * factor
    end = reached(weights, *targets)
    for target, rate in targets.items():
        _check_reached(target, factors[target], end[target], rate, tolerance)
    return ScaledWeights(weights, factors, end)


def _mean_rate(spikes, *, dt, mask):
    """Over all neurons, samples and valid steps."""
    spikes = check.wide(spikes)
    if mask is None:
        return jnp.mean(spikes) / dt
    valid = check.truth("A mask", mask)
    valid = jnp.expand_dims(valid, tuple(range(valid.ndim, spikes.ndim)))
    return jnp.mean(spikes, where=valid) / dt


def _factor(measured, target, dtype):
    """Where a growing function of the factor passes the target, by bisection."""

    def halve(_, span):
        low, high = span
        middle = (low + high) / 2.0
        below = measured(2.0**middle) < target
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    span = jnp.asarray(-_POWER, dtype), jnp.asarray(_POWER, dtype)
    search = partial(jax.lax.fori_loop, 0, _HALVINGS, halve)
    return 2.0 ** loops.forgotten(search, span)[1]


def _targets(whole: Flat, targets: Mapping[str, Number]) -> dict[str, Number]:
    """The targets in the order in which the network acts."""
    if not isinstance(targets, Mapping) or not targets:
        raise ValueError(
            "scale_to_rates expects at least one target by name, such as "
            f'targets={{"hidden": 10.0}}, got {targets!r}.'
        )
    named = {str(name): target for name, target in targets.items()}
    first = {}
    for name, target in named.items():
        check.positive(f"The target of {name}", target)
        inside = _leaves_of(whole, name)
        outer = [other for other in named if name.startswith(f"{other}.")]
        if not inside or outer:
            why = f"lies inside {outer[0]}" if outer else "is no part"
            raise ValueError(
                f"The target {name!r} {why}; leaves are {', '.join(whole.leaves)}."
            )
        first[name] = list(whole.leaves).index(inside[0])
    return {name: named[name] for name in sorted(named, key=lambda name: first[name])}


def _groups(whole: Flat, targets: Iterable[str]) -> dict[str, set[str]]:
    """The leaves whose weights are scaled for each target."""
    inside = {target: set(_leaves_of(whole, target)) for target in targets}
    ends: set[str] = set().union(*inside.values())
    taken: set[str] = set()
    groups = {}
    for target, own in inside.items():
        reaching = _reaching(whole, own, ends - own) - taken
        matrices = [w for name in reaching for w in _matrices(whole, name)]
        if not matrices:
            raise ValueError(
                f"Nothing onto {target} can be scaled: no weights with two axes reach "
                "it, but through other targets or those of others."
            )
        groups[target] = reaching
        taken |= reaching
    return groups


def _reaching(whole, leaves, ends):
    """Leaves from which signals reach these, themselves included, not through ends."""
    found, todo = set(leaves), list(leaves)
    while todo:
        now = todo.pop()
        new = {e.source for e in whole.edges if e.target == now} & set(whole.leaves)
        todo.extend(new - found - ends)
        found |= new - ends
    return found


def _leaves_of(whole, part):
    return [k for k in whole.leaves if k == part or k.startswith(f"{part}.")]


def _matrices(whole, name):
    return [w for w in jax.tree.leaves(whole.leaves[name].weights) if jnp.ndim(w) >= 2]


def _check_reached(name, factor, reached, target, tolerance):
    known = check.concrete(jnp.abs(reached - target) <= tolerance * target)
    if known is not None and not known:
        raise ValueError(
            f"{name} reaches {reached:.4g} at factor {factor:.4g}, not {target:.4g}. "
            "Is the input silent, or so short that one spike more or less matters? Can "
            "the neurons do it, and does the measure grow with the weights? Where "
            "populations hear those above them, it takes more sweeps."
        )
