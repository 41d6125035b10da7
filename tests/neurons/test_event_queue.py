from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from spike_oracle import by_events

import snnjax as snn
from snnjax.neurons import event_queue, first_spike_time, spike_events, spike_times

PAIRS = [(20e-3, 5e-3), (10e-3, 10e-3), (None, 5e-3)]
every_pair = pytest.mark.parametrize("pair", PAIRS)
with_delays = pytest.mark.parametrize("delays", [False, True])
MEAN = dict(zip(PAIRS, (3.0, 1.6, 0.8), strict=True))  # of weights, so that many fire
UNTIL, ROOM = 60e-3, 64


def drawn(rng, pair, delays, batch=2, n=4, m=6):
    """A recurrent network, inputs of three units, and what its spikes count."""
    tau_mem, tau_syn = pair
    params = snn.LIFParams(tau_mem, tau_syn, 1.0, None, 0.1)
    given = {
        "params": jax.tree.map(np.asarray, params),
        "times": rng.uniform(0.0, 20e-3, (batch, m)),
        "weights": rng.normal(MEAN[pair], 0.6, (3, n)),
        "recurrent": rng.normal(0.0, 0.4, (n, n)),
    }
    if delays:
        given["delay"] = rng.uniform(1e-3, 5e-3, n)
    return given, rng.integers(0, 3, (batch, m)).astype("int32")


def run(given, units, events=ROOM):
    return spike_events(**given, units=units, until=UNTIL, events=events)


def loss_of(units, mix):
    def loss(given):
        found = run(given, units)
        t = jnp.where(found.times < 1.0, found.times, 0.0)
        return jnp.sum(mix * t) / 5e-3

    return loss


@every_pair
@with_delays
def test_spikes_are_those_of_a_loop_over_events(pair, delays, rng, x64):
    given, units = drawn(rng, pair, delays)
    found = jax.tree.map(np.asarray, run(given, units))
    net = given["weights"], given["recurrent"], given.get("delay")
    params = snn.LIFParams(*pair, 1.0, None, 0.1)
    for k in range(2):
        spikes = by_events(params, given["times"][k], units[k], *net, UNTIL)
        assert len(spikes) > 3
        times, neurons = map(np.array, zip(*spikes, strict=True))
        np.testing.assert_array_equal(found.units[k, : len(spikes)], neurons)
        np.testing.assert_allclose(found.times[k, : len(spikes)], times, 0, 1e-13)
        assert np.all(found.times[k, len(spikes) :] == np.inf)
        assert np.all(found.units[k, len(spikes) :] == -1)


