"""Which neurons of two libraries are one, as the libraries themselves recorded it."""

import json

import numpy as np
import pytest

from tests.interop.libraries import pairs
from tests.interop.libraries.pairs import PAIRS


def spikes(name):
    return [pairs.read(f"{name}-{letter}")[1] for letter in "ab"]


@pytest.mark.parametrize("name", PAIRS)
def test_neurons_of_two_libraries_agree_in_every_step_or_clearly_do_not(name):
    a, b = spikes(name)
    apart = pairs.mismatches(PAIRS[name], a, b)
    assert apart == 0 if PAIRS[name].same else apart > 0.1 * a.sum()


@pytest.mark.parametrize("name", PAIRS)
def test_both_fire_in_10_to_30_percent_of_their_steps(name):
    for one in spikes(name):
        assert 0.1 <= one.mean() <= 0.3


@pytest.mark.parametrize("name", PAIRS)
def test_sides_are_recorded_as_they_are_listed(name):
    for letter, one in zip("ab", PAIRS[name][:2], strict=True):
        about, _ = pairs.read(f"{name}-{letter}")
        listed = {"preset": one.preset, "options": one.options}
        assert about == json.loads(json.dumps(listed))


def test_one_that_comes_later_differs_unless_it_is_shifted():
    late = [name for name, pair in PAIRS.items() if pair.later and pair.same]
    assert len(late) > 1
    for name in late:
        a, b = spikes(name)
        assert np.sum(a != b) > 0.5 * a.sum()
