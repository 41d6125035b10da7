"""A cell as a module of flax.nnx.

The module owns the weights, as ``nnx.Param``; state still goes in and comes out.
Results are those of the plain call, bit for bit: the module only looks up its weights.
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx

from snnjax import check
from snnjax.cell import Cell, State, Weights, check_cell, unroll
from snnjax.check import Number


class Module(nnx.Module):
    """A cell that owns its weights.

        net = Module(chain(dense(700, 128), lif(128)), rngs=nnx.Rngs(0))
        state, spikes = net(xs, dt=1e-3)
        optimizer = nnx.Optimizer(net, optax.adam(1e-3), wrt=nnx.Param)

    Args:
        cell: what to own.
        rngs: draws the weights, from the stream ``params``.
        weights: weights to start from instead, such as those of a plain training.

    Raises:
        ValueError: for neither or both of ``rngs`` and ``weights``.
    """

    def __init__(
        self,
        cell: Cell,
        *,
        rngs: nnx.Rngs | None = None,
        weights: Weights | None = None,
    ):
        check_cell("cell", cell)
        if (rngs is None) == (weights is None):
            raise ValueError(
                "Module needs either rngs=nnx.Rngs(seed) to draw weights, or weights."
            )
        if rngs is not None:
            weights = cell.init(rngs.params())
        leaves, tree = jax.tree.flatten(weights)
        self._tree: Any = tree
        self._cell = cell
        self.params = nnx.List([nnx.Param(leaf) for leaf in leaves])

    @property
    def weights(self) -> Weights:
        """The weights as the plain pytree that ``cell.init`` draws."""
        return jax.tree.unflatten(self._tree, [param[...] for param in self.params])

    def load(self, weights: Weights) -> None:
        """Takes over weights of the same cell, such as those of a plain training.

        Raises:
            ValueError: for weights of another structure, other shapes or dtypes.
        """
        leaves, tree = jax.tree.flatten(weights)
        check.arrays("weights", weights)
        came, own = (
            [(*x.shape, x.dtype.name) for x in v] for v in (leaves, self.params)
        )
        if tree != self._tree or came != own:
            raise ValueError(
                f"The weights are of another cell: got {tree} {came}, expected "
                f"{self._tree} {own}."
            )
        for param, leaf in zip(self.params, leaves, strict=True):
            param[...] = leaf

    def __call__(
        self,
        xs: Any,
        *,
        dt: Number,
        state: State | None = None,
        mask: jax.Array | None = None,
        key: jax.Array | None = None,
        record: Callable[[State, Any], Any] | None = None,
        truncate: int | None = None,
        checkpoint: int | None = None,
        memory: float | None = None,
    ) -> tuple[State, Any]:
        """Runs over a sequence, with the options of ``snnjax.unroll``."""
        return unroll(
            self._cell,
            self.weights,
            xs,
            dt=dt,
            state=state,
            mask=mask,
            key=key,
            record=record,
            truncate=truncate,
            checkpoint=checkpoint,
            memory=memory,
        )

    def rest(self, x: jax.Array) -> State:
        """State before anything happened, for inputs like ``x``."""
        return self._cell.rest(x)

    def step(self, state: State, x: jax.Array, dt: Number) -> tuple[State, jax.Array]:
        """Moves on by ``dt`` [s]: from ``(state, x)`` to ``(state, y)``."""
        return self._cell.step(self.weights, state, x, dt)
