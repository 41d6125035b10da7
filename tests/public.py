"""Public functions and arguments that fit them, for tests that walk all of them.

What is public is listed once, by ``everything``. Arguments are found by their names in
``VALUES``; where one name means several things, ``OF`` says which. A new
function is in all these tests by itself, or they fail until its arguments are known.
"""

import inspect
import types
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax import events as ev
from snnjax import hardware, networks, parts
from snnjax.datasets.sources import InMemory
from snnjax.inputs import batches
from snnjax.interop import nir, presets, weights
from snnjax.learning import online
from snnjax.seen import Seen

T, B, N, DT = 320, 2, 4, 1e-3
APART = (
    "datasets",
    "interop",
    "models",
    "parts",
    "saving",
    "surrogate",
    "tasks",
    "training",
)  # elsewhere, or no numbers
SOUND = {  # tried where sound is
    *("digits_from_sound", "encode_cached", "encode_recordings", "encode"),
    *("fold_in", "prepare", "erb_space", "filters", "gammatone"),
}


def everything():
    """All public functions, each by the first name under which one finds it.

    A function is public if ``snnjax`` or a package that it lists, or one that these
    list, names it in ``__all__``; without ``__all__``, whatever has no underscore.
    """
    found = {}
    todo = [getattr(snn, name) for name in dir(snn)]
    todo = [*filter(inspect.ismodule, todo), parts, batches, online, snn]
    todo += [nir, presets, weights]
    for module in todo:  # grows on the way
        for name, value in listed(module):
            if inspect.ismodule(value):
                todo.append(value)
            elif isinstance(value, types.FunctionType):
                found.setdefault(value, f"{module.__name__}.{name}")
    return {name.removeprefix("snnjax."): f for f, name in found.items()}


def listed(module):
    """What a module names, modules among it."""
    for name in getattr(module, "__all__", vars(module)):
        value = getattr(module, name)
        home = getattr(value, "__module__", "snnjax")
        own = home.startswith("snnjax") and (
            hasattr(module, "__all__") or home == module.__name__
        )
        if name[0] != "_" and own:
            yield name, value


@cache
def functions():
    """Those that take or make numbers over time; factories of cells aside."""
    return {
        name: f
        for name, f in everything().items()
        if name.partition(".")[0] not in APART
        and "." in name
        and f.__name__ not in SOUND
        and f is not online.temp_memory  # counts bytes
        and f not in (hardware.checked, hardware.emulated_chip)  # tests/hardware
        and not makes_cells(f)
    }


def makes_cells(f):
    """Whether a function makes a cell, or a rule for one: numbers come later."""
    made = inspect.signature(f).return_annotation
    return made in (snn.Cell, online.Rule) or f is networks.recurrent


class Numbers:
    """Arrays of one dtype, of values that every floating-point type holds exactly.

    Args:
        dtype: of all arrays of numbers.
        binary: whether they hold zeros and ones alone.
        make: ``(values, dtype) -> array``, such as ``np.asarray``.
    """

    def __init__(self, dtype=np.float32, binary=False, make=jnp.asarray):
        self.dtype, self.binary, self.make = dtype, binary, make
        self.used = False  # whether a function was given any
        self.axes = Axes()

    def __call__(self, *shape, least=0.0, most=1.0):
        """Eighths from ``least`` to ``most``, the same at every call."""
        eighths = np.random.default_rng(len(shape)).integers(0, 9, shape) / 8.0
        if self.binary:
            eighths = np.round(eighths)
        self.used = True
        return self.make(least + (most - least) * eighths, self.dtype)

    def spikes(self, *shape):
        """Zeros and ones, about a fifth of them ones; each channel fires."""
        rng = np.random.default_rng(len(shape))
        fired = rng.random(shape) < 0.2
        fired[len(fired) // 2] = True
        self.used = True
        return self.make(fired, self.dtype)


class Axes:
    """Axes that keep the numbers that are drawn on them, and do nothing else."""

    def __init__(self):
        self.drawn = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args, **kwargs):
        given = [x for x in (*args, *kwargs.values()) if not isinstance(x, Axes)]
        given = [x for x in given if np.ndim(x)]
        numbers = [x for x in given if np.asarray(x).dtype.kind not in "US"]
        self.drawn += [np.asarray(x, np.float64) for x in numbers]
        return self


