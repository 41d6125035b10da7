"""A chip that is the library itself, in another process: started by its path."""

import importlib.util
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HERE = importlib.util.find_spec("snnjax").origin  # wherever it is installed
PROGRAM = Path(HERE).parent / "hardware" / "chip.py"


class LibraryChip:
    """One hidden layer and a readout, of ``lif`` and ``li``."""

    def __init__(self, settings):
        from types import SimpleNamespace

        os.environ["XLA_FLAGS"] = settings["xla_flags"]  # as where it is compared
        sys.path.insert(0, str(ROOT))
        import jax

        from snnjax.hardware import show

        self.settings = SimpleNamespace(**settings)
        self.net, self.pack = network(**settings["network"])
        dt = settings["dt"]
        self.show = jax.jit(lambda w, xs: show(self.net, w, xs, dt=dt))

    def program(self, weights):
        self.weights = self.pack(weights)

    def run(self, events, trial):
        import numpy as np

        hidden, out = (
            self.show(self.weights, events.astype(np.float32))[name] for name in NAMES
        )
        voltages = [np.asarray(each.v) for each in (hidden, out)]
        return [np.asarray(hidden.spikes) > 0], voltages, {"seconds_on_chip": 0.0}


NAMES = "hidden", "out"


def network(n_in, n, n_out, tau, reset, recurrent):
    """The network of a chip, and its weights of those of each population."""
    import snnjax as snn
    from snnjax.networks import DenseWeights, graph

    wires = {
        "input->hidden": snn.dense(n_in, n, backend="xla"),
        "hidden->out": snn.dense(n, n_out, backend="xla"),
    }
    if recurrent:
        wires["hidden->hidden"] = snn.dense(n, n, backend="xla")
    neurons = snn.lif(n, snn.LIFParams(tau, tau), reset=reset, backend="xla")
    cells = {"hidden": neurons, "out": snn.li(n_out, snn.LIParams(tau, tau))}

    def pack(weights):
        rows = weights[0]
        connections = {
            "input->hidden": DenseWeights(rows[:n_in], None),
            "hidden->out": DenseWeights(weights[1], None),
            "hidden->hidden": DenseWeights(rows[n_in:], None),
        }
        return {**dict.fromkeys(cells, ()), **{k: connections[k] for k in wires}}

    return graph(cells, wires, outputs="out"), pack


if __name__ == "__main__":
    spec = importlib.util.spec_from_file_location("chip", PROGRAM)
    chip = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(chip)
    chip.Chip = LibraryChip
    chip.serve(sys.stdin.buffer, sys.stdout.buffer)
