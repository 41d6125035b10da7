"""Figures: rasters, voltages, learning curves, confusion, landscapes, and a report.

    page, axes = figure(1, 2)
    raster(axes[0, 0], spikes, dt=1e-3)
    show(page, "spikes")

Every function draws on the axes it is given; matplotlib is imported on use and no
global state of it is touched.
"""

import io
import sys
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from snnjax import check, files

_COLORS = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a98600", "#7b52ab", "#777777"


def figure(rows: int = 1, columns: int = 1, size: tuple[float, float] = (7.0, 4.0)):
    """A figure with its axes, ``[rows, columns]``.

    Raises:
        ImportError: without matplotlib, saying how to get it.
        ValueError: for numbers that are not whole, or a size that is not two numbers.
    """
    for name, number in (("rows", rows), ("columns", columns)):
        check.whole(name, number, most=100)
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise ValueError(f"size must be (width, height), got {check.told(size)}.")
    check.positive("size", size)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'Figures need matplotlib: pip install "snnjax[plot]".'
        ) from error
    drawn = _shown_in_notebooks(Figure)(figsize=size, layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, columns, squeeze=False)


@cache
def _shown_in_notebooks(kind):
    """Figures that notebooks show without pyplot."""
    return type("Page", (kind,), {"_repr_png_": _png})


def _png(drawn):
    written = io.BytesIO()
    drawn.savefig(written, format="png")
    return written.getvalue()


def show(drawn: Any, name: str) -> None:
    """Shows a figure in a notebook; a script saves it as ``NAME.png`` where it runs.

    Args:
        drawn: of ``figure`` or ``report``.
        name: of the file, without its ending.

    Raises:
        ValueError: for what is no figure, or a name that is empty or leads elsewhere.
    """
    if not hasattr(drawn, "savefig"):
        raise ValueError(f"drawn must be a figure, got {check.told(drawn)}.")
    if not isinstance(name, str) or not name or {*name} & {*"/\\\0"}:
        raise ValueError(f"name must be that of a file, without folders, got {name!r}.")
    running = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(running, "kernel", None) is None:
        with files.atomic(f"{name}.png") as new:
            drawn.savefig(new, format="png")
    else:
        sys.modules["IPython"].display.display(drawn)


def _clock(seconds):
    """How many units of time a second has on an axis of such a length, and its name."""
    return (1e6, "µs") if seconds < 1e-3 else (1e3, "ms")


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
    """
    if np.ndim(spikes) == 3 and sample is None:
        raise ValueError(
            f"spikes of {np.shape(spikes)[1]} samples, [T, B, n], are drawn one by "
            "one: raster(ax, spikes, dt=dt, sample=0)."
        )
    if sample is not None:
        spikes = _array("spikes", spikes, "[T, B, n]", finite=True)
        check.whole("sample", sample, least=0, most=spikes.shape[1] - 1)
        spikes = spikes[:, sample]
    spikes = _array("spikes", spikes, "[T, n]", finite=True)
    check.dt(dt)
    step, unit = np.nonzero(spikes)
    size = float(np.clip(2000.0 / max(len(step), 1), 0.5, 12.0))
    per, unit_of_time = _clock(len(spikes) * dt)
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
    """
    v = _array("v", v, "[T, n]")
    check.dt(dt)
    _check_classes(classes, v.shape[1])
    for name, k in (("bold", bold), ("guess", guess)):
        if k is not None:
            check.whole(name, k, least=0)
    per, unit_of_time = _clock(len(v) * dt)
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
    if classes is not None and bold is None and guess is None and n <= len(_COLORS):
        return [
            plain | {"color": color, "label": _name(k, classes)}
            for k, color in enumerate(_COLORS[:n])
        ]
    looks: list[dict[str, Any]] = [plain] * n
    stands_out = {"linewidth": 2.0, "zorder": 3}
    for k, color, what in ((guess, _COLORS[0], ", the guess"), (bold, _COLORS[1], "")):
        if k is not None and k < n:
            label = f"output {_name(k, classes)}{what}"
            looks[k] = {"color": color, "label": label, **stands_out}
    return looks


