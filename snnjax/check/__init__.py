"""Errors before harm: what came, what was expected, what to do.

Numbers are checked where they are concrete. A traced number (inside ``jit``, ``vmap``
or ``grad``) has no value yet and passes; its shape and dtype are checked all the same.
Where a wrong one would give a wrong number, the result is NaN instead (``or_nan``), and
the docstring of each function with such a check says what is done.
"""

from snnjax.check.cells import state, weights
from snnjax.check.constants import (
    between,
    dt,
    finite,
    fits,
    one,
    per_neuron,
    positive,
    whole,
)
from snnjax.check.options import fields, flag, function, generator, key, mapping, one_of
from snnjax.check.shapes import (
    array,
    arrays,
    floating,
    raster,
    rows,
    shape,
    signal,
    truth,
    width,
)
from snnjax.check.values import (
    Number,
    as_precise,
    common_dtype,
    concrete,
    copied,
    or_nan,
    precision,
    told,
    wide,
)

__all__ = [
    "Number",
    "array",
    "arrays",
    "as_precise",
    "between",
    "common_dtype",
    "concrete",
    "copied",
    "dt",
    "fields",
    "finite",
    "fits",
    "flag",
    "floating",
    "function",
    "generator",
    "key",
    "mapping",
    "one",
    "one_of",
    "or_nan",
    "per_neuron",
    "positive",
    "precision",
    "raster",
    "rows",
    "shape",
    "signal",
    "state",
    "told",
    "truth",
    "weights",
    "whole",
    "wide",
    "width",
]
