"""Valid calls of what is done with networks: analysis, training, figures, tasks."""

import jax.numpy as jnp
import numpy as np
import optax
from calls import DT, KEY, call, raster, signal
from calls_inputs import FAST, some_events, some_recorded, some_spikes

import snnjax as snn
from snnjax import analysis, hardware, plot, tasks, training
from snnjax.analysis import directions, fields, landscape

SHOWN = "NaN comes out as NaN"
SILENT = "NaN for a train without a spike"


def tree(K=2):
    return {"w": signal(K, 3), "b": signal(3)}


def loss(weights):
    return sum(jnp.sum(w**2) for w in weights.values())


def same(weights):
    return weights


def straight(s):
    return {"w": s * jnp.ones(2)}


def round_about(s):
    angle = 2.0 * jnp.pi * s
    return {"w": jnp.stack([jnp.cos(angle), jnp.sin(angle)])}


@call(
    analysis.by_distance,
    infinite="NaN where there is no pair",
    free={"matrix NaN": "does not count"},
)
def _(n=3, K=2):
    return {
        **{"matrix": np.eye(n), "places": np.arange(2.0 * n).reshape(n, 2)},
        **{"edges": np.linspace(0.0, 5.0, K + 1)},
    }


@call(analysis.compare_gradients)
def _(K=2):
    return {"gradient": tree(K), "reference": tree(K)}


@call(analysis.confusion)
def _(N=3, classes=2):
    return {
        **{"labels": np.zeros(N, int), "guesses": np.zeros(N, int)},
        **{"classes": classes},
    }


def _trains(n=2):
    return {"trains": [np.array([0.1, 0.2])] * n, "window": 0.05, "duration": 1.0}


call(analysis.correlation_index, infinite=SILENT)(_trains)
call(analysis.sttc, infinite=SILENT)(_trains)


@call(analysis.sttc_pair, infinite=SILENT)
def _(K=2):
    a = np.linspace(0.1, 0.9, K)
    return {"a": a, "b": a, "window": 0.05, "duration": 1.0}


@call(analysis.coincidence_factor, infinite="NaN where neither fires")
def _(K=2):
    a = np.linspace(0.1, 0.9, K)
    return {"a": a, "b": a, "window": 0.05, "duration": 1.0}


@call(analysis.detect_waves)
def _(n=2):
    return {**_trains(n), "share": 0.2}


@call(analysis.spike_trains, free=FAST, infinite="times are not looked at")
def _(N=2):
    return {"events": some_events(N), "sample": 0}


@call(analysis.interspike_intervals)
def _(T=3, n=4):
    return {"spikes": np.asarray(raster(T, n)), "dt": DT}


def _neuron(n=1):
    return snn.lif(n, snn.LIFParams(tau_syn=None), backend="xla")


@call(analysis.steady_rates)
def _(K=2, n=2):
    return {
        **{"neuron": _neuron(n), "inputs": signal(K, n), "dt": DT},
        **{"seconds": 0.02, "settling": 0.01},
    }


@call(analysis.rheobase)
def _():
    return {
        **{"neuron": _neuron(), "low": 0.9, "high": 1.5, "dt": DT, "error": 0.1},
        **{"seconds": 0.2, "settling": 0.01},
    }


@call(analysis.fit_exponential)
def _(T=200, n=2):
    """An exponential neuron, Euler step after step."""
    currents = np.random.default_rng(0).normal(1.0, 9.0, (T, n))
    v = np.zeros((T, n))
    for k in range(1, T):
        slope = -v[k - 1] + 0.5 * np.exp(np.minimum(v[k - 1] - 1.0, 1.0))
        v[k] = v[k - 1] + 0.05 * (slope + currents[k])
    return {
        **{"v": v, "currents": currents, "spikes": np.zeros((T, n)), "dt": 0.05},
        **{"below": 2.0, "since": 0.1, "tau_adapt": 1.0},
    }


@call(analysis.membrane_statistics, free={"voltages NaN": "it is burned in"})
def _(T=3, B=2, n=4):
    return {"voltages": signal(T, B, n), "burn_in": 1}


@call(analysis.layer_activity)
def _(T=3, B=2, n=4):
    cell = snn.chain(snn.dense(n, 2), snn.lif(2, backend="xla"))
    return {"cell": cell, "weights": cell.init(KEY), "xs": raster(T, B, n), "dt": DT}


@call(analysis.finite_differences, infinite="so is a loss so far away")
def _(K=2):
    return {"loss": loss, "weights": tree(K), "step": 1e-2, "batch_size": 2}


@call(analysis.directional_derivatives, infinite="so is a loss so far away")
def _(K=2):
    return {
        **{"loss": loss, "weights": {"w": signal(3)}, "step": 1e-2},
        **{"directions": {"w": signal(K, 3)}, "batch_size": 2},
    }


