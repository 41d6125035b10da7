"""EventProp on the grid: bits of the forward pass, and the limit of its gradient."""

import inspect
from functools import partial

import calls_cells  # noqa: F401  fills the table
import calls_nir  # noqa: F401
import calls_presets  # noqa: F401
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from calls import CALLS, made
from jax.flatten_util import ravel_pytree

import snnjax as snn
from snnjax import neurons, parts
from snnjax.neurons import spike_events
from snnjax.surrogate import (
    EventProp,
    ForwardMode,
    Learnable,
    Scaled,
    SuperSpike,
    spike,
)

DT = 1e-3
FAST = snn.LIFParams(tau_mem=5e-3, tau_syn=2e-3, threshold=0.3)
both_resets = pytest.mark.parametrize("reset", ["zero", "subtract"])
both_wirings = pytest.mark.parametrize("looped", [False, True])


def strong(key, n_in, n):
    return 0.3 + 0.4 * jax.random.normal(key, (n_in, n))


def weak(key, n_in, n):
    return 0.2 * jax.random.normal(key, (n_in, n))


def network(surrogate, reset="zero", looped=False, params=FAST, backend="xla", n=6):
    neurons = snn.lif(n, params, surrogate=surrogate, reset=reset, backend=backend)
    if looped:
        hidden = snn.recurrent(5, n, neurons, init=strong, init_recurrent=weak)
    else:
        hidden = snn.chain(snn.dense(5, n, init=strong, backend=backend), neurons)
    out = snn.lif(3, params, surrogate=surrogate, reset=reset, backend=backend)
    above = snn.dense(n, 3, init=strong, backend=backend)
    return snn.chain(hidden=hidden, out=snn.chain(above, out))


def raster(steps=40, batch=4, n=5, seed=0, dtype="float32"):
    drawn = np.random.default_rng(seed).random((steps, batch, n)) < 0.3
    return drawn.astype(dtype)


@partial(jax.jit, static_argnums=(0, 2))
def compiled(net, xs, dtype="float32"):
    """Weights of a network, and what it does."""
    weights = net.init(jax.random.key(0))
    weights = jax.tree.map(lambda w: w.astype(dtype), weights)
    return weights, *snn.unroll(net, weights, xs, dt=DT)


def worth(spikes):
    """A loss of when spikes come: what each is worth changes over time."""
    steps = jnp.arange(spikes.size, dtype=spikes.dtype).reshape(spikes.shape)
    return jnp.sum(spikes * jnp.sin(0.01 * steps))


@both_resets
@both_wirings
def test_spikes_are_those_of_a_surrogate_bit_for_bit(reset, looped):
    for backend in ("xla", "auto"):
        ours, theirs = (
            network(surrogate, reset, looped, backend=backend)
            for surrogate in (EventProp(), SuperSpike())
        )
        found = (compiled(net, raster()) for net in (ours, theirs))
        _, ends, spikes = zip(*found, strict=True)
        assert spikes[0].sum() > 20
        np.testing.assert_array_equal(*spikes)
        volts = [[x for x in jax.tree.leaves(end) if x.ndim > 1] for end in ends]
        assert len(volts[0]) == len(volts[1]) + 2  # the marks


@both_resets
@both_wirings
def test_parts_and_single_steps_have_the_gradient_of_the_whole(reset, looped, x64):
    net, xs = network(EventProp(), reset, looped), raster(dtype=float)
    weights = jax.jit(net.init)(jax.random.key(0))
    weights = jax.tree.map(lambda w: np.asarray(w, float), weights)

    def parts(lengths):
        def loss(weights, xs):
            state, found, at = net.rest(xs[0]), [], 0
            for length in lengths:
                part = xs[at : at + length]
                state, ys = snn.unroll(net, weights, part, dt=DT, state=state)
                found, at = [*found, ys], at + length
            return worth(jnp.concatenate(found))

        return loss

    def steps(weights, xs):
        step = lambda state, x: net.step(weights, state, x, DT)  # noqa: E731
        return worth(jax.lax.scan(step, net.rest(xs[0]), xs)[1])

    def remade(weights, xs):
        return worth(snn.unroll(net, weights, xs, dt=DT, checkpoint=7)[1])

    ways = parts([40]), parts([1, 13, 0, 20, 6]), steps, remade
    whole, *others = (
        jax.jit(lambda *given, f=f: ravel_pytree(jax.grad(f, (0, 1))(*given))[0])(
            weights, xs
        )
        for f in ways
    )
    assert np.linalg.norm(whole) > 1e-3
    for other in others:
        np.testing.assert_allclose(other, whole, 1e-12, 1e-12 * np.abs(whole).max())


