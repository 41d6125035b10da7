"""One page on a trained network."""

from collections.abc import Sequence

import numpy as np

from snnjax import check
from snnjax.plot.activity import raster, voltages
from snnjax.plot.given import array, check_history, named
from snnjax.plot.learning import confusion_matrix, learning_curves
from snnjax.plot.page import figure


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
    check_history(history)
    counts = array("counts", counts, "[classes, classes]", finite=True)
    inputs = array("inputs", inputs, "[T, n_in]", finite=True)
    hidden = array("hidden", hidden, "[T, n]", finite=True)
    v = array("v", v, "[T, classes]")
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
        title="input" if label is None else f"input, label {named(label, classes)}",
    )
    raster(axes[1, 1], hidden, dt=dt, title="hidden layer")
    voltages(axes[0, 2], v, dt=dt, title="outputs", bold=label, classes=classes)
    rates = np.asarray(hidden, np.float64).mean(axis=0) / dt
    axes[1, 2].hist(rates, bins=20, color="#0072b2")
    axes[1, 2].set(xlabel="rate (Hz)", ylabel="hidden neurons", title="firing rates")
    return page