def _neurons(T=2, B=2, n=2):
    neuron = snn.lif(n, backend="xla")
    return {
        **{"cell": neuron, "weights": (), "xs": signal(T, B, n), "dt": DT},
        **{"state": neuron.rest(signal(B, n)), "coupled": False},
    }


FEW = {"weights": "a neuron has none"}
NANS = {"xs": SHOWN, "state": "what is not finite has no derivative"}
call(analysis.step_jacobians, free=FEW, shown=NANS)(_neurons)
call(analysis.gradient_growth, free=FEW, shown=NANS, infinite="-∞", slow=True)(_neurons)


@call(analysis.spectral_norms, free=FEW, shown=NANS, slow=True)
def _(T=2, B=2, n=2):
    return {"key": KEY, **_neurons(T, B, n), "iterations": 2}


@call(directions.random_direction, free={"normalize None": "not at all"})
def _(K=2):
    return {"key": KEY, "weights": tree(K), "normalize": "filter"}


@call(directions.orthonormal)
def _():
    return {"first": {"w": jnp.eye(2)[0]}, "*others": [{"w": jnp.eye(2)[1]}]}


@call(directions.principal_directions)
def _(T=4, count=2):
    return {"trajectory": {"w": signal(T, 3)}, "count": count}


@call(fields.line_integral)
def _(K=2):
    return {
        **{"field": same, "path": straight, "at": np.linspace(0.0, 1.0, K)},
        **{"batch_size": 2},
    }


@call(fields.loop_integral)
def _(points=2):
    return {"field": same, "path": round_about, "points": points, "batch_size": 2}


@call(landscape.line, use=lambda path: path(0.5))
def _(K=2):
    return {"start": tree(K), "end": tree(K)}


@call(landscape.plane, use=lambda plane: plane(0.5, 0.5))
def _(K=2):
    return {"center": tree(K), "first": tree(K), "second": tree(K)}


@call(landscape.circle, use=lambda path: path(0.5))
def _():
    return {"through": lambda x, y: {"w": x + y}, "radius": 1.0}


@call(landscape.polygon, use=lambda path: path(0.5))
def _(K=2):
    return {"*corners": [tree(K), tree(K), tree(K)]}


@call(landscape.loss_on_path)
def _(K=2):
    return {
        **{"loss": loss, "path": straight, "at": np.linspace(0.0, 1.0, K)},
        **{"batch_size": 2},
    }


@call(landscape.loss_on_plane)
def _(K=2, M=2):
    return {
        **{"loss": loss, "through": lambda x, y: {"w": x + y}, "batch_size": 2},
        **{"xs": np.linspace(0.0, 1.0, K), "ys": np.linspace(0.0, 1.0, M)},
    }


@call(training.environment)
def _():
    return {}


@call(training.epoch_rows)
def _(n=5, batch=2):
    return {"seed": 0, "epoch": 0, "n": n, "batch": batch}


@call(training.silent, free={"spikes N": "NaN is not silence, None is no layer"})
def _(T=3, B=2, n=4):
    return {"spikes": raster(T, B, n)}


def squared(weights, x):
    return jnp.sum((weights["w"] - x) ** 2)


@call(training.init_train_state)
def _(K=2):
    return {"weights": {"w": signal(K)}, "optimizer": optax.sgd(0.1)}


@call(training.make_step)
def _():
    return {"loss_fn": squared, "optimizer": optax.sgd(0.1), "has_aux": False}


class Silent:
    """A device on which nothing fires."""

    def program(self, weights):
        return weights

    def run(self, handle, spikes, trial):
        return hardware.Recording((hardware.Seen(np.zeros(spikes.shape)),), {})


@call(training.loop_step)
def _():
    return {
        **{"device": Silent(), "to_chip": lambda weights: weights["w"]},
        **{"loss_fn": squared, "optimizer": optax.sgd(0.1), "has_aux": False},
        "project": lambda weights: weights,
    }


@call(training.fit, free={"folder": "None or a path", "name": "any text"})
def _(epochs=1, batches=2):
    optimizer = optax.sgd(0.1)
    return {
        "step": training.make_step(squared, optimizer),
        "state": training.init_train_state({"w": jnp.ones(2)}, optimizer),
        "batches": lambda epoch: [(jnp.ones(2),)] * batches,
        **{"epochs": epochs, "validate": lambda weights: {"accuracy": 0.5}},
        **{"monitor": "accuracy", "mode": "max", "patience": 2, "progress": False},
    }


@call(training.parallel.make_mesh)
def _():
    return {"model": 2, "explicit": False}


@call(training.parallel.place, free={"tree": "any tree of arrays"})
def _(n=4):
    return {"tree": signal(n), "mesh": training.parallel.make_mesh(), "wide": 2}


