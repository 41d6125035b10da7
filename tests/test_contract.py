"""What every cell promises. A new cell is tested by one line in ``CELLS``.

Programs that several tests of a cell need are compiled once and kept.
"""

import math
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contributing import integrator, one_to_one
from how_to import definitions

import snnjax as snn
from snnjax import parts
from snnjax.about import uncut
from snnjax.cell import run_cell
from snnjax.hardware import amplified, faulty, quantize, using
from snnjax.interop import nir
from snnjax.interop.presets import from_library
from snnjax.learning import running_max
from snnjax.networks import (
    ShortTermParams,
    batch_norm,
    convolution,
    delay,
    delayed,
    dropout,
    flatten,
    graph,
    layer_norm,
    learned_delay,
    low_rank,
    normal,
    pool,
    residual,
    ring,
    short_term,
    sparse,
)
from snnjax.neurons import (
    AdExParams,
    AdLIFParams,
    ConductanceLIFParams,
    EIFParams,
    HodgkinHuxleyParams,
    HomeostasisParams,
    IzhikevichParams,
    MorrisLecarParams,
    QIFParams,
    ResonateParams,
    adex,
    adlif,
    conductance_lif,
    eif,
    hodgkin_huxley,
    homeostatic_lif,
    izhikevich,
    morris_lecar,
    onto,
    qif,
    reset_free,
    resonate,
    smooth_lif,
    stochastic_lif,
    synaptic_scaling,
)
from snnjax.probes import watched
from snnjax.surrogate import EventProp, ForwardMode, SuperSpike, Triangle

T, B, N = 12, 4, 3
DT = 1e-3
FAST = {"tau_mem": 5e-3, "tau_syn": 2e-3, "threshold": 0.3}


def lif(**options):
    constants = {**FAST, **{k: options.pop(k) for k in list(options) if k in FIELDS}}
    return snn.lif(N, snn.LIFParams(**constants), backend="xla", **options)


