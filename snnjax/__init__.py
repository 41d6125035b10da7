"""snnjax: spiking neural networks as pure functions, trained with surrogate gradients.

A **cell** is a dynamical system: ``init`` draws its weights, ``rest`` gives its state
before anything happened, ``step`` moves it on by ``dt`` seconds. Neurons
(``lif``, ``li``) and connections (``dense``, ``recurrent``) are cells; ``chain`` makes
one of many, ``unroll`` runs it over a sequence ``[T, *batch, n]``. A spike is a step
with a surrogate derivative, a *shape* such as ``SuperSpike``, so that gradients pass.

    net = chain(input=dense(700, 128), hidden=lif(128),
                readout=dense(128, 20), out=li(20))
    weights = net.init(jax.random.key(0))
    state, voltages = unroll(net, weights, spikes, dt=1e-3)

Subpackages tell the rest of the story. Each is ``snn.NAME``, imported on first use:

    surrogate   spikes and their pseudo-derivatives
    neurons     what receives spikes
    networks    how neurons are wired, and where weights start
    learning    losses over time, penalties, homeostatic pretraining
    hardware    imperfect chips: mismatch, rounded weights, training in the loop
    senses      sound, images and contact become spikes
    inputs      numbers and events become rasters: encoders, patterns, batches
    datasets    official files are checked and become events
    training    one update, and a loop that survives being killed
    saving      a network in one file: ``save``, ``load``
    analysis    loss landscapes, gradients, membranes, spike trains
    tasks       what ``snnjax train`` trains
    models      networks that come trained
    plot        figures
    kernels     native code for CPUs
    interop     flax

``jit``, ``vmap``, ``grad`` and sharding are yours.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from snnjax.cell import Cell, nonfinite, reseed, unroll
from snnjax.compose import chain, learn, stateless
from snnjax.learning import (
    accuracy,
    cross_entropy,
    firing_rate,
    lower_rate_bound,
    max_over_time,
    mse,
    upper_rate_bound,
)
from snnjax.networks import dense, fluctuation_driven, graph, recurrent
from snnjax.neurons import ALIFParams, LIFParams, LIParams, alif, li, lif, srm
from snnjax.surrogate import ForwardMode, Sigmoid, SuperSpike, Triangle, spike

if TYPE_CHECKING:
    from snnjax.saving import load, save

__version__ = "0.1.0"

_SUBPACKAGES = (
    *("analysis", "datasets", "events", "hardware", "inputs", "interop", "kernels"),
    *("learning", "networks", "neurons", "plot", "senses", "surrogate", "tasks"),
    *("models", "saving", "training"),
)
_LATER = {"load": "saving", "save": "saving"}  # what needs more than jax and numpy

__all__ = [
    "ALIFParams",
    "Cell",
    "ForwardMode",
    "LIFParams",
    "LIParams",
    "Sigmoid",
    "SuperSpike",
    "Triangle",
    "accuracy",
    "alif",
    "chain",
    "cross_entropy",
    "dense",
    "firing_rate",
    "fluctuation_driven",
    "graph",
    "learn",
    "li",
    "lif",
    "load",
    "lower_rate_bound",
    "max_over_time",
    "mse",
    "nonfinite",
    "recurrent",
    "reseed",
    "save",
    "spike",
    "srm",
    "stateless",
    "unroll",
    "upper_rate_bound",
]


def __getattr__(name: str) -> Any:
    """Imports a subpackage when it is first asked for."""
    if name in _SUBPACKAGES:
        return import_module(f"snnjax.{name}")
    if name in _LATER:
        return getattr(import_module(f"snnjax.{_LATER[name]}"), name)
    raise AttributeError(f"module 'snnjax' has no attribute {name!r}{_elsewhere(name)}")


def _elsewhere(name):
    """Which neuron of another library has this name; most say ``snn`` for theirs."""
    if name.startswith("_"):
        return ""
    presets = import_module("snnjax.interop.presets")
    theirs = [each for each in presets.supported() if each.endswith(f".{name}")]
    calls = " or ".join(f'from_library("{each}", n)' for each in theirs)
    return f"; snnjax.interop.presets has {calls}, and lif is our own" if calls else ""


def __dir__() -> list[str]:
    return sorted({*__all__, *_SUBPACKAGES, "__version__"})
