import numpy as np
import pytest
from seeded import write_mnist

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


def test_a_few_images_make_a_task_and_too_few_are_refused(tmp_path):
    write_mnist(tmp_path, 12)
    parts = TASKS["mnist"](tmp_path).parts
    assert [len(each.labels) for each in parts.values()] == [10, 2, 12]
    for n, empty in ((5, "validation"), (1, "validation"), (0, "train")):
        write_mnist(tmp_path, n)
        with pytest.raises(ValueError, match=f"The {empty} part has no samples, of"):
            TASKS["mnist"](tmp_path)
