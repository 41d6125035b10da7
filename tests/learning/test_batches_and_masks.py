"""Everything in ``snnjax.learning`` takes batches and masks in one way.

Whatever is given outputs over time takes ``[T, n]`` or ``[T, *batch, n]``, and a mask
of the same shape without the last axis. Of several samples it says what it says of each
one without the steps that do not count: a readout side by side, a number as the mean.
"""

import inspect
from functools import partial

import jax
import numpy as np
import pytest

from snnjax import learning

T, N, DT = 6, 3, 1e-2
LABELS = np.array([2, 0])
MASK = np.array([[1, 1], [1, 1], [0, 1], [1, 1], [0, 1], [0, 0]], bool)
WITHIN = {"rate": 30.0, "dt": DT}
READOUTS = {
    "max_over_time": {},
    "last": {},
    "sum_over_time": {},
    "mean_over_time": {},
    "exp_weighted_over_time": {"tau": 2e-2, "dt": DT},
    "first_spike": {"dt": DT},
    "firing_rate": {"dt": DT},
}
NUMBERS = {
    "lower_rate_bound": WITHIN,
    "upper_rate_bound": WITHIN,
    "synaptic_operations": {"fan_out": 4.0, "dt": DT},
    "van_rossum": {"tau": 2e-2, "dt": DT},
    "mse_count": {"correct": 2.0},
}
BY_STEP = {  # a mean over all that count, wherever they are
    "mse": {},
    "cross_entropy": {},
    "accuracy": {},
    "voltage_band": {"lower": 0.2, "upper": 0.6},
}
WITHOUT = {
    "fan_out": "of weights",
    "weight_penalty": "of weights",
    "running_max": "a cell: unroll takes the mask",
    "Pretrained": "what that returns",
    "raise_silent": "of weights, by times of spikes",
    "force": "one more input, by times of spikes",
    "Forced": "what that returns",
}
RUNS = {"homeostatic_pretraining"}  # a network, by the mask of unroll
OF_TIMES = {"spike_time_cross_entropy"}  # without steps: which labels count


@pytest.fixture
def outputs(rng):
    """Spikes or voltages of two samples; where they do not count, NaN."""
    values = (rng.random((T, 2, N)) < 0.4).astype(np.float32)
    return np.where(MASK[..., None], values, np.float32(np.nan))


def second_of(name, y):
    """What an output is compared with: nothing, a target or labels."""
    if name in ("mse", "van_rossum"):
        return (np.roll(np.nan_to_num(y), 1, axis=0),)
    if name in ("cross_entropy", "accuracy"):
        return (np.ones(y.shape[:-1], np.int32),)
    return (LABELS,) if name == "mse_count" else ()


def of_sample(given, name, k):
    """One sample of a target or of labels."""
    return [each[k] if name == "mse_count" else each[:, k] for each in given]


def test_all_that_is_public_is_told_here():
    told = [*READOUTS, *NUMBERS, *BY_STEP, *RUNS, *OF_TIMES, *WITHOUT]
    assert sorted(told) == sorted(learning.__all__)
    for name in {*told} - {*WITHOUT}:
        mask = inspect.signature(getattr(learning, name)).parameters["mask"]
        assert mask.default is None, name
    for name in WITHOUT:
        assert "mask" not in inspect.signature(getattr(learning, name)).parameters


@pytest.mark.parametrize("name", [*READOUTS, *NUMBERS, *BY_STEP])
def test_several_samples_are_each_of_them(name, outputs):
    options = (READOUTS | NUMBERS | BY_STEP)[name]
    measure = jax.jit(partial(getattr(learning, name), **options))
    given = second_of(name, outputs)
    together = measure(outputs, *given, mask=MASK)
    alone, counted = [], []
    for k in range(2):
        keep = np.flatnonzero(MASK[:, k])
        y = outputs[:, k]
        more = of_sample(given, name, k)
        masked = measure(y, *more, mask=MASK[:, k])  # [T, n], one sample
        cut = [each if name == "mse_count" else each[keep] for each in more]
        np.testing.assert_allclose(masked, measure(y[keep], *cut), rtol=1e-5)
        alone.append(masked)
        counted.append(len(keep))
    if name in READOUTS:
        np.testing.assert_allclose(together, np.stack(alone), rtol=1e-6)
    else:
        shares = counted if name in BY_STEP else None
        mean = np.average(alone, weights=shares)
        np.testing.assert_allclose(together, mean, rtol=1e-5)
    assert np.isfinite(jax.tree.leaves(together)).all()

    grid = lambda x: x.reshape(x.shape[0], 2, 1, *x.shape[2:])  # noqa: E731
    batch = (
        each.reshape(2, 1) if name == "mse_count" else grid(each) for each in given
    )
    of_grid = measure(grid(outputs), *batch, mask=grid(MASK))  # two axes of samples
    np.testing.assert_allclose(np.squeeze(of_grid), together, rtol=1e-6)


@pytest.mark.parametrize("name", [*READOUTS, *NUMBERS, *BY_STEP])
@pytest.mark.parametrize("wrong", [MASK.T, MASK[..., None], MASK[:, 0]])
def test_a_mask_of_another_shape_is_refused(name, wrong, outputs):
    options = (READOUTS | NUMBERS | BY_STEP)[name]
    given = second_of(name, outputs)
    with pytest.raises(ValueError, match="mask"):
        getattr(learning, name)(outputs, *given, **options, mask=wrong)


@pytest.mark.parametrize("name", ["mse", "cross_entropy", "accuracy"])
def test_scores_of_one_sample_or_many_are_compared_in_the_same_way(name, rng):
    scores = rng.normal(size=(4, N)).astype(np.float32)
    labels = np.array([0, 2, 1, 1])
    second = np.roll(scores, 1) if name == "mse" else labels
    measure = jax.jit(getattr(learning, name))
    each = [measure(s, other) for s, other in zip(scores, second, strict=True)]
    np.testing.assert_allclose(measure(scores, second), np.mean(each), rtol=1e-6)
    some = np.array([True, False, True, True])
    expected = np.mean([value for value, here in zip(each, some, strict=True) if here])
    np.testing.assert_allclose(measure(scores, second, some), expected, rtol=1e-6)
