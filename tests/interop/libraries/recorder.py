"""Records all cases of one library, inside that library's environment.

python -m tests.interop.libraries.recorder snntorch FOLDER
"""

import importlib
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tests.interop.libraries import pairs, recording
from tests.interop.libraries.recording import Recording

AIM = 0.2  # part of all steps that have a spike
PACKAGES = {"sparx": "sparxml", "nest": "nest-simulator"}


class Case(NamedTuple):
    """One neuron of a library, and what it is given."""

    of: str  # its class
    run: Callable[..., Any]  # (x, w, options, weights, steps) -> spikes, v
    gradients: Callable[..., Any]  # the same -> {"x": …, "w": …, a constant: …}
    options: dict[str, Any]  # by the library's names
    voltage: str
    surrogate: dict[str, Any] | None = None
    weights: Callable[..., dict[str, np.ndarray]] = lambda rng: {}
    touch: float | None = None  # a current that brings neuron 0 from rest to θ exactly
    rounded: bool = False
    dt: float | None = None


def scaled(case, run, x, w):
    """Weights at which a fifth of all steps have a spike."""
    low, high = np.log(0.01), np.log(1000.0)
    for _ in range(16):
        middle = (low + high) / 2
        tried = touching(case, recording.on_grid(np.exp(middle) * w))
        spikes, _ = run(x, tried)
        too_many = recording.share(spikes) > AIM
        low, high = (low, middle) if too_many else (middle, high)
    return tried


def touching(case, w):
    if case.touch is not None:
        w[0, 0] = case.touch
    return w


def recorded(name, case):
    """Runs a case."""
    x, w, rng = recording.drawn(name)
    if case.touch is not None:
        x[0, 0] = np.arange(recording.INPUTS) == 0
    weights = case.weights(rng)

    def run(x, w, steps=recording.LONG):
        return case.run(x[:steps], w, case.options, weights)

    spikes, _ = run(x, recording.on_grid(w))
    w = recording.on_grid(w) if spikes is None else scaled(case, run, x, w)
    spikes, _ = run(x, w)
    _, v = run(x, w, recording.STEPS)
    first = x[: recording.STEPS]
    gradients = case.gradients(first, w, case.options, weights)
    if "x" in gradients:
        gradients["x"] = gradients["x"][: recording.EARLY]
    preset, _, variant = name.partition("-")
    library = case.of.partition(".")[0]
    about = {
        "preset": preset,
        "variant": variant,
        "library": library,
        "version": version(PACKAGES.get(library, library)),
        "class": case.of,
        "options": case.options,
        "surrogate": case.surrogate,
        "dt": case.dt,
        "voltage": case.voltage,
        "rounded": case.rounded,
    }
    return Recording(about, x, w, spikes, v, weights, gradients)


def main(library, folder):
    """Records all cases of a library into a folder."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    module = importlib.import_module(f"tests.interop.libraries.of_{library}")
    for name, case in module.CASES.items():
        found = recorded(name, case)
        recording.write(folder, name, found)
        silent = found.spikes is None
        share = "-" if silent else f"{recording.share(found.spikes):.3f}"
        print(f"{name:40} {share}", flush=True)
    apart = Path(folder) / "pairs"
    apart.mkdir(exist_ok=True)
    for which, one in pairs.sides(library):
        case = module.case(one.preset.partition(".")[2], **one.options)
        x, w = pairs.driven(which.rpartition("-")[0])
        spikes, _ = case.run(x, w, case.options, {})
        pairs.write(apart, which, one, spikes)
        print(f"{which:40} {recording.share(spikes):.3f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
