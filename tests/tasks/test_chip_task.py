import numpy as np
import pytest
from scipy.ndimage import zoom

from snnjax import datasets, parts
from snnjax.hardware import Budget, fits
from snnjax.tasks import chip_task
from snnjax.tasks.chip import DT, STEPS, _small
from snnjax.tasks.digits import light as seen


@pytest.fixture(scope="module")
def digits():
    return chip_task("digits")


def test_a_pixel_fires_once_and_when_a_leak_of_8_us_says(digits):
    rows = np.arange(100)
    spikes = digits.parts["test"].raster(rows, np.random.default_rng(0))
    light = seen(datasets.digits("test").x[rows])
    with np.errstate(divide="ignore", invalid="ignore"):
        time = 8e-6 * np.log(light / (light - 0.2))
    fires = (light > 0.2) & (time < STEPS * DT)
    np.testing.assert_array_equal(spikes.sum(axis=0), fires)
    expected = np.floor(time[fires] / DT + 1e-3)
    np.testing.assert_array_equal(spikes.argmax(axis=0)[fires], expected)


def test_images_are_cropped_and_zoomed_as_published(rng):
    images = rng.integers(0, 256, (3, 28, 28)).astype(np.uint8)
    found = _small(images).reshape(3, 16, 16)
    for image, small in zip(images, found, strict=True):
        light = zoom(image[2:-2, 2:-2] / 255.0, 16 / 24, order=3)
        np.testing.assert_allclose(small, np.clip(light, 0.0, 1.0), atol=1e-5)


def sizes(task):
    cells = [leaf.cell for leaf in parts.flat(task.network.cell).leaves.values()]
    given = [parts.options_of("", cell) for cell in cells[::2]]
    return (given[0]["n_in"], *(each["n_out"] for each in given))


def test_the_networks_fit_a_chip_and_that_of_mnist_fills_it(digits, data_folder):
    assert sizes(digits) == tuple(digits.notes["sizes"]) == (64, 100, 10)
    assert fits(Budget(), sizes(digits)) == 110
    data_folder("mnist")
    mnist = chip_task("mnist")
    assert fits(Budget(), sizes(mnist)) == 512
    counts = [len(mnist.parts[split].labels) for split in ("train", "test")]
    assert counts == [50_000, 10_000]
    spikes = mnist.parts["test"].raster(np.arange(500), None)
    share = spikes.sum(axis=(1, 2)) / spikes.sum()
    assert share.argmax() == 1  # the brightest pixel fires after 1.8 µs
    assert share[1] > 0.6  # most spikes come at once


def test_other_names_and_data_of_the_digits_are_refused():
    with pytest.raises(ValueError, match="name must be one of"):
        chip_task("letters")
    with pytest.raises(ValueError, match="data: the digits come with scikit-learn"):
        chip_task("digits", "somewhere")
