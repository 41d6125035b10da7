"""Sums over lists of synapses.

One step of one network visits the spikes that there are and adds their rows, in place.
Sequences and batches go through lists column by column, all samples at once: where the
sources of each output are known it gathers them, which is faster than adding to its
targets. Gradients do the same: that of x gathers what its targets got, that of w is a
product for each synapse.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from snnjax import check, loops
from snnjax.kernels.linear import with_transpose


class Lists(NamedTuple):
    """Synapses by their sources and, where they are known beforehand, by targets."""

    targets: jax.Array | np.ndarray  # of each input, [n_in, longest]; n_out fills
    sources: np.ndarray | None = None  # of each output, [n_out, most]; n_in fills
    synapses: np.ndarray | None = None  # which weight of all that is, [n_out, most]
    places: np.ndarray | None = None  # where each weight stands there, [n_in, longest]


def both_ways(targets: np.ndarray, n_out: int) -> Lists:
    """Lists of targets, and the same synapses as lists of sources."""
    n_in, longest = targets.shape
    flat = targets.ravel()
    order = np.argsort(flat, kind="stable")[: np.sum(flat < n_out)]
    counts = np.bincount(flat[order], minlength=n_out)
    most = max(counts.max(), 1)
    column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
    at = flat[order] * most + column
    synapses = np.full(n_out * most, flat.size, np.int32)
    places = np.full(flat.size, n_out * most, np.int32)
    synapses[at], places[order] = order, at
    sources = np.where(synapses < flat.size, synapses // max(longest, 1), n_in)
    shape = n_out, most
    return Lists(
        targets,
        sources.astype(np.int32).reshape(shape),
        synapses.reshape(shape),
        places.reshape(targets.shape),
    )


def by_matrix(x: jax.Array, w: jax.Array, targets: np.ndarray, n_out: int) -> jax.Array:
    """``[*batch, n_in] -> [*batch, n_out]``, filled into a matrix."""
    n_in, longest = targets.shape
    at = np.arange(n_in)[:, None] * (n_out + 1) + targets
    each = jnp.broadcast_to(w, (*w.shape[:-1], longest))
    full = jnp.zeros_like(w, shape=n_in * (n_out + 1))
    full = full.at[at].add(each, mode="promise_in_bounds")
    return x @ full.reshape(n_in, n_out + 1)[:, :-1]


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def by_lists(
    x: jax.Array, w: jax.Array, lists: Lists, n_out: int, most: int | None
) -> jax.Array:
    """``[*batch, n_in] -> [*batch, n_out]``, by events if there are ``most``."""
    if most is None:
        return _sums(x, w, lists, n_out)
    return _events(x, w, lists.targets, n_out, most)


@partial(by_lists.defjvp, symbolic_zeros=True)
def _by_lists_jvp(n_out, most, primals, tangents):
    (x, w, lists), (d_x, d_w, _) = primals, tangents
    y = by_lists(x, w, lists, n_out, most)
    d_y = jnp.zeros_like(y)
    if not isinstance(d_x, SymbolicZero):
        d_y = d_y + with_transpose(_OfInput(n_out), _pull, (w, lists), d_x, y)
    if not isinstance(d_w, SymbolicZero):
        ways = _OfWeights(n_out), _Outer(w.shape[1])
        d_y = d_y + with_transpose(*ways, (x, lists), d_w, y)
    return y, d_y


class _OfInput(NamedTuple):
    """What comes out as a function of the input, told apart by its width."""

    n_out: int

    def __call__(self, constants, x):
        w, lists = constants
        return _sums(x, w, lists, self.n_out)


class _OfWeights(NamedTuple):
    """What comes out as a function of the weights."""

    n_out: int

    def __call__(self, constants, w):
        x, lists = constants
        return _sums(x, w, lists, self.n_out)


class _Outer(NamedTuple):
    """The gradient of the weights, of so many columns."""

    columns: int

    def __call__(self, constants, g):
        x, lists = constants
        w = _products(_first(x), _first(g), lists)
        return w if self.columns > 1 else jnp.sum(w, axis=1, keepdims=True)


def _first(x):
    """Neurons before samples."""
    return jnp.moveaxis(x, -1, 0)


def _filled(g):
    """One row of zeros more, for targets that are none."""
    return jnp.concatenate([g, jnp.zeros_like(g[:1])])


def _columns(step, given, start, lists, w=None):
    """Goes through lists, column by column."""
    one = w is not None and w.shape[1] == 1
    xs = lists.T, None if w is None or one else w.T
    return loops.scan(step, (), (given, w[:, 0] if one else None), start, xs)


def _sums(x, w, lists, n_out):
    x = _first(x)
    if lists.sources is None:
        start = jnp.repeat(jnp.zeros_like(x[:1]), n_out + 1, axis=0)
        y = _columns(_one_push, x, start, lists.targets, w)[0][:-1]
    else:
        each = jnp.broadcast_to(w, lists.targets.shape).ravel()
        w = _filled(each)[lists.synapses]
        y = _gathered(_filled(x), w, lists.sources)
    return jnp.moveaxis(y, 0, -1)


def _one_push(fixed, given, y, column):
    (x, same), (at, w) = given, column
    return y.at[at].add(_beside(same if w is None else w, x) * x), None


def _pull(constants, g):
    w, lists = constants
    return jnp.moveaxis(_gathered(_filled(_first(g)), w, lists.targets), 0, -1)


def _gathered(g, w, at):
    start = jnp.repeat(jnp.zeros_like(g[:1]), len(at), axis=0)
    return _columns(_one_pull, g, start, at, w)[0]


def _one_pull(fixed, given, x, column):
    (g, same), (at, w) = given, column
    return x + _beside(same if w is None else w, x) * g[at], None


def _products(x, g, lists):
    """What each synapse passed on times what its target got, ``[n_in, longest]``."""
    if lists.sources is None:
        given, at, start = (x, _filled(g)), lists.targets, x
    else:
        given, at, start = (g, _filled(x)), lists.sources, g
    start = jnp.zeros_like(at[:, 0], start.dtype)
    each = _columns(_one_product, given, start, at)[1].T
    if lists.sources is None:
        return each
    return _filled(each.ravel())[lists.places]


def _one_product(fixed, given, carry, column):
    ((x, g), _), (at, _) = given, column
    return carry, jnp.sum(x * g[at], axis=tuple(range(1, x.ndim)))


def _beside(w, x):
    return w.reshape(-1, *(1,) * (x.ndim - 1))


@partial(jax.jit, static_argnums=(3, 4), inline=True)
def _events(x, w, targets, n_out, most):
    """One step of one network: rows of the inputs that fire, one after another."""
    fires = x != 0.0
    (which,) = jnp.nonzero(fires, size=most, fill_value=0)
    count = jnp.sum(fires)

    def add(k, y):
        i = which[k]
        return y.at[targets[i]].add(jnp.broadcast_to(w[i] * x[i], targets.shape[1:]))

    silence = jnp.zeros(n_out + 1, x.dtype) + 0.0 * jnp.sum(x[:0])
    y = jax.lax.fori_loop(0, jnp.minimum(count, most), add, silence)
    return check.or_nan(y[:-1], count <= most)