def on_maps(space, *cells):
    """Cells that read maps, behind one that makes maps of the N inputs."""

    def step(weights, state, x, dt):
        return state, x.reshape(*x.shape[:-1], *space, N // math.prod(space))

    return snn.chain(snn.Cell(lambda key: (), lambda x: (), step, step), *cells)


FIELDS = snn.LIFParams._fields
ADAPTIVE = snn.ALIFParams(**FAST, tau_adapt=10e-3, beta=0.2)
NERVOUS = ConductanceLIFParams(unit=20e-9, tau_nmda=20e-3)
SWINGING = ResonateParams(60.0, 10e-3, 0.1, 5e-3, 0.1, 50.0)
CIRCUIT = nir.CircuitParams(5e-3, None, 2.0, -0.1, v_threshold=0.3, v_reset=-0.2)
QUICK = HomeostasisParams(target=100.0, tau_rate=5e-3, speed=30.0)
dense = partial(snn.dense, init=normal, backend="xla")
li = partial(snn.li, backend="xla")
recurrent = partial(snn.recurrent, init=normal, init_recurrent=normal)
preset = partial(from_library, n=N, surrogate=SuperSpike(2.0))
TARGETS = np.array([[0, 4], [3, 5], [3, 1]])  # 5: none
CELLS = {
    "li": li(N, snn.LIParams(5e-3, 2e-3)),
    "li without synapse": li(N, snn.LIParams(5e-3, None)),
    "li voltage": li(N, snn.LIParams(5e-3, None), input="voltage"),
    "lif": lif(),
    "lif subtract": lif(reset="subtract"),
    "lif none": lif(reset="none"),
    "lif reset gradient": lif(reset="subtract", reset_gradient=True),
    "lif refractory": lif(refractory=2e-3),
    "lif without synapse": lif(tau_syn=None),
    "lif voltage": lif(tau_syn=None, input="voltage"),
    "lif v_reset": lif(v_reset=np.array([-0.3, -0.1, 0.1])),
    "lif v_reset gradient": lif(v_reset=-0.2, refractory=2e-3, reset_gradient=True),
    "lif per neuron": lif(tau_mem=np.array([3e-3, 5e-3, 9e-3])),
    "lif event prop": lif(surrogate=EventProp()),
    "lif event prop options": lif(
        surrogate=EventProp(np.array([0.1, 0.5, 2.0])), reset="subtract"
    ),
    "lif event prop v_reset": lif(surrogate=EventProp(), v_reset=-0.2),
    "event prop loop": recurrent(N, N, lif(surrogate=EventProp()), bias=True),
    "smooth lif": smooth_lif(N, snn.LIFParams(**FAST), noise=Triangle(4.0)),
    "homeostatic lif": homeostatic_lif(N, snn.LIFParams(**FAST), QUICK),
    "synaptic scaling": synaptic_scaling(N, lif(), QUICK),
    "srm": snn.srm(N, snn.LIFParams(**FAST)),
    "alif": snn.alif(N, ADAPTIVE, backend="xla"),
    "alif options": snn.alif(
        N,
        ADAPTIVE._replace(tau_syn=None, refractory=2e-3),
        **{"reset_gradient": True, "adaptation_gradient": False, "input": "voltage"},
        backend="xla",
    ),
    "adlif": adlif(N, AdLIFParams(5e-3, 9e-3, 2.0, 0.3, 0.2), backend="xla"),
    "adlif options": adlif(
        N,
        AdLIFParams(5e-3, 5e-3, np.array([0.0, 0.1, -0.5]), 0.3, 0.2),
        **{"reset_gradient": True, "adaptation_gradient": False, "backend": "xla"},
    ),
    "adlif loop": recurrent(
        N, N, adlif(N, AdLIFParams(5e-3, 9e-3, 2.0, 0.3, 0.2), backend="xla")
    ),
    "eif": eif(N, EIFParams(unit=20e-9)),
    "adex": adex(N, AdExParams(unit=20e-9)),
    "qif": qif(N, QIFParams(unit=5e-9)),
    "izhikevich": izhikevich(
        N, IzhikevichParams(unit=60.0, c=np.array([-65e-3, -50e-3, -60e-3])), substeps=2
    ),
    "hodgkin huxley": hodgkin_huxley(
        N, HodgkinHuxleyParams(unit=0.5, g_leak=np.array([2.0, 3.0, 4.0])), substeps=50
    ),
    "morris lecar": morris_lecar(
        N, MorrisLecarParams(unit=40.0, phi=np.array([40.0, 60.0, 400.0]))
    ),
    "conductance lif": conductance_lif(1, NERVOUS),
    "conductance lif options": snn.chain(
        onto(2, 3, N),
        conductance_lif(N, NERVOUS._replace(refractory=2e-3, magnesium=np.ones(N))),
    ),
    "resonate": resonate(N, SWINGING),
    "resonate options": resonate(
        N,
        SWINGING._replace(frequency=np.array([40.0, 80.0, 160.0])),
        adaptation_gradient=False,
    ),
    "reset free": reset_free(N, snn.LIFParams(**FAST)),
    "short term": short_term(N, ShortTermParams(np.array([0.1, 0.5, 0.9]), 20e-3)),
    "short term facilitation": short_term(N, ShortTermParams(0.3, 9e-3, 20e-3)),
    "dense": dense(N, 5),
    "dense bias": dense(N, 5, bias=True),
    "recurrent": recurrent(N, N, lif()),
    "recurrent options": recurrent(
        N, N, lif(), bias=True, self_connections=False, recurrent_gradient=False
    ),
    "chain": snn.chain(
        dense(N, 4),
        snn.lif(4, backend="xla"),
        dense(4, 2),
        li(2),
    ),
    "chain by name": snn.chain(
        first=dense(N, 4),
        hidden=snn.lif(4, backend="xla"),
        out=li(4),
        outputs=("hidden.v",),
    ),
    "dense mask": dense(N, 5, mask=np.arange(15).reshape(N, 5) % 2),
    "closed": snn.chain(
        dense(N, N),
        snn.recurrent(lif(), dense(N, N, bias=True)),
    ),
    "graph": graph(
        {"e": lif(), "i": lif(reset="subtract"), "out": li(2)},
        {
            "input->e": dense(N, N),
            "e->i": dense(N, N),
            "i->e": dense(N, N),
            "i->i": dense(N, N),
            "e->out": dense(N, 2),
            "input->out": dense(N, 2),
        },
        outputs="out",
    ),
    "residual": residual(snn.chain(dense(N, N), li(N))),
    "convolution": on_maps(
        (N,),
        convolution(1, 2, kernel=(2,), stride=2, init=normal, backend="xla"),
        snn.lif(2, snn.LIFParams(**FAST), backend="xla"),
        flatten(1),
    ),
    "convolution of images": on_maps(
        (1, N),
        convolution(1, 2, kernel=(3, 2), init=normal, backend="xla"),
        pool("max", (1, 2)),
        li(2),
        flatten(),
    ),
    "delay": delay(N, np.array([0.0, 2.3e-3, 5e-3]), 5),
    "delay of all": delay(N, 3e-3, 4),
    "learned delay": learned_delay(N, 5),
    "ring": ring(N, 3),
    "delayed": delayed(N, 4, 5, width=1.5, init=normal),
    "delayed rounded": delayed(N, 4, 5, width=None, init=normal),
    "delayed loop": snn.recurrent(
        lif(), snn.chain(ring(N, 1), dense(N, N), delay(N, 1.5e-3, 2))
    ),
    "sparse": sparse(TARGETS, 1.0 / (1.0 + np.arange(6.0)).reshape(N, 2), 5),
    "sparse of few": sparse(TARGETS, 1.0 / (1.0 + np.arange(6.0)).reshape(N, 2), 70),
    "sparse of sources": sparse(TARGETS, np.arange(3.0) - 0.5, 5, cap=3),
    "low rank": low_rank(N, 5, 2, init=normal),
    "low rank loop": snn.recurrent(lif(), low_rank(N, N, 1, init=normal)),
    "layer norm": layer_norm(N),
    "layer norm of maps": on_maps((N,), layer_norm(1, space=1, gain=0.5), flatten(1)),
    "batch norm": batch_norm(N),
    "running max": running_max(N),
    "learn": snn.learn(lambda tau: lif(tau_mem=tau), tau=np.full(N, 5e-3)),
    "amplified": amplified(lif(), np.array([0.5, 1.0, 2.0])),
    "amplified loop": snn.recurrent(amplified(lif(), 2.0), dense(N, N)),
    "faulty": faulty(N, np.array([1.0, 0.0, 1.0])),
    "using": using(dense(N, 5), partial(quantize, bits=5)),
    "nir circuit": nir.circuit(N, CIRCUIT),
    "nir circuit euler": nir.circuit(
        N, CIRCUIT._replace(tau_syn=2e-3), reset="subtract", method="euler"
    ),
    "nir integrator": nir.circuit(
        N, nir.CircuitParams(None, r=np.array([99.0, 300.0, 500.0]), v_threshold=0.7)
    ),
    "nir scale": nir.scale((N,)),
    "nir heaviside": nir.heaviside(N, 0.3),
    "nir relay": nir.relay(),
    "nir convolution": on_maps(
        (1, N),
        convolution(1, 4, kernel=(1, 1), init=normal, backend="xla"),
        nir.padded_convolution(
            *(4, 2),
            **{"kernel": (2, 2), "stride": (1, 2), "pads": ((1, 0), (1, 2))},
            **{"dilation": (1, 2), "groups": 2, "bias": True, "init": normal},
            backend="xla",
        ),
        snn.lif(2, snn.LIFParams(**FAST), backend="xla"),
        nir.padded_sum((1, 2), stride=(1, 1), pads=((0, 0), (1, 0))),
        nir.channels_first(),
    ),
    "preset snntorch": preset(
        "snntorch.Leaky",
        beta=np.array([0.9, 0.8, 0.5]),
        threshold=0.3,
        **{"learn_beta": True, "learn_threshold": True, "reset_mechanism": "zero"},
    ),
    "preset snntorch at once": preset(
        "snntorch.Synaptic", alpha=0.8, beta=0.9, threshold=0.3, reset_delay=False
    ),
    "preset snntorch alpha": preset(
        "snntorch.Alpha", alpha=0.9, beta=0.8, threshold=0.1, learn_beta=True
    ),
    "preset snntorch recurrent": preset("snntorch.RLeaky", beta=0.9, threshold=0.3),
    "preset snntorch itself": preset(
        "snntorch.RLeaky", beta=0.9, threshold=0.3, all_to_all=False, V=0.2
    ),
    "preset norse": preset(
        "norse.LSNN", v_th=0.1, v_reset=-0.1, beta=0.1, tau_adapt_inv=100.0
    ),
    "preset spikingjelly": preset("spikingjelly.PLIF", v_threshold=0.4, v_reset=-0.1),
    "preset sinabs": preset(
        "sinabs.LIFRecurrent", tau_mem=5.0, tau_syn=3.0, spike_threshold=0.2
    ),
    "preset sinabs adaptive": preset(
        "sinabs.ALIF",
        **{"tau_mem": 5.0, "tau_syn": 4.0, "tau_adapt": 9.0, "spike_threshold": 0.05},
    ),
    "preset spyx": preset("spyx.RCuBaLIF", threshold=0.4),
    "preset jaxpike": preset("jaxpike.ALIF", tau=3.0, tau_a=9.0, threshold=0.2),
    "preset sparx": preset("sparx.ALIF", tau=3.0, threshold=0.4, refractory=3),
    "preset stork": preset("stork.LIFGroup", learn_timescales=True, clamp_mem=True),
    "preset slayer": preset(
        "slayer.cuba", threshold=0.5, current_decay=0.3, voltage_decay=0.1
    ),
    "preset mlgenn": preset(
        "mlgenn.LeakyIntegrateFire",
        **{"tau_syn": 3.0, "tau_refrac": 2.0, "integrate_during_refrac": False},
    ),
    "preset nest": preset(
        "nest.eprop_iaf_adapt_bsshslm_2020", E_L=0.0, V_th=0.5, adapt_beta=0.2
    ),
    "integrator": integrator(N, 2e-3),  # the templates of CONTRIBUTING.md
    "one to one": one_to_one(N),
    "own neuron": definitions("A neuron")["change_detector"](  # of docs/how-to
        surrogate=ForwardMode(SuperSpike(2.0))
    ),
    "own connection": definitions("A connection")["falloff"](N, 5),
}
SPEAKS_UNASKED = {"closed", "dense bias", "recurrent options", "running max"}
DRIFTS_IN_SILENCE = {"homeostatic lif", "synaptic scaling"}
NEURONS = [
    *("li", "lif", "lif subtract", "lif refractory", "srm", "alif", "adlif"),
    *("eif", "adex", "qif", "resonate", "reset free"),
    *("homeostatic lif", "synaptic scaling", "integrator"),
]

FIRST_DERIVATIVES_ONLY = {name for name in CELLS if "event prop" in name}
SLOW = {"adex", "qif", "izhikevich", "hodgkin huxley"}  # to compile


def cells(slow, but=()):
    """All by name; presets, of which there is one rule, are a stage of the gate."""

    def marks(name):
        presets = [pytest.mark.walks] if name.startswith("preset ") else []
        return [pytest.mark.slow] if name in slow else presets

    names = [pytest.param(name, marks=marks(name)) for name in CELLS if name not in but]
    return pytest.mark.parametrize("name", names)


every_cell = cells(SLOW)


def inputs(batch=(B,), steps=T, dtype=None):
    x = 0.8 * jax.random.normal(jax.random.key(1), (steps, *batch, N))
    return x.astype(dtype or x.dtype)


@cache
def drawn(name, double):
    """Weights of a cell, in the precision of the moment."""
    return jax.jit(CELLS[name].init)(jax.random.key(0))


def start(name):
    return CELLS[name], drawn(name, jax.config.jax_enable_x64)


def close(a, b, rtol=1e-5, atol=1e-6):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol, atol), a, b)


