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
    params = snn.LIFParams(tau_mem, tau_syn, jnp.array(1.0), None, jnp.array(0.1))
    params = jax.tree.map(jnp.asarray, params)
    given = {
        "params": params,
        "times": jnp.asarray(rng.uniform(0.0, 20e-3, (batch, m))),
        "weights": jnp.asarray(rng.normal(MEAN[pair], 0.6, (3, n))),
        "recurrent": jnp.asarray(rng.normal(0.0, 0.4, (n, n))),
    }
    if delays:
        given["delay"] = jnp.asarray(rng.uniform(1e-3, 5e-3, n))
    return given, jnp.asarray(rng.integers(0, 3, (batch, m)), jnp.int32)


def loss_of(units, mix):
    def loss(given):
        found = spike_events(**given, units=units, until=UNTIL, events=ROOM)
        t = jnp.where(found.times < 1.0, found.times, 0.0)
        return jnp.sum(mix * t) / 5e-3

    return loss


@every_pair
@with_delays
def test_spikes_are_those_of_a_loop_over_events(pair, delays, rng, x64):
    given, units = drawn(rng, pair, delays)
    found = spike_events(**given, units=units, until=UNTIL, events=ROOM)
    net = {k: np.asarray(given[k]) for k in ("weights", "recurrent")}
    params = snn.LIFParams(*pair, 1.0, None, 0.1)
    delay = np.asarray(given["delay"]) if delays else None
    for k in range(2):
        inputs = np.asarray(given["times"][k]), np.asarray(units[k])
        spikes = by_events(params, *inputs, *net.values(), delay, UNTIL)
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
    loss = loss_of(units, jnp.asarray(rng.normal(size=(2, ROOM))))
    value = jax.jit(loss)
    flat, back = ravel_pytree(given)
    found = ravel_pytree(jax.grad(loss)(given))[0]
    numbers = np.zeros(flat.size)
    for k in range(flat.size):
        h = 1e-5 * max(abs(float(flat[k])), 1e-3)
        moved = (value(back(flat.at[k].add(by * h))) for by in (1, -1, 2, -2))
        numbers[k] = np.dot([8, -8, -1, 1], list(moved)) / (12 * h)  # to fourth order
    leaves = zip(*(jax.tree.leaves(back(x)) for x in (found, numbers)), strict=True)
    for ours, theirs in leaves:
        np.testing.assert_allclose(ours, theirs, 0, 1e-7 * np.abs(theirs).max())

    def plain(events, given, who, until, wrong):
        made, full = event_queue.simulate(events, given, who, until, sensitive=False)
        return made.t, made.kind, made.unit, full

    monkeypatch.setattr(event_queue, "queue", plain)
    expected = ravel_pytree(jax.grad(loss)(given))[0]
    np.testing.assert_allclose(found, expected, 1e-10, 1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("ratio", [1.0, 2.0, 4.0])
def test_first_spikes_have_the_gradient_of_the_queue(ratio, rng, x64):
    """TTFS is EventProp: 5-30-3 in closed form, and as one queue of events."""
    tau, batch = 5e-3, 4
    params = snn.LIFParams(ratio * tau, tau)
    times = jnp.asarray(rng.uniform(0.15, 2.0, (batch, 5)) * tau)
    w_in = jnp.asarray(rng.normal(1.2, 0.8, (5, 30)) * ratio)
    w_out = jnp.asarray(rng.normal(0.25, 0.3, (30, 3)) * ratio)

    def closed(w_in, w_out, times):
        hidden = first_spike_time(params, times, w_in)
        return first_spike_time(params, hidden, w_out)

    def queued(w_in, w_out, times):
        units = jnp.tile(jnp.arange(5, dtype=jnp.int32), (batch, 1))
        run = partial(spike_events, params, until=40 * tau, events=400)
        below = run(times, units, w_in)
        hidden = [_first(below, k) for k in range(30)]
        hidden = jnp.stack(hidden, axis=-1)
        units = jnp.tile(jnp.arange(30, dtype=jnp.int32), (batch, 1))
        above = run(hidden, units, w_out)
        return jnp.stack([_first(above, k) for k in range(3)], axis=-1)

    def loss(network, given):
        t = network(*given)
        return jnp.sum(jnp.where(t < jnp.inf, jnp.exp(-t / tau), 0.0))

    given = w_in, w_out, times
    fired = np.isfinite(closed(*given))
    assert fired.mean() > 0.3
    for a, b in zip(
        *(jax.grad(partial(loss, f))(given) for f in (closed, queued)), strict=True
    ):
        np.testing.assert_allclose(a, b, 0, 1e-12 * np.abs(a).max())


def _first(found, unit):
    return jnp.min(jnp.where(found.units == unit, found.times, jnp.inf), axis=-1)


def test_without_recurrence_it_is_the_closed_form(rng, x64):
    given, units = drawn(rng, (20e-3, 5e-3), False)
    del given["recurrent"]
    found = spike_events(**given, units=units, until=1.0, events=ROOM)
    for k in range(2):
        w = given["weights"][units[k]]
        each = spike_times(given["params"], given["times"][k], w, count=20)
        times = np.sort(np.asarray(each[np.isfinite(each)]))
        np.testing.assert_allclose(found.times[k, : len(times)], times, 0, 1e-14)
        assert np.all(found.times[k, len(times) :] == np.inf)


@pytest.mark.parametrize("m", [0, 2])
def test_without_inputs_nobody_fires(m):
    times, units, w = (
        jnp.full((3, m), jnp.inf),
        jnp.zeros((3, m), int),
        jnp.ones((0, 4)),
    )

    def run(w):
        return spike_events(snn.LIFParams(), times, units, w, until=1.0, events=5)

    found = run(w)
    np.testing.assert_array_equal(found.times, np.full((3, 5), np.inf))
    np.testing.assert_array_equal(found.units, np.full((3, 5), -1))
    assert jax.grad(lambda w: jnp.sum(run(w).times))(w).shape == (0, 4)


def test_too_few_events_or_nan_anywhere_makes_everything_nan(rng):
    given, units = drawn(rng, (20e-3, 5e-3), True)
    given = jax.tree.map(lambda x: x.astype(jnp.float32), given)
    run = jax.jit(
        lambda given, events: (
            spike_events(**given, units=units, until=UNTIL, events=events).times
        ),
        static_argnums=1,
    )
    assert not np.isnan(run(given, ROOM)).any()
    assert np.isnan(run(given, 12)).all()
    grads = jax.grad(lambda given: run(given, 12).sum())(given)
    assert all(np.isnan(g).all() for g in jax.tree.leaves(grads))
    for name in ("times", "weights", "recurrent", "delay"):
        x = given[name]
        bad = given | {name: x.at[(0,) * x.ndim].set(jnp.nan)}
        assert np.isnan(run(bad, ROOM)).all(), name
        grads = jax.grad(lambda given: run(given, ROOM).sum())(bad)
        assert all(np.isnan(g).all() for g in jax.tree.leaves(grads)), name


def test_the_same_in_single_precision_under_vmap_and_per_neuron(rng, x64):
    given, units = drawn(rng, (20e-3, 5e-3), True, batch=5)
    run = lambda given: spike_events(**given, units=units, until=UNTIL, events=ROOM)  # noqa: E731
    double = run(given)
    single = run(jax.tree.map(lambda x: x.astype(jnp.float32), given))
    assert single.times.dtype == jnp.float32
    np.testing.assert_array_equal(single.units, double.units)
    fired = np.isfinite(double.times)
    np.testing.assert_allclose(single.times[fired], double.times[fired], 0, 1e-7)
    each = jax.tree.map(lambda c: jnp.full(4, c), given["params"])
    same = run(given | {"params": each})
    np.testing.assert_allclose(same.times[fired], double.times[fired], 1e-13)
    total = lambda given: jnp.sum(jnp.where(fired, run(given).times, 0.0))  # noqa: E731
    one = jax.grad(total)(given)["params"].tau_mem
    many = jax.grad(total)(given | {"params": each})["params"].tau_mem
    np.testing.assert_allclose(many.sum(), one, 1e-10)
    assert np.std(many) > 0.0

    def of_one(times, units):
        rest = {k: v for k, v in given.items() if k != "times"}
        return spike_events(times=times, units=units, **rest, until=UNTIL, events=ROOM)

    apart = jax.vmap(of_one)(given["times"], units)
    np.testing.assert_allclose(apart.times[fired], double.times[fired], 1e-14)


def memory(events, queue, monkeypatch):
    """Temporary memory that XLA plans for a gradient [bytes]."""
    rng = np.random.default_rng(0)
    batch, n, m = 8, 120, 30
    times = jnp.asarray(rng.uniform(0, 0.1, (batch, m)), jnp.float32)
    units = jnp.asarray(rng.integers(0, 5, (batch, m)), jnp.int32)
    w = jnp.ones((5, n), jnp.float32)
    r = jnp.zeros((n, n), jnp.float32)
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
    times, units, w = jnp.zeros(3), jnp.arange(3), jnp.ones((3, 2))
    run = partial(spike_events, snn.LIFParams(), until=1.0, events=9)
    with pytest.raises(ValueError, match="units must lie"):
        run(times, units + 1, w)
    with pytest.raises(ValueError, match="units must be integers"):
        run(times, times, w)
    with pytest.raises(ValueError, match="times and units must have one shape"):
        run(times, units[:2], w)
    with pytest.raises(ValueError, match="must not be -∞"):
        run(times - jnp.inf, units, w)
    with pytest.raises(ValueError, match="weights must be floating point"):
        run(times, units, w.astype(int))
    with pytest.raises(ValueError, match="recurrent is missing"):
        run(times, units, w, delay=1e-3)
    with pytest.raises(ValueError, match="of pairs"):
        run(times, units, w, recurrent=jnp.ones((2, 2)), delay=jnp.ones((2, 2)))
    f = lambda w: run(times, units, w).times  # noqa: E731
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(f, (w,), (w,))
