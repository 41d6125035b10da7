"""One program that runs many combinations of numbers on all devices.

    device d:   for each round:  vmap(run)(its next batch_size combinations)

It is compiled once; how many rounds a call takes is a number that it is given.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

_ROUNDS = 1024  # of one call, at most

Points = Mapping[str, np.ndarray]  # numbers by name, [N] each


class Program(NamedTuple):
    """A compiled program, and how much it takes at a time."""

    compiled: Callable[..., Any]
    spread: jax.NamedSharding  # of its points
    same: jax.NamedSharding  # of the number of rounds
    batch_size: int  # combinations that share one pass
    rounds: int  # of a call, at most

    def at_a_time(self, rounds: int) -> int:
        """How many combinations so many rounds are, on all devices."""
        return rounds * self.batch_size * self.spread.mesh.size

    def __call__(self, points: Points, rounds: int) -> Any:
        """What some combinations give: as numpy arrays ``[n, …]``.

        Args:
            points: at most as many as ``at_a_time(rounds)``.
            rounds: of this call.
        """
        devices, size = self.spread.mesh.size, self.batch_size
        n = len(next(iter(points.values())))
        room = np.zeros((devices, self.rounds * size), np.int32)
        filled = np.minimum(np.arange(self.at_a_time(rounds)), n - 1)
        room[:, : rounds * size] = filled.reshape(devices, -1)
        given = {
            name: _placed(column[room.reshape(-1)], self.spread)
            for name, column in points.items()
        }
        found = self.compiled(given, _placed(np.int32(rounds), self.same))

        def in_order(leaf):
            each = np.asarray(leaf).reshape(devices, -1, *leaf.shape[1:])
            each = each[:, : rounds * size]
            return each.reshape(-1, *leaf.shape[1:])[:n]

        return jax.tree.map(in_order, found)


def compiled(
    one: Callable[[Mapping[str, jax.Array]], Any],
    points: Points,
    like: Any,
    batch_size: int,
    memory: float | None,
) -> Program:
    """The program of all combinations, as wide as the memory of a device allows.

    Args:
        one: numbers by name -> arrays.
        points: all combinations.
        like: shapes and dtypes of the arrays.
        batch_size: combinations that share one pass, at most.
        memory: of each device that it may take [bytes]; half of all if omitted.

    Raises:
        ValueError: if one combination needs more than what was given.
    """
    n = len(next(iter(points.values())))
    mesh = jax.sharding.Mesh(jax.devices()[:n], ("device",))
    share = -(-n // mesh.size)
    size = batch_size
    limit = _half_of_memory() if memory is None else memory
    while True:
        program = _compiled(
            one, points, like, mesh, size, min(-(-share // size), _ROUNDS)
        )
        needs = _needs(program.compiled)
        if needs <= limit or (size == 1 and memory is None):
            return program
        if size == 1:
            raise ValueError(
                f"memory: one combination on each device needs {needs / 2**20:.1f} MiB "
                f"there, of {limit / 2**20:.1f} MiB that it may take. Allow more, or "
                "run with fewer samples at once."
            )
        size = max(1, min(size - 1, int(size * limit / needs)))


def _compiled(one, points, like, mesh, size, rounds):
    split, whole = jax.P("device"), jax.P()

    def share(given, now):
        def several(k):
            few = {
                name: jax.lax.dynamic_slice_in_dim(column, k * size, size)
                for name, column in given.items()
            }
            if size > 1:
                return jax.vmap(one)(few)
            alone = one({name: column[0] for name, column in few.items()})
            return jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], alone)

        def body(k, found):
            return jax.tree.map(
                lambda all_, new: jax.lax.dynamic_update_slice_in_dim(
                    all_, new, k * size, 0
                ),
                *(found, several(k)),
            )

        empty = jax.tree.map(
            lambda leaf: jnp.zeros((rounds * size, *leaf.shape), leaf.dtype), like
        )
        return jax.lax.fori_loop(np.int32(0), now, body, empty)

    spread, same = jax.NamedSharding(mesh, split), jax.NamedSharding(mesh, whole)
    shared = jax.shard_map(
        *(share,),
        **{"mesh": mesh, "in_specs": (split, whole), "out_specs": split},
        check_vma=False,
    )
    length = mesh.size * rounds * size
    given = {
        name: jax.ShapeDtypeStruct((length,), column.dtype, sharding=spread)
        for name, column in points.items()
    }
    now = jax.ShapeDtypeStruct((), np.int32, sharding=same)
    program = jax.jit(shared, out_shardings=same).lower(given, now).compile()
    return Program(program, spread, same, size, rounds)


def _placed(array, sharding):
    """An array that every process has, where each device takes its own part."""
    array = np.asarray(array)
    return jax.make_array_from_callback(array.shape, sharding, lambda at: array[at])


def _needs(program):
    """Bytes on each device, as XLA plans them; 0 where it does not tell."""
    plan = program.memory_analysis()
    if plan is None:
        return 0
    parts = "temp", "argument", "output"
    return sum(getattr(plan, f"{part}_size_in_bytes") for part in parts)


def _half_of_memory():
    """Half of what a device has; devices of a CPU share that of the machine."""
    told = jax.local_devices()[0].memory_stats() or {}
    if "bytes_limit" in told:
        return told["bytes_limit"] / 2
    try:
        pages = os.sysconf("SC_PHYS_PAGES")
        return pages * os.sysconf("SC_PAGE_SIZE") / 2 / jax.local_device_count()
    except (AttributeError, ValueError, OSError):
        return float("inf")  # not a POSIX system