def by_hand(net_weights, r, xs, ḡ, reset, params, slowest):
    """The rule of one layer, one number after another."""
    y, θ = DT / params.tau_mem, params.threshold
    b, a = np.exp(-y), np.exp(-DT / params.tau_syn)
    gain = params.tau_syn / (params.tau_mem - params.tau_syn) * (b - a)
    steps, n = ḡ.shape
    v = np.zeros(n)
    i, s = np.zeros(n), np.zeros(n)
    kept = []
    for x in xs:
        i = i + x @ net_weights + s @ r
        before, up = v, b * v + gain * i
        i, s = a * i, (up > θ) * 1.0
        v = np.where(s > 0, v_after(up, reset, params), up)
        kept.append((before, up, s))
    g_v, g_i, later, g_w, g_r = *np.zeros((2, n)), np.zeros(n), 0.0, 0.0
    back = np.zeros(n)  # what spikes fed back are worth
    for k in reversed(range(steps)):
        before, up, s = kept[k]
        worth_now = ḡ[k] + back
        taken = θ - params.v_reset if reset == "zero" else θ
        for j in range(n):
            if s[j]:
                rise = max(up[j] - before[j], slowest * θ * y)
                slope = later[j] - worth_now[j]
                g_v[j] = -slope / rise + g_v[j] * (1.0 + taken * y / rise)
        g_i = gain * g_v + a * g_i
        g_w = g_w + np.outer(xs[k], g_i)
        g_r = g_r + np.outer(kept[k - 1][2] if k else np.zeros(n), g_i)
        g_v, back, later = b * g_v, g_i @ r.T, worth_now
    return np.array([s for *_, s in kept]), g_w, g_r


def v_after(up, reset, params):
    return params.v_reset if reset == "zero" else up - params.threshold


@both_resets
@pytest.mark.parametrize("slowest", [0.01, 3.0])
def test_gradient_is_the_rule_worked_out_by_hand(reset, slowest, rng, x64):
    v_reset = -0.1 if reset == "zero" else 0.0
    params = FAST._replace(v_reset=v_reset)
    neurons = snn.lif(6, params, surrogate=EventProp(slowest), reset=reset)
    net = snn.recurrent(5, 6, neurons)
    xs = raster(steps=30, batch=1, dtype=float)[:, 0]
    w, r = rng.normal(0.5, 0.5, (5, 6)), rng.normal(0.0, 0.3, (6, 6))
    weights = jax.jit(net.init)(jax.random.key(0))
    weights = weights._replace(input=weights.input._replace(w=w), recurrent=r)
    ḡ = rng.normal(size=(30, 6))

    def loss(weights):
        ys = snn.unroll(net, weights, xs, dt=DT)[1]
        return jnp.sum(ḡ * ys), ys

    spikes, g_w, g_r = by_hand(w, r, xs, ḡ, reset, params, slowest)
    found, ys = jax.jit(jax.grad(loss, has_aux=True))(weights)
    assert spikes.sum() > 15
    np.testing.assert_array_equal(ys, spikes)
    np.testing.assert_allclose(found.input.w, g_w, 1e-9, 1e-12)
    np.testing.assert_allclose(found.recurrent, g_r, 1e-9, 1e-12)


COARSE, UNTIL = 128e-6, 40e-3
STEPS = (64e-6, 32e-6, 16e-6, 8e-6)


def drawn(rng, nets):
    """Networks of 5 inputs, 6 hidden neurons and 3 outputs, and what spikes count."""
    return {
        "times": COARSE * rng.integers(0, 150, (nets, 10)),
        "w": rng.normal(1.6, 0.8, (nets, 5, 6)),
        "r": rng.normal(0.0, 0.3, (nets, 6, 6)),
        "out": rng.normal(0.9, 0.5, (nets, 6, 3)),
        "phase": rng.uniform(0.0, 2.0 * np.pi, (nets, 9)),
    }


UNITS = np.tile(np.arange(5), 2)


def counted(t, phase):
    return jnp.cos(phase + t / 6e-3)


