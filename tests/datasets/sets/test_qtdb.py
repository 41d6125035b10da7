import numpy as np
import pytest
from scipy.io import savemat

from snnjax.datasets import qtdb


def save(path, x):
    y = np.zeros((*x.shape[:2], 6), np.uint8)
    y[:, 0, 3] = y[:, 2:, 5] = 1
    savemat(path, {"x": x, "y": y, "max_i": np.full((len(x), 1), x.shape[1])})


def test_the_last_tenth_of_the_training_file_validates(tmp_path, monkeypatch):
    monkeypatch.setenv("SNNJAX_DATA", str(tmp_path))
    (tmp_path / "ecg-qtdb").mkdir()
    x = np.zeros((20, 5, 4))
    x[-2:, 1, 1] = 1
    save(tmp_path / "ecg-qtdb" / "QTDB_train.mat", x)
    save(tmp_path / "ecg-qtdb" / "QTDB_test.mat", x[:4])
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
