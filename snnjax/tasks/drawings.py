"""Figures of a page: SVG that sits in it and takes on its colours, light or dark."""

import io
import re
from html import escape
from typing import Any

import numpy as np

from snnjax import plot
from snnjax.tasks.examples import Example

DOTS = "#3a86c8"  # seen on white and on black
_MANY = 1500  # spikes that are drawn as a picture
_FOLLOW = {  # colours of ``plot`` -> those of the page
    "#000000": "currentColor",
    "#666666": "var(--dim)",
    "#a6a6a6": "var(--faint)",
    "#0072b2": "var(--blue)",
    "#d55e00": "var(--orange)",
}


def learning_drawing(history: list[dict[str, float]]) -> str:
    """Learning curves."""
    drawn, axes = plot.figure(1, 1, (5.6, 4.2))
    plot.learning_curves(axes[0, 0], history)
    above = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.0), "ncols": 2}
    axes[0, 0].legend(frameon=False, **above)
    last, best = history[-1], max(row["validation_accuracy"] for row in history)
    told = (
        f"Learning curves, epochs 1 to {len(history)}: training accuracy ends at "
        f"{last['accuracy']:.3f}, the best validation accuracy is {best:.3f}, the "
        f"training loss falls from {history[0]['loss']:.3g} to {last['loss']:.3g}."
    )
    return svg(drawn, "learning", told)


def confusion_drawing(counts: np.ndarray, classes: tuple[str, ...]) -> str:
    """A confusion matrix, every class by its name."""
    from matplotlib.colors import ListedColormap

    n = len(counts)
    size = float(np.clip(0.2 * n, 5.2, 8.0))
    drawn, axes = plot.figure(1, 1, (size, size))
    ax = axes[0, 0]
    plot.confusion_matrix(ax, counts, classes=classes)
    shades = np.tile([0.0, 0.447, 0.698, 0.0], (256, 1))
    shades[:, 3] = 0.65 * np.sqrt(np.linspace(0.0, 1.0, 256))  # single mistakes show
    ax.images[0].set_cmap(ListedColormap(shades))
    for text in ax.texts:
        text.set_color("black")
    right = np.trace(counts) / max(counts.sum(), 1)
    off = counts - np.diag(np.diag(counts))
    row, column = np.unravel_index(np.argmax(off), off.shape)
    told = f"Confusion matrix of {n} classes: {right:.1%} lie on the diagonal"
    if off.any():
        told += (
            f"; the most frequent mistake is {classes[column]} for {classes[row]}, "
            f"{off[row, column]:g} times"
        )
    return svg(drawn, "confusion", f"{told}.")


def example_drawings(
    example: Example, classes: tuple[str, ...], *, dt: float, name: str
) -> list[str]:
    """What came in, what the hidden layer fired, and the voltages of the outputs."""
    return [
        _raster(example.inputs, dt, f"{name}-input", "input"),
        _raster(example.hidden, dt, f"{name}-hidden", "hidden layer"),
        _voltages(example, classes, dt, f"{name}-outputs"),
    ]


def _raster(spikes, dt, name, title):
    drawn, axes = plot.figure(1, 1, (4.2, 3.0))
    ax = axes[0, 0]
    plot.raster(ax, spikes, dt=dt, title=title)
    (dots,) = ax.collections
    dots.set(color=DOTS, rasterized=len(dots.get_offsets()) > _MANY)
    dots.set_sizes(np.maximum(dots.get_sizes(), 2.5))
    told = (
        f"Raster of the {title}: {np.sum(spikes != 0):,} spikes of "
        f"{np.any(spikes, axis=0).sum():,} of {spikes.shape[1]:,} neurons."
    )
    return svg(drawn, name, told)


def _voltages(example, classes, dt, name):
    drawn, axes = plot.figure(1, 1, (4.2, 3.0))
    ax, v = axes[0, 0], example.v
    wrong = None if example.guess == example.label else example.guess
    which = {"bold": example.label, "guess": wrong, "classes": classes}
    plot.voltages(ax, v, dt=dt, title="outputs", **which)
    highest = classes[int(np.argmax(v.mean(axis=0)))]
    told = (
        f"Voltages of {v.shape[1]} outputs; the one of {highest} is the highest on "
        "average."
    )
    return svg(drawn, name, told)


def svg(drawn: Any, name: str, alt: str) -> str:
    """A figure as an element of a page.

    Args:
        drawn: from ``plot.figure``.
        name: which no other figure of the page has.
        alt: what is to be seen, in words.
    """
    from matplotlib import rc_context

    written = io.StringIO()
    with rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        drawn.savefig(
            written, format="svg", transparent=True, dpi=144, metadata=nothing
        )
    text = written.getvalue()
    text = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'((?:id|href)="#?|url\(#)(?!data:)', rf"\g<1>{name}-", text)
    text = re.sub(r' d="[^"]*"', lambda found: _rounded(found[0]), text)
    for color, following in _FOLLOW.items():
        text = text.replace(color, following)
    viewed = re.search(r'viewBox="[^"]*"', text)
    inner = text[text.index(">", text.index("<svg")) + 1 :]
    box = viewed[0] if viewed else ""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" '
        f'xmlns:xlink="http://www.w3.org/1999/xlink" {box} role="img" '
        f'aria-label="{escape(alt)}">{inner}'
    )


def _rounded(path):
    """A path whose numbers have as many digits as one can see."""
    short = re.sub(r"\d+\.\d+", lambda found: f"{float(found[0]):.2f}", path)
    return re.sub(r"\s+", " ", short)