class Program(NamedTuple):
    """One compiled run ``(weights, xs [T, B, N], dt) -> (state, ys)`` of a cell."""

    run: Any
    traces: list  # one entry for each time it was traced
    weights: Any

    def __call__(self, xs):
        return self.run(self.weights, xs, DT)


@cache
def program(name):
    """In single precision."""
    cell, weights = start(name)
    traces = []

    def run(weights, xs, dt):
        traces.append(1)
        return snn.unroll(cell, weights, xs, dt=dt)

    return Program(jax.jit(run), traces, weights)


def graded(cell, **options):
    """``(weights, xs)`` -> a value of the final state and all outputs, those outputs,
    and gradients."""

    def loss(weights, xs):
        state, ys = snn.unroll(cell, weights, xs, dt=DT, **options)
        shades = 1.0 + jnp.arange(ys.size, dtype=ys.dtype).reshape(ys.shape) / ys.size
        leaves = [leaf.sum().astype(ys.dtype) for leaf in jax.tree.leaves(state)]
        return jnp.sum(shades * ys) + sum(leaves, jnp.zeros((), ys.dtype)), ys

    return jax.value_and_grad(loss, (0, 1), has_aux=True)


WAYS = {  # of running what is one run
    "whole": {},
    "stepped": {"record": lambda state, y: y},
    "in pieces": {"checkpoint": 5},  # two of them, and 2 steps that are left over
}


