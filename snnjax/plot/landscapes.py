"""Losses over paths and planes, and what surrogates make of their gradients."""

from typing import Any

import numpy as np

from snnjax import check
from snnjax.plot.given import array


def loss_line(
    ax: Any,
    at: np.ndarray,
    losses: np.ndarray,
    pretended: np.ndarray | None = None,
    title: str = "",
) -> None:
    """Draws a loss along a path, and beside it what a surrogate pretends it to be.

    The two have axes of their own, as the height of a surrogate sets its slope.

    Args:
        ax: where to draw.
        at: where on the path, ``[K]``.
        losses: from ``landscape.loss_on_path``, ``[K]``.
        pretended: the first loss plus ``fields.line_integral(…).value``, ``[K]``.
        title: of the axes.

    Example:
        >>> from snnjax.analysis import landscape
        >>> at = jnp.linspace(0.0, 1.0, 21)
        >>> path = landscape.line(jnp.array([0.0]), jnp.array([2.0]))
        >>> losses = landscape.loss_on_path(lambda w: snn.mse(w, jnp.ones(1)), path, at)
        >>> figure, axes = snn.plot.figure()
        >>> snn.plot.loss_line(axes[0, 0], at, losses)
    """
    at = array("at", at, "[K]", finite=True)
    losses = array("losses", losses, "[K]", like=at)
    ax.plot(at, losses, color="black", lw=1.0)
    ax.set(xlabel="position s on the path", ylabel="loss (nats)", title=title)
    if pretended is not None:
        pretended = array("pretended", pretended, "[K]", like=at)
        beside = ax.twinx()
        beside.plot(at, pretended, color="#d55e00", lw=1.5)
        beside.set_ylabel("integral of the surrogate", color="#d55e00")
        beside.tick_params(axis="y", colors="#d55e00")


def loss_plane(
    ax: Any,
    xs: np.ndarray,
    ys: np.ndarray,
    losses: np.ndarray,
    trajectory: np.ndarray | None = None,
    title: str = "",
) -> None:
    """Draws a loss over a plane, ``[M, K]``, and a way through it, ``[T, 2]``.

    Example:
        >>> from snnjax.analysis import landscape
        >>> xs, axis = jnp.linspace(-1.0, 1.0, 5), jnp.eye(2)
        >>> plane = landscape.plane(jnp.zeros(2), axis[0], axis[1])
        >>> losses = landscape.loss_on_plane(lambda w: jnp.sum(w**2), plane, xs, xs)
        >>> figure, axes = snn.plot.figure()
        >>> snn.plot.loss_plane(axes[0, 0], xs, xs, losses)
    """
    xs, ys = array("xs", xs, "[K]", finite=True), array("ys", ys, "[M]", finite=True)
    losses = array("losses", losses, "[M, K]")
    if losses.shape != (len(ys), len(xs)) or min(losses.shape) < 2:
        raise ValueError(
            f"losses must be [M, K], two of each at least: ys {len(ys)}, xs {len(xs)}, "
            f"got shape {losses.shape}."
        )
    filled = ax.contourf(xs, ys, losses, levels=24, cmap="Blues_r")
    ax.figure.colorbar(filled, ax=ax, label="loss (nats)")
    if trajectory is not None:
        x, y = array("trajectory", trajectory, "[T, 2]", finite=True).reshape(-1, 2).T
        ax.plot(x, y, color="#d55e00", lw=1.2)
        ax.plot(x[-1:], y[-1:], "o", color="#d55e00", ms=4)
    ax.set(xlabel="first direction", ylabel="second direction", title=title)


def gradient_comparison(ax: Any, layers: dict[str, Any], title: str = "") -> None:
    """Draws for each layer what ``analysis.compare_gradients`` returned."""
    if not isinstance(layers, dict):
        raise ValueError(f"layers must be a dict by name, got {check.told(layers)}.")
    colors = {"cosine": "#0072b2", "relative_error": "#d55e00", "same_sign": "#009e73"}
    for k, (name, color) in enumerate(colors.items()):
        heights = [float(getattr(layer, name)) for layer in layers.values()]
        places = np.arange(len(layers)) + 0.25 * (k - 1)
        ax.bar(places, heights, 0.23, color=color, label=name.replace("_", " "))
    ax.axhline(0.0, color="black", lw=0.8)
    ax.set_xticks(np.arange(len(layers)), list(layers))
    ax.set(xlabel="layer", title=title)
    ax.legend(frameon=False)


def loop_integrals(
    ax: Any,
    slopes: np.ndarray,
    values: np.ndarray,
    errors: np.ndarray,
    label: str = "",
    title: str = "",
) -> None:
    """Draws sizes and errors of ``fields.loop_integral`` over slopes.

    Example:
        >>> figure, axes = snn.plot.figure()
        >>> slopes, values = np.array([1.0, 10.0, 100.0]), np.array([1e-3, 0.02, 0.3])
        >>> snn.plot.loop_integrals(axes[0, 0], slopes, values, 0.1 * values)
    """
    slopes = array("slopes", slopes, "[K]", finite=True)
    values = array("values", values, "[K]", like=slopes)
    errors = array("errors", errors, "[K]", like=slopes)
    if (errors < 0).any():
        raise ValueError(f"errors must not be negative, got {errors}.")
    size = np.abs(values)
    ax.errorbar(slopes, size, errors, marker="o", ms=4, capsize=3, label=label or None)
    ax.set(xscale="log", yscale="log", xlabel="slope of the surrogate", title=title)
    ax.set_ylabel("|∮ g · dw|")
    if label:
        ax.legend(frameon=False)
