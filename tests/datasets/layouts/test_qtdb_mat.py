import numpy as np
import pytest
from scipy.io import savemat

from snnjax.datasets import DataError, read_qtdb


def variables(n=3, steps=5, **changes):
    """Sequences of one event each; the second step belongs to no segment."""
    x = np.zeros((n, steps, 4), np.int16)
    x[:, 0, 2] = 1
    x[:, -1, 0] = -1
    y = np.zeros((n, steps, 6), np.uint8)
    y[:, 0, 3] = y[:, 2:, 5] = 1
    found = {"x": x, "y": y, "max_i": np.full((n, 1), steps)}
    return {k: v for k, v in (found | changes).items() if v is not None}


def save(path, **changes):
    savemat(path, variables(**changes), do_compression=True)
    return path


def test_steps_without_a_segment_have_no_label_and_the_end_mark_is_no_event(tmp_path):
    found = read_qtdb(save(tmp_path / "a.mat"))
    assert found.x.dtype == np.uint8
    assert np.argwhere(found.x).tolist() == [[0, 0, 2], [1, 0, 2], [2, 0, 2]]
    assert found.labels.tolist() == 3 * [[3, -1, 5, 5, 5]]
    assert found.lengths.tolist() == [5, 5, 5]
    assert found.classes[3] == "RS"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"x": None}, "is sound, but not .* as a QTDB file: it holds arrays y, max_i"),
        ({"x": np.zeros((3, 5, 3))}, r"x and y of shapes \(3, 5, 3\)"),
        ({"y": np.zeros((3, 4, 6))}, r"and \(3, 4, 6\)"),
        ({"x": np.full((3, 5, 4), 2)}, "something else than 0 and 1"),
        ({"x": np.full((3, 5, 4), -1)}, "something else than 0 and 1"),
        ({"y": np.full((3, 5, 6), np.nan)}, "something else than 0 and 1"),
        ({"y": np.ones((3, 5, 6))}, "a step belongs to two segments"),
        ({"max_i": np.full((3, 1), 4)}, "max_i is not 5 for each sequence"),
        ({"max_i": np.full((2, 1), 5)}, "max_i is not 5"),
    ],
)
def test_a_file_that_breaks_the_format_is_refused_and_named(changes, message, tmp_path):
    path = save(tmp_path / "a.mat", **changes)
    with pytest.raises(DataError, match=message) as caught:
        read_qtdb(path)
    assert str(path) in str(caught.value)


def test_a_limit_is_kept(tmp_path):
    path = save(tmp_path / "a.mat", n=20, steps=500)
    assert len(read_qtdb(path).x) == 20
    with pytest.raises(DataError, match="what byte 128 packs would take"):
        read_qtdb(path, limit=50_000)
