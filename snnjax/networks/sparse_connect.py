"""Sparse connections, by lists of targets: no matrix is ever made.

    y_j = Σ_{i, k: targets[i, k] = j} x_i w[i, k]

One step of one network visits the spikes that there are and adds their rows, in place.
Sequences and batches go through the lists column by column, all samples at once.
Gradients do the same: that of x gathers what its targets got, that of w is a product
for each synapse.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jax.typing import ArrayLike

from snnjax import check, loops
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.kernels.linear import with_transpose
from snnjax.kernels.native import match_axes


class SparseWeights(NamedTuple):
    """Weights of a sparse connection."""

    w: jax.Array  # [n_in, longest], or [n_in] where a source is the same to all
    targets: jax.Array | None = None  # [n_in, longest], int32; None if they are fixed


@factory
def sparse(
    targets: ArrayLike,
    w: ArrayLike,
    n_out: int,
    *,
    cap: int | None = None,
    learned: bool = True,
) -> Cell:
    """A connection of some pairs of neurons, whose indices are given.

        sources = fan_in(key, 1000, 500, 20)  # 20 inputs of each of 500 neurons
        targets = fan_out(sources, 1000)
        cell = sparse(targets, 0.1 * np.ones(targets.shape), 500)

    As a learned layer, on a CPU, it is faster than ``dense(…, mask=…)`` below a density
    of about 1 % (1 000 neurons) or 2 % (4 000), and slower above: 0.4 of the time at
    0.5 %, four times as much at 10 % (``benchmarks/speed/sparse.py``).

    Args:
        targets: of each input, ``[n_in, longest]``, whole numbers; ``n_out`` fills.
        w: weights, ``[n_in, longest]`` or ``[n_in]``, where learning starts.
        n_out: number of outputs.
        cap: how many inputs fire in one step at most; more give NaN. All may if it is
            omitted. It saves a little time, in single steps of a single network.
        learned: whether weights are to be learned. If not, indices travel with the
            weights, so that a program of a large network takes them as an argument;
            else they are constants of the program.

    Returns:
        A cell ``[*batch, n_in] -> [*batch, n_out]`` with ``SparseWeights``, no state.

    Raises:
        ValueError: for targets that are no whole numbers from 0 to ``n_out``, weights
            of another shape or not finite, a cap below one or above ``n_in``, or an
            input of another width.
    """
    check.whole("n_out", n_out)
    check.flag("learned", learned)
    listed, drawn = _checked(targets, w, n_out)
    n_in, longest = listed.shape
    if cap is not None:
        check.whole("cap", cap, most=max(n_in, 1))
    shape = drawn.shape

    def rest(x):
        check.width("sparse", x, n_in)
        check.raster("The input of sparse", x)
        return ()

    def through(one_network):
        def advance(weights, state, x, dt):
            del dt  # passes at once
            rest(x)
            check.weights("sparse", weights, SparseWeights, {"w": shape})
            at = weights.targets
            if not learned:
                check.shape("The targets of sparse", at, (n_in, longest))
            dtype = check.precision(x, weights.w)
            most = (cap or n_in) if one_network and x.ndim == 1 else None
            given = jnp.asarray(listed) if learned else at
            strong = weights.w if weights.w.ndim == 2 else weights.w[:, None]
            x, strong = match_axes(jnp.asarray(x, dtype), strong.astype(dtype))
            return state, _project(x, strong, given, n_out, most)

        return advance

    def draw(key):
        del key  # given
        w = jnp.asarray(drawn, jnp.result_type(float))
        return SparseWeights(w, None if learned else jnp.asarray(listed))

    return Cell(init=draw, rest=rest, step=through(True), run=through(False))


def _checked(targets, w, n_out):
    """Indices on the host, and weights, refused where they do not fit."""
    known = check.concrete(targets)
    if known is None or known.dtype.kind not in "iu" or known.ndim != 2:
        raise ValueError(
            "targets must be known whole numbers [n_in, longest], got "
            f"{check.told(targets)}."
        )
    if known.size and not (known.min() >= 0 and known.max() <= n_out):
        raise ValueError(
            f"targets must be 0 … {n_out - 1}, or {n_out} where there is none, got "
            f"{known.min()} … {known.max()}."
        )
    check.finite("w", w)
    w = w if hasattr(w, "dtype") else np.asarray(w, float)
    if w.shape not in (known.shape, known.shape[:1]):
        raise ValueError(
            f"w must be [n_in, longest] = {known.shape} or [n_in], got {w.shape}."
        )
    check.floating("w", w)
    return known.astype(np.int32), w


@partial(jax.custom_jvp, nondiff_argnums=(3, 4))
def _project(x, w, targets, n_out, most):
    """``[*batch, n_in] -> [*batch, n_out]``, by events if there are ``most``."""
    if most is None:
        return _push(x, w, targets, n_out)
    return _events(x, w, targets, n_out, most)


@partial(_project.defjvp, symbolic_zeros=True)
def _project_jvp(n_out, most, primals, tangents):
    (x, w, targets), (d_x, d_w, _) = primals, tangents
    y = _project(x, w, targets, n_out, most)
    d_y = jnp.zeros_like(y)
    if not isinstance(d_x, SymbolicZero):
        d_y = d_y + with_transpose(_OfInput(n_out), _pull, (w, targets), d_x, y)
    if not isinstance(d_w, SymbolicZero):
        ways = _OfWeights(n_out), _Outer(w.shape[1])
        d_y = d_y + with_transpose(*ways, (x, targets), d_w, y)
    return y, d_y


class _OfInput(NamedTuple):
    """What comes out as a function of the input, told apart by its width."""

    n_out: int

    def __call__(self, constants, x):
        w, targets = constants
        return _push(x, w, targets, self.n_out)


class _OfWeights(NamedTuple):
    """What comes out as a function of the weights."""

    n_out: int

    def __call__(self, constants, w):
        x, targets = constants
        return _push(x, w, targets, self.n_out)


class _Outer(NamedTuple):
    """The gradient of the weights, of so many columns."""

    columns: int

    def __call__(self, constants, g):
        x, targets = constants
        given = _first(x), _filled(_first(g))
        ends = _columns(
            _one_outer, given, jnp.zeros_like(targets[:, 0], g.dtype), targets
        )
        w = ends[1].T
        return w if self.columns > 1 else jnp.sum(w, axis=1, keepdims=True)


def _first(x):
    """Neurons before samples."""
    return jnp.moveaxis(x, -1, 0)


def _filled(g):
    """One row of zeros more, for targets that are none."""
    return jnp.concatenate([g, jnp.zeros_like(g[:1])])


def _columns(step, given, start, targets, w=None):
    """Goes through the lists, column by column."""
    one = w is not None and w.shape[1] == 1
    xs = targets.T, None if w is None or one else w.T
    return loops.scan(step, (), (given, w[:, 0] if one else None), start, xs)


def _push(x, w, targets, n_out):
    x = _first(x)
    start = jnp.repeat(jnp.zeros_like(x[:1]), n_out + 1, axis=0)
    return jnp.moveaxis(_columns(_one_push, x, start, targets, w)[0][:-1], 0, -1)


def _one_push(fixed, given, y, column):
    (x, same), (at, w) = given, column
    return y.at[at].add(_beside(same if w is None else w, x) * x), None


def _pull(constants, g):
    w, targets = constants
    g = _filled(_first(g))
    start = jnp.repeat(jnp.zeros_like(g[:1]), len(targets), axis=0)
    return jnp.moveaxis(_columns(_one_pull, g, start, targets, w)[0], 0, -1)


def _one_pull(fixed, given, x, column):
    (g, same), (at, w) = given, column
    return x + _beside(same if w is None else w, x) * g[at], None


def _one_outer(fixed, given, carry, column):
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


def fan_in(key: jax.Array, n_in: int, n_out: int, k: int) -> jax.Array:
    """Draws k inputs of each output, each with the same chance.

    They are drawn one by one, so that one may come twice, as with a fixed
    indegree in NEST: its weights add up.

    Args:
        key: randomness.
        n_in: number of inputs.
        n_out: number of outputs.
        k: inputs of each output.

    Returns:
        Sources ``[n_out, k]``, int32.

    Raises:
        ValueError: for sizes below one, or a key of another kind.
    """
    check.key(key)
    check.whole("n_in", n_in)
    check.whole("n_out", n_out)
    check.whole("k", k)
    return jax.random.randint(key, (n_out, k), 0, n_in, jnp.int32)


def fan_out(sources: ArrayLike, n_in: int) -> np.ndarray:
    """Turns lists of sources round: the targets of each input, for ``sparse``.

    Args:
        sources: of each output, ``[n_out, k]``, 0 … n_in - 1.
        n_in: number of inputs.

    Returns:
        Targets ``[n_in, longest]``, int32, on the host; ``n_out`` fills.

    Raises:
        ValueError: for sources that are not known whole numbers in the range.
    """
    check.whole("n_in", n_in)
    known: Any = check.concrete(sources)
    whole = known is not None and known.dtype.kind in "iu" and known.ndim == 2
    if not whole or (known.size and not (known.min() >= 0 and known.max() < n_in)):
        raise ValueError(
            f"sources must be known whole numbers [n_out, k], 0 … {n_in - 1}, got "
            f"{check.told(sources)}."
        )
    n_out, k = known.shape
    order = np.argsort(known.ravel(), kind="stable")  # by source, then by output
    counts = np.bincount(known.ravel(), minlength=n_in)
    ends = np.cumsum(counts)
    targets = np.full((n_in, max(counts.max(), 1)), n_out, np.int32)
    for i, (count, end) in enumerate(zip(counts, ends, strict=True)):
        targets[i, :count] = order[end - count : end] // k
    return targets
