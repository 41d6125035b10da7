import numpy as np

from snnjax.datasets import digits as read_digits
from snnjax.tasks.digits import _trembling
from snnjax.tasks.digits import light as seen


def test_digits_come_as_single_spikes_of_on_and_off_cells(digits):
    sizes = {split: len(part.labels) for split, part in digits.parts.items()}
    assert sizes == {"train": 1197, "validation": 300, "test": 300}
    rows = np.arange(20)
    spikes = digits.parts["train"].raster(rows, None)
    assert spikes.shape == (50, 20, 128)
    assert spikes.sum(axis=0).max() == 1
    light = seen(read_digits("train").x[rows])
    on, off = np.split(spikes, 2, axis=2)
    for cells, strongest, never in ((on, 1, 0), (off, 0, 1)):
        time = np.where(cells.any(axis=0), cells.argmax(axis=0), 50)
        assert set(time[light == strongest]) == {2}  # 20 ms ln(1 / 0.9)
        assert set(time[light == never]) == {50}
        order = np.argsort(light if strongest == 0 else -light, axis=None)
        assert np.all(np.diff(time.flat[order]) >= 0)


def test_digits_learn_from_glances_that_tremble_and_lose_a_fifth_of_the_spikes(digits):
    rows = np.arange(500)
    raster = digits.parts["train"].raster
    seen, still = raster(rows, np.random.default_rng(0)), raster(rows, None)
    again = raster(rows, np.random.default_rng(0))
    np.testing.assert_array_equal(seen, again)
    assert 0.7 < seen.sum() / still.sum() < 0.9
    assert np.any(seen.argmax(axis=0) != still.argmax(axis=0))


def test_a_trembling_eye_moves_the_picture_and_keeps_its_light(rng):
    dots = np.zeros((400, 8, 8), np.float32)
    dots[:, 3, 4] = 1.0
    seen = _trembling(dots.reshape(-1, 64), rng).reshape(-1, 8, 8)
    np.testing.assert_allclose(seen.sum(axis=(1, 2)), 1.0, rtol=1e-6)
    place = np.arange(8)
    for axis, still in ((2, 3.0), (1, 4.0)):  # the centre of light, down and across
        by = seen.sum(axis=axis) @ place - still
        assert np.all(np.abs(by) <= 0.3 + 1e-6)
        np.testing.assert_allclose(by.std(), 0.3 / np.sqrt(3), rtol=0.1)
        assert abs(by.mean()) < 0.03
