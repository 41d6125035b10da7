"""Every combination of some numbers, as one program on all devices.

A training that is a pure function of numbers (a slope, a learning rate, a seed) is
compiled once for all of them, and a table on disk grows as they are done.
"""

import math
import platform
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from snnjax import check, files
from snnjax.progress import bar
from snnjax.training import identity
from snnjax.training.combinations import Points, compiled
from snnjax.training.parallel import first
from snnjax.training.provenance import environment
from snnjax.training.table import NONFINITE, KeptRows, Rows, read, written

_SECONDS = 1.0  # about how long devices work before rows are kept
_AT_ONCE = 4096  # combinations on each device of an accelerator, at most
_TOLD = 5  # combinations named in a warning


class Table(NamedTuple):
    """What a sweep found, one row for each combination, the last column fastest."""

    columns: dict[str, np.ndarray]  # [N] each
    metrics: Any  # what run returns, [N, *of one run]
    sizes: tuple[int, ...]  # how many values each column has
    found: int  # how many of the rows were there already
    batch_size: int  # how many combinations share one pass

    def grid(self) -> Any:
        """The metrics with an axis for each column, ``[*sizes, *of one run]``."""
        return jax.tree.map(
            lambda leaf: leaf.reshape(*self.sizes, *leaf.shape[1:]), self.metrics
        )


def sweep(
    run: Callable[..., Any],
    /,
    *,
    table: str | Path | None = None,
    recipe: Mapping[str, Any] | None = None,
    batch_size: int | None = None,
    memory: float | None = None,
    progress: bool = True,
    **columns: Sequence[float] | np.ndarray,
) -> Table:
    """Runs every combination of the columns, as one compiled program on all devices.

    A combination has the same bits whatever others there are, in whatever order they
    are run, and on however many devices of a kind. Only another ``batch_size`` may
    change the order of sums, and so the last digits; a table keeps to the one that it
    began with.

    Args:
        run: numbers by the names of the columns -> arrays; traced once. With a table:
            a dictionary of single numbers. Randomness comes from a column of seeds, by
            ``jax.random.key(seed)``.
        table: ``NAME.csv``, written about once a second, or after each combination that
            takes longer. What is there already is not run again; columns may have other
            values than before, and rows that are not asked for stay. ``NAME.json``
            beside it keeps what made it.
        recipe: whatever else makes the run, by name, for the table.
        batch_size: how many combinations share one pass on a device (``vmap``), at
            most. If omitted: one on a CPU, where one after another is faster; elsewhere
            as many as fit.
        memory: of each device that the program may take [bytes], by XLA's own account;
            ``batch_size`` is lowered to fit. Half of what there is if omitted.
        progress: whether to show it, on stderr.
        **columns: the values of each number: whole (int32), real (float32, infinity as
            well), or truth values; 64 bits where JAX has them. Arrays of numpy keep
            their dtype.

    Returns:
        The table in the order of the columns. A metric that is not finite stands in it
        as such, and a warning names its combination. All processes of a
        ``jax.distributed`` job call it together and get the same table; the first one
        writes.

    Raises:
        ValueError: for columns that are no numbers, a run that returns no arrays, a
            table that is damaged or that something else has made (what differs is
            named), or a memory that one combination does not fit into.
        BlockingIOError: if another process writes the table.

    Example:
        >>> def run(slope, seed):
        ...     v = jax.random.normal(jax.random.key(seed), (100,))
        ...     return {"mean": snn.SuperSpike(slope)(v).mean()}
        ...
        >>> table = snn.training.sweep(
        ...     run, slope=[1.0, 10.0], seed=range(3), progress=False
        ... )
        >>> table.grid()["mean"].shape
        (2, 3)
    """
    _check(run, table, recipe, batch_size, memory, progress, columns)
    given = {name: _column(name, values) for name, values in columns.items()}
    axes = np.meshgrid(*given.values(), indexing="ij")
    points = {name: axis.reshape(-1) for name, axis in zip(given, axes, strict=True)}
    one = jax.jit(lambda point: run(**point), inline=True)
    lowered = one.lower(
        {name: jax.ShapeDtypeStruct((), each.dtype) for name, each in given.items()}
    )
    like = _outputs(lowered.out_info)
    sizes = tuple(map(len, given.values()))
    with ExitStack() as held:
        kept = None
        if table is not None:
            types = {name: each.dtype for name, each in given.items()}
            made_by = _made_by(lowered.as_text(), recipe)
            kept = _kept(held, table, types, _scalars(like, given), made_by)
        found = _Found(points, like, kept)
        earlier = math.prod(sizes) - len(found.todo)
        width = _grow(one, points, like, found, batch_size, memory, progress)
    _warn_of_nonfinite(points, found.metrics)
    return Table(points, found.metrics, sizes, earlier, width)


