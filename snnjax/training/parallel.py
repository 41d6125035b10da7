"""One training on many devices, of one process or of all processes of a job.

JAX's own engine, put together: a mesh of what is there, arrays placed on it, and what
one process does for all. The batch is divided along the axis ``data``:

    mesh = make_mesh()
    run = spread(lambda weights, xs: unroll(net, weights, xs, dt=dt)[1], mesh, 1)

    def loss(weights, xs, labels):  # of the whole batch, as on one device
        return cross_entropy(mean_over_time(run(weights, xs)), labels)

    state = place(init_train_state(weights, optimizer), mesh)
    batches = [scatter((xs, labels), mesh, (1, None))]
    fit(jax.jit(make_step(loss, optimizer)), state, lambda epoch: batches, epochs=9)

Each device runs the network on its samples, natively where it can; losses, metrics and
gradients are those of the whole batch, but for the order of sums. Wide layers can be
divided by neurons as well, along the axis ``model``: then XLA's compiler says who tells
whom what, and nothing is native.
"""

import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from snnjax import check

__all__ = ["assemble", "first", "make_mesh", "place", "scatter", "spread", "whole"]

DATA, MODEL = "data", "model"  # axes of a mesh
_KINDS = (  # of errors that the first process tells the others
    *(ValueError, TypeError, ImportError, FloatingPointError, OSError),
    *(BlockingIOError, FileExistsError, FileNotFoundError, NotADirectoryError),
    *(PermissionError, IsADirectoryError, ChildProcessError),
)


