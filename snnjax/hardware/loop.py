"""In the loop: the device runs, the model learns from what the device showed.

A chip computes with neurons that no two are alike; a model of it does not know them.
What the gradient needs of a forward pass are spikes, and how far voltages were from the
threshold. Both are measured on the device, as far as it shows them, and put where the
model would have computed them; the backward pass is the model's (Cramer et al. 2022,
doi:10.1073/pnas.2109194119). Where a neuron did not fire and its voltage is known, that
is the voltage before the reset. Elsewhere the model predicts it from the last known one
and moves it to the side of the threshold where the spike says it was.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.cell import Cell, State, Weights, check_cell, check_input, unroll
from snnjax.check import Number
from snnjax.compose import learn
from snnjax.exported import exportable
from snnjax.parts import flat
from snnjax.probes import watched
from snnjax.replay import replayed
from snnjax.seen import Seen

Recorded = Mapping[str, Seen | None] | Sequence[Seen | None]


def populations(cell: Cell) -> tuple[str, ...]:
    """The neurons of a network, by dotted name, in the order in which they act.

    A compound that does not tell how it runs as recorded, such as neurons with synaptic
    scaling, is one of them.

    Args:
        cell: the network.

    Raises:
        ValueError: for what is no cell.
    """
    check_cell("cell", cell)
    return tuple(name for name, unit in _units(cell).items() if _neurons(unit))


def _units(cell, prefix=""):
    """What can be recorded as a whole, by dotted name."""
    parts = {}
    if cell.replay is not None and cell.replay.about is not None:
        parts = cell.replay.about.parts
    if not parts:
        return {prefix.removesuffix(".") or _alone(cell): cell}
    units = {}
    for key, part in parts.items():
        units.update(_units(part, f"{prefix}{key}."))
    return units


def _alone(cell):
    """The name of a cell that is in no network: that of its factory, as of ``flat``."""
    while cell.about is not None and len(cell.about.parts) == 1:
        (cell,) = cell.about.parts.values()
    return next(iter(flat(cell).leaves))


def _neurons(unit):
    """Whether neurons are in it: what can be watched is a population."""
    return any(
        leaf.cell.about is not None and leaf.cell.about.watch is not None
        for leaf in flat(unit).leaves.values()
    )


def _puts_out_voltages(unit):
    """Whether it tells how it runs as recorded, and has no voltage before a reset."""
    if unit.replay is None:
        return False
    try:
        watched(unit, ("v_before",))
    except ValueError:
        return True
    return False


def in_the_loop(
    cell: Cell,
    weights: Weights,
    xs: Any,
    seen: Recorded,
    *,
    dt: Number,
    state: State | None = None,
    mask: jax.Array | None = None,
    checkpoint: int | None = None,
) -> tuple[State, Any]:
    """Runs a network as a device recorded it, with the gradient of the model.

    Hand a recording to a compiled function as an argument: what it closes over is
    folded into the program.

    Args:
        cell: the network. Neurons of ``lif`` and ``li`` take spikes and voltages, any
            other cell spikes, which replace what it puts out.
        weights: as they were programmed.
        xs: what the device was given, ``[T, *batch, n_in]``.
        seen: what it showed, by dotted name of the population, or in their order
            (``populations``), None for what it did not show. Voltages are in the units
            of the model's; which of them were measured is said by ``known``, and where
            they were not their value does not matter.
        dt: time step [s].
        state: where the model starts, as of ``unroll``; at rest if omitted.
        mask: valid steps, as of ``unroll``.
        checkpoint: as of ``unroll``.

    Returns:
        As ``unroll``: the final state, and the output. On a device that computes what
        the model computes, values and gradients are those of ``unroll``.

    Raises:
        ValueError: as ``unroll``; for a recording of nothing, of a population that
            there is not, of another shape, of spikes other than 0 and 1 or voltages
            that are not finite where they are known, also outside the mask; for a
            network that learns its constants, and while tracing for a gradient of the
            constants of ``lif`` and ``li`` neurons that were seen.

    Example:
        >>> net = snn.chain(hidden=snn.dense(4, 3), neurons=snn.lif(3))
        >>> weights, xs = net.init(jax.random.key(0)), jnp.ones((20, 8, 4))
        >>> chip = snn.hardware.distorted(jax.random.key(1), net, 0.3)
        >>> seen = snn.hardware.show(chip, weights, xs, dt=1e-3)
        >>> def loss(weights, seen):
        ...     _, spikes = snn.hardware.in_the_loop(net, weights, xs, seen, dt=1e-3)
        ...     return spikes.mean()
        ...
        >>> grads = jax.grad(loss)(weights, seen)  # of what the chip did
        >>> jax.tree.map(jnp.shape, grads["hidden"])
        DenseWeights(w=(4, 3), b=None)
    """
    check_cell("cell", cell)
    check_input(xs, dt, mask)
    _refuse_learned(cell)
    named = _by_name(cell, seen)
    units = _units(cell)
    steps = len(jax.tree.leaves(xs)[0])
    recorded = {k: _checked(k, units[k], each, steps) for k, each in named.items()}
    if not recorded:
        raise ValueError(
            "seen holds nothing that was measured: that is software training, "
            "unroll(cell, weights, xs, dt=dt)."
        )
    alone = next(iter(recorded.values())) if cell in units.values() else None
    given = xs, alone or _nested(cell, recorded, "")
    how: Any = {"state": state, "mask": mask, "checkpoint": checkpoint}
    return unroll(replayed(cell), weights, given, dt=dt, **how)


def _refuse_learned(cell):
    """Refuses a network that learns constants, wherever in it."""
    about = cell.about
    if about is None:
        return
    if about.make is learn:
        raise ValueError(
            "A device has constants of its own and cannot be given others: a network "
            "with learn(…) does not train in the loop. Learn them in software, and "
            "rebuild the network with what was found."
        )
    for part in about.parts.values():
        _refuse_learned(part)


def _by_name(cell, seen):
    """Recordings by dotted name, without those that hold nothing."""
    if not isinstance(seen, Mapping):
        names = populations(cell)
        one = isinstance(seen, Seen) or not isinstance(seen, Sequence)
        if one or len(seen) != len(names):
            came = type(seen).__name__ if one else f"{len(seen)} entries"
            raise ValueError(
                f"seen must hold one entry for each population, {', '.join(names)}, or "
                f"be a dict by these names, got {came}."
            )
        seen = dict(zip(names, seen, strict=True))
    units = _units(cell)
    for name, each in seen.items():
        if name not in units:
            raise ValueError(
                f"seen: {name!r} is nothing that can be seen; there are "
                f"{', '.join(units)}."
            )
        if each is not None and not isinstance(each, Seen):
            raise ValueError(
                f"What was seen of {name} must be Seen(spikes, v, known) or None, got "
                f"{type(each).__name__}."
            )
    given = {k: each for k, each in seen.items() if each is not None}
    return {k: e for k, e in given.items() if any(x is not None for x in e)}


def _checked(name, unit, seen, steps):
    """A recording whose unknown voltages are zero, refused if it is none."""
    spikes, v, known = seen
    for field, each in (("spikes", spikes), ("v", v)):
        if each is not None and np.shape(each)[:1] != (steps,):
            raise ValueError(
                f"The {field} that were seen of {name} must have the {steps} steps of "
                f"xs, [T, *batch, n], got shape {np.shape(each)}."
            )
    if spikes is not None:
        spikes = _spikes(name, spikes, unit)
    if v is None:
        if known is not None:
            raise ValueError(f"seen of {name} has known, but no v that it is about.")
        return Seen(spikes)
    check.floating(f"The v that were seen of {name}", v)
    if known is None:
        check.finite(f"The v that were seen of {name}", v)
        return Seen(spikes, jnp.asarray(v))
    what = f"known, of what was seen of {name},"
    check.array(what, known)
    known = check.truth(what, known)
    try:
        known = jnp.broadcast_to(known, np.shape(v))
    except ValueError:
        raise ValueError(
            f"known, of what was seen of {name}, must broadcast to v "
            f"{np.shape(v)}, got {known.shape}."
        ) from None
    v = jnp.where(known, jnp.asarray(v), jnp.zeros((), v.dtype))
    check.finite(f"The v that were seen of {name}", v)
    return Seen(spikes, v, known)


def _spikes(name, spikes, unit):
    what = f"The spikes that were seen of {name}"
    check.array(what, spikes)
    if jnp.issubdtype(spikes.dtype, jnp.floating):
        check.finite(what, spikes)
    values = check.concrete(spikes)
    odd = np.zeros(0) if values is None else values[~np.isin(values, (0, 1))]
    if unit.replay is not None and odd.size:
        raise ValueError(f"{what} must be 0 or 1, got {odd.flat[0]!r}.")
    floating = jnp.issubdtype(spikes.dtype, jnp.floating)
    return jnp.asarray(spikes) if floating else jnp.asarray(spikes).astype(jnp.uint8)


def _nested(cell, recorded, prefix):
    """Recordings by key of the parts."""
    found = {}
    for key, part in cell.replay.about.parts.items():
        name = f"{prefix}{key}"
        if name in recorded:
            found[key] = recorded[name]
        elif any(each.startswith(f"{name}.") for each in recorded):
            found[key] = _nested(part, recorded, f"{name}.")
    return found


def show(cell: Cell, weights: Weights, xs: Any, *, dt: Number) -> dict[str, Seen]:
    """What a network would show as a device: a chip of the library's own cells.

    Args:
        cell: the network, of the chip's own constants.
        weights: as they are programmed.
        xs: inputs ``[T, *batch, n_in]``.
        dt: time step [s].

    Returns:
        By dotted name of the population, spikes and the voltage at the end of each
        step; of neurons that do not fire, voltages alone; of others than ``lif`` and
        ``li``, spikes alone.

    Raises:
        ValueError: as ``unroll``.

    Example:
        >>> net = snn.chain(hidden=snn.dense(4, 3), neurons=snn.lif(3))
        >>> weights, xs = net.init(jax.random.key(0)), jnp.ones((20, 8, 4))
        >>> seen = snn.hardware.show(net, weights, xs, dt=1e-3)
        >>> seen["neurons"].spikes.shape, seen["neurons"].v.shape
        ((20, 8, 3), (20, 8, 3))
    """
    check_cell("cell", cell)
    units = {k: unit for k, unit in _units(cell).items() if _neurons(unit)}
    alone = cell in units.values()
    field = {k: "v" if alone else f"{k}.v" for k in units}
    names = [] if alone else [*units]
    names += [field[k] for k, unit in units.items() if unit.replay is not None]
    _, (y, shown) = unroll(watched(cell, tuple(names)), weights, xs, dt=dt)
    return {
        k: Seen(
            None if _puts_out_voltages(unit) else y if alone else shown[k],
            None if unit.replay is None else shown[field[k]],
        )
        for k, unit in units.items()
    }


@exportable
class Coverage(NamedTuple):
    """What of a network was measured, and what rests on its model."""

    measured: dict[str, dict[str, float]]  # population -> {"spikes": share, "v": share}
    simulated: tuple[str, ...]  # populations whose output nobody saw
    on_model: tuple[str, ...]  # parts whose gradient is explained by these outputs


def coverage(cell: Cell, seen: Recorded) -> Coverage:
    """Which gradients rest on what was measured, and which on a model.

    Weights that read a population whose spikes were not recorded are explained by
    spikes that nobody saw. That can train well; it should be known.

    Args:
        cell: the network.
        seen: as of ``in_the_loop``; ``known`` must not be traced.

    Raises:
        ValueError: as ``in_the_loop``.
    """
    check_cell("cell", cell)
    named, units = _by_name(cell, seen), _units(cell)
    names = [k for k, unit in units.items() if k in named or _neurons(unit)]
    measured = {k: _measured(named.get(k, Seen())) for k in names}
    unseen = [
        k
        for k in names
        if not measured[k]["v" if _puts_out_voltages(units[k]) else "spikes"]
    ]
    return Coverage(measured, tuple(unseen), _readers(cell, unseen, names))


def _readers(cell, sources, names):
    """Parts between what is put out by ``sources`` and the next populations."""
    leaves, edges = flat(cell)
    last, found = [*sources], set[str]()

    def within(name, unit):
        return name == unit or name.startswith(f"{unit}.")

    while last:
        source = last.pop()
        after = {e.target for e in edges if within(str(e.source), source)}
        after = {k for k in after & {*leaves} if not any(within(k, n) for n in names)}
        last += after - found
        found |= after
    return tuple(name for name in leaves if name in found)


def _measured(seen):
    known = 1.0 if seen.known is None else float(np.mean(np.asarray(seen.known)))
    return {
        "spikes": float(seen.spikes is not None),
        "v": known if seen.v is not None else 0.0,
    }
