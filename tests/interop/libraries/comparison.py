"""How far a library today is from what was recorded of it."""

from typing import NamedTuple

import numpy as np

from tests.interop.libraries import pairs, recording

ROUNDING = 1e-12  # of voltages, in units of the greatest


class Difference(NamedTuple):
    """Between two recordings of one case."""

    case: str
    versions: str
    spikes: int  # steps of a neuron in which they differ
    v: float  # greatest, in units of the greatest voltage
    gradient: float  # greatest, in units of the greatest of its kind
    bound: float  # of the gradients

    @property
    def same(self):
        return self.spikes == 0 and self.v < ROUNDING and self.gradient < self.bound


def relative(new, old):
    """The greatest difference in units of the greatest value."""
    if new.shape != old.shape:
        return np.inf
    return float(np.max(np.abs(new - old)) / np.max(np.abs(old)))


def compare(case, folder):
    """What differs between a case in a folder and the one that is kept."""
    old, new = recording.read(case), recording.read(case, folder)
    same_input = np.array_equal(old.x, new.x) and np.array_equal(old.w, new.w)
    same_kinds = old.gradients.keys() == new.gradients.keys()
    if not (same_input and same_kinds):
        raise ValueError(f"{case} has another input, or gradients of other things.")
    apart = [relative(new.gradients[k], old.gradients[k]) for k in old.gradients]
    was, now = old.about["version"], new.about["version"]
    return Difference(
        case,
        was if was == now else f"{was} → {now}",
        0 if old.spikes is None else int(np.sum(old.spikes != new.spikes)),
        relative(new.v, old.v),
        max(apart),
        1e-6 if old.about["rounded"] else 1e-10,
    )


def compare_pairs(library, folder):
    """Sides of pairs that are a library's, with the spikes that differ today."""
    for which, _ in pairs.sides(library):
        _, old = pairs.read(which)
        _, new = pairs.read(which, folder / "pairs")
        yield which, int(np.sum(old != new))