AXES = {"axes": "None: all get all"}
PLACED = {"batch": "any tree of arrays", "part": "any tree of arrays"} | AXES


@call(training.parallel.scatter, free=PLACED)
def _(T=3, B=4):
    mesh = training.parallel.make_mesh()
    return {"batch": signal(T, B), "mesh": mesh, "axes": 1}


@call(training.parallel.assemble, free=PLACED)
def _(T=3, B=4):
    mesh = training.parallel.make_mesh()
    return {"part": signal(T, B), "mesh": mesh, "axes": 1}


@call(training.parallel.spread, free=AXES)
def _():
    mesh = training.parallel.make_mesh()
    return {"run": lambda weights, xs: xs * weights, "mesh": mesh, "axes": 1}


@call(training.parallel.whole, free={"tree": "any tree of arrays"})
def _(n=4):
    return {"tree": signal(n)}


@call(training.parallel.first)
def _():
    return {"make": lambda: 1}


def part(N=6, T=3, n=4):
    made = lambda rows, rng: np.zeros((T, len(rows), n), np.float32)  # noqa: E731
    return tasks.Part(made, np.arange(N) % 2)


def parts_of(N=6, T=3, n=4):
    return {k: part(N, T, n) for k in ("train", "validation", "test")}


@call(tasks.linear_baseline)
def _(N=6, T=3, n=4):
    return {"parts": parts_of(N, T, n)}


GAPS = ("v", "losses", "pretended", "values", "errors")
TITLE = {"title": "any text", "ax": "of matplotlib", "label": "any text"}
TITLE |= {f"{name} NaN": "leaves a gap" for name in GAPS}


def axes():
    return plot.figure()[1][0, 0]


@call(plot.figure, use=lambda made: None)
def _(rows=1, columns=1):
    return {"rows": rows, "columns": columns, "size": (7.0, 4.0)}


@call(plot.raster, free=TITLE | {"sample": "of [T, B, n]"})
def _(T=3, n=4):
    return {"ax": axes(), "spikes": np.asarray(raster(T, n)), "dt": DT}


@call(plot.voltages, free=TITLE)
def _(T=3, n=4):
    return {"ax": axes(), "v": np.asarray(signal(T, n)), "dt": DT, "bold": 0}


HISTORY = [{"epoch": 1, "loss": 1.0, "accuracy": 0.5, "validation_accuracy": 0.5}]


@call(plot.learning_curves, free=TITLE)
def _(epochs=1):
    return {"ax": axes(), "history": HISTORY * epochs}


@call(plot.confusion_matrix, free=TITLE)
def _(classes=2):
    return {"ax": axes(), "counts": np.ones((classes, classes), int)}


@call(plot.loss_line, free=TITLE)
def _(K=3):
    at = np.linspace(0.0, 1.0, K)
    return {"ax": axes(), "at": at, "losses": at, "pretended": at}


@call(plot.loss_plane, free=TITLE)
def _(K=3, M=2, T=2):
    return {
        **{"ax": axes(), "xs": np.linspace(0.0, 1.0, K)},
        **{"ys": np.linspace(0.0, 1.0, M), "losses": np.asarray(signal(M, K))},
        **{"trajectory": np.zeros((T, 2))},
    }


@call(plot.gradient_comparison, free=TITLE)
def _():
    same = analysis.GradientComparison(1.0, 0.1, 1.0)
    return {"ax": axes(), "layers": {"hidden": same}}


@call(plot.loop_integrals, free=TITLE)
def _(K=3):
    at = np.linspace(1.0, 2.0, K)
    return {"ax": axes(), "slopes": at, "values": at, "errors": at}


@call(plot.report, free=TITLE)
def _(T=3, n=4, classes=2):
    return {
        **{"history": HISTORY, "counts": np.ones((classes, classes), int)},
        **{"inputs": np.asarray(raster(T, n)), "hidden": np.asarray(raster(T, n))},
        **{"v": np.asarray(signal(T, classes)), "dt": DT, "title": "it", "label": 0},
    }


PICTURE = TITLE | {"recorded source": "any text"}


@call(plot.frame, free=PICTURE)
def _(K=3):
    return {"ax": axes(), "recorded": some_recorded(K)}


@call(plot.event_rates, free=PICTURE)
def _(K=3):
    return {"ax": axes(), "recorded": some_recorded(K)}


@call(plot.spike_times, free=PICTURE)
def _(K=3):
    return {"ax": axes(), "recorded": some_spikes(K)}


@call(plot.sound_wave, free=TITLE)
def _(T=3):
    return {"ax": axes(), "samples": np.linspace(-1.0, 1.0, T), "rate": 8000}


@call(plot.spectrogram, free=TITLE)
def _(T=300):
    return {"ax": axes(), "samples": np.linspace(-1.0, 1.0, T), "rate": 8000}
