"""NIR files that six other libraries wrote give here what those libraries gave.

``tests/interop/libraries/record_nir_*.py`` wrote and ran them. A file that says what
its library does is loaded by a method that is named. Where none does, the neurons of
the library are put in the place of those that its file tells, and the reason is told.
"""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import parts
from snnjax.about import OUTPUT
from snnjax.interop import nir
from snnjax.interop.presets import from_library

pytestmark = pytest.mark.filterwarnings("ignore:Times are in seconds")  # not in files
FOLDER = Path(__file__).parents[1] / "recorded" / "nir"
STATED = {  # the method that gives what the library gives
    "norse_box": ("euler", "zero"),
    "sinabs_lif": ("exact", "subtract"),
    "sinabs_zero": ("exact", "zero"),
    "sinabs_convolution": ("exact", "subtract"),
    "snntorch_leaky": ("euler", "zero"),
    "snntorch_convolution": ("euler", "zero"),
    "snntorch_recurrent_at_once": ("euler", "zero"),
    "snntorch_synaptic_at_once": ("euler", "zero"),
    "spikingjelly_lif": ("euler", "zero"),
    "spikingjelly_cuba": ("euler", "zero"),
    "spikingjelly_convolution": ("euler", "zero"),
}


def of(name, **options):
    return partial(from_library, name, **options)


SYNAPTIC = of("snntorch.Synaptic", alpha=0.75, beta=0.875, reset_mechanism="zero")
ROCKPOOL = partial(of, "sinabs.LIF", tau_mem=8.0, norm_input=False)  # the same step
NEURONS = {  # that the library has, where its file says something else
    # w_in is one, which is dt/τs of its jump of one
    "norse_cuba": (
        of(
            "norse.LIF",
            tau_mem_inv=jnp.linspace(64.0, 160.0, 20),
            tau_syn_inv=128.0,
            v_th=0.5,
        ),
        of("norse.LIF", tau_mem_inv=96.0, tau_syn_inv=192.0, v_th=0.5),
    ),
    "norse_defaults": 2 * (of("norse.LIF"),),
    # a subtraction in the step after, and a reset that takes the current of that step
    "snntorch_subtract": (
        of("snntorch.Leaky", beta=0.875),
        of("snntorch.Leaky", beta=0.75),
    ),
    "snntorch_synaptic": (SYNAPTIC, SYNAPTIC),
    "snntorch_recurrent": (
        SYNAPTIC,
        of("snntorch.Leaky", beta=0.875, reset_mechanism="zero"),
    ),
    # its readout has a gain of one, where r is one
    "sinabs_readout": (
        of("sinabs.LIF", tau_mem=8.0, spike_fn="SingleSpike"),
        of("sinabs.ExpLeak", tau_mem=16.0),
    ),
    # an IF starts at v_reset
    "spikingjelly_reset": (
        of("spikingjelly.IF", v_threshold=2.0, v_reset=-0.25),
        of("spikingjelly.LIF", tau=4.0, v_threshold=0.75, v_reset=-0.25),
    ),
    # spikes a step late, and r is the decay
    "spyx_lif": (of("spyx.LIF", beta=0.875), of("spyx.LIF", beta=0.75)),
    "spyx_cuba": 2 * (of("spyx.CuBaLIF", alpha=0.75, beta=0.875),),
    # several spikes a step, and r is no gain of one by either method
    "rockpool_lif": 2 * (ROCKPOOL(),),
    "rockpool_cuba": 2 * (ROCKPOOL(tau_syn=4.0),),
}
OTHER_GRAPH = "spyx_recurrent", "spyx_convolution"  # than was run


def loaded(name, method, reset):
    kept = np.load(FOLDER / f"{name}.npz")
    xs = kept["input"].astype(float)
    xs = np.moveaxis(xs, 1, -1) if xs.ndim > 2 else xs
    given = {"method": method, "reset": reset, "dtype": "float64"}
    found = nir.load(FOLDER / f"{name}.nir", dt=float(kept["dt"]), **given)
    return kept, jnp.asarray(xs), found


def ran(net, weights, xs, dt):
    """What the network puts out, and the voltages of its last neurons."""
    edges = parts.flat(net).edges
    (last,) = (edge.source for edge in edges if edge.target == OUTPUT)

    def seen(state, y):
        state = parts.flat(net, weights, state).leaves[last].state
        return y, getattr(state, "v", y)

    return map(np.asarray, snn.unroll(net, weights, xs, dt=dt, record=seen)[1])


def check_equal(kept, out, v):
    """Spikes are the same, and voltages of steps without one to 1e-6."""
    np.testing.assert_allclose(out, kept["spikes"], atol=1e-6)
    if "voltages" in kept:
        silent = kept["spikes"] == 0
        np.testing.assert_allclose(v[silent], kept["voltages"][silent], atol=1e-6)
    assert np.count_nonzero(kept["spikes"]) > 30


