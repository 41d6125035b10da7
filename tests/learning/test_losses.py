from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.learning import (
    first_spike,
    last,
    max_over_time,
    mean_over_time,
    mse,
    mse_count,
    sum_over_time,
    van_rossum,
)

T, B, N, DT, TAU = 9, 4, 3, 1e-3, 5e-3
LENGTHS = [9, 1, 4, 7]
LABELS = np.array([0, 2, 1, 2])


def outputs(seed=0):
    return np.random.default_rng(seed).normal(size=(T, B, N))


def trains(seed=0):
    return (np.random.default_rng(seed).random((T, B, N)) < 0.4).astype(float)


def ragged():
    return np.arange(T)[:, None] < np.array(LENGTHS)


def test_cross_entropy_is_the_log_of_the_softmax(rng, x64):
    scores, labels = rng.normal(size=(B, N)), np.array([0, 2, 1, 2])
    shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    expected = -np.log(shares[np.arange(B), labels]).mean()
    found = snn.cross_entropy(jnp.asarray(scores), jnp.asarray(labels))
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    hits = (scores.argmax(axis=1) == labels).mean()
    assert snn.accuracy(jnp.asarray(scores), jnp.asarray(labels)) == hits


def test_labels_of_every_step_count_where_the_mask_says_so(rng, x64):
    scores, mask = jnp.asarray(outputs()), jnp.asarray(ragged())
    labels = rng.integers(0, N, (T, B))
    unknown = jnp.where(mask.astype(bool), labels, -7)
    rows = np.flatnonzero(np.asarray(mask).ravel())
    flat = scores.reshape(-1, N)[rows], jnp.asarray(labels).ravel()[rows]
    for measure in (snn.cross_entropy, snn.accuracy):
        found = measure(scores, unknown, mask)
        np.testing.assert_allclose(found, measure(*flat), rtol=1e-12)
        assert measure(scores, jnp.asarray(labels)) != found
    grads = jax.grad(snn.cross_entropy)(scores, unknown, mask)
    assert not grads[np.asarray(mask) == 0].any()


def test_losses_are_traced_with_their_labels_and_masks():
    y, labels = jnp.asarray(outputs(), jnp.float32), jnp.array([0, 2, 1, 2])
    mask = jnp.asarray(ragged())

    def loss(y, labels, mask):
        return snn.cross_entropy(max_over_time(y, mask), labels)

    plain, traced = loss(y, labels, mask), jax.jit(loss)(y, labels, mask)
    np.testing.assert_allclose(plain, traced, rtol=1e-6)


@pytest.mark.parametrize("measure", [snn.cross_entropy, snn.accuracy])
@pytest.mark.parametrize(
    ("scores", "labels", "words"),
    [
        (np.zeros((T, B, N)), np.zeros(B, int), "readout such as max_over_time"),
        (np.zeros((B, N)), np.zeros(B + 1, int), r"\(4, 3\) and \(5,\)"),
        (np.zeros((B, N)), np.zeros(B), "integers, got float32"),
        (np.zeros((B, N)), np.array([0, 1, 2, 3]), "0 … 2, got 0 … 3"),
        (np.zeros((B, N)), np.array([0, -1, 2, 1]), "0 … 2, got -1 … 2"),
    ],
)
def test_labels_that_do_not_fit_are_refused(measure, scores, labels, words):
    with pytest.raises(ValueError, match=words):
        measure(jnp.asarray(scores), jnp.asarray(labels))


@pytest.mark.parametrize("measure", [snn.cross_entropy, snn.accuracy])
def test_masks_of_labels_that_do_not_fit_are_refused(measure):
    scores, labels = jnp.zeros((T, B, N)), jnp.zeros((T, B), int)
    with pytest.raises(ValueError, match=r"like the labels, \(9, 4\), got \(4,\)"):
        measure(scores, labels, jnp.ones(B))
    with pytest.raises(ValueError, match="not a single label"):
        measure(scores, labels, jnp.zeros((T, B)))
    with pytest.raises(ValueError, match="0 … 2, got 0 … 5"):
        measure(scores, labels.at[0, 0].set(5), jnp.ones((T, B)))


def test_the_squared_error_is_a_mean_over_what_counts(rng, x64):
    y, target, mask = outputs(), outputs(1), ragged()
    each = [(y[t, b] - target[t, b]) ** 2 for t, b in np.argwhere(mask)]
    unknown = np.where(mask[..., None], target, np.nan)
    given = [jnp.asarray(x) for x in (y, unknown, mask)]
    np.testing.assert_allclose(mse(*given), np.mean(each), rtol=1e-13)
    grads = jax.grad(mse)(*given)
    expected = 2.0 * (y - target) * mask[..., None] / np.size(each)
    np.testing.assert_allclose(grads, expected, rtol=1e-12)
    rows = mse(jnp.asarray(y[0]), jnp.asarray(target[0]))
    np.testing.assert_allclose(rows, ((y[0] - target[0]) ** 2).mean(), rtol=1e-13)