def make_mesh(*, model: int = 1, explicit: bool = False) -> jax.sharding.Mesh:
    """All devices of all processes, by the axes ``data`` and ``model``.

    Args:
        model: among how many devices the neurons of wide layers are divided; must
            divide the number of devices.
        explicit: whether shardings along ``data`` are part of the types of arrays;
            found by the compiler if not.

    Raises:
        ValueError: for a number that does not divide that of the devices.

    Example:
        >>> mesh = snn.training.parallel.make_mesh()
        >>> mesh.axis_names
        ('data', 'model')
    """
    check.whole("model", model)
    check.flag("explicit", explicit)
    n = jax.device_count()
    if n % model:
        raise ValueError(f"model={model} does not divide the {n} devices that are.")
    kinds = jax.sharding.AxisType
    data = kinds.Explicit if explicit else kinds.Auto
    return jax.make_mesh(
        (n // model, model), (DATA, MODEL), axis_types=(data, kinds.Auto)
    )


def place(tree: Any, mesh: jax.sharding.Mesh, *, wide: int | None = None) -> Any:
    """Puts weights or a whole ``TrainState``, the same in all processes, on a mesh.

    Args:
        tree: of arrays that this process holds.
        mesh: of ``make_mesh``.
        wide: an axis of so many neurons or more is divided along ``model``, the last
            one of each array that can be; none if omitted.

    Example:
        >>> from snnjax.training import parallel
        >>> weights = snn.dense(4, 3).init(jax.random.key(0))
        >>> placed = parallel.place(weights, parallel.make_mesh())
        >>> placed.w.shape
        (4, 3)
    """
    _check_mesh(mesh)
    if wide is not None:
        check.whole("wide", wide)

    def one(leaf):
        axes: list[str | None] = [None] * jnp.ndim(leaf)
        for axis, n in enumerate(jnp.shape(leaf)):
            if wide is not None and n >= wide and n % mesh.shape[MODEL] == 0:
                axes = [MODEL if k == axis else None for k in range(len(axes))]
        return _on(leaf, jax.NamedSharding(mesh, jax.P(*axes)))

    return jax.tree.map(one, tree)


def scatter(batch: Any, mesh: jax.sharding.Mesh, axes: Any) -> Any:
    """Divides a batch that every process holds; each device gets its samples.

    An axis that the devices do not divide is filled up with zeros, which ``spread``
    cuts off again.

    Args:
        batch: a tree of arrays, such as ``(xs, labels)``.
        mesh: of ``make_mesh``.
        axes: where the samples are in each, ``(1, 0)``; None: nowhere, all get all.

    Example:
        >>> from snnjax.training import parallel
        >>> xs, labels = np.ones((20, 8, 4), np.float32), np.arange(8)
        >>> xs, labels = parallel.scatter((xs, labels), parallel.make_mesh(), (1, 0))
        >>> xs.shape
        (20, 8, 4)
    """
    _check_mesh(mesh)
    _check_axes(axes, batch)

    def one(axis, leaf):
        leaf = np.asarray(leaf)
        if axis is not None:
            more = -leaf.shape[axis] % mesh.shape[DATA]
            wider = [(0, more * (k == axis)) for k in range(leaf.ndim)]
            leaf = np.pad(leaf, wider) if more else leaf
        return _on(leaf, _along(mesh, axis))

    return _by_axes(one, axes, batch)


def assemble(part: Any, mesh: jax.sharding.Mesh, axes: Any) -> Any:
    """Makes a batch of the parts that the processes have read, each its own.

    Args:
        part: a tree of arrays, as of a ``stream``; as long in every process.
        mesh: of ``make_mesh``.
        axes: as of ``scatter``; what has none must be the same in every process.
    """
    _check_mesh(mesh)
    _check_axes(axes, part)

    def one(axis, leaf):
        leaf, sharding = np.asarray(leaf), _along(mesh, axis)
        return jax.make_array_from_process_local_data(sharding, leaf)

    return _by_axes(one, axes, part)


def spread(run: Callable[..., Any], mesh: jax.sharding.Mesh, axes: Any) -> Any:
    """Lets each device run a network on its own samples.

    Args:
        run: ``(weights, xs [T, B, *n]) -> tree of arrays``.
        mesh: of ``make_mesh``.
        axes: where the samples are in what it returns, as of ``scatter``.

    Returns:
        ``(weights, xs, samples=None)``: the same of all samples; of the first so many,
        where ``scatter`` has filled up a batch.

    Example:
        >>> from snnjax.training import parallel
        >>> net, mesh = snn.chain(snn.dense(4, 3), snn.lif(3)), parallel.make_mesh()
        >>> weights = parallel.place(net.init(jax.random.key(0)), mesh)
        >>> def spikes(weights, xs):
        ...     return snn.unroll(net, weights, xs, dt=1e-3)[1]
        ...
        >>> run = parallel.spread(spikes, mesh, 1)
        >>> xs = parallel.scatter(np.ones((20, 8, 4), np.float32), mesh, 1)
        >>> jax.jit(run)(weights, xs).shape
        (20, 8, 3)
    """
    check.function("run", run)
    _check_mesh(mesh)
    _check_axes(axes)
    along = jax.tree.map(_spec, axes, is_leaf=lambda axis: axis is None)
    mapped = jax.shard_map(
        run,
        mesh=mesh,
        in_specs=(jax.P(), _spec(1)),
        out_specs=along,
        axis_names={DATA, MODEL} if mesh.shape[MODEL] == 1 else {DATA},
    )

    def every(weights: Any, xs: Any, samples: int | None = None) -> Any:
        cut = lambda axis, y: jax.lax.slice_in_dim(y, 0, samples, axis=axis)  # noqa: E731
        found = mapped(weights, xs)
        return found if samples is None else _by_axes(cut, axes, found)

    return every


def whole(tree: Any) -> Any:
    """What is spread over devices and processes, in each process as numpy arrays."""

    def one(leaf):
        if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
            return np.asarray(leaf)
        if leaf.is_fully_replicated:
            return np.asarray(leaf.addressable_data(0))
        return np.asarray(multihost_utils.process_allgather(leaf, tiled=True))

    return jax.tree.map(one, tree)


def first(make: Callable[[], Any]) -> Any:
    """What the first process makes, for all; what it fails with, all fail with.

    All processes must call it; the others wait. With one process it is ``make()``.

    Args:
        make: gives anything that JSON can write.
    """
    check.function("make", make)
    if jax.process_count() == 1:
        return make()
    text, error = b"", None
    if jax.process_index() == 0:
        try:
            text = json.dumps([make(), None]).encode()
        except Exception as raised:  # the others must not wait for ever
            error = raised
            text = json.dumps([None, [type(raised).__name__, str(raised)]]).encode()
    made, failed = json.loads(_broadcast(text))
    if error is not None:
        raise error
    if failed is not None:
        name, why = failed
        raise next((kind for kind in _KINDS if kind.__name__ == name), RuntimeError)(
            why
        )
    return made


def _on(leaf, sharding):
    """An array that this process holds, where a sharding says."""
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = _on(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    leaf = np.asarray(leaf)
    return jax.make_array_from_callback(leaf.shape, sharding, lambda part: leaf[part])


def _broadcast(text):
    """Bytes of the first process, in all."""
    length = int(multihost_utils.broadcast_one_to_all(np.int32(len(text))))
    room = np.zeros(-(-length // 4096) * 4096, np.uint8)  # few shapes, few programs
    room[: len(text)] = np.frombuffer(text, np.uint8)
    return bytes(np.asarray(multihost_utils.broadcast_one_to_all(room)))[:length]


def _spec(axis):
    return jax.P() if axis is None else jax.P(*[None] * axis, DATA)


def _along(mesh, axis):
    return jax.NamedSharding(mesh, _spec(axis))


def _check_axes(axes, tree=None):
    """Refuses what is no axis, and one that an array of a tree does not have."""
    for axis in jax.tree.leaves(axes, is_leaf=lambda axis: axis is None):
        if axis is not None:
            check.whole("axes", axis, least=0)

    def has(axis, leaf):
        if axis is not None and axis >= np.ndim(leaf):
            raise ValueError(
                f"axes: an array of shape {np.shape(leaf)} has no axis {axis}."
            )

    if tree is not None:
        _by_axes(has, axes, tree)


def _by_axes(function, axes, tree):
    """Maps a tree by axes, a tree whose leaves may stand for several."""
    above = lambda axis, part: jax.tree.map(lambda leaf: function(axis, leaf), part)  # noqa: E731
    return jax.tree.map(above, axes, tree, is_leaf=lambda axis: axis is None)


def _check_mesh(mesh):
    if not isinstance(mesh, jax.sharding.Mesh) or mesh.axis_names != (DATA, MODEL):
        raise ValueError(f"mesh must be one of make_mesh, got {check.told(mesh)}.")
