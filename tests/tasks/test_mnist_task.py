import numpy as np

from snnjax import datasets
from snnjax.tasks import TASKS


def test_a_pixel_of_mnist_fires_once_and_the_sooner_the_brighter(data_folder):
    data_folder("mnist")
    rows = np.array([7, 4000])
    spikes = TASKS["mnist"]().parts["test"].raster(rows, None)
    light = datasets.mnist("test").x[rows].reshape(2, 784) / 255.0
    with np.errstate(divide="ignore", invalid="ignore"):
        time = 20.0 * np.log(light / (light - 0.2))  # [ms], of a leak of 20 ms
    fires = (light > 0.2) & (time < 40)
    np.testing.assert_array_equal(spikes.sum(axis=0), fires)
    np.testing.assert_array_equal(
        spikes.argmax(axis=0)[fires], np.floor(time[fires] + 1e-3)
    )