def samples():
    """Events of two samples."""
    rng = np.random.default_rng(0)
    times = [np.sort(rng.uniform(0, T * DT, 30)) for _ in range(B)]
    units = [rng.integers(0, N, 30) for _ in range(B)]
    return ev.from_rows(times, units, np.arange(B), n_units=N)


def neurons():
    """Spikes of four neurons, one of them silent."""
    k = np.arange(40)
    known = (np.arange(4),)
    return ev.RecordedSpikes(0.005 * k, k % 3, 0 * k, ("a",), "made", known)


def camera():
    """A recording of 3x4 pixels; every second event is brighter."""
    k = np.arange(40)
    columns = 5000 * k, (k % 4).astype(np.uint16), (k % 3).astype(np.uint16)
    return ev.Recorded(
        *columns, (k % 2).astype(np.uint8), (3, 4), "bottom left", "made", {}
    )


def spiking():
    """A recording of four neurons."""
    k = np.arange(40)
    return ev.RecordedSpikes(5e-3 * k, k % 4, 0 * k, ("a",), "made", skipped={})


def network():
    parts = {"input": snn.dense(N, 6), "hidden": snn.lif(6), "readout": snn.dense(6, 2)}
    return snn.chain(**parts, out=snn.li(2))


def weights_of(net, a):
    """In single precision, or in double where the numbers are."""
    dtype = np.float64 if a.dtype == np.float64 else np.float32
    drawn = net.init(jax.random.key(0))
    return jax.tree.map(lambda w: a.make(16.0 * w, dtype), drawn)


def readout():
    return snn.chain(snn.dense(N, 2), snn.li(2))


def squared(y):
    return jnp.mean(y**2)


def tree(a):
    return {"w": a(N, 2), "b": a(2)}


def loss(weights):
    return sum(optax.tree.norm(w) for w in jax.tree.leaves(weights))


def trains():
    return [np.array([0.1, 0.15, 0.2]), np.array([0.12, 0.22])]


def exponential(a):
    """Currents that draw the voltages ``a(T, N)`` of a neuron that runs away."""
    v = np.asarray(a(T, N), np.float64)
    middle, slope = (v[1:] + v[:-1]) / 2.0, np.diff(v, axis=0)
    pull = 2.0 * middle - 2.0 * np.maximum(middle - 0.5, 0.0)
    return a.make(np.concatenate([v[:1], slope + pull]), a.dtype)