class _Found:
    """What was found so far of each combination, in memory and in a table."""

    def __init__(self, points: Points, like: Any, kept: Rows | None):
        n = len(next(iter(points.values())))
        self.kept = kept
        self.metrics = jax.tree.map(lambda x: np.zeros((n, *x.shape), x.dtype), like)
        self._names = [*zip(*(map(written, c) for c in points.values()), strict=True)]
        self.todo = np.arange(n)
        if kept is not None:
            self._take(kept)

    def _take(self, kept):
        """What was found before."""
        there = [k for k, name in enumerate(self._names) if name in kept]
        for k in there:
            row = zip(self.metrics.values(), kept[self._names[k]], strict=True)
            for leaf, text in row:
                leaf[k] = read(text, leaf.dtype)
        self.todo = np.delete(self.todo, there)

    def add(self, at: np.ndarray, metrics: Any) -> None:
        """Takes what some combinations gave, and keeps it."""
        for leaf, new in zip(
            *map(jax.tree.leaves, (self.metrics, metrics)), strict=True
        ):
            leaf[at] = new
        if self.kept is not None:
            texts = zip(*(map(written, m) for m in metrics.values()), strict=True)
            names = (self._names[k] for k in at)
            rows = [*zip(names, texts, strict=True)]
            first(partial(self.kept.add, rows))


