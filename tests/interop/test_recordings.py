"""The recordings of other libraries are whole, small and lively."""

import numpy as np
import pytest

from snnjax.surrogate import from_library
from tests.interop.libraries import pairs, recording

CASES = recording.cases()
TOLD = {
    *("preset", "variant", "library", "version", "class", "options", "surrogate"),
    *("dt", "voltage", "rounded"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_neuron_fires_in_10_to_30_percent_of_its_steps(case):
    spikes = recording.read(case).spikes
    if spikes is None:
        pytest.skip("a readout")
    for steps in (recording.STEPS, recording.LONG):
        assert 0.1 <= recording.share(spikes[:steps]) <= 0.3


@pytest.mark.parametrize("case", CASES)
def test_a_recording_is_whole(case):
    found = recording.read(case)
    assert set(found.about) == TOLD
    assert case.startswith(found.about["preset"])
    assert found.v.shape == (120, 2, 4)
    assert found.v.dtype == found.w.dtype == np.float64
    backward = {"spike"} if found.about["library"] == "nest" else {"x", "w"}
    assert backward | set(found.weights) <= set(found.gradients)
    for value in (found.v, *found.gradients.values()):
        assert np.isfinite(value).all()
        assert np.any(value != 0)
    shape = found.about["surrogate"]
    assert shape is None or from_library(shape["name"], **shape["numbers"])


def test_input_currents_are_the_same_in_any_order_of_summation():
    for case in CASES:
        x, w = (getattr(recording.read(case), name) for name in ("x", "w"))
        np.testing.assert_array_equal(x @ w, x[..., ::-1] @ w[::-1])


def test_all_recordings_of_neurons_together_are_small():
    kept = [*recording.FOLDER.glob("*.npz"), *pairs.FOLDER.glob("*.npz")]
    assert sum(path.stat().st_size for path in kept) < 2e6


def test_what_both_sides_weigh_spikes_and_voltages_with_is_spread_out():
    a, b = recording.cotangents()
    assert np.abs([a.mean(), b.mean(), (a * b).mean()]).max() < 0.02
    assert np.unique(a).size > 0.9 * a.size
