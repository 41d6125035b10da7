"""The figure of a sweep: test accuracy against what was varied."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from snnjax import plot

_COLORS = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "0.4"
_LINES = len(_COLORS)  # each in a colour of its own


def draw(
    table: Mapping[str, np.ndarray], columns: Sequence[str], chance: float, name: str
) -> Any:
    """Draws means over seeds as lines, and every network as a dot.

    Args:
        table: columns and metrics, ``[N]`` each.
        columns: what was varied, and ``"seed"``.
        chance: accuracy of guessing.
        name: of the task.

    Returns:
        A figure of matplotlib.
    """
    varied = [c for c in columns if c != "seed" and len(np.unique(table[c])) > 1]
    across = max(varied, key=lambda c: len(np.unique(table[c])), default="seed")
    others = [c for c in varied if c != across]
    drawn, axes = plot.figure(1, 1, (7.0, 4.0))
    ax = axes[0, 0]
    xs = np.unique(table[across])
    lines = sorted({*zip(*(table[c].tolist() for c in others), strict=True)} or {()})
    for k, line in enumerate(lines):
        color = _COLORS[k % _LINES]
        chosen = np.ones(len(table["seed"]), bool)
        for column, value in zip(others, line, strict=True):
            chosen &= table[column] == value
        here, right = table[across][chosen], table["test_accuracy"][chosen]
        means = [np.mean(right[here == x]) for x in xs]
        told = ", ".join(
            f"{_words(c)} {v:g}" for c, v in zip(others, line, strict=True)
        )
        ax.plot(xs, means, "-", color=color, label=told or "mean over seeds")
        ax.plot(here, right, "o", color=color, ms=3.5, alpha=0.6)
    broken = ~np.isfinite(table["test_accuracy"])
    if broken.any():
        ax.plot(table[across][broken], np.full(broken.sum(), 0.02), "x", color="0.3")
        ax.plot([], [], "x", color="0.3", label="stopped being finite")
    ax.axhline(chance, color="0.6", ls=":", label="chance")
    if xs.min() > 0 and xs.max() / xs.min() >= 10:
        ax.set_xscale("log")
    ax.set(xlabel=_words(across), ylabel="test accuracy", ylim=(0.0, 1.02))
    ax.set_xticks(xs, [f"{x:g}" for x in xs])
    ax.minorticks_off()
    ax.set_title(f"{name}: {len(table['seed'])} networks; dots: each", fontsize=10)
    ax.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return drawn


def _words(column):
    return {"dt": "dt (s)", "duration": "duration (s)"}.get(
        column, column.replace("_", " ")
    )
