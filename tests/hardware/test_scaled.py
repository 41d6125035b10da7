"""Readout weights out of range: what a chip shows is as if it held them."""

import numpy as np
import pytest

from snnjax.hardware import IDEAL, ScaledReadout, Steady, emulated_chip

SIZES = 6, 5, 3


@pytest.fixture(scope="module")
def chip():
    few_bits = IDEAL._replace(weight_bits=16, weight_step=2.0**-15)  # ±1
    with emulated_chip(SIZES, dt=1e-6, imperfections=few_bits) as device:
        yield device


def test_a_scaled_readout_shows_what_the_weights_would(chip):
    rng = np.random.default_rng(0)
    hidden, last = rng.uniform(0.3, 1.0, (6, 5)), rng.normal(0.0, 2.0, (5, 3))
    weights = [hidden, last]
    spikes = (rng.random((12, 4, 6)) < 0.4).astype(np.uint8)
    with emulated_chip(SIZES, dt=1e-6, imperfections=IDEAL) as whole:
        expected = whole.run(whole.program(weights), spikes, trial=0).seen
    scaled = ScaledReadout(chip, 1.0)
    found, notes = scaled.run(scaled.program(weights), spikes, trial=0)
    np.testing.assert_array_equal(found[0].spikes, expected[0].spikes)
    np.testing.assert_allclose(found[1].v, expected[1].v, atol=2e-3)
    assert notes["readout_scale"] == pytest.approx(np.abs(last).max(), rel=1e-6)
    clipped = chip.run(chip.program(weights), spikes, trial=0).seen
    assert np.abs(clipped[1].v - expected[1].v).max() > 0.05


def test_what_fits_is_left_alone(chip):
    weights = [np.full((6, 5), 0.5), np.full((5, 3), -0.5)]
    loaded = ScaledReadout(chip, 1.0).program(weights)
    assert loaded.scale == 1.0


def test_a_handle_of_something_else_is_refused(chip):
    for device in (ScaledReadout(chip, 1.0), Steady(lambda: chip)):
        with pytest.raises(ValueError, match="handle must be what program gave"):
            device.run("weights", np.zeros((1, 1, 6), np.uint8))


@pytest.mark.parametrize("odd", [1, np.nan, np.inf])
def test_weights_that_cannot_be_scaled_are_refused(chip, odd):
    dtype = int if odd == 1 else np.float32
    weights = [np.full((6, 5), 0.5, np.float32), np.full((5, 3), odd, dtype)]
    with pytest.raises(ValueError, match="weights"):
        ScaledReadout(chip, 1.0).program(weights)


@pytest.mark.parametrize(
    ("device", "largest", "said"),
    [(None, 1.0, "device"), ("chip", 0.0, "largest"), ("chip", np.nan, "largest")],
)
def test_nonsense_is_refused(chip, device, largest, said):
    with pytest.raises(ValueError, match=said):
        ScaledReadout(chip if device else device, largest)