def _grow(one, points, like, found, batch_size, memory, progress):
    """Runs what is still to do; returns how many shared one pass."""
    todo, total = found.todo, len(next(iter(points.values())))
    if not len(todo):
        return found.kept.batch_size
    with bar("sweep", note="compiling", shown=progress) as update:
        width = _width(found.kept, batch_size, total)
        program = compiled(one, points, like, width, memory)
        if found.kept is not None:
            _begin(found.kept, program.batch_size)
        rounds = 1
        update(total - len(todo), total)
        while len(todo):
            rounds = min(rounds, -(-len(todo) // program.at_a_time(1)))
            now, todo = np.split(todo, [program.at_a_time(rounds)])
            began = time.perf_counter()
            found.add(now, program({k: c[now] for k, c in points.items()}, rounds))
            rounds = _next(program, rounds, time.perf_counter() - began)
            update(total - len(todo), total)
    return program.batch_size


def _width(kept, batch_size, total):
    """How many combinations should share one pass: as many as did so far."""
    before = None if kept is None else kept.batch_size
    if before is not None and (batch_size is None or batch_size >= before):
        return before
    usual = 1 if jax.default_backend() == "cpu" else _AT_ONCE
    wanted = usual if batch_size is None else batch_size
    return min(wanted, -(-total // len(jax.devices())))


def _begin(kept, batch_size):
    if kept.batch_size not in (None, batch_size):
        warnings.warn(
            f"So far {kept.batch_size} combinations shared one pass, now {batch_size}: "
            "the last digits of new rows may be others than they had been.",
            stacklevel=5,
        )
    first(lambda: kept.begin(batch_size))


def _next(program, rounds, seconds):
    """So many rounds that rows are kept about once a second; the same everywhere."""
    fits = rounds * _SECONDS / max(seconds, 1e-9)
    return first(lambda: max(1, int(min(fits, 4 * rounds, program.rounds))))


def _kept(held, table, columns, metrics, made_by):
    """The rows of a table, which the first process reads and writes."""
    told: dict[str, Any] = {}

    def opened():
        held.enter_context(files.lock(table))
        told["rows"] = KeptRows(table, columns, metrics, made_by)
        return told["rows"].plain()

    plain = first(opened)
    return told.get("rows") or Rows.of_plain(plain)


def _made_by(program, recipe):
    return {
        "recipe": {str(k): identity.plain(v) for k, v in (recipe or {}).items()},
        "update": identity.digest_of_text(program),
        "environment": environment() | {"machine": platform.machine()},
    }


def _check(run, table, recipe, batch_size, memory, progress, columns):
    check.function("run", run)
    check.flag("progress", progress)
    if table is not None and Path(table).suffix != ".csv":
        raise ValueError(f"table must be a file NAME.csv, got {str(table)!r}.")
    if recipe is not None:
        check.mapping("recipe", recipe)
    if batch_size is not None:
        check.whole("batch_size", batch_size)
    if memory is not None:
        check.positive("memory", memory, " [bytes]")
        check.one("memory", memory)
    if not columns:
        raise ValueError("columns: name one at least, such as seed=range(5).")


def _column(name, values):
    """The values of a column in the dtype that ``run`` sees."""
    try:
        given = np.asarray(values if hasattr(values, "dtype") else [*values])
        kind = given.dtype.kind if given.dtype != object else "O"
        real = kind in "biu" or jax.numpy.issubdtype(given.dtype, jax.numpy.floating)
    except (TypeError, ValueError):
        given, real = np.zeros(0), False
    if not real or given.ndim != 1 or not given.size:
        raise ValueError(
            f"{name} must be a column of numbers, one at least, got {values!r:.80}. "
            "What is no number (a kind of network, a shape) takes a sweep of its own."
        )
    with np.errstate(over="ignore"):  # to infinity that nobody gave, which is refused
        column = given.astype(jax.dtypes.canonicalize_dtype(given.dtype))
    asked, seen = given.astype(float), column.astype(float)
    if np.isnan(asked).any() or (np.isinf(asked) != np.isinf(seen)).any():
        raise ValueError(
            f"{name} must be numbers, none of them NaN or too large for "
            f"{column.dtype}, got {values!r:.80}."
        )
    if column.dtype.kind in "iu" and (column != given).any():
        raise ValueError(f"{name} must fit {column.dtype}, got {values!r:.80}.")
    if len(np.unique(column)) < len(column):
        raise ValueError(
            f"{name} has a value twice, as {column.dtype} sees them: {values!r:.80}."
        )
    return column


def _outputs(found):
    """Shapes and dtypes of what a run returns."""
    leaves = jax.tree.leaves(found)
    keys = [x for x in leaves if jax.numpy.issubdtype(x.dtype, jax.dtypes.prng_key)]
    if not leaves or keys:
        raise ValueError(f"run must return arrays of numbers, got {found!r:.200}.")
    return jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), found)


def _scalars(like, columns):
    """The dtypes of the metrics of a table, by name."""
    if not isinstance(like, dict) or not all(
        isinstance(k, str) and getattr(x, "shape", None) == () for k, x in like.items()
    ):
        raise ValueError(
            "With a table, run must return a dictionary of single numbers by name, got "
            f"{like!r:.200}."
        )
    if twice := [n for n in like if n in columns or n == NONFINITE]:
        raise ValueError(
            f"run must name its metrics otherwise than the columns and {NONFINITE!r}: "
            f"{twice}."
        )
    return {name: x.dtype for name, x in like.items()}


def _warn_of_nonfinite(points, metrics):
    """Names the combinations of which something is no finite number."""
    odd: dict[int, list[str]] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(metrics):
        name = jax.tree_util.keystr(path, simple=True, separator=".")
        good = np.isfinite(leaf.astype(float)).reshape(len(leaf), -1).all(axis=1)
        for k in np.flatnonzero(~good):
            odd.setdefault(int(k), []).append(name)
    if not odd:
        return
    told = [
        ", ".join(f"{name}={written(column[k])}" for name, column in points.items())
        + f" ({', '.join(names) or 'what it returns'})"
        for k, names in [*sorted(odd.items())][:_TOLD]
    ]
    n, more = len(next(iter(points.values()))), ["..."] * (len(odd) > _TOLD)
    warnings.warn(
        f"{len(odd)} of {n} combinations are not finite: {'; '.join(told + more)}.",
        stacklevel=3,
    )
