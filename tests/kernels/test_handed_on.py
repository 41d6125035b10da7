"""Spikes handed on as marks from neurons to a connection, against spikes themselves.

The reference is the same network where neurons put out spikes: its cells run by a
function that chain does not know.
"""

import copy
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_contract import CELLS, N

import snnjax as snn
from snnjax.cell import run_cell
from snnjax.kernels import build
from snnjax.networks import convolution
from snnjax.seen import Seen

T, DT, SPACE = 12, 1e-3, (6, 7)
FAST = snn.LIFParams(6e-3, 3e-3, 0.3)


@pytest.fixture(autouse=True)
def built():
    if why := build.load():
        pytest.skip(f"native kernels: {why}")


def normal(key, n_in, n_out):
    return jax.random.normal(key, (n_in, n_out)) / n_in**0.5


def network(c=4, params=FAST, backend="native", space=SPACE, **options):
    slide = partial(convolution, kernel=(3,) * len(space), init=normal, backend=backend)
    fire = partial(snn.lif, backend=backend, **options)
    return {
        "first": slide(2, c),
        "hidden": fire(c, params),
        "second": slide(c, 3, stride=2, padding="valid"),
        "again": fire(3, FAST),
        "third": slide(3, 2),
    }


def line(c=20, params=FAST, backend="native", fire=snn.lif, **options):
    """Neurons of one line, recurrent and not."""
    fire = partial(fire, backend=backend, **options)
    project = partial(snn.dense, init=normal, backend=backend)
    feedback = snn.dense(c, c, bias=False, init=normal, backend=backend)
    return {
        "input": project(7, c),
        "hidden": fire(c, params),
        "layer": snn.recurrent(c, c, fire(c, params), init=normal),
        "closed": snn.recurrent(fire(c, params), feedback),
        "between": project(c, 5, bias=True),
        "again": snn.lif(5, FAST, backend=backend),
        "readout": project(5, 2),
    }


def apart(cells):
    """The same where nobody knows how neurons run."""

    def unknown(cell):
        return cell._replace(run=lambda *given: run_cell(cell, *given))

    return {key: unknown(cell) for key, cell in cells.items()}


def raster(*shape, rate=0.3):
    drawn = np.random.default_rng(3).random(shape)
    return jnp.asarray(drawn < rate, jnp.float32)


def graded(cells, xs, scale=1.0, **options):
    """Outputs, final states, and gradients of weights and inputs."""
    net = snn.chain(**cells)
    weights = jax.tree.map(lambda w: scale * w, net.init(jax.random.key(0)))

    @jax.jit
    def run(weights, xs):
        def loss(weights, xs):
            state, ys = snn.unroll(net, weights, xs, dt=DT, **options)
            end = sum(jnp.sum(jnp.sin(x)) for x in jax.tree.leaves(state))
            return jnp.sum(jnp.sin(ys)) + end, (state, ys)

        return jax.value_and_grad(loss, (0, 1), has_aux=True)(weights, xs)

    return run(weights, xs)


def exactly(found, expected):
    jax.tree.map(np.testing.assert_array_equal, found, expected)


ADAPTIVE = snn.ALIFParams(6e-3, 3e-3, threshold=0.3)
PAUSED = np.array([0.0, 1e-3, 2e-3, 5e-3])


def maps(*given, **options):
    space = options.get("space", SPACE)
    return network(*given, **options), raster(T, 4, *space, 2), 6.0


def lines(*given, **options):
    return line(*given, **options), raster(T, 4, 7), 3.0


def paused(c):
    return FAST._replace(refractory=np.resize(PAUSED, c))


