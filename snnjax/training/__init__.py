"""Training: one pure update, and a loop that survives being killed."""

from snnjax.training.epochs import epoch_rows
from snnjax.training.loop import Fit, fit
from snnjax.training.provenance import describe
from snnjax.training.step import TrainState, make_step, start

__all__ = [
    "Fit",
    "TrainState",
    "describe",
    "epoch_rows",
    "fit",
    "make_step",
    "start",
]
