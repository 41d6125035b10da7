import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from snnjax.inputs import (
    frozen_poisson,
    one_spike_raster,
    random_manifold,
    yin_yang,
    yin_yang_class,
)

KEY = jax.random.key(11)
SIZES = {"classes": 3, "neurons": 5, "samples": 40}


def draws(dims, cutoff):
    """The random numbers behind a manifold: x [samples, dims], then A, B, C."""
    for key in jax.random.split(KEY, SIZES["classes"]):
        key_x, key_f = jax.random.split(key)
        x = jax.random.uniform(key_x, (SIZES["samples"], dims))
        keys = jax.random.split(key_f, SIZES["neurons"])
        abc = [jax.random.uniform(k, (3, dims, cutoff)) for k in keys]
        yield np.asarray(x), np.asarray(abc)


def scaled(f):
    return (f - f.min()) / (f.max() - f.min())


def slow_coordinate(x, abc, alpha):
    times = np.ones(len(x))
    for s, point in enumerate(x):
        for x_j, a, b, c in zip(point, *abc, strict=True):
            wave = 0.0
            for k in range(1, len(a) + 1):
                phase = k * x_j * b[k - 1] + c[k - 1]
                wave += k**-alpha * a[k - 1] * np.sin(2 * np.pi * phase)
            times[s] *= wave
    return scaled(times)


@pytest.mark.parametrize(("dims", "alpha", "cutoff"), [(1, 1.0, 12), (2, 1.7, 6)])
def test_a_manifold_is_the_formula_summed_slowly(dims, alpha, cutoff, x64):
    times, _ = random_manifold(KEY, **SIZES, dims=dims, alpha=alpha, cutoff=cutoff)
    expected = [
        np.stack([slow_coordinate(x, neuron, alpha) for neuron in abc], axis=1)
        for x, abc in draws(dims, cutoff)
    ]
    np.testing.assert_allclose(times, np.concatenate(expected), atol=1e-6)


def test_a_large_alpha_leaves_one_smooth_harmonic():
    times, _ = random_manifold(KEY, **SIZES, alpha=60.0, cutoff=50)
    for (x, abc), found in zip(draws(1, 50), np.split(times, 3), strict=True):
        for neuron in range(SIZES["neurons"]):
            _, b, c = abc[neuron, :, 0, 0]
            expected = scaled(np.sin(2 * np.pi * (x[:, 0] * b + c)))
            np.testing.assert_allclose(found[:, neuron], expected, atol=1e-4)


def test_a_smaller_alpha_is_rougher():
    def variation(alpha):
        times, _ = random_manifold(KEY, **SIZES, alpha=alpha, cutoff=50)
        order = [np.argsort(x[:, 0]) for x, _ in draws(1, 50)]
        classes = np.split(np.asarray(times), 3)
        return sum(
            np.abs(np.diff(t[o], axis=0)).sum()
            for t, o in zip(classes, order, strict=True)
        )

    rough, usual, smooth = map(variation, [0.5, 1.0, 3.0])
    assert rough > 1.2 * usual > 1.2 * 1.2 * smooth


@pytest.mark.parametrize("dims", [1, 3])
def test_every_neuron_spans_0_to_1_in_every_class(dims):
    times, labels = random_manifold(KEY, **SIZES, dims=dims, cutoff=30)
    assert times.shape == (120, 5)
    np.testing.assert_array_equal(labels, np.repeat([0, 1, 2], 40))
    for manifold in np.split(np.asarray(times), 3):
        np.testing.assert_array_equal(manifold.min(0), 0.0)
        np.testing.assert_allclose(manifold.max(0), 1.0, atol=2e-7)
        assert manifold.max() <= 1.0