VALUES = {
    "a": lambda a: trains()[0],
    "alive": lambda a: a(N),
    "alpha": lambda a: 1.0,
    "angles": lambda a: a(3),
    "at": lambda a: a.make(np.linspace(0.0, 1.0, 5), a.dtype),
    "ax": lambda a: a.axes,
    "audio": lambda a: a(T, least=-1.0),
    "b": lambda a: trains()[1],
    "batch": lambda a: batches.pad(samples()),
    "bins": lambda a: 3,
    "bits": lambda a: 4,
    "by": lambda a: 2,
    "cell": lambda a: snn.lif(N),
    "center": tree,
    "channels": lambda a: 2,
    "chance": lambda a: a(T, B, N, most=0.5),
    "classes": lambda a: 3,
    "contrast": lambda a: a(T, 3, 3),
    "corners": lambda a: [tree(a), tree(a), tree(a)],
    "columns": lambda a: (1, 4),
    "count": lambda a: 20,
    "counts": lambda a: a.spikes(T, B, N),
    "cues": lambda a: 3,
    "deflection": lambda a: a(T, B, 2),
    "delta": lambda a: 0.25,
    "deviation": lambda a: 1.0,
    "directions": lambda a: jax.tree.map(lambda w: w[None], tree(a)),
    "dt": lambda a: DT,
    "duration": lambda a: 1.0,
    "edges": lambda a: np.linspace(0.0, 2.0, 4),
    "events": lambda a: samples(),
    "every": lambda a: 0.05,
    "excitatory": lambda a: 2,
    "factor": lambda a: 2,
    "fan_out": lambda a: 3.0,
    "field": lambda a: jax.grad(loss),
    "first": lambda a: batches.pad(samples()),
    "gradient": tree,
    "guesses": lambda a: np.arange(3),
    "hidden": lambda a: a.spikes(T, N),
    "high": lambda a: 1.0,
    "history": lambda a: [{"epoch": 1, "loss": 1.0, "accuracy": 0.5}],
    "inhibitory": lambda a: 2,
    "inputs": lambda a: a.spikes(T, N),
    "intensity": lambda a: a(T, 3, 3, least=1.0, most=2.0),
    "key": lambda a: jax.random.key(0),
    "labels": lambda a: np.arange(3),
    "layers": lambda a: "hidden",
    "levels": lambda a: [0.2, 0.7],
    "loss": lambda a: loss,
    "low": lambda a: 0.0,
    "lower": lambda a: 1.0,
    "matrix": lambda a: a(3, 3),
    "mean": lambda a: 0.5,
    "measured": lambda a: a(T, B, N),
    "model": lambda a: a(T, B, N),
    "n": lambda a: N,
    "n_in": lambda a: 20,
    "n_out": lambda a: 3,
    "n_units": lambda a: N,
    "net": lambda a: network(),
    "neurons": lambda a: 3,
    "optimizer": lambda a: optax.adam(0.1),
    "others": lambda a: [],
    "outside": lambda a: "drop",
    "params": lambda a: snn.LIFParams(),
    "path": lambda a: (
        lambda s: jax.tree.map(
            lambda w: w * jnp.asarray(jnp.cos(2.0 * jnp.pi * s), jnp.result_type(w)),
            tree(a),
        )
    ),
    "patterns": lambda a: 3,
    "period": lambda a: 0.02,
    "pixels": lambda a: np.eye(3, 4, dtype=bool),
    "places": lambda a: a(3, 2),
    "points": lambda a: 4,
    "radius": lambda a: 1.0,
    "raster": lambda a: a.spikes(T, N),
    "rate": lambda a: 20.0,
    "rate_out": lambda a: 20.0,
    "rates": lambda a: a(B, N, most=64.0),
    "reach": lambda a: 2,
    "recorded": lambda a: camera(),
    "recordings": lambda a: [camera(), camera()],
    "reference": tree,
    "rng": lambda a: np.random.default_rng(0),
    "rows": lambda a: np.array([1, 0]),
    "samples": lambda a: 4,
    "scores": lambda a: a(3, N),
    "second": tree,
    "seed": lambda a: 0,
    "signal": lambda a: a(T, B, N),
    "signs": lambda a: np.array([1.0, -1.0, 1.0, 1.0]),
    "size": lambda a: 5,
    "spikes": lambda a: a.spikes(T, B, N),
    "start": tree,
    "end": tree,
    "step": lambda a: 0.125,
    "steps": lambda a: T,
    "t": lambda a: a(N),
    "targets": lambda a: {"hidden": 20.0},
    "tau": lambda a: 20e-3,
    "tau_mem": lambda a: 20e-3,
    "tau_syn": lambda a: 5e-3,
    "teacher": lambda a: jax.random.key(1),
    "threshold": lambda a: 0.2,
    "through": lambda a: snn.analysis.landscape.plane(tree(a), tree(a), tree(a)),
    "times": lambda a: a(B, N),
    "title": lambda a: "title",
    "trains": lambda a: trains(),
    "trajectory": lambda a: {"w": a(5, 3)},
    "units": lambda a: np.arange(N),
    "upper": lambda a: 5.0,
    "v": lambda a: a(T, B, N),
    "velocity": lambda a: a(T, B, N),
    "voltages": lambda a: a(T, B, N),
    "w": lambda a: a(4, 3),
    "weak": lambda a: 0.25,
    "weights": tree,
    "width": lambda a: 3,
    "height": lambda a: 3,
    "window": lambda a: 0.05,
    "within": lambda a: 0.02,
    "x": lambda a: a(B, N),
    "xi": lambda a: 2.0,
    "xs": lambda a: a.spikes(T, B, N),
    "y": lambda a: a(T, B, N),
}
_DRIVE = {"n_in": 20, "rate": 20.0, "params": snn.LIFParams()}
_OF_RULE = {
    "rule": lambda a: online.per_unit(readout()),
    "weights": lambda a: weights_of(readout(), a),
    "xs": lambda a: a.spikes(6, B, N),
    "loss": lambda a: squared,
}
_OF_CELL = {"cell": lambda a: snn.lif(N), "weights": lambda a: ()}
_OF_NET = {"weights": lambda a: weights_of(network(), a), "steps": lambda a: 3}
_OF_DRIVE = {"inputs": lambda a: networks.poisson_drive(**_DRIVE)}
_SEEN = {
    "cell": lambda a: readout(),
    "weights": lambda a: weights_of(readout(), a),
    "xs": lambda a: a.spikes(T, B, N),
    "seen": lambda a: {"1": Seen(v=a(T, B, 2))},
}
_SPIKE_INPUTS = {
    "params": lambda a: snn.LIFParams(threshold=0.0625),
    "weights": lambda a: a(N, 3),
}
_OF_SPIKE_INPUTS = (
    *("exp_weighted_voltage", "first_spike_time", "peak_voltage", "spike_times"),
    "voltage_at",
)
OF = {
    "analysis.fit_exponential": {
        **{"v": lambda a: a(T, N), "currents": exponential},
        **{"spikes": lambda a: a.spikes(T, N), "below": lambda a: 2.0},
        "since": lambda a: 0.0,
    },
    "learning.force": {
        **{"times": lambda a: a(B, 3), "weights": lambda a: a(3, N)},
        **{"at": lambda a: 0.02, "weight": lambda a: 5.0},
    },
    "learning.raise_silent": {
        **{"times": lambda a: a(B, N), "weights": lambda a: a(3, N)},
        **{"by": lambda a: 0.01, "most": lambda a: 0.3},
    },
    "analysis.rheobase": {
        "neuron": lambda a: snn.lif(1, snn.LIFParams(tau_syn=None), backend="xla"),
        **{"low": lambda a: 0.5, "high": lambda a: 2.0},
    },
    "analysis.steady_rates": {
        "neuron": lambda a: snn.lif(N, backend="xla"),
        "inputs": lambda a: a(N),
    },
    "hardware.show": _SEEN,
    "hardware.in_the_loop": _SEEN,
    "hardware.populations": _SEEN,
    "hardware.coverage": _SEEN,
    "events.from_rows": {
        "times": lambda a: [np.sort(np.asarray(a(4))), np.sort(np.asarray(a(4)))],
        "units": lambda a: [np.arange(4), np.arange(4)],
        "labels": lambda a: [0, 1],
    },
    "events.from_flat": {
        "times": lambda a: np.sort(np.asarray(a(N))),
        "units": lambda a: np.arange(N),
        "counts": lambda a: [N],
        "labels": lambda a: [0],
    },
    "events.clean": {"times": lambda a: np.sort(np.asarray(a(N)))},
    "events.crop": {"rows": lambda a: (0, 2)},
    "events.numbering": {"recordings": lambda a: [spiking()]},
    "events.window": {"start": lambda a: 0.125},
    "events.time_bins": {"times": lambda a: np.asarray(a(N))},
    "hardware.fits": {
        "budget": lambda a: hardware.Budget(),
        "sizes": lambda a: (256, 246, 10),
    },
    "hardware.vary": {
        "constants": lambda a: snn.LIFParams(a(N, least=0.5)),
        "spreads": lambda a: {"tau_mem": hardware.LogNormal(0.25)},
    },
    "hardware.vary_weights": {"how": lambda a: hardware.LogNormal(0.25)},
    "inputs.level_reconstruction": {
        "events": lambda a: a.spikes(T, B, 2 * N),
        "start": lambda a: a(B, N),
    },
    "inputs.latency": {"x": lambda a: a(B, N)},
    "inputs.to_raster": {"times": lambda a: np.asarray(a(N)), "dt": lambda a: 0.01},
    "inputs.population": {"width": lambda a: 0.25},
    "inputs.frozen_poisson": {"classes": lambda a: 2},
    "inputs.yin_yang_class": {"x": lambda a: 0.2, "y": lambda a: 0.3},
    "inputs.evidence": {"batch": lambda a: 2},
    "inputs.store_recall": {"batch": lambda a: 2},
    "inputs.prefetch": {"batches": lambda a: [a(3)], "size": lambda a: 1},
    "inputs.stream": {
        "source": lambda a: InMemory(samples()),
        "batch": lambda a: 2,
        "width": lambda a: 40,
        "start": lambda a: 0.0,
    },
    "inputs.batches.pad": {"start": lambda a: 0.0},
    "inputs.batches.pack": {"raster": lambda a: np.ones((T, N), bool)},
    "inputs.batches.unpack": {"packed": lambda a: np.ones((T, 1), np.uint8)},
    "inputs.batches.blend": {"second": lambda a: batches.pad(samples())},
    "learning.cross_entropy": {},
    "learning.homeostatic_pretraining": {**_OF_NET, "upper": lambda a: 900.0},
    "learning.mse": {"target": lambda a: a.spikes(T, B, N)},
    "learning.mse_count": {
        "labels": lambda a: np.arange(B),
        "correct": lambda a: 8.0,
    },
    "learning.van_rossum": {"target": lambda a: a(T, B, N)},
    "learning.online.alignment": {"found": tree, "expected": tree},
    "learning.online.along_training": {
        **_OF_RULE,
        "rules": lambda a: {"all": online.per_unit(readout())},
        "cell": lambda a: readout(),
        "xs": lambda a: a.spikes(2, 3, B, N),
    },
    "learning.online.gradients": _OF_RULE,
    "learning.online.temp_memory": _OF_RULE,
    "learning.online.train": {
        **_OF_RULE,
        "opt_state": lambda a: optax.adam(0.1).init(weights_of(readout(), a)),
    },
    "learning.voltage_band": {"lower": lambda a: 0.25, "upper": lambda a: 0.75},
    "networks.balance": {
        "excitatory": lambda a: [networks.poisson_drive(**_DRIVE)],
        "inhibitory": lambda a: networks.poisson_drive(**_DRIVE),
    },
    "networks.balanced": {},
    "networks.channel_statistics": {"xs": lambda a: a(T, B, N)},
    "networks.fan_in": {"k": lambda a: 2},
    "networks.fan_out": {"sources": lambda a: np.zeros((3, 2), np.int32)},
    "networks.siegert_rate": {
        "mean": lambda a: a(N),
        "deviation": lambda a: a(N, least=0.5),
    },
    "networks.sparse_network_rate": {
        **{"weight": lambda a: 0.125, "inhibition": lambda a: 5.0},
        "external": lambda a: 2000.0,
    },
    "networks.predict_membrane": _OF_DRIVE,
    "networks.superpose": {"parts": lambda a: [networks.Membrane(a(3), a(3), a(3))]},
    "networks.weight_moments": {**_OF_DRIVE, "mean": lambda a: 0.0},
    "networks.scale_to_rates": {**_OF_NET, "tolerance": lambda a: 10.0},
    "networks.fluctuation_driven": {"mean": lambda a: 0.0},
    "learning.spike_time_cross_entropy": {
        "times": lambda a: a(T, B, N),
        "labels": lambda a: np.resize(np.arange(N), (T, B)),
        "end": lambda a: 1.0,
    },
    **{f"neurons.{name}": _SPIKE_INPUTS for name in _OF_SPIKE_INPUTS},
    "neurons.spike_events": {
        **_SPIKE_INPUTS,
        "units": lambda a: np.resize(np.arange(N), (B, N)),
        "recurrent": lambda a: a(3, 3, least=-0.25, most=0.0),
        "delay": lambda a: a(3),
        "until": lambda a: 2.0,
        "events": lambda a: 40,
    },
    "neurons.escape_noise": {"noise": lambda a: snn.Sigmoid(10.0)},
    "senses.mosaic": {},
    "senses.inhomogeneous_poisson": {"rates": lambda a: a(T, B, N, most=64.0)},
    "senses.ganglion_rates": {"params": lambda a: snn.senses.GanglionParams()},
    "senses.receptive_fields": {"params": lambda a: snn.senses.GanglionParams()},
    "senses.whisker_currents": {
        "params": lambda a: snn.senses.MechanoreceptorParams(),
    },
    "senses.hearing.basilar_membrane": {
        "matrix": lambda a: snn.senses.hearing.transfer_matrix(3, T, 1000.0),
    },
    "senses.hearing.hair_cell": {
        "dt": lambda a: 1 / 24_000,
        "params": lambda a: snn.senses.hearing.HairCellParams(),
    },
    "senses.hearing.bushy_cells": {
        "params": lambda a: snn.senses.hearing.BushyParams(weight=900.0),
        "counts": lambda a: a.spikes(T, B, N),
    },
    "senses.hearing.auditory_nerve": {},
    "senses.hearing.best_frequencies": {"channels": lambda a: 2},
    "analysis.interspike_intervals": {"spikes": lambda a: a.spikes(T, N)},
    "analysis.spike_trains": {},
    "analysis.gradient_growth": _OF_CELL,
    "analysis.spectral_norms": _OF_CELL,
    "analysis.step_jacobians": _OF_CELL,
    "analysis.compare_gradients": {},
    "analysis.directions.orthonormal": {"first": tree},
    "analysis.directions.principal_directions": {},
    "analysis.landscape.plane": {"first": tree},
    "analysis.landscape.loss_on_plane": {
        "xs": lambda a: np.linspace(0.0, 1.0, 3),
        "ys": lambda a: np.linspace(0.0, 1.0, 3),
    },
    "analysis.landscape.loss_on_path": {},
    "plot.raster": {"spikes": lambda a: a.spikes(T, N)},
    "plot.voltages": {"v": lambda a: a(T, N)},
    "plot.confusion_matrix": {"counts": lambda a: a.spikes(3, 3)},
    "plot.loss_plane": {
        "xs": lambda a: a(2),
        "ys": lambda a: a(2),
        "losses": lambda a: a(2, 2),
    },
    "plot.spike_times": {"recorded": lambda a: neurons()},
    "plot.sound_wave": {"samples": lambda a: a(T), "rate": lambda a: 8000},
    "plot.spectrogram": {"samples": lambda a: a(T), "rate": lambda a: 8000},
    "plot.report": {"counts": lambda a: a.spikes(3, 3), "v": lambda a: a(T, 3)},
}