def learning_curves(
    ax: Any,
    history: list[dict[str, float]],
    title: str = "",
    monitor: str | None = None,
) -> None:
    """Draws the loss over epochs and a measure beside it, as ``fit`` recorded them.

    Args:
        ax: where to draw.
        history: from ``fit``.
        title: of the axes.
        monitor: the measure; by default accuracy, or else the first one of validation.
            If that is the loss itself, training and validation share an axis.

    Raises:
        ValueError: for a history of no epoch, or one without that measure.
    """
    _check_history(history)
    epochs = np.array([row["epoch"] for row in history])
    monitor = _measure(history, monitor)
    look = {"marker": "o", "markersize": 4.0} if len(epochs) < 3 else {}
    for name, label, color in (
        (monitor, "training", "#0072b2"),
        (f"validation_{monitor}", "validation", "#d55e00"),
    ):
        if name in history[0]:
            ax.plot(
                epochs, [r[name] for r in history], color=color, label=label, **look
            )
    ax.set(xlabel="epoch", ylabel=monitor.replace("_", " "), title=title)
    if len(epochs) == 1:
        ax.set_xticks(epochs)
    else:
        ax.xaxis.get_major_locator().set_params(integer=True)
    if monitor == "accuracy":
        ax.set(ylim=(0, 1.02))
    if monitor != "loss":
        loss = ax.twinx()
        heights = [row["loss"] for row in history]
        loss.plot(epochs, heights, ":", color="0.4", label="loss", **look)
        unit = " (nats)" if monitor == "accuracy" else ""
        loss.set(ylim=(0, None), ylabel=f"training loss{unit}, dotted")
    ax.legend(frameon=False, loc="best" if monitor == "loss" else "center right")


def _measure(history, monitor):
    """What is drawn beside the loss."""
    validated = [
        name.removeprefix("validation_")
        for name in history[0]
        if name.startswith("validation_")
    ]
    if monitor is None:
        found = "accuracy" in {*history[0], *validated}
        return "accuracy" if found else [*validated, "loss"][0]
    if monitor not in {*history[0], *validated}:
        raise ValueError(f"monitor={monitor!r} is not in the history, {[*history[0]]}.")
    return monitor