def in_continuous_time(given, learned, looped):
    params, w, r, out = learned
    w = jnp.concatenate([w, jnp.zeros((5, 3))], 1)
    among = jnp.zeros((9, 9)).at[:6, 6:].set(out)
    among = among.at[:6, :6].set(r) if looped else among
    found = spike_events(
        params, given["times"], UNITS, w, recurrent=among, until=UNTIL, events=80
    )
    fired = found.units >= 0
    t = jnp.where(fired, found.times, 0.0)
    each = counted(t, given["phase"][found.units])
    counts = jnp.sum(jax.nn.one_hot(found.units, 9), 0)
    return jnp.sum(each, where=fired), counts


def on_a_grid(dt, given, learned, looped):
    params, w, r, out = learned
    neurons = partial(snn.lif, params=params, surrogate=EventProp(0.01), backend="xla")
    loop = snn.recurrent(neurons(6), snn.dense(6, 6, backend="xla"))
    steps = round(UNTIL / dt)
    at = jnp.round(given["times"] / dt).astype(int)
    currents = jnp.zeros((steps, 6)).at[at].add(w[UNITS])
    if looped:
        weights = loop.init(jax.random.key(0))
        weights = weights._replace(feedback=weights.feedback._replace(w=r))
        hidden = snn.unroll(loop, weights, currents, dt=dt)[1]
    else:
        hidden = snn.unroll(neurons(6), (), currents, dt=dt)[1]
    outputs = snn.unroll(neurons(3), (), hidden @ out, dt=dt)[1]
    spikes = jnp.concatenate([hidden, outputs], 1)
    t = dt * jnp.arange(float(steps))[:, None]
    worth = counted(jnp.tile(t, (1, 9)), given["phase"][None])
    return jnp.sum(spikes * worth), jnp.sum(spikes, 0)


@both_wirings
def test_gradients_come_to_those_of_continuous_time_as_steps_become_short(
    looped, rng, x64
):
    """In first order; of networks that fire alike at every step, at least 30."""
    given = drawn(rng, 64)
    params = snn.LIFParams(*map(np.asarray, (20e-3, 5e-3, 1.0)))

    def gradients(passing):
        def one(given):
            learned = params, *(given[k] for k in ("w", "r", "out"))
            loss = lambda learned: passing(given, learned, looped)  # noqa: E731
            (_, counts), grads = jax.value_and_grad(loss, has_aux=True)(learned)
            constants, *weights = grads
            scaled = [jnp.stack(constants[:3]) * jnp.stack(params[:3])]
            return counts, jnp.concatenate([x.ravel() for x in weights]), *scaled

        return map(np.asarray, jax.jit(jax.vmap(one))(given))

    counts, *exact = gradients(in_continuous_time)
    assert np.all(np.isfinite(exact[0]))
    grids = [[*gradients(partial(on_a_grid, dt))] for dt in STEPS]
    alike = np.all([np.all(counts == grid[0], axis=1) for grid in grids], axis=0)
    assert alike.sum() >= 30
    assert counts[alike].sum(1).mean() > 5.0
    for k, reference in enumerate(exact, 1):
        off = [np.linalg.norm((g[k] - reference)[alike], axis=1) for g in grids]
        size = np.linalg.norm(reference[alike], axis=1)
        mean = np.exp(np.mean(np.log(np.array(off) / size), axis=1))
        fall = (mean[0] / mean[-1]) ** (1.0 / (len(STEPS) - 1))  # of each halving
        assert 1.8 < fall < 2.4
        assert mean[-1] < 0.03


def test_every_state_without_this_gradient_is_as_it_was():
    x = np.zeros((2, 5), "float32")
    assert snn.lif(5).rest(x).mark is None
    assert snn.lif(5, surrogate=EventProp()).rest(x).mark.shape == (2, 5)


