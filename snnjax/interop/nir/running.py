"""A NIR file runs over what another file holds."""

from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.cell import unroll
from snnjax.datasets.containers.npz import npy, npz, npz_names
from snnjax.datasets.formats.any_file import read
from snnjax.datasets.guard.checked import listed, reading
from snnjax.events import (
    Events,
    Recorded,
    RecordedSpikes,
    as_events,
    rasterize,
    time_bins,
)
from snnjax.interop.nir.hdf5_file import read_tree
from snnjax.interop.nir.loading import load
from snnjax.interop.nir.primitives import Shape
from snnjax.interop.nir.shapes import shapes_of
from snnjax.interop.nir.structure import graph_of


class Ran(NamedTuple):
    """What a network put out."""

    outputs: dict[str, np.ndarray]  # by name, [T, *batch, n]
    dt: float  # [s]
    table: str  # rates or voltages of each, for people


def run_file(
    path: str | Path,
    inputs: str | Path,
    *,
    dt: float | None = None,
    method: Any = None,
    reset: Any = None,
    **left_open: Any,
) -> Ran:
    """Loads a network and runs it over what another file holds.

    Args:
        path: of the NIR file.
        inputs: a raster ``[T, *batch, *shape]``, channels last, as ``.npy``; as
            ``.npz`` by the names of the inputs; or events of any format that
            ``snnjax.datasets.read`` knows.
        dt: time step [s], as of ``load``; events are counted in bins of it.
        method: as of ``load``.
        reset: as of ``load``.
        **left_open: what a file of events leaves open, as of ``snnjax.datasets.read``:
            ``unit``, ``columns``, …

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: as ``load``; without a dt, or for an input of another shape.
    """
    found = load(path, dt=dt, method=method, reset=reset)
    if found.dt is None:
        raise ValueError(
            f"{path} tells no time step: give that of the network, --dt SECONDS."
        )
    graph = graph_of(read_tree(path))
    shapes = shapes_of(graph)
    wanted = {name: (*shapes[name][1:], shapes[name][0]) for name in graph.of("Input")}
    xs = _inputs(Path(inputs), wanted, found.dt, left_open)
    dtype = check.precision(found.weights, np.zeros(1, np.float32))
    given: Any = {name: jnp.asarray(x, dtype) for name, x in xs.items()}
    if len(given) == 1:
        (given,) = given.values()
    _, ys = unroll(found.network, found.weights, given, dt=found.dt)
    outputs = ys if isinstance(ys, dict) else {"output": ys}
    outputs = {name: np.asarray(y) for name, y in outputs.items()}
    return Ran(outputs, found.dt, _table(outputs, found.dt))


def _inputs(path, wanted, dt, left_open) -> dict[str, np.ndarray]:
    """What a file holds, by the names of the inputs."""
    found = _by_name(path, wanted)
    if left_open and (found is not None or path.suffix == ".npy"):
        raise ValueError(
            f"{path} is a raster, of which nothing is left open: say no "
            f"{', '.join(left_open)}."
        )
    if found is None and len(wanted) > 1:
        raise ValueError(
            f"The network has the inputs {listed(wanted)}: give them as .npz, an array "
            "under each name."
        )
    if found is None:
        ((name, shape),) = wanted.items()
        found = {name: _alone(path, dt, shape, left_open)}
    return {name: _fitted(path, found[name], wanted[name]) for name in wanted}


def _by_name(path, wanted):
    """Arrays under the names of the inputs, or None if there are none."""
    if path.suffix != ".npz":
        return None
    with reading(path, "arrays by the names of inputs") as file:
        there = {*wanted} <= npz_names(file)
        return npz(file, {*wanted}, {*wanted}) if there else None


def _alone(path, dt, shape, left_open):
    if path.suffix != ".npy":
        return _counted(path, read(path, **left_open), dt, shape)
    with reading(path, "a raster") as file:
        return npy(file)


def _counted(path, found, dt, shape) -> np.ndarray:
    """Events in bins of a step, ``[T, N, *shape]``."""
    if isinstance(found, Recorded | RecordedSpikes):
        found = as_events(found)
    if isinstance(found, np.ndarray):
        return found
    if not isinstance(found, Events):
        raise ValueError(
            f"{path} holds {type(found).__name__}, of which no raster is made here: "
            "write one as .npy, [T, n]."
        )
    n = int(np.prod(shape))
    if found.n_units != n:
        raise ValueError(
            f"{path} has events of {found.n_units} units, the network takes {n}."
        )
    steps = int(time_bins(found.times, dt=dt).max(initial=0)) + 1
    raster = rasterize(found, steps=steps, dt=dt)
    return raster.reshape(steps, len(found.labels), *shape)


def _fitted(path, x, shape: Shape) -> np.ndarray:
    """A raster, refused unless it fits the network."""
    if x.dtype.kind not in "buif":
        raise ValueError(f"{path}: a raster holds numbers, not {x.dtype}.")
    if x.dtype.kind == "f" and not (np.abs(x) <= np.finfo(np.float32).max).all():
        raise ValueError(
            f"{path}: a raster holds finite numbers of single precision; there is NaN, "
            "infinity or more."
        )
    if x.ndim <= len(shape) or x.shape[x.ndim - len(shape) :] != shape or not len(x):
        told = ", ".join(map(str, shape))
        raise ValueError(
            f"{path}: the network takes [T, *batch, {told}], channels last, the array "
            f"is {list(x.shape)}."
        )
    return x


def _table(outputs, dt):
    """One line for each output."""
    lines = []
    for name, y in outputs.items():
        told = f"{name} {list(y.shape)}: {len(y)} steps of {dt:g} s"
        if ((y == 0.0) | (y == 1.0)).all():
            rates = y.mean(axis=0) / dt
            silent = np.mean(rates == 0.0)
            told += f", {rates.mean():.3g} Hz, {rates.max():.3g} at most, "
            told += f"{silent:.0%} silent"
        else:
            told += f", from {y.min():.4g} to {y.max():.4g}, {y[-1].mean():.4g} last"
        lines.append(told)
    return "\n".join(lines)