NETWORKS = {
    "one channel": partial(maps, 1),
    "channels of half a group": partial(maps, 8),
    "a group and some": partial(maps, 21),
    "three groups": partial(maps, 48),
    "constants of each": partial(
        maps, params=FAST._replace(tau_mem=np.linspace(4e-3, 9e-3, 4))
    ),
    "no synapse": partial(maps, params=FAST._replace(tau_syn=None)),
    "pauses": partial(maps, params=paused(4)),
    "subtracts": partial(maps, reset="subtract", reset_gradient=True),
    "never resets": partial(maps, reset="none"),
    "a narrow surrogate": partial(maps, surrogate=snn.Triangle(3.0)),
    "pixels of a line": partial(maps, space=(9,)),
    "maps as the device wants them": partial(maps, backend="auto"),
    "lines of nine": partial(lines, 9),
    "lines of a group": partial(lines, 16),
    "lines of 70": partial(lines, 70),
    "lines that pause": partial(lines, params=paused(20)),
    "lines that subtract": partial(lines, reset="subtract", reset_gradient=True),
    "lines with a narrow surrogate": partial(lines, surrogate=snn.Triangle(3.0)),
    "lines as the device wants them": partial(lines, backend="auto"),
    "alif": partial(lines, fire=snn.alif, params=ADAPTIVE),
    "alif that pauses": partial(
        lines,
        fire=snn.alif,
        params=ADAPTIVE._replace(refractory=np.resize(PAUSED, 20)),
        reset="subtract",
    ),
    "adlif": partial(
        lines,
        19,
        fire=snn.neurons.adlif,
        params=snn.neurons.AdLIFParams(6e-3, threshold=0.3),
    ),
    "alif as the device wants them": partial(
        lines, fire=snn.alif, params=ADAPTIVE, backend="auto"
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_marks_tell_what_spikes_told(name):
    cells, xs, scale = NETWORKS[name]()
    found = graded(cells, xs, scale)
    exactly(found, graded(apart(cells), xs, scale))
    assert all(np.any(leaf) for leaf in jax.tree.leaves(found[1]))


def of_this_device(cell):
    """The same cell, run by native code where it can be."""
    about = cell.about
    if about is None or about.options is None:
        return cell
    if about.parts and about.rebuild is not None:
        return about.rebuild(lambda key, part: of_this_device(part))
    options = copy.deepcopy(about.options)
    if "backend" not in options.arguments:
        return cell
    options.arguments["backend"] = "auto"
    return about.make(*options.args, **options.kwargs)


HANDING_ON = [
    name
    for name, cell in CELLS.items()
    if cell.about is not None and cell.about.run_to_marks is not None
]


def test_cells_with_a_native_rule_hand_on():
    assert {"lif", "alif", "adlif", "recurrent", "adlif loop"} <= {*HANDING_ON}


@pytest.mark.parametrize("name", HANDING_ON)
def test_every_cell_that_hands_on_tells_what_its_spikes_told(name):
    cells = {"cell": of_this_device(CELLS[name]), "out": snn.dense(N, 2, init=normal)}
    xs = 3 * jax.random.normal(jax.random.key(2), (T, 4, N))
    exactly(graded(cells, xs), graded(apart(cells), xs))


def handed(cells, xs, target):
    """How many connections read marks alone, as one program tells."""
    net = snn.chain(**cells)
    weights = net.init(jax.random.key(0))
    run = jax.jit(lambda w, x: snn.unroll(net, w, x, dt=DT)[1])
    return run.lower(weights, xs).as_text().count(f"@snnjax_{target}_marks")


def test_each_layer_whose_reader_takes_marks_makes_them_alone():
    xs = raster(T, 4, *SPACE, 2)
    assert handed(network(), xs, "convolve") == 2
    assert handed(apart(network()), xs, "convolve") == 0
    assert handed(network(backend="xla"), xs, "convolve") == 0
    assert handed(line(), raster(T, 4, 7), "project") == 3  # "closed" reads currents


@pytest.mark.parametrize("field", ["step", "run", "loop", "replay"])
@pytest.mark.parametrize("who", ["again", "third", "layer", "between"])
def test_who_does_something_else_since_is_not_taken_for_what_he_was(who, field):
    cells, target = (network(), "convolve") if who in network() else (line(), "project")
    xs = raster(T, 4, *((*SPACE, 2) if target == "convolve" else (7,)))
    before = handed(cells, xs, target)
    cell = cells[who]
    other = None if field == "run" else lambda *given: getattr(cell, field)(*given)
    changed = cells | {who: cell._replace(**{field: other})}
    assert handed(changed, xs, target) < before


BOTH = [maps, lines]


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("rate", [0.0, 0.9])
def test_silent_and_crowded_rasters_are_the_same(rate, make):
    cells, xs, scale = make(16)
    xs = 8 * raster(*xs.shape, rate=rate)
    exactly(graded(cells, xs, scale), graded(apart(cells), xs, scale))


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_spreads_as_it_did(bad, make):
    cells, clean, _ = make()
    xs = clean.at[5, 1, ..., 0].set(bad)
    exactly(graded(cells, xs), graded(apart(cells), xs))
    net, other = snn.chain(**cells), snn.chain(**apart(cells))
    weights = net.init(jax.random.key(0))
    for name in ("second", "between", "layer"):
        if name not in cells:
            continue
        leaves, tree = jax.tree.flatten(weights[name])
        for k, leaf in enumerate(leaves):
            one = leaf.ravel().at[1].set(bad).reshape(leaf.shape)
            spoiled = jax.tree.unflatten(tree, [*leaves[:k], one, *leaves[k + 1 :]])
            given = weights | {name: spoiled}
            both = [slopes(cell, given, clean) for cell in (net, other)]
            exactly(*both)


def slopes(net, weights, xs):
    @jax.jit
    def run(weights):
        def loss(weights):
            ys = snn.unroll(net, weights, xs, dt=DT)[1]
            return jnp.sum(ys), ys

        return jax.grad(loss, has_aux=True)(weights)

    return run(weights)


@pytest.mark.parametrize("make", BOTH)
@pytest.mark.parametrize("options", [{"checkpoint": 4}, {"truncate": 3}], ids=str)
def test_chunks_are_the_same(options, make):
    cells, xs, scale = make()
    found = graded(cells, xs, scale, **options)
    exactly(found, graded(apart(cells), xs, scale, **options))


@pytest.mark.parametrize("make", BOTH)
def test_masked_steps_are_the_same(make):
    mask = np.arange(T)[:, None] < np.array([3, 5, 12, 9])
    cells, xs, scale = make()
    found = graded(cells, xs, scale, mask=mask)
    nearly(found, graded(apart(cells), xs, scale, mask=mask))


@pytest.mark.parametrize("make", BOTH)
def test_continuing_and_no_step_at_all_are_the_same(make):
    cells, xs, _ = make()
    net, other = snn.chain(**cells), snn.chain(**apart(cells))
    weights = net.init(jax.random.key(0))
    whole, ys = snn.unroll(net, weights, xs, dt=DT)
    state = other.rest(xs[0])
    for part in (xs[:7], xs[:0], xs[7:]):
        state, tail = snn.unroll(net, weights, part, dt=DT, state=state)
    exactly((state, tail), (whole, ys[7:]))


@pytest.mark.parametrize("make", BOTH)
def test_what_was_asked_for_is_spikes(make):
    cells, xs, _ = make()
    last = list(cells)[-1]
    both = []
    for each in (cells, apart(cells)):
        net = snn.chain(**each, outputs=(last, "hidden", "again.v"))
        weights = net.init(jax.random.key(0))
        both.append(snn.unroll(net, weights, xs, dt=DT))
    exactly(*both)
    assert set(np.unique(both[0][1]["hidden"])) == {0.0, 1.0}


@pytest.mark.parametrize("make", BOTH)
def test_weights_in_another_precision_read_spikes(make, promoted):
    cells, xs, _ = make(backend="auto")
    net, other = snn.chain(**cells), snn.chain(**apart(cells))
    weights = net.init(jax.random.key(0))
    for name in ("second", "between", "third", "readout"):
        if name in weights:
            half = lambda w: w.astype(jnp.bfloat16)  # noqa: E731
            weights[name] = jax.tree.map(half, weights[name])
    given = weights, xs
    exactly(snn.unroll(net, *given, dt=DT), snn.unroll(other, *given, dt=DT))


def nearly(found, expected, rtol=2e-4):
    for a, b in zip(*map(jax.tree.leaves, (found, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol, rtol * np.max(np.abs(b), initial=0.0))


@pytest.mark.parametrize("make", BOTH)
def test_second_derivatives_are_those_of_spikes(make):
    def all_of_them(change, **options):
        cells, xs, scale = make(surrogate=snn.Sigmoid(4.0), **options)
        net, xs = snn.chain(**change(cells)), xs[:6]
        weights = jax.tree.map(lambda w: scale * w / 2, net.init(jax.random.key(0)))
        draw = lambda w: jax.random.normal(jax.random.key(1), w.shape)  # noqa: E731
        along = jax.tree.map(draw, weights)

        def loss(weights):
            return jnp.sum(jnp.sin(snn.unroll(net, weights, xs, dt=DT)[1]))

        def tilted(weights):
            slopes = jax.grad(loss)(weights)
            both = jax.tree.map(jnp.vdot, slopes, along)
            return sum(jax.tree.leaves(both))

        return jax.jit(lambda w: (jax.grad(loss)(w), jax.grad(tilted)(w)))(weights)

    smooth = {"reset_gradient": True}
    found = all_of_them(lambda cells: cells, **smooth)
    nearly(found, all_of_them(apart, **smooth))
    nearly(found, all_of_them(lambda cells: cells, backend="xla", **smooth), 2e-3)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(found))


@pytest.mark.parametrize("make", BOTH)
def test_constants_learn_as_they_did(make):
    def slope(change):
        def loss(tau):
            cells, xs, scale = make(4, params=FAST._replace(tau_mem=tau))
            net = snn.chain(**change(cells))
            weights = jax.tree.map(lambda w: scale * w, net.init(jax.random.key(0)))
            return jnp.sum(jnp.sin(snn.unroll(net, weights, xs, dt=DT)[1]))

        return jax.jit(jax.grad(loss))(jnp.full(4, 6e-3))

    found = slope(lambda cells: cells)
    exactly(found, slope(apart))
    assert np.all(found)


@pytest.mark.parametrize("make", BOTH)
def test_many_networks_are_a_loop(make):
    cells, xs, scale = make()
    keys = jax.random.split(jax.random.key(0), 3)

    def gradient(cells, key):
        net = snn.chain(**cells)
        loss = lambda w: jnp.sin(snn.unroll(net, w, xs, dt=DT)[1]).sum()  # noqa: E731
        return jax.grad(loss)(jax.tree.map(lambda w: scale * w, net.init(key)))

    swept = jax.jit(jax.vmap(partial(gradient, cells)))(keys)
    plain = jax.jit(partial(gradient, apart(cells)))
    for k in range(3):
        exactly(jax.tree.map(lambda x, k=k: x[k], swept), plain(keys[k]))


@pytest.mark.parametrize("make", BOTH)
def test_a_batch_over_devices_trains_inside_shard_map(make):
    cells, xs, scale = make()
    xs, net = jnp.concatenate([xs, xs[::-1]], 1), snn.chain(**cells)
    weights = jax.tree.map(lambda w: scale * w, net.init(jax.random.key(0)))

    def loss(net, weights, xs):
        return jnp.sin(snn.unroll(net, weights, xs, dt=DT)[1]).mean()

    def mean(weights, xs):
        return jax.lax.pmean(loss(net, weights, xs), "data")

    mesh = jax.make_mesh((4,), ("data",), axis_types=(jax.sharding.AxisType.Auto,))
    specs = jax.P(), jax.P(None, "data")
    mapped = jax.shard_map(mean, mesh=mesh, in_specs=specs, out_specs=jax.P())
    found = jax.jit(jax.value_and_grad(mapped, (0, 1)))(weights, xs)
    plain = jax.value_and_grad(partial(loss, net), (0, 1))
    nearly(found, jax.jit(plain)(weights, xs))


def temporary(cells, xs):
    net = snn.chain(**cells)
    weights = net.init(jax.random.key(0))
    loss = lambda w: snn.unroll(net, w, xs, dt=DT)[1].sum()  # noqa: E731
    program = jax.jit(jax.grad(loss)).lower(weights).compile()
    return program.memory_analysis().temp_size_in_bytes


def test_spikes_need_no_memory_of_their_own():
    """One array of each layer, the voltages, is kept; spikes were another."""
    cells, xs = network(16), raster(50, 8, 16, 16, 2)
    layer = 50 * 8 * 16 * 16 * 16 * 4
    assert temporary(apart(cells), xs) - temporary(cells, xs) > 0.9 * layer
    cells, xs = line(256), raster(400, 16, 7)
    layer = 400 * 16 * 256 * 4
    assert temporary(apart(cells), xs) - temporary(cells, xs) > 1.9 * layer


@pytest.mark.parametrize("make", BOTH)
def test_a_replayed_layer_puts_out_what_was_seen(make):
    cells, xs, _ = make(4)
    seen = {"hidden": Seen(raster(*xs.shape[:-1], 4, rate=0.2))}
    both = []
    for each in (cells, apart(cells)):
        net = snn.chain(**each)
        weights = net.init(jax.random.key(0))
        state = net.rest(xs[0])
        both.append(net.replay.run(weights, state, (xs, seen), DT))
    exactly(*both)
