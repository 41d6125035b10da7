import numpy as np
import pytest
from scipy.io import savemat

from snnjax.datasets import DataError, qtdb, read_qtdb


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
        ({"x": None}, "there is no variable x"),
        ({"x": np.zeros((3, 5, 3))}, r"x and y have shapes \(3, 5, 3\)"),
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
    with pytest.raises(DataError, match="unpacks to over"):
        read_qtdb(path, limit=50_000)


def test_the_last_tenth_of_the_training_file_validates(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNJAX_DATA", str(tmp_path))
    (tmp_path / "ecg-qtdb").mkdir()
    x = np.zeros((20, 5, 4))
    x[-2:, 1, 1] = 1
    save(tmp_path / "ecg-qtdb" / "QTDB_train.mat", n=20, x=x)
    save(tmp_path / "ecg-qtdb" / "QTDB_test.mat", n=4)
    parts = [qtdb(s) for s in ("train", "validation", "test")]
    assert [len(p.x) for p in parts] == [18, 2, 4]
    assert [p.x[:, 1, 1].sum() for p in parts] == [0, 2, 0]
    with pytest.raises(ValueError, match="'valid'"):
        qtdb("valid")
    with pytest.raises(FileNotFoundError, match=r"QTDB_test\.mat.*data get qtdb"):
        qtdb("test", tmp_path / "ecg")


def test_the_published_heartbeats_go_round(data_folder):
    folder = data_folder("ecg-qtdb").parent
    parts = [qtdb(s, folder) for s in ("train", "validation", "test")]
    assert [part.x.shape for part in parts] == [(n, 1301, 4) for n in (557, 61, 141)]
    for part in parts:
        before, after = part.labels[:, :-1], part.labels[:, 1:]
        steps = (before != after) & (before >= 0) & (after >= 0)
        turn = (after - before)[steps] % 6
        assert (turn == 1).all()  # P, PQ, QR, RS, ST, TP, and again
        assert 0.07 < np.mean(part.labels == -1) < 0.11
        assert 0.05 < part.x.mean() < 0.1