def test_numbers_of_spikes_have_no_gradient(x64):
    """Where nobody fires in the last step, whose slope is not known."""
    net, xs = network(EventProp(), looped=True), raster(dtype=float)
    xs = np.concatenate([xs, np.zeros((30, *xs.shape[1:]))])
    weights, _, spikes = compiled(net, xs, "float64")
    spikes = np.asarray(spikes)
    assert spikes.sum() > 20 > spikes[-1].sum() == 0.0
    count = lambda w: jnp.sum(snn.unroll(net, w, xs, dt=DT)[1])  # noqa: E731
    for g in jax.tree.leaves(jax.jit(jax.grad(count))(weights)):
        np.testing.assert_array_equal(g, 0.0)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"params": FAST._replace(tau_syn=None)}, "needs a synapse"),
        ({"params": FAST._replace(refractory=1e-3)}, "needs no refractory time"),
        ({"reset": "none"}, "needs reset='zero' or 'subtract'"),
        ({"reset_gradient": True}, "needs no reset_gradient"),
        ({"surrogate": EventProp(0.0)}, "slowest must be finite and positive"),
        ({"surrogate": EventProp(-1.0)}, "slowest must be finite and positive"),
        ({"surrogate": EventProp(np.nan)}, "slowest must be"),
        ({"surrogate": EventProp(np.ones(4))}, "slowest must be one number"),
        ({"surrogate": EventProp}, "instance"),
        ({"surrogate": ForwardMode(EventProp())}, "derived for lif"),
        ({"surrogate": Learnable(EventProp())}, "derived for lif"),
        ({"surrogate": Scaled(EventProp(), 2.0)}, "derived for lif"),
        ({"backend": "cuda"}, "backend"),
    ],
)
def test_what_it_is_not_derived_for_is_refused(options, told):
    given = {"n": 3, "params": FAST, "surrogate": EventProp(), **options}
    with pytest.raises(ValueError, match=told):
        snn.lif(**given)


def test_second_derivatives_and_recordings_are_refused():
    net, xs = network(EventProp()), raster()
    weights = jax.jit(net.init)(jax.random.key(0))

    def slope(weights):
        loss = lambda w: worth(snn.unroll(net, w, xs, dt=DT)[1])  # noqa: E731
        return ravel_pytree(jax.grad(loss)(weights))[0].sum()

    with pytest.raises(ValueError, match="first derivatives only"):
        jax.jit(jax.grad(slope))(weights)
    silence = np.zeros((40, 4, 6), "float32")
    seen = snn.hardware.Seen(spikes=silence)
    cell, currents = snn.lif(6, surrogate=EventProp()), silence
    with pytest.raises(ValueError, match="no recording"):
        cell.replay.run((), cell.rest(currents[0]), (currents, seen), DT)


def test_cuts_in_time_are_refused_and_no_cut_is_none():
    xs = raster()
    nets = {
        "chain": network(EventProp()),
        "recurrent": network(EventProp(), looped=True),
        "learn": learned(EventProp()),
        "again": parts.rebuild(network(EventProp()), lambda name, cell: cell),
    }
    for net in nets.values():
        weights, _, whole = compiled(net, xs)
        with pytest.raises(ValueError, match=r"truncate=…\) cuts .* wrong slope"):
            snn.unroll(net, weights, xs, dt=DT, truncate=39)
        for length in (40, 41):
            cut = partial(snn.unroll, net, dt=DT, truncate=length)
            np.testing.assert_array_equal(jax.jit(cut)(weights, xs)[1], whole)
    cut = partial(snn.unroll, network(SuperSpike()), dt=DT, truncate=7)
    jax.jit(cut)(compiled(nets["chain"], xs)[0], xs)


def learned(surrogate):
    def neurons(tau_mem):
        return snn.lif(6, FAST._replace(tau_mem=tau_mem), surrogate=surrogate)

    return snn.chain(snn.dense(5, 6, init=strong), snn.learn(neurons, tau_mem=5e-3))


def watching(outputs, reset="zero", looped=False):
    neurons = snn.lif(6, FAST, surrogate=EventProp(), reset=reset)
    layer = snn.chain(snn.dense(5, 6, init=strong), neurons)
    if looped:
        layer = snn.recurrent(5, 6, neurons, init=strong, init_recurrent=weak)
    return snn.chain(h=layer, outputs=outputs)


@both_wirings
def test_the_mark_is_not_to_be_watched(looped):
    part = "neuron" if looped else 1
    for field in ("v", "i", "v_before"):
        compiled(watching(f"h.{part}.{field}", looped=looped), raster())
    with pytest.raises(ValueError, match="no 'mark' to look at; there is v, i, v_bef"):
        watching(f"h.{part}.mark", looped=looped)