@cache
def in_double_precision(name):
    """Values and gradients of all ways to run a cell, from one program."""
    cell, weights = start(name)
    ways = {way: graded(cell, **options) for way, options in WAYS.items()}
    run = jax.jit(lambda *given: {way: each(*given) for way, each in ways.items()})
    return run(weights, inputs())


def test_every_cell_may_be_followed_by_others():
    keeping = lambda weights, state, x, dt: (x, x)  # noqa: E731
    keeps = snn.Cell(lambda key: (), lambda x: x, keeping)
    for name, cell in CELLS.items():
        net = snn.chain(cell, keeps)

        def first(key, x, net=net):
            state = net.rest(x)
            return state, *net.step(net.init(key), state, x, DT)

        found = jax.eval_shape(first, jax.random.key(0), inputs()[0])
        shapes = [jax.tree.map(jnp.shape, each) for each in found]
        assert shapes[0] == shapes[1], name
        assert shapes[0][1] == shapes[2], name


@every_cell
def test_run_equals_scanned_step_in_values_and_gradients(name, x64):
    found = in_double_precision(name)
    close(found["whole"], found["stepped"], 1e-10, 1e-12)


def forwards(name, cell):
    """The same cell with surrogates that ``jvp`` may pass."""

    def change(leaf_name, leaf):
        if leaf.about is None or "surrogate" not in leaf.about.options.arguments:
            return leaf
        options = parts.options_of(leaf_name, leaf)
        shape = options.pop("surrogate")
        if shape is None:
            return leaf
        return leaf.about.make(**options, surrogate=ForwardMode(shape))

    return parts.rebuild(cell, change)


