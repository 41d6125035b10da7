"""What neurons do over time: spikes and voltages."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from snnjax import check
from snnjax.plot.given import COLORS, array, check_classes, clock, named


def raster(
    ax: Any,
    spikes: np.ndarray,
    *,
    dt: float,
    title: str = "",
    sample: int | None = None,
) -> None:
    """Draws spikes ``[T, n]`` as dots, time to the right, one row a neuron.

    Of ``[T, B, n]`` one ``sample`` is to be chosen.

    Example:
        >>> figure, axes = snn.plot.figure()
        >>> spikes = jax.random.bernoulli(jax.random.key(0), 0.1, (100, 20))
        >>> snn.plot.raster(axes[0, 0], spikes, dt=1e-3, title="hidden")
    """
    if np.ndim(spikes) == 3 and sample is None:
        raise ValueError(
            f"spikes of {np.shape(spikes)[1]} samples, [T, B, n], are drawn one by "
            "one: raster(ax, spikes, dt=dt, sample=0)."
        )
    if sample is not None:
        spikes = array("spikes", spikes, "[T, B, n]", finite=True)
        check.whole("sample", sample, least=0, most=spikes.shape[1] - 1)
        spikes = spikes[:, sample]
    spikes = array("spikes", spikes, "[T, n]", finite=True)
    check.dt(dt)
    step, unit = np.nonzero(spikes)
    size = float(np.clip(2000.0 / max(len(step), 1), 0.5, 12.0))
    per, unit_of_time = clock(len(spikes) * dt)
    ax.scatter(step * dt * per, unit, s=size, c="black", marker="o", linewidths=0)
    ax.set(xlim=(0, len(spikes) * dt * per), ylim=(-0.5, spikes.shape[1] - 0.5))
    ax.set(xlabel=f"time ({unit_of_time})", ylabel="neuron", title=title)
    ax.yaxis.get_major_locator().set_params(integer=True)


def voltages(
    ax: Any,
    v: np.ndarray,
    *,
    dt: float,
    title: str = "",
    bold: int | None = None,
    guess: int | None = None,
    classes: Sequence[str] | None = None,
) -> None:
    """Draws voltages ``[T, n]`` over time.

    Args:
        ax: where to draw.
        v: voltages, ``[T, n]``.
        dt: time step [s].
        title: of the axes.
        bold: one that stands out, such as the right one.
        guess: another one, which was taken for it.
        classes: names of all, numbers if omitted; up to seven have colours, if none
            stands out.

    Example:
        >>> jump = jnp.zeros((50, 3)).at[0].set(jnp.array([1.0, 0.5, -1.0]))
        >>> _, v = snn.unroll(snn.li(3), (), jump, dt=1e-3)
        >>> figure, axes = snn.plot.figure()
        >>> snn.plot.voltages(axes[0, 0], v, dt=1e-3, classes=("a", "b", "c"))
    """
    v = array("v", v, "[T, n]")
    check.dt(dt)
    check_classes(classes, v.shape[1])
    for name, k in (("bold", bold), ("guess", guess)):
        if k is not None:
            check.whole(name, k, least=0)
    per, unit_of_time = clock(len(v) * dt)
    time = (np.arange(len(v)) + 1) * dt * per
    looks = _looks(v.shape[1], bold, guess, classes)
    for k, look in enumerate(looks):
        ax.plot(time, v[:, k], **look)
    named = sum("label" in look for look in looks)
    if named:
        columns = 1 if named < 3 else 3
        low, high = ax.get_ylim()
        room = 0.13 * (-(-named // columns)) * (high - low)
        ax.set_ylim(low, high + room)
        ax.legend(frameon=False, ncols=columns, loc="upper right")
    ends = 0, len(v) * dt * per
    ax.set(xlim=ends, xlabel=f"time ({unit_of_time})", ylabel="voltage (θ)")
    ax.set(title=title)


def _looks(n, bold, guess, classes):
    """How each voltage is drawn."""
    plain = {"color": "0.65", "linewidth": 0.8, "zorder": 1}
    if classes is not None and bold is None and guess is None and n <= len(COLORS):
        return [
            plain | {"color": color, "label": named(k, classes)}
            for k, color in enumerate(COLORS[:n])
        ]
    looks: list[dict[str, Any]] = [plain] * n
    stands_out = {"linewidth": 2.0, "zorder": 3}
    for k, color, what in ((guess, COLORS[0], ", the guess"), (bold, COLORS[1], "")):
        if k is not None and k < n:
            label = f"output {named(k, classes)}{what}"
            looks[k] = {"color": color, "label": label, **stands_out}
    return looks