def test_under_synaptic_scaling_its_neurons_are_watched_as_they_are_without(x64):
    plain = snn.lif(5, FAST, surrogate=EventProp())
    still = neurons.HomeostasisParams(speed=0.0)
    xs = raster(dtype=float)
    for field in ("v", "i", "v_before"):
        net = snn.chain(
            h=neurons.synaptic_scaling(5, plain, still),
            outputs=("h.neuron", f"h.neuron.{field}", "h.rate"),
        )
        found = compiled(net, xs, "float64")[-1]
        spikes, seen = compiled(plain.about.watch((field,)), xs)[-1]
        assert spikes.sum() > 20
        np.testing.assert_array_equal(found["h.neuron"], spikes)
        np.testing.assert_allclose(found[f"h.neuron.{field}"], seen[field], 1e-12)
        assert found["h.rate"].max() > 0.0
    with pytest.raises(ValueError, match="no 'mark' to look at; there is v, i, v_bef"):
        snn.chain(h=neurons.synaptic_scaling(5, plain), outputs="h.neuron.mark")
    net = snn.chain(h=neurons.synaptic_scaling(5, plain), outputs="h.pace")
    with pytest.raises(ValueError, match="no 'pace' to look at; it holds neuron, rate"):
        compiled(net, xs, "float64")


@both_resets
@both_wirings
def test_a_watched_voltage_has_the_gradient_of_that_of_the_state(reset, looped, x64):
    """Watched, neurons go step by step; a state that is handed on, as a whole."""
    name = f"h.{'neuron' if looped else 1}.v"
    net, plain = watching(name, reset, looped), watching("h", reset, looped)
    weights = jax.jit(net.init)(jax.random.key(0))
    weights = jax.tree.map(lambda w: np.asarray(w, float), weights)
    xs, counts = raster(dtype=float), np.sin(0.3 * np.arange(6.0))

    def watched(weights):
        return jnp.sum(snn.unroll(net, weights, xs, dt=DT)[1][-1] @ counts)

    def handed_on(weights):
        state = snn.unroll(plain, weights, xs, dt=DT)[0]
        (v,) = [x.v for x in jax.tree.leaves(state, is_leaf=is_lif) if is_lif(x)]
        return jnp.sum(v @ counts)

    (one, found), (other, expected) = (
        jax.jit(jax.value_and_grad(f))(weights) for f in (watched, handed_on)
    )
    np.testing.assert_allclose(one, other, 1e-12)
    found, expected = (
        np.concatenate([np.ravel(x) for x in jax.tree.leaves(g)])
        for g in (found, expected)
    )
    assert np.abs(expected).max() > 1e-3
    np.testing.assert_allclose(found, expected, 1e-12, 1e-12 * np.abs(expected).max())


def is_lif(x):
    return isinstance(x, neurons.LIFState)


def test_the_least_slope_is_data():
    xs = raster()

    def size(slowest):
        net = network(EventProp(slowest), looped=True)
        weights = net.init(jax.random.key(0))
        loss = lambda w: worth(snn.unroll(net, w, xs, dt=DT)[1])  # noqa: E731
        return jnp.linalg.norm(ravel_pytree(jax.grad(loss)(weights))[0])

    size = jax.jit(size)
    sizes = np.asarray(jax.jit(jax.vmap(size))(np.array([0.1, 1.0, 100.0], "float32")))
    assert sizes[0] > 2.0 * sizes[2] > 0.0
    np.testing.assert_allclose(sizes[1], size(1.0), 1e-5)


def options_of(given):
    return inspect.signature(given.function).parameters


TAKES = [given for given in CALLS.values() if "surrogate" in options_of(given)]


def test_who_takes_a_surrogate_is_found():
    found = {given.function for given in TAKES}
    assert {snn.lif, snn.alif, snn.srm, neurons.qif, neurons.hodgkin_huxley} <= found
    assert len(TAKES) > 15


@pytest.mark.parametrize("given", TAKES, ids=lambda given: given.function.__name__)
def test_every_other_neuron_refuses_it(given):
    arguments = {**given.arguments(), "surrogate": EventProp()}
    if given.function is snn.lif:
        arguments |= {"params": FAST, "reset": "zero", "reset_gradient": False}
        made(given, {**arguments, "input": "current"})
    else:
        with pytest.raises(ValueError, match="EventProp"):
            made(given, arguments)


@pytest.mark.parametrize("noise", [neurons.smooth_lif, neurons.escape_noise])
def test_a_noise_it_is_not(noise):
    given = CALLS[noise]
    with pytest.raises(ValueError, match="EventProp"):
        made(given, {**given.arguments(), "noise": EventProp()})
    with pytest.raises(ValueError, match="EventProp"):
        spike(np.zeros(3, "float32"), EventProp())
