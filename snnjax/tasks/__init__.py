"""The ready-made tasks: real data, how it becomes spikes, and what reads them.

``train`` does the rest; ``snnjax train`` is the same from the command line.
"""

from snnjax.tasks.braille import braille_task
from snnjax.tasks.catalogue import TASKS
from snnjax.tasks.chip import chip_task
from snnjax.tasks.chip_training import train_on_chip
from snnjax.tasks.digits import digits_task
from snnjax.tasks.ecg import ecg_task
from snnjax.tasks.evaluation import evaluate
from snnjax.tasks.job import train
from snnjax.tasks.linear import linear_baseline
from snnjax.tasks.mnist import mnist_task
from snnjax.tasks.n_mnist import n_mnist_task
from snnjax.tasks.network import Network
from snnjax.tasks.own_data import own_data_task
from snnjax.tasks.redrawing import redraw
from snnjax.tasks.runs import Run, load_run
from snnjax.tasks.spoken_digits import spoken_digits_task
from snnjax.tasks.sweeping import sweep_task
from snnjax.tasks.task import Part, Schedule, Task
from snnjax.tasks.timed import TimedNetwork
from snnjax.tasks.transfers import transfer
from snnjax.tasks.unlabelled import Prediction, predict_files
from snnjax.tasks.yin_yang import yin_yang_task

__all__ = [
    "TASKS",
    "Network",
    "Part",
    "Prediction",
    "Run",
    "Schedule",
    "Task",
    "TimedNetwork",
    "braille_task",
    "chip_task",
    "digits_task",
    "ecg_task",
    "evaluate",
    "linear_baseline",
    "load_run",
    "mnist_task",
    "n_mnist_task",
    "own_data_task",
    "predict_files",
    "redraw",
    "spoken_digits_task",
    "sweep_task",
    "train",
    "train_on_chip",
    "transfer",
    "yin_yang_task",
]