def confusion_matrix(
    ax: Any,
    counts: np.ndarray,
    title: str = "",
    classes: Sequence[str] | None = None,
) -> None:
    """Draws counts by label (row) and guess (column), ``[classes, classes]``.

    Classes are told by number, or by the names given.
    """
    counts = _array("counts", counts, "[classes, classes]", finite=True)
    if counts.size == 0:
        raise ValueError("counts must be of one class at least, got none.")
    _check_classes(classes, len(counts))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    ax.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    for (row, column), count in np.ndenumerate(counts):
        if count and len(counts) <= 20:
            color = "white" if share[row, column] > 0.5 else "black"
            ax.text(
                column, row, f"{count:g}", ha="center", va="center", color=color, size=7
            )
    every = 1 + (len(counts) - 1) // (20 if classes is None else 60)
    ticks = np.arange(0, len(counts), every)
    ax.set(xticks=ticks, yticks=ticks, xlabel="guess", ylabel="label", title=title)
    names = [_name(int(k), classes) for k in ticks]
    turned = classes is not None and max(map(len, names)) > 2
    size = float(np.clip(200.0 / len(names), 5.0, 10.0))
    ax.set_xticklabels(names, rotation=90 if turned else 0, fontsize=size)
    ax.set_yticklabels(names, fontsize=size)


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
    """
    at = _array("at", at, "[K]", finite=True)
    losses = _array("losses", losses, "[K]", like=at)
    ax.plot(at, losses, color="black", lw=1.0)
    ax.set(xlabel="position s on the path", ylabel="loss (nats)", title=title)
    if pretended is not None:
        pretended = _array("pretended", pretended, "[K]", like=at)
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
    """Draws a loss over a plane, ``[M, K]``, and a way through it, ``[T, 2]``."""
    xs, ys = _array("xs", xs, "[K]", finite=True), _array("ys", ys, "[M]", finite=True)
    losses = _array("losses", losses, "[M, K]")
    if losses.shape != (len(ys), len(xs)) or min(losses.shape) < 2:
        raise ValueError(
            f"losses must be [M, K], two of each at least: ys {len(ys)}, xs {len(xs)}, "
            f"got shape {losses.shape}."
        )
    filled = ax.contourf(xs, ys, losses, levels=24, cmap="Blues_r")
    ax.figure.colorbar(filled, ax=ax, label="loss (nats)")
    if trajectory is not None:
        x, y = _array("trajectory", trajectory, "[T, 2]", finite=True).reshape(-1, 2).T
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
    """Draws sizes and errors of ``fields.loop_integral`` over slopes."""
    slopes = _array("slopes", slopes, "[K]", finite=True)
    values = _array("values", values, "[K]", like=slopes)
    errors = _array("errors", errors, "[K]", like=slopes)
    if (errors < 0).any():
        raise ValueError(f"errors must not be negative, got {errors}.")
    size = np.abs(values)
    ax.errorbar(slopes, size, errors, marker="o", ms=4, capsize=3, label=label or None)
    ax.set(xscale="log", yscale="log", xlabel="slope of the surrogate", title=title)
    ax.set_ylabel("|∮ g · dw|")
    if label:
        ax.legend(frameon=False)


def report(
    history: list[dict[str, float]],
    counts: np.ndarray,
    inputs: np.ndarray,
    hidden: np.ndarray,
    v: np.ndarray,
    *,
    dt: float,
    title: str,
    label: int | None = None,
    classes: Sequence[str] | None = None,
):
    """One page on a trained network, with one test sample seen through it.

    Args:
        history: from ``fit``.
        counts: confusion on test data, ``[classes, classes]``.
        inputs: spikes that came in, ``[T, n_in]``.
        hidden: spikes of the hidden layer, ``[T, n]``.
        v: voltages of the outputs, ``[T, classes]``.
        dt: time step [s].
        title: of the page.
        label: right answer of the sample, if it has one.
        classes: their names, numbers if omitted.

    Returns:
        The figure.

    Raises:
        ValueError: for an argument that the figures inside refuse, by its name.
    """
    _check_history(history)
    counts = _array("counts", counts, "[classes, classes]", finite=True)
    inputs = _array("inputs", inputs, "[T, n_in]", finite=True)
    hidden = _array("hidden", hidden, "[T, n]", finite=True)
    v = _array("v", v, "[T, classes]")
    check.dt(dt)
    for name, x in (("counts", counts), ("hidden", hidden), ("v", v)):
        if x.size == 0:
            raise ValueError(f"{name} must not be empty, got shape {x.shape}.")
    page, axes = figure(2, 3, (13.0, 7.0))
    page.suptitle(title)
    learning_curves(axes[0, 0], history, "learning")
    confusion_matrix(axes[1, 0], counts, "test data", classes)
    raster(
        axes[0, 1],
        inputs,
        dt=dt,
        title="input" if label is None else f"input, label {_name(label, classes)}",
    )
    raster(axes[1, 1], hidden, dt=dt, title="hidden layer")
    voltages(axes[0, 2], v, dt=dt, title="outputs", bold=label, classes=classes)
    rates = np.asarray(hidden, np.float64).mean(axis=0) / dt
    axes[1, 2].hist(rates, bins=20, color="#0072b2")
    axes[1, 2].set(xlabel="rate (Hz)", ylabel="hidden neurons", title="firing rates")
    return page


def _check_classes(classes, n):
    if classes is not None and len(classes) != n:
        raise ValueError(f"classes must be {n} names, got {len(classes)}.")


def _name(label: int, classes: Sequence[str] | None) -> str:
    """A class in a figure: on one line, not too long, and no formula."""
    if classes is None:
        return str(label)
    name = " ".join(classes[label].split())
    name = f"{name[:19]}…" if len(name) > 20 else name
    return name.replace("$", r"\$")


def _array(name, x, axes, *, finite=False, like=None):
    """An array, refused by its name unless it has these axes; NaN leaves a gap."""
    x = np.asarray(x)
    check.array(name, x, axes, finite=finite)
    x = x.astype(np.float64)
    if like is not None:
        check.shape(name, x, like.shape)
    return x


def _check_history(history):
    if not isinstance(history, list | tuple) or not history:
        raise ValueError(
            f"history must be that of one epoch at least, got {check.told(history)}."
        )
    if not all(
        isinstance(row, dict) and {"epoch", "loss"} <= {*row} for row in history
    ):
        raise ValueError("history must be rows with epoch and loss, as of fit.")
