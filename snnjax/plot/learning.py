"""How a network learned, and what it takes for what."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from snnjax.plot.given import array, check_classes, check_history, named


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
    check_history(history)
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

    Example:
        >>> counts = snn.analysis.confusion(np.array([0, 0, 1]), np.array([0, 1, 1]), 2)
        >>> figure, axes = snn.plot.figure()
        >>> snn.plot.confusion_matrix(axes[0, 0], counts, classes=("cat", "dog"))
    """
    counts = array("counts", counts, "[classes, classes]", finite=True)
    if counts.size == 0:
        raise ValueError("counts must be of one class at least, got none.")
    check_classes(classes, len(counts))
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
    names = [named(int(k), classes) for k in ticks]
    turned = classes is not None and max(map(len, names)) > 2
    size = float(np.clip(200.0 / len(names), 5.0, 10.0))
    ax.set_xticklabels(names, rotation=90 if turned else 0, fontsize=size)
    ax.set_yticklabels(names, fontsize=size)
