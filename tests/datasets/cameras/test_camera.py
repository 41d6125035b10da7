import numpy as np
import pytest

from snnjax.datasets.cameras.camera import camera_events


def test_a_pixel_and_a_polarity_make_a_unit_that_an_image_is_reshaped_to():
    x, y, polarity = np.array([0, 4, 2]), np.array([0, 2, 1]), np.array([1, 0, 1])
    _, units = camera_events(x, y, polarity, np.zeros(3), (3, 5))
    image = np.zeros(30)
    image[units] = 1
    assert np.argwhere(image.reshape(3, 5, 2)).tolist() == [
        *([0, 0, 1], [1, 2, 1], [2, 4, 0])
    ]


def test_the_first_event_that_is_wrong_is_told():
    columns = (
        np.array([0, 5, 9]),
        np.array([0, 1, 1]),
        np.array([1, 0, 1]),
        np.zeros(3),
    )
    with pytest.raises(
        ValueError, match=r"event 1 lies at pixel \(5, 1\), polarity 0, "
    ):
        camera_events(*columns, (3, 5))
    with pytest.warns(UserWarning, match="Dropped 2 of 3 events; the first, event 1, "):
        times, units = camera_events(*columns, (3, 5), "drop")
    assert (times.tolist(), units.tolist()) == ([0.0], [1])
