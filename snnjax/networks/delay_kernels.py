"""A delay for each synapse: weights that are spread over lags.

    y_t = Σ_k x_{t-k} · K_k      K_k = w softmax_k(-(k - d)² / (2 σ²))

A sequence is transformed along time, multiplied frequency by frequency, and transformed
back; transforms are matrix products, which on a CPU are faster than an FFT of such
lengths. Sums of cosines are zero to rounding only, so that what nothing has reached
yet is set to zero.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.networks.connect import Initializer
from snnjax.networks.delays import DelayState, nothing_before, past_of, with_past
from snnjax.networks.initialize import spiking
from snnjax.neurons.checks import state_check


@exportable
class DelayedWeights(NamedTuple):
    """Weights of a connection with delays."""

    w: jax.Array  # [n_in, n_out]
    logit: jax.Array  # of each delay as a part of the longest, [n_in, n_out]


@factory
def delayed(
    n_in: int,
    n_out: int,
    longest: int,
    *,
    width: Number | None,
    init: Initializer = spiking,
) -> Cell:
    """An all-to-all connection with a delay of each synapse that is learned.

    The delay is ``d = longest · sigmoid(logit)`` steps. While it is learned a synapse
    is spread over lags as a Gaussian around d, whose width is made smaller as training
    goes on; its sum over lags is always w. With ``width=None`` delays are rounded to
    whole steps, as they are used in the end:

        make = lambda width: chain(delayed(70, 50, 25, width=width), lif(50))

    A wide kernel averages its input, so that weights start about 2.5 times as large as
    without (``init``). Delays are drawn evenly from 0 to ``longest``.

    Args:
        n_in: number of inputs.
        n_out: number of outputs.
        longest: the longest delay [steps].
        width: σ [steps], data that may be traced; or None, for whole steps, exactly.
            There a sequence takes a product for each lag, which is slower.
        init: draws ``w``, ``(key, n_in, n_out) -> [n_in, n_out]``.

    Returns:
        A cell ``[*batch, n_in] -> [*batch, n_out]`` with ``DelayedWeights``, of state
        ``DelayState``.

    Raises:
        ValueError: for sizes below one, a width that is not one positive number, an
            input of another width, or weights of another cell. A traced width that is
            not positive gives NaN.

    References:
        Hammouamri, Khalfaoui-Hassani & Masquelier (2024), Learning delays in spiking
        neural networks using dilated convolutions with learnable spacings,
        doi:10.48550/arXiv.2306.17670.
    """
    check.whole("n_in", n_in)
    check.whole("n_out", n_out)
    check.whole("longest", longest)
    check.function("init", init)
    if width is not None:
        check.positive("width", width, " [steps]")
        check.one("width", width)
    shapes = {"w": (n_in, n_out), "logit": (n_in, n_out)}

    def draw(key):
        key_w, key_d = jax.random.split(key)
        w = init(key_w, n_in, n_out)
        return DelayedWeights(w, jax.random.logistic(key_d, w.shape, w.dtype))

    def rest(x):
        check.width("delayed", x, n_in)
        check.raster("The input of delayed", x)
        return DelayState(nothing_before(x, longest))

    refuse = state_check("delayed", n_in, rest)

    def ready(weights, state):
        check.weights("delayed", weights, DelayedWeights, shapes)
        dtype = check.precision(weights, state)
        return jax.tree.map(lambda w: w.astype(dtype), weights)

    def step(weights, state, x, dt):
        del dt  # delays are in steps
        refuse(state, x)
        weights = ready(weights, state)
        now = jnp.asarray(x, state.past.dtype)[..., None, :]
        heard = jnp.concatenate([state.past, now], axis=-2)
        lags = kernel(weights, longest, width)[::-1]
        y = jnp.einsum("...ki,kij->...j", heard.astype(lags.dtype), lags)
        return DelayState(heard[..., 1:, :]), y

    def run(weights, state, xs, dt):
        del dt
        refuse(state, xs, lead=1)
        weights = ready(weights, state)
        heard = with_past(state.past, xs)
        end = DelayState(past_of(heard, longest, state.past))
        heard = heard.astype(weights.w.dtype)
        if xs.size == 0:
            return end, heard[longest:] @ weights.w
        if width is None:
            return end, _lag_by_lag(weights, heard, longest)
        return end, _transformed(kernel(weights, longest, width), heard, longest)

    return Cell(init=draw, rest=rest, step=step, run=run)


def kernel(weights: DelayedWeights, longest: int, width: Number | None) -> jax.Array:
    """Weights of each lag, ``[1 + longest, n_in, n_out]``."""
    w, d = weights.w, longest * jax.nn.sigmoid(weights.logit)
    lags = jnp.arange(longest + 1, dtype=w.dtype)
    one = jnp.ones_like(lags)
    if width is None:
        here = lags[:, None, None] == jnp.round(d)[None]
        return jnp.where(here, w[None], jnp.zeros_like(w)[None])

    def each(x):
        return jnp.einsum("k,ij->kij", one, x)  # its gradient is a product, so fast

    width = jnp.asarray(width, w.dtype)
    width = check.or_nan(width, width > 0.0)
    nearest = jax.lax.stop_gradient((d - jnp.round(d)) / width)[None]
    far = (lags[:, None, None] - each(d)) / width
    bump = jnp.exp(0.5 * (nearest**2 - far**2))  # 1 at the nearest lag
    return bump * each(w / jnp.einsum("k,kij->ij", one, bump))


def _lag_by_lag(weights, heard, longest):
    """Whole delays: the sum of shifted products, exactly."""
    steps = len(heard) - longest
    like = jnp.zeros_like(heard[longest:] @ weights.w)
    given = weights.w, jnp.round(longest * jax.nn.sigmoid(weights.logit)), heard
    lags = jnp.arange(longest + 1, dtype=jnp.int32)
    return loops.scan(_one_lag, (longest, steps), given, like, lags)[0]


def _one_lag(fixed, given, total, lag):
    (longest, steps), (w, d, heard) = fixed, given
    of_lag = jnp.where(d == lag.astype(d.dtype), w, jnp.zeros_like(w))
    late = jax.lax.dynamic_slice_in_dim(heard, longest - lag, steps)
    return total + late @ of_lag, None


def _transformed(lags, heard, longest):
    """The same for kernels of any shape, by way of frequencies."""
    n = len(heard)
    cos, sin, back_cos, back_sin = (
        jnp.asarray(each, lags.dtype) for each in _waves(n, longest)
    )
    xs = [jnp.einsum("ft,t...->f...", wave, heard) for wave in (cos, -sin)]
    ks = [
        jnp.einsum("fk,kij->fij", wave[:, : longest + 1], lags) for wave in (cos, -sin)
    ]
    both = _product(xs[0] + xs[1], ks[0])
    real = both - _product(xs[1], ks[0] + ks[1])
    imag = both + _product(xs[0], ks[1] - ks[0])
    ys = jnp.einsum("tf,f...->t...", back_cos, real)
    ys = ys - jnp.einsum("tf,f...->t...", back_sin, imag)
    silent = _nothing_heard(jax.lax.stop_gradient(heard), longest)
    return ys - jnp.where(silent, jax.lax.stop_gradient(ys), jnp.zeros_like(ys))


def _product(x, k):
    return jnp.einsum("f...i,fij->f...j", x, k)


def _waves(n, longest):
    """Cosines and sines there, ``[F, n]``, and back to the last steps, ``[T, F]``."""
    angles = 2.0 * np.pi / n * (np.outer(np.arange(n // 2 + 1), np.arange(n)) % n)
    share = np.full((len(angles), 1), 2.0 / n)
    share[0] = 1.0 / n
    if n % 2 == 0:
        share[-1] = 1.0 / n
    cos, sin = np.cos(angles), np.sin(angles)
    return cos, sin, (share * cos).T[longest:], (share * sin).T[longest:]


def _nothing_heard(heard, longest):
    """Whether the last inputs were all silent, ``[T, *batch, 1]``."""
    spoke = jnp.any(heard != 0.0, axis=-1, keepdims=True).astype(jnp.int32)
    count = jnp.cumsum(spoke, axis=0)
    before = jnp.concatenate([jnp.zeros_like(count[:1]), count[: -longest - 1]])
    return count[longest:] == before
