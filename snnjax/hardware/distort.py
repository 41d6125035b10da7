"""A network on one chip: the same cells with constants of their own, parts dead.

    chips = jax.random.split(jax.random.key(0), 100)

    def hits(key):
        _, ys = unroll(distorted(key, net, 0.3), weights, spikes, dt=dt)
        return accuracy(max_over_time(ys), labels)

    jax.jit(partial(jax.lax.map, hits))(chips)

A hundred chips are one program, and so are all spreads.
"""

import warnings
from collections.abc import Mapping
from functools import partial

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell, check_cell
from snnjax.check import Number
from snnjax.hardware.mismatch import LogNormal, Spread, by_name, check_spread, vary
from snnjax.hardware.wrapped import wrapped
from snnjax.parts import rebuild

GAIN = "gain"
_VOLTAGES = "v_", "e_"  # how names begin of what a factor means nothing to


def distorted(
    key: jax.Array, cell: Cell, mismatch: Number | Mapping[str, Spread] = 0.3
) -> Cell:
    """The same network, of neurons that a chip made.

    Weights and states are those of ``cell``. What is drawn for a part depends on the
    key and its dotted name. Distorting again is drift.

    Args:
        key: randomness; one for each chip. It may be traced, as may the mismatch.
        cell: any network; parts with constants (``params``) are distorted, and those
            that fire without are warned of.
        mismatch: spread of log-normal factors on the gain of each neuron, which its
            input is multiplied by, and on all constants but voltages of any sign
            (``v_…``, ``e_…``); or a spread by name, of constants and ``"gain"``, for
            the parts that have it.

    Returns:
        The network, wired as ``cell``.

    Raises:
        ValueError: for a cell without such a part, a constant that no part has, and as
            ``vary``.

    Example:
        >>> neurons = snn.lif(4, snn.LIFParams(tau_syn=None))
        >>> chip = snn.hardware.distorted(jax.random.key(0), neurons, mismatch=0.3)
        >>> current = jnp.full((200, 4), 2.0)
        >>> _, spikes = snn.unroll(neurons, (), current, dt=1e-3)
        >>> _, others = snn.unroll(chip, (), current, dt=1e-3)
        >>> print(spikes.sum(axis=0), others.sum(axis=0))
        [14. 14. 14. 14.] [ 8. 28. 18. 33.]
    """
    check.key(key)
    check_cell("cell", cell)
    spreads = _spreads(mismatch)
    met: set[str] = set()

    def change(name, leaf):
        found = _on_a_chip(by_name(key, name), leaf, spreads, met)
        if found is leaf and _fires(leaf):
            warnings.warn(
                f"{name} fires and has no constants (params) to distort: it stays as "
                "it is.",
                UserWarning,
                stacklevel=2,
            )
        return found

    found = rebuild(cell, change)
    if not met:
        raise ValueError(f"cell has no part with constants to distort, got {cell!r}.")
    missing = [name for name in spreads(met) if name not in met]
    if missing:
        raise ValueError(
            f"mismatch names {', '.join(missing)}, which no part has; there are "
            f"{', '.join(sorted(met))}."
        )
    return found


def _fires(leaf):
    """Whether a part has a surrogate."""
    about = leaf.about
    return bool(about and about.options and "surrogate" in about.options.arguments)


def _spreads(mismatch):
    """Spreads by name, of a part that has constants of such names."""
    if not isinstance(mismatch, Mapping):
        check_spread("mismatch", LogNormal(mismatch))
        return lambda has: dict.fromkeys(
            (name for name in (*sorted(has), GAIN) if not name.startswith(_VOLTAGES)),
            LogNormal(mismatch),
        )
    for name, how in mismatch.items():
        check_spread(f"mismatch of {name}", how)
    return lambda has: mismatch


def _on_a_chip(key, leaf, spreads, met):
    """A part with constants of its own; any other as it is."""
    given = leaf.about.options.arguments if leaf.about and leaf.about.options else {}
    if not {"n", "params"} <= {*given}:
        return leaf
    n, params = given["n"], given["params"]
    has = {name for name, value in params._asdict().items() if value is not None}
    has -= {"v_reset"} if given.get("reset", "zero") != "zero" else set()
    met.update(has, {GAIN})
    mine = {name: how for name, how in spreads(has).items() if name in has}
    made = leaf.about.make(**{**given, "params": vary(key, params, n, **mine)})
    if GAIN not in spreads(has):
        return made
    return amplified(made, spreads(has)[GAIN].draw(by_name(key, GAIN), jnp.ones(n)))


@factory
def amplified(neuron: Cell, gain: Number) -> Cell:
    """Neurons whose input counts more or less, recurrent input included.

    A factor on the columns of all weights that lead to a neuron, whatever they are.

    Args:
        neuron: a cell of neurons, ``[*batch, n] -> [*batch, n]``.
        gain: factors, ``[]`` or ``[n]``.

    Returns:
        A cell with the weights and state of ``neuron``, which is its part ``"neuron"``.

    Raises:
        ValueError: for what is no cell, or gains that are not finite or fit no
            population.
    """
    check_cell("neuron", neuron)
    check.finite(GAIN, gain)
    if jnp.ndim(gain) > 1:
        raise ValueError(f"gain must be [] or [n], got shape {jnp.shape(gain)}.")

    def scaled(x):
        x = jnp.asarray(x)
        check.fits(GAIN, gain, x.shape[-1:])
        return x * jnp.broadcast_to(jnp.asarray(gain, x.dtype), x.shape)

    again = partial(amplified, gain=gain)
    return wrapped("neuron", neuron, again, currents=scaled)


@factory
def faulty(n: int, alive: Number, stuck: Number = 0.0) -> Cell:
    """Channels of which some are dead: ``y = x·alive + stuck·(1 - alive)``.

    After neurons it silences some of them, or lets them fire for ever (``stuck=1``).
    With a mask drawn anew for each batch it is dropout.

    Args:
        n: number of channels.
        alive: 1 for those that work, 0 for those that do not, ``[]`` or ``[n]``.
        stuck: what the others put out, ``[]`` or ``[n]``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights and state.

    Raises:
        ValueError: for a width below one, an ``alive`` outside 0 to 1, numbers of
            another shape, or an input of another width.
    """
    check.whole("n", n)
    check.between("alive", alive, 0.0, 1.0)
    check.per_neuron("alive", alive, n)
    check.finite("stuck", stuck)
    check.per_neuron("stuck", stuck, n)

    def rest(x):
        check.width("faulty", x, n)
        check.floating("The input of faulty", x)
        return ()

    def step(weights, state, x, dt):
        del weights, dt  # passes at once
        check.width("faulty", x, n)
        x = jnp.asarray(x)
        given = jnp.asarray(alive, x.dtype), jnp.asarray(stuck, x.dtype)
        works, value = (jnp.broadcast_to(each, x.shape) for each in given)
        return state, x * works + value * (1.0 - works)

    return Cell(init=lambda key: (), rest=rest, step=step, run=step)