def call(name, a, **more):
    """Calls a public function with arguments that fit; returns what it does."""
    f = functions()[name]
    args, kwargs = [], {}
    for key, parameter in inspect.signature(f).parameters.items():
        known = OF.get(name, {}).get(key)
        if known is None and parameter.default is not parameter.empty:
            continue
        if key not in VALUES and parameter.kind is parameter.VAR_POSITIONAL:
            continue
        if known is None:
            assert key in VALUES, f"tests/public.py: what is {key} of {name}?"
            known = VALUES[key]
        if parameter.kind is parameter.VAR_POSITIONAL:
            args += known(a)
        elif parameter.kind is parameter.VAR_KEYWORD:
            kwargs.update(known(a))
        elif parameter.kind is parameter.KEYWORD_ONLY:
            kwargs[key] = known(a)
        else:
            args.append(known(a))
    return f(*args, **kwargs, **more)


def result(name, a):
    """What a function makes of numbers, as a tree of arrays."""
    made = call(name, a)
    if name in ("inputs.prefetch", "inputs.stream"):
        return next(iter(made))
    if name == "plot.report":
        return [bar.get_height() for bar in made.axes[5].patches]
    if name.startswith("plot."):
        return a.axes.drawn
    if name.startswith("events."):
        return [x for x in jax.tree.leaves(made) if isinstance(x, np.ndarray)]
    if callable(made):  # a path or a plane
        made = made(0.25, 0.5) if name.endswith("plane") else made(0.25)
    return made


@cache
def parameters(name):
    """Names of the parameters of a public function."""
    return set(inspect.signature(functions()[name]).parameters)
