"""Learning while time runs: one frame, a rule for what crosses from block to block."""

from snnjax.learning.online.diagnostics import (
    Alignment,
    Course,
    alignment,
    along_training,
    temp_memory,
)
from snnjax.learning.online.factors import factored
from snnjax.learning.online.influence import per_unit, rtrl, truncated, window
from snnjax.learning.online.kronecker_sketch import kronecker
from snnjax.learning.online.layers import stack
from snnjax.learning.online.rule import Carry, Learned, Rule, gradients, train
from snnjax.learning.online.sketch import rank_one

__all__ = [
    "Alignment",
    "Carry",
    "Course",
    "Learned",
    "Rule",
    "alignment",
    "along_training",
    "factored",
    "gradients",
    "kronecker",
    "per_unit",
    "rank_one",
    "rtrl",
    "stack",
    "temp_memory",
    "train",
    "truncated",
    "window",
]
