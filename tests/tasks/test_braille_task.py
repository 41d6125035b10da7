import jax
import numpy as np

from snnjax.tasks import TASKS
from snnjax.tasks.braille import _twice_as_fast


def test_between_two_samples_pressure_changes_steadily():
    x = np.array([[[0.0, 8.0]], [[4.0, 8.0]], [[2.0, 0.0]]])
    twice = _twice_as_fast(x)
    np.testing.assert_array_equal(twice[:, 0], [[0, 8], [2, 8], [4, 8], [3, 4], [2, 0]])


def test_braille_without_recurrence_differs_in_nothing_else(data_folder):
    data_folder("braille")
    tasks = [TASKS["braille"](recurrence=on) for on in (True, False)]
    rows = np.array([3, 500])
    one, other = (task.parts["train"].raster(rows, None) for task in tasks)
    np.testing.assert_array_equal(one, other)
    cells = [task.network.cell for task in tasks]
    one, other = (cell.init(jax.random.key(0))["hidden"] for cell in cells)
    assert one.input.w.shape == other[0].w.shape == (128, 200)
    one, other = (
        (task._replace(parts=None, network=None, options={}), task.network[1:])
        for task in tasks
    )
    assert one == other