@cells(SLOW | {"eif"}, but=FIRST_DERIVATIVES_ONLY)
def test_forward_mode_and_second_derivatives_are_those_of_stepping(name, x64):
    """Stepped one by one: in derivatives of those of a scan JAX forgets rules."""
    cell = forwards(name, CELLS[name])
    weights, xs = start(name)[1], inputs(steps=4)
    noise = lambda x: np.random.default_rng(2).normal(size=x.shape)  # noqa: E731
    tangents = jax.tree.map(noise, (weights, xs))

    def run(weights, xs):
        return snn.unroll(cell, weights, xs, dt=DT)[1]

    step = jax.jit(lambda weights, state, x: cell.step(weights, state, x, DT))

    def one_by_one(weights, xs):
        state, ys = cell.rest(xs[0]), []
        for x in xs:
            state, y = step(weights, state, x)
            ys.append(y)
        return jnp.stack(ys)

    def derivatives(passing, forward):
        """The gradient and the change of it, and with ``forward`` that of the loss."""

        def loss(weights, xs):
            ys = passing(weights, xs)
            order = jnp.arange(ys.size, dtype=ys.dtype).reshape(ys.shape)
            return jnp.sum(jnp.sin(1.0 + order * ys))

        def all_of_them(given, tangents):
            slope = jax.jvp(loss, given, tangents)[1] if forward else None
            return slope, jax.jvp(jax.grad(loss, (0, 1)), given, tangents)

        return all_of_them

    both = derivatives(run, True), derivatives(one_by_one, False)
    at_once = jax.jit(lambda *given: [each(*given) for each in both])
    (slope, found), (_, expected) = at_once((weights, xs), tangents)
    close(found, expected, 1e-8, 1e-10)
    for (gradient, _), precise in ((found, (1e-9, 0.0)), (expected, (1e-8, 1e-10))):
        pairs = zip(*map(jax.tree.leaves, (gradient, tangents)), strict=True)
        along = sum(np.vdot(*pair) for pair in pairs)
        np.testing.assert_allclose(slope, along, *precise)