def test_the_error_of_counts_compares_each_neuron_with_what_its_label_asks(x64):
    spikes, mask = trains(), ragged()
    errors = []
    for b, n in np.ndindex(B, N):
        wanted = 4.0 if LABELS[b] == n else 0.5
        errors.append((spikes[: LENGTHS[b], b, n].sum() - wanted) ** 2)
    given = jnp.asarray(spikes), jnp.asarray(LABELS)
    found = mse_count(*given, correct=4.0, incorrect=0.5, mask=jnp.asarray(mask))
    np.testing.assert_allclose(found, np.mean(errors), rtol=1e-13)


def pairs(s, u, tau=TAU):
    return np.exp(-np.abs(np.subtract.outer(s, u)) / tau).sum()


@pytest.mark.parametrize("dt", [1e-3, 2e-3])
def test_van_rossum_is_the_sum_over_pairs_of_spikes(dt, x64):
    spikes, target, mask = trains(), trains(1), ragged()
    each = []
    for b, n in np.ndindex(B, N):
        s, u = (
            dt * np.flatnonzero((x * mask[..., None])[:, b, n])
            for x in (spikes, target)
        )
        each.append(0.5 * pairs(s, s) + 0.5 * pairs(u, u) - pairs(s, u))
    given = (jnp.asarray(x) for x in (spikes, target))
    found = van_rossum(*given, tau=TAU, dt=dt, mask=jnp.asarray(mask))
    np.testing.assert_allclose(found, np.mean(each), rtol=1e-12)


@pytest.mark.parametrize("dt", [1e-3, 1e-4])
def test_one_spike_too_late_costs_what_the_paper_says_and_one_too_many_a_half(dt, x64):
    steps = round(30e-3 / dt)

    def train(times):
        return (
            jnp.zeros((steps, 1)).at[np.rint(np.array(times) / dt).astype(int)].set(1.0)
        )

    def cost(a, b):
        return van_rossum(train(a), train(b), tau=TAU, dt=dt)

    for late in (1e-3, 4e-3, 20e-3):
        found = cost([5e-3], [5e-3 + late])
        np.testing.assert_allclose(found, 1.0 - np.exp(-late / TAU), rtol=1e-12)
    np.testing.assert_allclose(cost([5e-3, 9e-3], [5e-3]), 0.5, rtol=1e-12)
    assert cost([5e-3, 9e-3], [5e-3, 9e-3]) == 0.0


def test_van_rossum_lies_between_coincidences_and_numbers_of_spikes(x64):
    spikes, target = jnp.asarray(trains()), jnp.asarray(trains(1))
    short = van_rossum(spikes, target, tau=1e-9, dt=DT)
    long = van_rossum(spikes, target, tau=1e9, dt=DT)
    np.testing.assert_allclose(short, 0.5 * jnp.mean(jnp.sum(spikes != target, axis=0)))
    counts = sum_over_time(spikes) - sum_over_time(target)
    np.testing.assert_allclose(long, 0.5 * jnp.mean(counts**2), rtol=1e-6)
    each = [
        van_rossum(spikes[..., [n]], target[..., [n]], tau=tau, dt=DT)
        for n, tau in enumerate((1e-3, 5e-3, 20e-3))
    ]
    taus = jnp.array([1e-3, 5e-3, 20e-3])
    together = van_rossum(spikes, target, tau=taus, dt=DT)
    np.testing.assert_allclose(together, np.mean(each), rtol=1e-12)


def test_the_gradient_of_van_rossum_is_that_of_finite_differences(x64):
    spikes, target = jnp.asarray(trains()), jnp.asarray(trains(1))
    loss = jax.jit(lambda s: van_rossum(s, target, tau=TAU, dt=DT))
    grads, h = jax.grad(loss)(spikes), 1e-4
    for at in [(0, 0, 0), (4, 2, 1), (T - 1, 3, 2)]:
        change = loss(spikes.at[at].add(h)) - loss(spikes.at[at].add(-h))
        np.testing.assert_allclose(grads[at], change / (2 * h), rtol=1e-7, atol=1e-9)


