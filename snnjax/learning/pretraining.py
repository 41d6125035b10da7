"""Homeostatic pretraining: firing rates are brought into a band before training.

A network whose weights start too small is silent: no spikes come out, and no gradient
of a loss comes back through layers that do not fire. A penalty on each neuron's firing
rate needs no labels, and a surrogate gives it a gradient even at silence (Rossbroich,
Gygax & Zenke 2022, doi:10.1088/2634-4386/ac97bb).
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snnjax import check, loops
from snnjax.about import OUTPUT
from snnjax.cell import Cell, Weights, check_cell, check_input, unroll
from snnjax.check import Number
from snnjax.learning.regularize import beyond, firing_rate
from snnjax.parts import Flat, flat, labels, options_of, rebuild
from snnjax.probes import watched


class Pretrained(NamedTuple):
    """What ``homeostatic_pretraining`` returns."""

    weights: Weights  # of the network, after descent
    rates: jax.Array  # mean of each layer [Hz], [layers]
    inside: jax.Array  # whether each layer is in its band, [layers]
    steps: jax.Array  # updates made, int32


def homeostatic_pretraining(
    net: Cell,
    weights: Weights,
    xs: Any,
    *,
    dt: Number,
    layers: str | Sequence[str],
    lower: Number,
    upper: Number,
    optimizer: optax.GradientTransformation,
    steps: int,
    of: Literal["thresholds", "weights"] = "thresholds",
    mask: jax.Array | None = None,
) -> Pretrained:
    """Descends on firing rates alone until the mean rate of every layer is in its band.

    The penalty is on each neuron, whatever the rates of the others,

        L = Σ_layers mean_n [lower - ν_n]₊² + [ν_n - upper]₊²

    with ν_n the rate of a neuron over time and the whole batch. The bounds in it lie
    inside the band, by a tenth of its width, as descent would converge to its edge
    otherwise. Descent stops at the first step in which all layers are inside.

    What is descended on matters. The logarithms of *thresholds*, one for each neuron,
    fall until it fires, and its selectivity stays. In the end the weights onto a neuron
    are divided by what became of its threshold, which gives the same spikes in the
    network as it is (but for neurons with escape noise, which would have to be scaled
    too). *Weights* reach the band as well, but the gradients of all synapses of a
    silent neuron have the same sign, so that the neurons of a layer come to fire in
    synchrony whatever the sample, and training failed (study R12).

    The membranes of a silent layer are a whole threshold below firing, so the surrogate
    must not vanish there: one of peak 1 and moderate slope, such as ``SuperSpike(10)``,
    is 1/121 there; one that is cut off (triangle, boxcar) or steep has no gradient.
    Only layers whose inputs fire have a gradient, so layers begin to fire one after the
    other.

    Args:
        net: any network of parts.
        weights: where to start.
        xs: inputs ``[T, *batch, n_in]``; the same in every step, so take enough samples
            to tell a rate.
        dt: time step [s].
        layers: dotted names of the parts that should fire. For thresholds each is, or
            holds, one population whose constants have a ``threshold``, behind
            connections with weights.
        lower: lowest rate [Hz] of each layer, ``[layers]``, or of all.
        upper: highest rate [Hz] of each layer, ``[layers]``, or of all.
        optimizer: any optax transformation, of the logarithms of thresholds or of all
            weights; those that no rate depends on stay as they are.
        steps: at most so many updates.
        of: what is descended on.
        mask: valid steps ``[T, *batch]``, as of ``unroll``; rates are those of the
            valid steps of each sample.

    Returns:
        ``Pretrained(weights, rates, inside, steps)``; ``inside`` is false for layers
        that did not reach their band, nor a traced one that is empty. It runs under
        ``jit``; no gradient passes.

    Raises:
        ValueError: for a band that is empty or negative or has another number of
            layers, no layer at all, one that there is not or whose thresholds cannot be
            divided out of the weights onto it, or ``steps`` below one.

    Example:
        >>> net = snn.chain(hidden=snn.dense(9, 8), neurons=snn.lif(8))
        >>> weights = net.init(jax.random.key(0))
        >>> xs = jnp.zeros((100, 2, 9)).at[::10].set(0.1)
        >>> pretrained = snn.learning.homeostatic_pretraining(
        ...     net, weights, xs, dt=1e-3, layers="neurons", lower=10.0, upper=50.0,
        ...     optimizer=optax.adam(0.1), steps=100,
        ... )
        >>> print(pretrained.inside)
        [ True]
    """
    check.one_of("of", of, ("thresholds", "weights"))
    check_cell("net", net)
    check_input(xs, dt, mask)
    for x in jax.tree.leaves(xs):
        if x.size == 0:
            raise ValueError(f"xs must hold a step and a sample, got shape {x.shape}.")
    _check_descent(lower, upper, optimizer, steps)
    if not isinstance(layers, str | list | tuple):
        raise ValueError(f"layers must be names of parts, got {check.told(layers)}.")
    names = (layers,) if isinstance(layers, str) else tuple(map(str, layers))
    check.arrays("weights", weights, numbers=True)
    weights = jax.tree.map(jnp.asarray, weights)

    def rates(net, weights):
        _, (_, ys) = unroll(watched(net, names), weights, xs, dt=dt, mask=mask)
        return [firing_rate(ys[name], dt=dt, mask=mask) for name in names]

    def descended(rates, initial):
        band = {"lower": lower, "upper": upper}
        return descend(rates, initial, **band, optimizer=optimizer, steps=steps)

    if of == "weights":
        return Pretrained(*descended(lambda weights: rates(net, weights), weights))
    whole = flat(net, weights)
    neurons = [_neuron(whole, name) for name in names]
    onto = {source: neuron for neuron in neurons for source in _onto(whole, neuron)}
    dtype = check.precision(weights)
    found = descended(
        lambda logs: rates(_raised(net, logs), weights),
        {k: jnp.zeros(n, dtype) for k, n in _widths(net, weights, xs, neurons)},
    )

    def folded(name, w):
        if name not in onto:
            return w
        raised = jnp.exp(found.values[onto[name]]).astype(w.dtype)
        return w / jnp.expand_dims(raised, tuple(range(w.ndim - 1)))

    divided = jax.tree.map(folded, labels(net, weights), weights)
    return Pretrained(divided, *found[1:])


def _neuron(whole: Flat, layer: str) -> str:
    """The leaf of a layer that has thresholds."""
    leaves = [k for k in whole.leaves if k == layer or k.startswith(f"{layer}.")]
    if leaves == [layer]:
        options_of(layer, whole.leaves[layer].cell)  # refuses a hand-written one
    found = [k for k in leaves if _constants(whole.leaves[k].cell)]
    if len(found) != 1:
        raise ValueError(
            "Each of layers is a part with one population that has thresholds, "
            f"{layer!r} has {', '.join(found) or 'none'}; leaves are "
            f"{', '.join(whole.leaves)}."
        )
    return found[0]


def _constants(cell: Cell) -> list[str]:
    """Names of the options with a threshold."""
    if cell.about is None or cell.about.options is None:
        return []
    given = cell.about.options.arguments.items()
    return [k for k, v in given if "threshold" in getattr(v, "_fields", ())]


def _onto(whole: Flat, neuron: str) -> list[str]:
    """The leaves whose weights lead onto a neuron and nowhere else."""
    sources = [edge.source for edge in whole.edges if edge.target == neuron]
    for source in sources:
        targets = {edge.target for edge in whole.edges if edge.source == source}
        leaf = whole.leaves.get(source)
        matrix = leaf and any(jnp.ndim(w) >= 2 for w in jax.tree.leaves(leaf.weights))
        if not matrix or targets - {neuron, OUTPUT}:
            raise ValueError(
                f"Thresholds of {neuron} cannot be divided out of {source!r}: what "
                "reaches it must come over connections with weights, its own alone."
            )
    return sources


def _raised(net: Cell, logs: dict[str, jax.Array]) -> Cell:
    """The network with other thresholds, by the logarithms of their factors."""

    def change(name, cell):
        if name not in logs:
            return cell
        options = options_of(name, cell)
        for k in _constants(cell):
            threshold = options[k].threshold * jnp.exp(logs[name])
            options[k] = options[k]._replace(threshold=threshold)
        return cell.about.make(**options)

    return rebuild(net, change)


def _widths(net, weights, xs, neurons):
    """How many thresholds each population has."""
    if not neurons:
        return []
    look = watched(net, tuple(neurons))
    _, (_, ys) = jax.eval_shape(lambda xs: unroll(look, weights, xs, dt=1e-3), xs)
    return [(name, ys[name].shape[-1]) for name in neurons]


class Descent(NamedTuple):
    """What ``descend`` returns: as ``Pretrained``, of any values."""

    values: Any
    rates: jax.Array
    inside: jax.Array
    steps: jax.Array


def descend(
    rates: Callable[[Any], Sequence[jax.Array]],
    initial: Any,
    *,
    lower: Number,
    upper: Number,
    optimizer: optax.GradientTransformation,
    steps: int,
) -> Descent:
    """Descends on the rates of layers by whatever they depend on.

    Args:
        rates: ``values -> rates`` of each layer, ``[*batch, n]`` [Hz].
        initial: the values to start from, a tree of arrays.
        lower: as of ``homeostatic_pretraining``.
        upper: as of ``homeostatic_pretraining``.
        optimizer: of the values.
        steps: at most so many updates.
    """
    _check_descent(lower, upper, optimizer, steps)

    def penalty(values):
        each = [r.reshape(-1, r.shape[-1]).mean(axis=0) for r in rates(values)]
        low, high = _of_each("lower", lower, each), _of_each("upper", upper, each)
        margin = 0.1 * (high - low)
        penalties = [
            jnp.mean(beyond(floor - nu, 2) + beyond(nu - ceiling, 2))
            for nu, floor, ceiling in zip(
                each, low + margin, high - margin, strict=True
            )
        ]
        means = jnp.stack([nu.mean() for nu in each])
        inside = (means >= low) & (means <= high)
        return jnp.sum(jnp.stack(penalties)), (means, inside)

    def unfinished(state):
        now, _, _ = state
        return (now.steps < steps) & ~jnp.all(now.inside)

    def update(state):
        now, opt_state, slope = state
        with jax.numpy_dtype_promotion("standard"):  # optax mixes counts with floats
            change, opt_state = optimizer.update(slope, opt_state, now.values)
        values = optax.apply_updates(now.values, change)
        slope, (means, inside) = jax.grad(penalty, has_aux=True)(values)
        return Descent(values, means, inside, now.steps + 1), opt_state, slope

    slope, (means, inside) = jax.grad(penalty, has_aux=True)(initial)
    first = Descent(initial, means, inside, jnp.zeros((), jnp.int32))
    state = first, optimizer.init(initial), slope
    descend = partial(jax.lax.while_loop, unfinished, update)
    return loops.forgotten(descend, state)[0]


def _check_descent(lower, upper, optimizer, steps):
    check.whole("steps", steps)
    check.fields("optimizer", optimizer, "init", "update")
    check.positive("lower", lower, " [Hz]", zero=True)
    check.positive("upper", upper, " [Hz]", zero=True)
    low, high = check.concrete(lower), check.concrete(upper)
    if low is not None and high is not None and not np.all(low < high):
        raise ValueError(f"lower must be below upper, got {low} and {high} Hz.")


def _of_each(name, bound, layers):
    """The bound of each layer, ``[layers]``."""
    if not layers:
        raise ValueError(
            "homeostatic_pretraining expects the rates of at least one layer, got none."
        )
    if jnp.shape(bound) not in ((), (len(layers),)):
        raise ValueError(
            f"{name} must be one rate or one for each of {len(layers)} layers, "
            f"got shape {jnp.shape(bound)}."
        )
    return jnp.broadcast_to(jnp.asarray(bound, layers[0].dtype), len(layers))