@every_cell
def test_checkpointing_changes_neither_values_nor_gradients(name, x64):
    found = in_double_precision(name)
    close(found["whole"], found["in pieces"], 1e-10, 1e-12)


@pytest.mark.parametrize("length", [3, 20])
@pytest.mark.parametrize("name", ["lif refractory", "recurrent options", "graph"])
def test_so_do_pieces_that_fit_and_pieces_longer_than_the_run(name, length, x64):
    cell, weights = start(name)
    kept = jax.jit(graded(cell, checkpoint=length))(weights, inputs())
    close(in_double_precision(name)["whole"], kept, 1e-10, 1e-12)


@cache
def runs(name):
    """Runs in single precision that are those of ``program``, as one program: cut in
    two, each sample by itself, without gradients between pieces, and of other sizes."""
    cell, weights = start(name)
    unroll = partial(snn.unroll, cell, dt=DT)

    def cut(weights, xs):
        middle, first = unroll(weights, xs[:5])
        end, second = unroll(weights, xs[5:], state=middle)
        return end, jnp.concatenate([first, second])

    def all_of_them(weights, xs, others):
        found = {
            "cut": cut(weights, xs),
            "sample by sample": jax.vmap(lambda x: unroll(weights, x)[1], 1, 1)(xs),
            "others": [unroll(weights, x) for x in others],
        }
        if not uncut(cell):
            found["truncated"] = unroll(weights, xs, truncate=5)
        return found

    others = [inputs(batch, steps) for steps, batch in OTHERS]
    return jax.jit(all_of_them)(weights, inputs(), others)


OTHERS = [*((T, batch) for batch in ((), (0,), (1,), (2, 2))), (0, (B,)), (1, (B,))]


@every_cell
def test_stopping_and_continuing_equals_never_stopping(name):
    close(program(name)(inputs()), runs(name)["cut"])


@every_cell
def test_jit_and_vmap_give_what_a_plain_call_gives(name):
    cell, weights = start(name)
    plain = snn.unroll(cell, weights, inputs(), dt=DT)[1]
    close(plain, program(name)(inputs())[1])
    close(plain, runs(name)["sample by sample"])


def buffers(tree):
    """Where the arrays of a tree lie."""
    plain = jax.dtypes.prng_key
    data = [
        jax.random.key_data(x) if jnp.issubdtype(x.dtype, plain) else x
        for x in jax.tree.leaves(tree)
    ]
    return [x.unsafe_buffer_pointer() for x in data if x.size]


STARTS = {  # not among the cells, as they are random
    "dropout": dropout(N, 0.5, key=jax.random.key(3)),
    "stochastic lif": stochastic_lif(N, key=jax.random.key(4)),
    "batch of sparse": sparse(TARGETS, jnp.ones((N, 2)), 5),
    "preset that learns": preset(
        "snntorch.Leaky", beta=jnp.full(N, 0.9), threshold=0.3, learn_beta=True
    ),
}


@pytest.mark.parametrize("name", [*CELLS, *STARTS])
def test_all_that_a_cell_begins_with_can_be_donated(name):
    # Once each: no array is there twice, and none is the cell's own.
    cell = CELLS.get(name) or STARTS[name]
    x = inputs()[0]
    begun = [(cell.init(jax.random.key(0)), cell.rest(x)) for _ in range(2)]
    found = buffers(begun)
    assert len({*found, *buffers(x)}) == len(found) + len(buffers(x))


def test_a_run_goes_on_in_the_memory_of_its_state():
    net = snn.chain(
        *(dense(N, 4), snn.lif(4), dropout(4, 0.5, key=jax.random.key(3))),
        *(dense(4, 2), li(2)),
    )
    weights, xs = net.init(jax.random.key(0)), inputs()
    run = jax.jit(partial(snn.unroll, net, dt=DT), donate_argnames="state")
    for _ in range(2):
        state = net.rest(xs[0])
        for part in (xs[:5], xs[5:]):
            gone, (state, ys) = state, run(weights, part, state=state)
            assert all(leaf.is_deleted() for leaf in jax.tree.leaves(gone))
    close(ys, snn.unroll(net, weights, xs, dt=DT)[1][5:])


