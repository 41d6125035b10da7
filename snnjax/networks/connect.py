"""Connections: spikes in, currents out, weights between.

A connection remembers nothing, so a whole sequence is one matrix product over all of
time.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from snnjax import check
from snnjax.about import About, factory
from snnjax.cell import Cell
from snnjax.exported import exportable
from snnjax.kernels import native
from snnjax.kernels.native import Backend
from snnjax.kernels.products import align, project
from snnjax.kernels.rasters import Raster
from snnjax.networks.initialize import spiking

Initializer = Callable[[jax.Array, int, int], jax.Array]


@exportable
class DenseWeights(NamedTuple):
    """Weights of an all-to-all connection.

    Example:
        >>> w = jnp.array([[1.0, 0.0], [0.5, 2.0]])
        >>> weights = snn.networks.DenseWeights(w=w, b=None)
        >>> _, y = snn.unroll(snn.dense(2, 2), weights, jnp.ones((1, 2)), dt=1e-3)
        >>> print(y)
        [[1.5 2. ]]
    """

    w: jax.Array  # [n_in, n_out]
    b: jax.Array | None  # [n_out]; None without bias


@factory
def dense(
    n_in: int,
    n_out: int,
    *,
    bias: bool = False,
    init: Initializer = spiking,
    mask: ArrayLike | None = None,
    backend: Backend = "auto",
) -> Cell:
    """An all-to-all connection, ``y = x·w + b``, or one of some pairs of neurons.

    Args:
        n_in: number of inputs.
        n_out: number of outputs.
        bias: whether to learn a constant current, starting from zero.
        init: draws ``w``, ``(key, n_in, n_out) -> [n_in, n_out]``. If omitted, default
            ``lif`` neurons fire where inputs fire at about 10 Hz (``spiking``).
        mask: which pairs are connected, ``[n_in, n_out]`` of truth values; all if
            omitted. The others are zero when drawn, have no effect whatever they are,
            and no gradient.
        backend: who multiplies a whole sequence: ``"native"``, the kernel of ``snnjax
            kernels build``, which adds up the rows of ``w`` that spikes select (float32
            on a CPU), ``"xla"``, or ``"auto"``, native where it can be.

    Returns:
        A cell ``[*batch, n_in] -> [*batch, n_out]`` with ``DenseWeights`` and no state.

    Raises:
        ValueError: for a width below one, an input of another width, weights or a mask
            of another shape, an unknown backend, or a forced native one that cannot be
            taken, with the reason.

    Example:
        >>> cell = snn.dense(3, 2, bias=True)
        >>> jax.tree.map(jnp.shape, cell.init(jax.random.key(0)))
        DenseWeights(w=(3, 2), b=(2,))
        >>> in_pairs = snn.dense(2, 2, mask=np.eye(2, dtype=bool))
        >>> print(in_pairs.init(jax.random.key(0)).w != 0.0)
        [[ True False]
         [False  True]]
    """
    check.whole("n_in", n_in)
    check.whole("n_out", n_out)
    check.flag("bias", bias)
    check.function("init", init)
    native.check_backend(backend)
    connected = connections("mask", mask, n_in, n_out)
    shapes = {"w": (n_in, n_out), "b": (n_out,) if bias else None}

    def matrix(weights):
        check.weights("dense", weights, DenseWeights, shapes)
        return masked(weights.w, connected)

    def draw(key):
        w = masked(init(key, n_in, n_out), connected)
        return DenseWeights(w, jnp.zeros(n_out, w.dtype) if bias else None)

    def rest(x):
        check.width("dense", x, n_in)
        check.raster("The input of dense", x)
        return ()

    def step(weights, state, x, dt):
        del dt  # passes at once
        check.width("dense", x, n_in)
        return state, project(x, matrix(weights), weights.b)

    def run(weights, state, xs, dt):
        del dt
        w = matrix(weights)
        spikes = xs.spikes if isinstance(xs, Raster) else xs
        check.width("dense", spikes, n_in)
        who = native.choose(backend, native.available(spikes, w))
        return state, project(xs, w, weights.b, backend=who)

    def puts_out(state, x):
        return jax.ShapeDtypeStruct((*x.shape[:-1], n_out), check.precision(x))

    about = About(matrix=None if bias else matrix, puts_out=puts_out, takes_marks=True)
    return Cell(init=draw, rest=rest, step=step, run=run, about=about)


def masked(w: jax.Array, connected: jax.Array | None) -> jax.Array:
    """Weights with zeros, without gradient, where nothing is connected."""
    return w if connected is None else jnp.where(connected, w, jnp.zeros_like(w))


def connections(
    name: str, mask: ArrayLike | None, n_in: int, n_out: int
) -> jax.Array | None:
    """A mask as truth values, refused unless it fits.

    Raises:
        ValueError: naming the mask, with what came and what was expected.
    """
    if mask is None:
        return None
    known = check.concrete(mask)
    given: Any = mask if known is None else known
    truth = given.dtype == bool
    if known is not None and known.dtype.kind in "iuf":
        truth = bool(np.isin(known, (0, 1)).all())
    if given.shape != (n_in, n_out) or not truth:
        raise ValueError(
            f"{name} must be truth values [n_in, n_out] = ({n_in}, {n_out}), got "
            f"{given.dtype} {given.shape}."
        )
    return jnp.asarray(mask).astype(bool)


@factory
def from_events(
    n_in: int, n_out: int, *, bias: bool = False, init: Initializer = spiking
) -> Cell:
    """An all-to-all connection that reads which inputs fire, not a raster.

    The same as ``dense``, for inputs so sparse that their raster is mostly zeros:
    ``y = Σ_k w[x_k] + b``, over the indices that are not negative.

    Args:
        n_in: number of inputs.
        n_out: number of outputs.
        bias: whether to learn a constant current, starting from zero.
        init: draws ``w``, ``(key, n_in, n_out) -> [n_in, n_out]``.

    Returns:
        A cell ``[*batch, K] -> [*batch, n_out]`` with ``DenseWeights`` and no state. In
        each step its input names at most K firing inputs, 0 … n_in - 1 as ``int32``;
        -1 fills the rest. An index above the range gives NaN.

    Raises:
        ValueError: for a width below one, or an input that is not ``int32``.
    """
    connection = dense(n_in, n_out, bias=bias, init=init)
    shapes = {"w": (n_in, n_out), "b": (n_out,) if bias else None}

    def rest(x):
        check.array("The input of from_events", x, "[*batch, K]")
        if x.dtype != jnp.int32:
            raise ValueError(
                f"from_events expects indices of dtype int32, got {x.dtype}. "
                "A raster [*batch, n_in] goes to dense."
            )
        return ()

    def step(weights, state, x, dt):
        del dt  # passes at once
        check.weights("from_events", weights, DenseWeights, shapes)
        rows = weights.w.at[jnp.maximum(x, 0)].get(mode="fill", fill_value=jnp.nan)
        y = jnp.sum(rows, axis=-2, where=(x >= 0)[..., None])
        return state, y if weights.b is None else y + align(weights.b, y)

    return Cell(init=connection.init, rest=rest, step=step, run=step)