@pytest.mark.parametrize("name", STATED)
def test_a_file_runs_as_its_library_runs_it_by_the_stated_method(name, x64):
    kept, xs, found = loaded(name, *STATED[name])
    check_equal(kept, *ran(found.network, found.weights, xs, found.dt))


@pytest.mark.parametrize("name", NEURONS)
def test_other_neurons_than_the_file_tells_are_put_in_their_place(name, x64):
    kept, xs, found = loaded(name, "exact", "zero")
    for method in ("exact", "euler"):
        for reset in ("zero", "subtract"):
            _, _, told = loaded(name, method, reset)
            out, _ = ran(told.network, told.weights, xs, told.dt)
            assert np.abs(out - kept["spikes"]).max() > 0.9  # so that one is needed
    net, weights = in_their_place(found, NEURONS[name])
    dt = 1e-3 if name.startswith("norse") else 1.0  # [s], or steps
    check_equal(kept, *ran(net, weights, xs, dt))


def in_their_place(found, neurons):
    """The network of a file with other neurons."""
    leaves = parts.flat(found.network).leaves
    plain = "dense", "flatten", "pool", "convolution"
    kinds = {name: leaf.cell.about.make.__name__ for name, leaf in leaves.items()}
    makers = dict(
        zip((k for k in kinds if kinds[k] not in plain), neurons, strict=True)
    )

    def change(name, cell):
        if name not in makers:
            return cell
        return makers[name](parts.options_of(name, cell)["n"])

    net = parts.rebuild(found.network, change)
    drawn = net.init(jax.random.key(0))
    places = parts.labels(net, drawn)
    old = parts.labels(found.network, found.weights)
    kept = {}
    for name, leaf in zip(
        jax.tree.leaves(old), jax.tree.leaves(found.weights), strict=True
    ):
        kept.setdefault(name, []).append(leaf)
    new = [
        kept[name].pop(0) if name in kept else leaf
        for name, leaf in zip(
            jax.tree.leaves(places), jax.tree.leaves(drawn), strict=True
        )
    ]
    return net, jax.tree.unflatten(jax.tree.structure(drawn), new)


def test_spyx_writes_a_flattened_map_in_its_own_order(x64):
    kept, xs, found = loaded("spyx_convolution", "exact", "zero")
    net, weights = in_their_place(found, 2 * (of("spyx.IF"),))
    out, _ = ran(net, weights, xs, 1.0)
    assert np.count_nonzero(out != kept["spikes"]) > 100  # as the file says
    (dense,) = (
        k
        for k, w in weights.items()
        if getattr(w, "b", None) is not None and w.w.ndim == 2
    )
    w = weights[dense].w  # [height x width x channels, n], of channels first
    w = np.moveaxis(w.reshape(3, 3, 4, 5), 2, 0).reshape(36, 5)  # as it lies there
    weights = {**weights, dense: weights[dense]._replace(w=jnp.asarray(w))}
    check_equal(kept, *ran(net, weights, xs, 1.0))


def test_spyx_writes_recurrence_that_it_does_not_run(x64):
    # its file sends what comes in through the recurrent weights
    kept, xs, found = loaded("spyx_recurrent", "exact", "zero")
    out, _ = ran(found.network, found.weights, xs, found.dt)
    assert np.count_nonzero(np.abs(out - kept["spikes"]) > 1e-3) > 100
    leaves = parts.flat(found.network, found.weights).leaves
    by_shape = {
        leaf.weights.w.shape: leaf.weights
        for leaf in leaves.values()
        if jax.tree.leaves(leaf.weights)
    }
    first, again, last = (by_shape[s] for s in ((12, 20), (20, 20), (20, 5)))
    net = snn.chain(
        snn.dense(12, 20, bias=True),
        from_library("spyx.RLIF", 20, beta=0.875),
        snn.dense(20, 5, bias=True),
    )
    drawn = net.init(jax.random.key(0))
    layer = jax.tree.map(lambda w: again.w if w.ndim == 2 else w, drawn[1])
    check_equal(kept, *ran(net, (first, layer, last), xs, 1.0))


def test_every_recorded_file_is_tested():
    files = {path.stem for path in FOLDER.glob("*.nir")}
    assert files == {*STATED, *NEURONS, *OTHER_GRAPH}
    assert {path.stem for path in FOLDER.glob("*.npz")} == files
    assert len({name.partition("_")[0] for name in STATED}) == 4
    assert sum(path.stat().st_size for path in FOLDER.glob("*")) < 2e6