LABELLED = jnp.asarray(LABELS)
OF_TIME = {  # y, target, labels, mask: what is made of outputs over time
    "max": lambda y, t, c, m: max_over_time(y, m),
    "last": lambda y, t, c, m: last(y, m),
    "sum": lambda y, t, c, m: sum_over_time(y, m),
    "mean": lambda y, t, c, m: mean_over_time(y, m),
    "first": lambda y, t, c, m: first_spike(y, dt=DT, mask=m),
    "mse": lambda y, t, c, m: mse(y, t, m),
    "mse_count": lambda y, t, c, m: mse_count(y, c, correct=2.0, mask=m),
    "van_rossum": lambda y, t, c, m: van_rossum(y, t, tau=TAU, dt=DT, mask=m),
    "cross_entropy": lambda y, t, c, m: snn.cross_entropy(max_over_time(y, m), c),
    "accuracy": lambda y, t, c, m: snn.accuracy(max_over_time(y, m), c),
    "of each step": lambda y, t, c, m: snn.cross_entropy(
        y, jnp.broadcast_to(c, y.shape[:-1]), m
    ),
}


def test_batches_of_any_shape_are_one_batch_folded():
    y, target, mask = (jnp.asarray(x) for x in (trains(), trains(1), ragged()))
    fold = lambda x: None if x is None else x.reshape(T, 2, 2, *x.shape[2:])  # noqa: E731

    @partial(jax.jit, static_argnums=0)
    def in_every_shape(measure, y, target, m):
        whole = measure(y, target, LABELLED, m)
        folded = measure(fold(y), fold(target), LABELLED.reshape(2, 2), fold(m))
        first, of_one = (None, None) if m is None else (m[:, 0], m[:, :1])
        alone = measure(y[:, 0], target[:, 0], LABELLED[0], first)
        of_one = measure(y[:, :1], target[:, :1], LABELLED[:1], of_one)
        return whole, folded, alone, of_one

    for name, measure in OF_TIME.items():
        for m in (None, mask):
            whole, folded, alone, of_one = in_every_shape(measure, y, target, m)
            close = partial(np.testing.assert_allclose, rtol=1e-6, err_msg=name)
            close(folded.reshape(whole.shape), whole)
            close(alone, of_one.reshape(alone.shape))


def test_padding_shortened_away_changes_nothing():
    y, target = jnp.asarray(trains()), jnp.asarray(trains(1))
    mask = jnp.asarray(ragged())
    dirty = [jnp.where(mask[..., None], x, jnp.nan) for x in (y, target)]

    @partial(jax.jit, static_argnums=0)
    def padded_and_short(measure, dirty, y, target, mask):
        pairs = []
        for b, end in enumerate(LENGTHS):
            one = slice(b, b + 1)
            a, t, m = (x[:, one] for x in (*dirty, mask))
            padded = measure(a, t, LABELLED[one], m)
            short = measure(y[:end, one], target[:end, one], LABELLED[one], None)
            pairs.append((padded, short))
        return pairs

    for name, measure in OF_TIME.items():
        for found, short in padded_and_short(measure, dirty, y, target, mask):
            np.testing.assert_allclose(found, short, 1e-6, 1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("y", "target", "mask", "words"),
    [
        ((B, N), (B,), None, r"y and target .* \(4, 3\) and \(4,\)"),
        ((T, B, N), (B, N), None, r"y and target .* \(9, 4, 3\) and \(4, 3\)"),
        ((B, N), (1, N), None, "one shape"),
        ((0, N), (0, N), None, "y must hold a sample"),
        ((B, N), (B, N), (B, 1), r"mask of y must be \(4,\), got \(4, 1\)"),
    ],
)
def test_targets_that_do_not_fit_are_refused(y, target, mask, words):
    mask = None if mask is None else jnp.ones(mask)
    with pytest.raises(ValueError, match=words):
        mse(jnp.zeros(y), jnp.zeros(target), mask)


def test_masks_and_numbers_that_mean_nothing_are_refused():
    spikes, labels = jnp.zeros((T, B, N)), jnp.zeros(B, int)
    with pytest.raises(ValueError, match="leaves nothing of y"):
        mse(spikes, spikes, jnp.zeros((T, B)))
    with pytest.raises(ValueError, match="spikes and target"):
        van_rossum(spikes, spikes[1:], tau=TAU, dt=DT)
    with pytest.raises(ValueError, match="tau"):
        van_rossum(spikes, spikes, tau=0.0, dt=DT)
    with pytest.raises(ValueError, match="correct"):
        mse_count(spikes, labels, correct=-1.0)
    with pytest.raises(ValueError, match="0 … 2, got 5 … 5"):
        mse_count(spikes, labels + 5, correct=1.0)