def test_manifolds_repeat_with_their_key_only():
    first, again, other = (
        random_manifold(jax.random.key(k), **SIZES, cutoff=20)[0] for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 0.1


def test_classes_lie_on_different_manifolds():
    times, _ = random_manifold(KEY, **SIZES, cutoff=20)
    classes = [np.corrcoef(t.T) for t in np.split(np.asarray(times), 3)]
    assert np.abs(classes[0] - classes[1]).max() > 0.1


def test_alpha_can_be_swept_in_one_program():
    def make(alpha):
        return random_manifold(KEY, **SIZES, alpha=alpha, cutoff=20)[0]

    swept = jax.jit(jax.vmap(make))(jnp.array([1.0, 2.0]))
    np.testing.assert_allclose(swept[1], make(2.0), atol=1e-5)


@pytest.mark.parametrize("wrong", ["classes", "neurons", "dims", "cutoff", "samples"])
def test_a_manifold_of_nothing_is_refused(wrong):
    least = 2 if wrong == "samples" else 1
    with pytest.raises(ValueError, match=f"{wrong} must be at least {least}"):
        random_manifold(KEY, **{**SIZES, wrong: least - 1})


def test_every_neuron_spikes_exactly_once_at_its_time(rng):
    times = rng.random((6, 9))
    times[0, :2] = 0.0, 1.0
    raster = np.asarray(one_spike_raster(jnp.asarray(times), steps=20))
    np.testing.assert_array_equal(raster.sum(0), np.ones((6, 9)))
    expected = np.minimum((times * 20).astype(int), 19)
    np.testing.assert_array_equal(raster.argmax(0), expected)


@pytest.mark.parametrize("time", [-0.01, 1.01, np.nan])
def test_a_spike_time_outside_0_to_1_is_refused(time):
    with pytest.raises(ValueError, match="must lie in 0 … 1"):
        one_spike_raster(jnp.array([[0.5, time]]), steps=10)


FROZEN = {"patterns": 30, "steps": 500, "n": 40, "rate": 25.0, "dt": 1e-3}


def test_frozen_patterns_fire_at_their_rate():
    spikes, labels = frozen_poisson(KEY, **FROZEN)
    assert spikes.shape == (500, 30, 40)
    assert labels.shape == (30,)
    each = np.asarray(spikes).mean((0, 2), np.float64)
    error = np.sqrt(0.025 * 0.975 / spikes.size)
    assert abs(each.mean() - 0.025) < 4 * error
    assert np.all(np.abs(each - 0.025) < 4.5 * error * np.sqrt(30))


def test_every_label_of_frozen_patterns_is_as_likely():
    few = {**FROZEN, "patterns": 4000, "steps": 1, "n": 1}
    _, labels = frozen_poisson(KEY, **few, classes=4)
    assert np.all(np.abs(np.bincount(labels) - 1000) < 4.5 * np.sqrt(4000 * 3 / 16))


def test_frozen_patterns_differ_and_repeat_with_their_key_only():
    spikes, labels = frozen_poisson(KEY, **FROZEN)
    again, same_labels = frozen_poisson(KEY, **FROZEN)
    np.testing.assert_array_equal(spikes, again)
    np.testing.assert_array_equal(labels, same_labels)
    other, _ = frozen_poisson(jax.random.key(12), **FROZEN)
    assert np.any(spikes != other)
    overlap = np.einsum("tpn,tqn->pq", spikes, spikes)
    expected = 500 * 40 * 0.025**2
    off = overlap[~np.eye(30, dtype=bool)]
    assert np.all(np.abs(off - expected) < 6 * np.sqrt(expected))


@pytest.mark.parametrize(
    ("part", "size", "seed"),
    [("train", 5000, 42), ("validation", 1000, 41), ("test", 1000, 40)],
)
def test_yin_yang_is_the_published_set_bit_for_bit(part, size, seed, data_folder):
    folder = data_folder("yinyang")
    samples, labels = yin_yang(size, seed)
    published = np.load(folder / f"{part}_samples.npy", allow_pickle=False)
    np.testing.assert_array_equal(samples, published)
    published = np.load(folder / f"{part}_labels.npy", allow_pickle=False)
    np.testing.assert_array_equal(labels, published)


@pytest.mark.parametrize(
    ("x", "y", "part"),
    [
        (0.5, 0.9, 1),
        (0.5, 0.1, 0),
        (0.05, 0.55, 1),
        (0.95, 0.45, 0),
        (0.25, 0.35, 1),
        (0.25, 0.65, 1),
        (0.75, 0.65, 0),
        (0.75, 0.35, 0),
        (0.25, 0.5, 2),
        (0.75, 0.5, 2),
        (0.75, 0.59, 2),
        (0.75, 0.61, 0),
        (0.25, 0.41, 2),
        (0.25, 0.39, 1),
    ],
)
@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_points_picked_by_hand_lie_in_their_part(x, y, part, scale):
    assert yin_yang_class(scale * x, scale * y, 0.1 * scale, 0.5 * scale) == part


@given(x=st.floats(0.0, 1.0), y=st.floats(0.0, 1.0))
@settings(deadline=None, max_examples=300)
def test_half_a_turn_swaps_yin_and_yang(x, y):
    right, left = np.hypot(x - 0.75, y - 0.5), np.hypot(x - 0.25, y - 0.5)
    edges = [right - 0.1, left - 0.1, right - 0.25, left - 0.25, y - 0.5]
    assume(min(np.abs(edges)) > 1e-9)
    turned = yin_yang_class(1.0 - x, 1.0 - y)
    assert turned == {0: 1, 1: 0, 2: 2}[yin_yang_class(x, y)]


@pytest.mark.parametrize("radii", [(0.1, 0.5), (0.05, 0.4), (0.25, 0.5)])
def test_samples_lie_in_the_circle_with_mirrored_features(radii):
    r_small, r_big = radii
    samples, labels = yin_yang(300, 7, r_small=r_small, r_big=r_big)
    x, y = samples[:, 0], samples[:, 1]
    np.testing.assert_allclose(samples[:, :2] + samples[:, 2:], 1.0, atol=1e-15)
    assert np.all(np.hypot(x - r_big, y - r_big) <= r_big)
    dots = np.minimum(
        np.hypot(x - r_big / 2, y - r_big), np.hypot(x - 1.5 * r_big, y - r_big)
    )
    np.testing.assert_array_equal(labels == 2, dots < r_small)


def test_yin_yang_classes_are_balanced():
    _, labels = yin_yang(3000, 1)
    counts = np.bincount(labels)
    assert np.all(np.abs(counts - 1000) < 4 * np.sqrt(3000 * 2 / 9))


def test_no_points_are_no_points():
    samples, labels = yin_yang(0, 1)
    assert samples.shape == (0, 4)
    assert labels.shape == (0,)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": -1}, "size must be at least 0"),
        ({"r_small": 0.0}, "r_small"),
        ({"r_big": -1.0}, "r_big"),
        ({"r_big": np.nan}, "r_big"),
        ({"r_small": 0.3}, "r_big / 2 - r_small"),
    ],
)
def test_a_symbol_that_cannot_be_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        yin_yang(**{"size": 3, "seed": 0, **options})