@every_cell
def test_any_batch_and_any_number_of_steps_work(name):
    ends = runs(name)["others"]
    for (steps, batch), (_, ys) in zip(OTHERS, ends, strict=True):
        assert ys.shape[:-1] == (steps, *batch)
    close(ends[4][0], CELLS[name].rest(inputs()[0]))  # no step


@every_cell
def test_steps_outside_a_mask_leave_no_trace(name, x64):
    """What comes before is that of a run without mask."""
    lengths = np.array([T, 5, 0, 8])
    mask = np.arange(T)[:, None] < lengths
    cell, weights = start(name)
    run, xs = jax.jit(graded(cell, mask=mask)), np.asarray(inputs())
    clean, dirty = run(weights, xs), run(weights, np.where(mask[..., None], xs, np.nan))
    jax.tree.map(np.testing.assert_array_equal, clean, dirty)
    whole = in_double_precision(name)["whole"]
    ys, expected = (np.asarray(found[0][1]) for found in (clean, whole))
    for b, length in enumerate(lengths):
        close(ys[:length, b], expected[:length, b], 1e-10, 1e-12)
        assert not np.any(ys[length:, b])


@every_cell
def test_every_field_of_the_state_can_be_watched(name, x64):
    cell, weights = start(name)
    rest = cell.rest(inputs()[0])
    fields = [f for f, v in getattr(rest, "_asdict", dict)().items() if v is not None]
    fields = [f for f in fields if hasattr(getattr(rest, f), "dtype")]
    fields = [f for f in fields if f != "mark"]  # read by nobody
    if not fields:
        pytest.skip("its state has no field by name")
    look = watched(cell, tuple(fields))
    record = lambda s, y: (y, {f: getattr(s, f) for f in fields})  # noqa: E731

    @jax.jit
    def both(weights, xs):
        _, recorded = snn.unroll(cell, weights, xs, dt=DT, record=record)
        return run_cell(look, weights, cell.rest(xs[0]), xs, DT)[1], recorded

    close(*both(weights, inputs()), 1e-10, 1e-12)


@every_cell
def test_half_precision_input_keeps_single_precision_voltages(name):
    cell, weights = start(name)
    half = inputs(dtype=jnp.bfloat16)
    state, _ = jax.jit(lambda w, x: snn.unroll(cell, w, x, dt=DT))(weights, half)
    for part in jax.tree.leaves(state, is_leaf=lambda s: hasattr(s, "v")):
        assert not hasattr(part, "v") or part.v.dtype == jnp.float32


def floats_of(name, xs, dtype):
    """Floating-point types of states and outputs with weights of one type."""
    cell, weights = start(name)
    weights = jax.tree.map(lambda w: w.astype(dtype), weights)
    with jax.numpy_dtype_promotion("standard"):  # single and double are mixed here
        run = jax.jit(lambda w, xs: snn.unroll(cell, w, xs, dt=np.float64(DT)))
        leaves = jax.tree.leaves(jax.eval_shape(run, weights, xs))
    return {
        str(x.dtype) for x in leaves if jnp.issubdtype(x.dtype, jnp.floating)
    }, jax.tree.leaves(weights)


@every_cell
def test_precision_is_that_of_weights_and_input_in_both_modes(name, x64):
    single, double = jnp.float32, jnp.float64
    assert floats_of(name, inputs(dtype=single), single)[0] == {"float32"}
    found, weights = floats_of(name, inputs(dtype=single), double)
    assert found == ({"float64"} if weights else {"float32"})
    assert floats_of(name, inputs(dtype=double), single)[0] == {"float64"}
    raster = inputs() > 0
    try:
        CELLS[name].rest(raster[0])
    except ValueError:
        return  # it reads currents
    found, weights = floats_of(name, raster, single)
    assert found == {"float32"}
    assert not weights or floats_of(name, raster, double)[0] == {"float64"}


@every_cell
def test_numbers_of_the_host_bring_no_warning_and_the_same(name):
    cell, weights = start(name)
    host = np.asarray(inputs(), np.float64)
    state = cell.rest(host[0])
    close(snn.unroll(cell, weights, host, dt=DT), program(name)(inputs()))
    jax.eval_shape(lambda w: cell.step(w, state, host[0], DT), weights)


