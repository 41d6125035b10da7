"""Short-term plasticity: synapses that tire, and synapses that warm up.

    dx/dt = (1 - x)/τ_rec        du/dt = -u/τ_fac
    spike: u ← u + U (1 - u)        y = u x        x ← x - u x

x is what is left of the vesicles, u the share that a spike releases (Tsodyks, Pawelzik
& Markram 1998, doi:10.1162/089976698300017502). Between spikes both flow exactly. The
release depends on the source alone: it is a line for each source, before the weights.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align


@exportable
class ShortTermParams(NamedTuple):
    """Constants of synapses, each ``[]`` or ``[n]``, n the number of sources."""

    use: Number = 0.5  # U, the share that the first spike releases
    tau_recovery: Number = 800e-3  # τ_rec, over which vesicles come back [s]
    tau_facilitation: Number | None = None  # τ_fac [s]; None: every spike releases U


@exportable
class ShortTermState(NamedTuple):
    """What a line remembers, each ``[*batch, n]``."""

    x: jax.Array  # share of vesicles that are ready
    u: jax.Array | None  # share that is released, decaying; None: always U


class _Constants(NamedTuple):
    use: jax.Array
    back: jax.Array  # share of the lost that comes back in a step
    kept: jax.Array | None  # what a step leaves of u


@factory
def short_term(n: int, params: ShortTermParams = ShortTermParams()) -> Cell:
    """Lines with short-term depression or facilitation: spikes to what they release.

        chain(plastic=short_term(700), input=dense(700, 128), hidden=lif(128))

    A spike takes effect at once, and the synapse recovers for ``dt``. What comes out is
    u x for each spike, in shares of what all vesicles together would be: a first spike
    is worth U. Several spikes of a line in one step follow each other without delay, so
    that they never release more than there is.

    Args:
        n: number of sources.
        params: constants, each ``[]`` or ``[n]``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``ShortTermState``.

    Raises:
        ValueError: for a share that is not above 0 and at most 1, a τ that is not
            positive, a constant of another shape, and for an input or state of another
            batch, width or cell.
    """
    check.whole("n", n)
    check.fields("params", params, *ShortTermParams._fields)
    check.between("use", params.use, 0.0, 1.0, strict=True)
    for name in ("tau_recovery", "tau_facilitation"):
        if getattr(params, name) is not None:
            check.positive(name, getattr(params, name), " [s]")
    for name, value in params._asdict().items():
        if value is not None:
            check.per_neuron(name, value, n)

    def rest(x):
        check.width("short_term", x, n)
        check.floating("The input of short_term", x)
        dtype = check.common_dtype(x.dtype, jnp.float32)
        ready = jnp.broadcast_to(jnp.ones_like(x[..., :1], dtype), x.shape)
        kept = None if params.tau_facilitation is None else jnp.zeros_like(ready)
        return ShortTermState(ready, kept)

    def given(state, x, dt, lead):
        check.width("short_term", x, n)
        like = jax.ShapeDtypeStruct(x.shape[lead:], getattr(state, "x", x).dtype)
        check.state("short_term", state, jax.eval_shape(rest, like))
        return align(_constants(params, dt, state.x.dtype), x, lead)

    def step(weights, state, x, dt):
        x = jnp.asarray(x)
        return _step((), given(state, x, dt, 0), state, x)

    def run(weights, state, xs, dt):
        return loops.scan(_step, (), given(state, xs, dt, 1), state, xs)

    return Cell(lambda key: (), rest, step, run)


def _constants(params, dt, dtype):
    use, dt = jnp.asarray(params.use, dtype), jnp.asarray(dt, dtype)
    back = -jnp.expm1(-dt / jnp.asarray(params.tau_recovery, dtype))
    if params.tau_facilitation is None:
        return _Constants(use, back, None)
    return _Constants(
        use, back, jnp.exp(-dt / jnp.asarray(params.tau_facilitation, dtype))
    )


def _step(fixed, given, state, spikes):
    s = spikes.astype(state.x.dtype)
    u, more = given.use, jnp.maximum(s, 1.0)
    spared = (1.0 - u) ** more
    if state.u is not None:
        spared = (1.0 - state.u) ** more * (1.0 - given.use) ** (more * (more + 1) / 2)
        all_of = 1.0 - (1.0 - state.u) * (1.0 - given.use) ** more
        u = jnp.where(s > 1.0, all_of, state.u + given.use * (1.0 - state.u) * s)
    y = state.x * jnp.where(s > 1.0, 1.0 - spared, u * s)
    x = state.x - y
    x = x + given.back * (1.0 - x)
    kept = None if state.u is None else given.kept * u
    return ShortTermState(x, kept), y.astype(spikes.dtype)
