"""What is to be drawn is checked, and told on axes in words that fit."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from snnjax import check

COLORS = "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a98600", "#7b52ab", "#777777"


def array(
    name: str, x: Any, axes: str, *, finite: bool = False, like: Any = None
) -> np.ndarray:
    """An array, refused by its name unless it has these axes; NaN leaves a gap."""
    x = np.asarray(x)
    check.array(name, x, axes, finite=finite)
    x = x.astype(np.float64)
    if like is not None:
        check.shape(name, x, like.shape)
    return x


def check_classes(classes: Sequence[str] | None, n: int) -> None:
    """Refuses names of another number of classes."""
    if classes is not None and len(classes) != n:
        raise ValueError(f"classes must be {n} names, got {len(classes)}.")


def named(label: int, classes: Sequence[str] | None) -> str:
    """A class in a figure: on one line, not too long, and no formula."""
    if classes is None:
        return str(label)
    name = " ".join(classes[label].split())
    name = f"{name[:19]}…" if len(name) > 20 else name
    return name.replace("$", r"\$")


def check_history(history: Any) -> None:
    """Refuses what ``fit`` did not record."""
    if not isinstance(history, list | tuple) or not history:
        raise ValueError(
            f"history must be that of one epoch at least, got {check.told(history)}."
        )
    if not all(
        isinstance(row, dict) and {"epoch", "loss"} <= {*row} for row in history
    ):
        raise ValueError("history must be rows with epoch and loss, as of fit.")


def clock(seconds: float) -> tuple[float, str]:
    """How many units of time a second has on an axis of such a length, and its name."""
    return (1e6, "µs") if seconds < 1e-3 else (1e3, "ms")