@every_cell
def test_changed_numbers_do_not_recompile(name):
    run, traces, weights = program(name)
    for dt in (1e-3, 2e-3):
        run(jax.tree.map(lambda w, dt=dt: w * (1 + dt), weights), inputs() * dt, dt)
    assert len(traces) == 1


@every_cell
def test_on_an_explicit_mesh_values_and_gradients_are_those_of_one_device(name, x64):
    cell, weights = start(name)
    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Explicit,))
    spec = jax.P(None, "data")

    @jax.jit
    def run(weights, xs):
        one = lambda xs: snn.unroll(cell, weights, xs, dt=DT)[1]  # noqa: E731
        mapped = jax.shard_map(one, in_specs=spec, out_specs=spec)(xs)
        return graded(cell)(weights, xs), mapped

    with jax.set_mesh(mesh):
        found = run(weights, jax.device_put(inputs(), spec))
    expected = in_double_precision(name)["whole"]
    close((expected, expected[0][1]), jax.device_get(found), 1e-8, 1e-10)


@every_cell
def test_exported_and_reloaded_it_computes_the_same(name):
    cell, weights = start(name)
    flat, tree = jax.tree.flatten(weights)

    def run(leaves, xs):
        return snn.unroll(cell, jax.tree.unflatten(tree, leaves), xs, dt=DT)[1]

    blob = jax.export.export(jax.jit(run))(flat, inputs()).serialize()
    found = jax.export.deserialize(blob).call(flat, inputs())
    close(program(name)(inputs())[1], found)


@every_cell
def test_order_of_the_batch_does_not_matter(name):
    order, run = np.array([2, 0, 3, 1]), program(name)
    close(run(inputs()[:, order])[1], run(inputs())[1][:, order])


@pytest.mark.parametrize("name", NEURONS)
def test_order_of_the_neurons_does_not_matter(name):
    order, run = np.array([2, 0, 1]), program(name)
    close(run(inputs()[..., order])[1], run(inputs())[1][..., order])


@pytest.mark.parametrize("name", sorted({*CELLS} - SPEAKS_UNASKED - DRIFTS_IN_SILENCE))
def test_silence_before_the_input_only_delays_the_output(name):
    xs, run = inputs(), program(name)
    late = run(jnp.concatenate([jnp.zeros_like(xs[:4]), xs[:-4]]))[1]
    assert not np.any(late[:4])
    close(late[4:], run(xs)[1][:-4])


@every_cell
def test_a_truncated_run_has_the_same_values(name):
    cell, weights = start(name)
    if uncut(cell):
        with pytest.raises(ValueError, match="cuts the gradient in time"):
            jax.eval_shape(
                partial(snn.unroll, cell, dt=DT, truncate=5), weights, inputs()
            )
        return
    close(runs(name)["truncated"], program(name)(inputs()))


@pytest.mark.parametrize("name", ["dense bias", "recurrent options", "chain"])
def test_many_seeds_are_one_program(name):
    cell = CELLS[name]
    traces = []

    @jax.jit
    def sweep(keys):
        def one(key):
            traces.append(1)
            weights, xs = cell.init(key), inputs()
            return run_cell(cell, weights, cell.rest(xs[0]), xs, DT)[1]

        return jax.vmap(one)(keys)

    keys = jax.random.split(jax.random.key(0), 3)
    ys = sweep(keys)
    sweep(jax.random.split(jax.random.key(1), 3))
    assert len(traces) == 1
    close(ys[1], snn.unroll(cell, cell.init(keys[1]), inputs(), dt=DT)[1])


def test_many_time_constants_are_one_program():
    traces = []

    @jax.jit
    def sweep(tau_mem, tau_syn, threshold):
        def one(*constants):
            traces.append(1)
            cell = snn.lif(N, snn.LIFParams(*constants))
            return snn.unroll(cell, (), inputs(), dt=DT)[1]

        return jax.vmap(one)(tau_mem, tau_syn, threshold)

    grid = jnp.array([3e-3, 5e-3, 9e-3]), jnp.full(3, 2e-3), jnp.full(3, 0.3)
    ys = sweep(*grid)
    sweep(*(2 * c for c in grid))
    assert len(traces) == 1
    for k in range(3):
        alone = snn.lif(N, snn.LIFParams(*(float(c[k]) for c in grid)))
        close(ys[k], snn.unroll(alone, (), inputs(), dt=DT)[1])
