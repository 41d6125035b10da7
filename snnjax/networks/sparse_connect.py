"""Sparse connections, by lists of targets.

    y_j = Σ_{i, k: targets[i, k] = j} x_i w[i, k]

How they are summed over stands in ``sparse_products``.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.exported import exportable
from snnjax.kernels.native import match_axes
from snnjax.networks.sparse_products import Lists, both_ways, by_lists, by_matrix

DENSE = 1.0 / 30.0  # from this density on a learned connection is a matrix


@exportable
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

    A learned layer below a density of 1/30 sums over its lists and makes no matrix; a
    denser one is filled into a matrix, which is faster there (on a CPU, see
    ``benchmarks/speed/sparse.py``). One that is not learned never makes a matrix. A
    step of a single network visits the spikes that there are.

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

    Example:
        >>> sources = snn.networks.fan_in(jax.random.key(0), 1000, 500, 20)
        >>> targets = snn.networks.fan_out(sources, 1000)
        >>> cell = snn.networks.sparse(targets, 0.1 * np.ones(targets.shape), 500)
        >>> weights = cell.init(jax.random.key(0))
        >>> _, currents = snn.unroll(cell, weights, jnp.ones((1, 1000)), dt=1e-3)
        >>> print(f"{currents.min():.1f} to {currents.max():.1f}")  # of 20 inputs each
        2.0 to 2.0
    """
    check.whole("n_out", n_out)
    check.flag("learned", learned)
    listed, drawn = _checked(targets, w, n_out)
    n_in, longest = listed.shape
    if cap is not None:
        check.whole("cap", cap, most=max(n_in, 1))
    shape = drawn.shape
    as_matrix = learned and np.sum(listed < n_out) > DENSE * n_in * n_out
    lists = both_ways(listed, n_out) if learned and not as_matrix else None

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
            strong = weights.w if weights.w.ndim == 2 else weights.w[:, None]
            x, strong = match_axes(jnp.asarray(x, dtype), strong.astype(dtype))
            if as_matrix and most is None:
                return state, by_matrix(x, strong, listed, n_out)
            given = (lists or Lists(listed)) if learned else Lists(at)
            return state, by_lists(x, strong, given, n_out, most)

        return advance

    def draw(key):
        del key  # given
        w = jnp.array(drawn, jnp.result_type(float))
        return SparseWeights(w, None if learned else jnp.array(listed))

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

    Example:
        >>> sources = snn.networks.fan_in(jax.random.key(0), 1000, 500, 20)
        >>> sources.shape
        (500, 20)
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

    Example:
        >>> print(snn.networks.fan_out(np.array([[0, 2], [0, 1]]), 3))  # 2: nobody
        [[0 1]
         [1 2]
         [0 2]]
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