@every_pair
@with_delays
def test_gradients_are_differences_and_those_of_autodiff(
    pair, delays, rng, x64, monkeypatch
):
    given, units = drawn(rng, pair, delays)
    loss = loss_of(units, rng.normal(size=(2, ROOM)))
    flat, back = ravel_pytree(given)
    value = jax.jit(lambda flat: loss(back(flat)))
    flat, gradient = np.asarray(flat), jax.grad(loss)
    found = jax.jit(gradient)(given)
    numbers = np.zeros(flat.size)
    for k in range(flat.size):
        h = 1e-5 * max(abs(flat[k]), 1e-3)
        one = h * (np.arange(flat.size) == k)
        moved = [value(flat + by * one) for by in (1, -1, 2, -2)]
        numbers[k] = np.dot([8, -8, -1, 1], moved) / (12 * h)  # to fourth order
    differences = jax.jit(back)(numbers)
    for ours, theirs in zip(*map(jax.tree.leaves, (found, differences)), strict=True):
        np.testing.assert_allclose(ours, theirs, 0, 1e-7 * np.abs(theirs).max())

    def plain(events, given, who, until, wrong):
        made, full = event_queue.simulate(events, given, who, until, sensitive=False)
        return made.t, made.kind, made.unit, full

    monkeypatch.setattr(event_queue, "queue", plain)
    by_autodiff = jax.jit(lambda given: gradient(given))(given)
    found, expected = (
        np.concatenate([np.ravel(x) for x in jax.tree.leaves(tree)])
        for tree in (found, by_autodiff)
    )
    np.testing.assert_allclose(found, expected, 1e-10, 1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("ratio", [1.0, 2.0, 4.0])
def test_first_spikes_have_the_gradient_of_the_queue(ratio, rng, x64):
    """TTFS is EventProp: 5-30-3 in closed form, and as one queue of events."""
    tau, batch = 5e-3, 4
    params = snn.LIFParams(ratio * tau, tau)
    times = rng.uniform(0.15, 2.0, (batch, 5)) * tau
    w_in = rng.normal(1.2, 0.8, (5, 30)) * ratio
    w_out = rng.normal(0.25, 0.3, (30, 3)) * ratio

    def closed(w_in, w_out, times):
        hidden = first_spike_time(params, times, w_in)
        return first_spike_time(params, hidden, w_out)

    def queued(w_in, w_out, times):
        units = np.tile(np.arange(5, dtype="int32"), (batch, 1))
        run = partial(spike_events, params, until=40 * tau, events=400)
        below = run(times, units, w_in)
        hidden = [_first(below, k) for k in range(30)]
        hidden = jnp.stack(hidden, axis=-1)
        units = np.tile(np.arange(30, dtype="int32"), (batch, 1))
        above = run(hidden, units, w_out)
        return jnp.stack([_first(above, k) for k in range(3)], axis=-1)

    def loss(network, given):
        t = network(*given)
        return jnp.sum(jnp.where(t < jnp.inf, jnp.exp(-t / tau), 0.0))

    given = w_in, w_out, times
    fired = np.isfinite(jax.jit(closed)(*given))
    assert fired.mean() > 0.3
    gradients = (jax.jit(jax.grad(partial(loss, f)))(given) for f in (closed, queued))
    for a, b in zip(*gradients, strict=True):
        np.testing.assert_allclose(a, b, 0, 1e-12 * np.abs(a).max())


def _first(found, unit):
    return jnp.min(jnp.where(found.units == unit, found.times, jnp.inf), axis=-1)


def test_without_recurrence_it_is_the_closed_form(rng, x64):
    given, units = drawn(rng, (20e-3, 5e-3), False)
    del given["recurrent"]
    found = spike_events(**given, units=units, until=1.0, events=ROOM)
    found = jax.tree.map(np.asarray, found)
    each_time = jax.jit(partial(spike_times, given["params"], count=20))
    for k in range(2):
        w = given["weights"][units[k]]
        each = np.asarray(each_time(given["times"][k], w))
        times = np.sort(each[np.isfinite(each)])
        np.testing.assert_allclose(found.times[k, : len(times)], times, 0, 1e-14)
        assert np.all(found.times[k, len(times) :] == np.inf)


@pytest.mark.parametrize("m", [0, 2])
def test_without_inputs_nobody_fires(m):
    times, units = np.full((3, m), np.inf, "float32"), np.zeros((3, m), "int32")
    w = np.ones((0, 4), "float32")

    def none(w):
        return spike_events(snn.LIFParams(), times, units, w, until=1.0, events=5)

    found = none(w)
    np.testing.assert_array_equal(found.times, np.full((3, 5), np.inf))
    np.testing.assert_array_equal(found.units, np.full((3, 5), -1))
    assert jax.jit(jax.grad(lambda w: jnp.sum(none(w).times)))(w).shape == (0, 4)


def test_too_few_events_or_nan_anywhere_makes_everything_nan(rng):
    given, units = drawn(rng, (20e-3, 5e-3), True)
    given = jax.tree.map(lambda x: x.astype("float32"), given)

    @partial(jax.jit, static_argnums=1)
    def found(given, events):
        return run(given, units, events).times

    gradient = jax.jit(jax.grad(lambda *of: found(*of).sum()), static_argnums=1)
    assert not np.isnan(found(given, ROOM)).any()
    assert np.isnan(found(given, 12)).all()
    grads = gradient(given, 12)
    assert all(np.isnan(g).all() for g in jax.tree.leaves(grads))
    for name in ("times", "weights", "recurrent", "delay"):
        x = given[name].copy()
        x.flat[0] = np.nan
        bad = given | {name: x}
        assert np.isnan(found(bad, ROOM)).all(), name
        grads = gradient(bad, ROOM)
        assert all(np.isnan(g).all() for g in jax.tree.leaves(grads)), name


def test_the_same_in_single_precision_under_vmap_and_per_neuron(rng, x64):
    given, units = drawn(rng, (20e-3, 5e-3), True, batch=5)
    every = jax.jit(lambda given: run(given, units))
    double = jax.tree.map(np.asarray, every(given))
    single = every(jax.tree.map(lambda x: x.astype("float32"), given))
    single = jax.tree.map(np.asarray, single)
    assert single.times.dtype == np.float32
    np.testing.assert_array_equal(single.units, double.units)
    fired = np.isfinite(double.times)
    np.testing.assert_allclose(single.times[fired], double.times[fired], 0, 1e-7)
    each = jax.tree.map(lambda c: np.full(4, c), given["params"])
    same = np.asarray(every(given | {"params": each}).times)
    np.testing.assert_allclose(same[fired], double.times[fired], 1e-13)
    total = lambda given: jnp.sum(jnp.where(fired, every(given).times, 0.0))  # noqa: E731
    gradient = jax.jit(jax.grad(total))
    one = gradient(given)["params"].tau_mem
    many = np.asarray(gradient(given | {"params": each})["params"].tau_mem)
    np.testing.assert_allclose(many.sum(), one, 1e-10)
    assert np.std(many) > 0.0

    def of_one(times, units):
        return run(given | {"times": times}, units).times

    apart = np.asarray(jax.jit(jax.vmap(of_one))(given["times"], units))
    np.testing.assert_allclose(apart[fired], double.times[fired], 1e-14)


def memory(events, queue, monkeypatch):
    """Temporary memory that XLA plans for a gradient [bytes]."""
    rng = np.random.default_rng(0)
    batch, n, m = 8, 120, 30
    times = rng.uniform(0, 0.1, (batch, m)).astype("float32")
    units = rng.integers(0, 5, (batch, m)).astype("int32")
    w, r = np.ones((5, n), "float32"), np.zeros((n, n), "float32")
    monkeypatch.setattr(event_queue, "queue", queue)

    def loss(w, r):
        found = spike_events(
            *(snn.LIFParams(), times, units, w),
            **{"recurrent": r, "delay": 1e-3, "until": 1.0, "events": events},
        )
        return jnp.sum(jnp.where(found.times < 1.0, found.times, 0.0))

    made = jax.jit(jax.grad(loss, (0, 1))).lower(w, r).compile()
    return made.memory_analysis().temp_size_in_bytes


def test_memory_is_that_of_the_events(monkeypatch, optimized):
    ours = event_queue.queue

    def plain(events, given, who, until, wrong):
        made, full = event_queue.simulate(events, given, who, until, sensitive=False)
        return made.t, made.kind, made.unit, full

    few, many = (memory(k, ours, monkeypatch) for k in (400, 1600))
    assert many <= 4 * few
    assert many <= 0.02 * memory(1600, plain, monkeypatch)


def test_what_makes_no_queue_is_refused():
    times, units = np.zeros(3, "float32"), np.arange(3)
    w = np.ones((3, 2), "float32")
    queue = partial(spike_events, snn.LIFParams(), until=1.0, events=9)
    with pytest.raises(ValueError, match="units must lie"):
        queue(times, units + 1, w)
    with pytest.raises(ValueError, match="units must be integers"):
        queue(times, times, w)
    with pytest.raises(ValueError, match="times and units must have one shape"):
        queue(times, units[:2], w)
    with pytest.raises(ValueError, match="must not be -∞"):
        queue(times - np.inf, units, w)
    with pytest.raises(ValueError, match="weights must be floating point"):
        queue(times, units, w.astype(int))
    with pytest.raises(ValueError, match="recurrent is missing"):
        queue(times, units, w, delay=1e-3)
    with pytest.raises(ValueError, match="of pairs"):
        queue(times, units, w, recurrent=np.ones((2, 2)), delay=np.ones((2, 2)))
    f = lambda w: queue(times, units, w).times  # noqa: E731
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(f, (w,), (w,))
