"""Training: one pure update, and a loop that survives being killed."""

from snnjax.training import parallel
from snnjax.training.epochs import epoch_rows
from snnjax.training.in_the_loop import loop_step
from snnjax.training.loop import Fit, fit
from snnjax.training.provenance import environment
from snnjax.training.silence import silent
from snnjax.training.step import TrainState, init_train_state, make_step
from snnjax.training.sweeps import Table, sweep

__all__ = [
    "Fit",
    "Table",
    "TrainState",
    "environment",
    "epoch_rows",
    "fit",
    "init_train_state",
    "loop_step",
    "make_step",
    "parallel",
    "silent",
    "sweep",
]
