import numpy as np
import pytest

from snnjax.datasets import DataError, dvs_gesture, gesture_recordings


def fill(folder, part, users):
    for user in users:
        path = folder / part / f"user{user:02d}_led" / f"{user % 11}.npy"
        path.parent.mkdir(parents=True)
        np.save(path, np.array([[user, 0, 1, user * 10.0], [user, 1, 0, 1.0]]))


def test_users_are_in_one_part_only(tmp_path):
    fill(tmp_path, "ibmGestureTrain", [1, 19, 20, 23])
    fill(tmp_path, "ibmGestureTest", [24, 29])
    parts = [dvs_gesture(s, tmp_path) for s in ("train", "validation", "test")]
    assert [p.group.tolist() for p in parts] == [[1, 19], [20, 23], [24, 29]]
    assert parts[1].labels.tolist() == [9, 1]
    assert parts[1].times.tolist() == [0.001, 0.2, 0.001, 0.23]
    assert (parts[0].n_units, parts[0].n_classes) == (32_768, 11)
    with pytest.raises(ValueError, match="'valid'"):
        dvs_gesture("valid", tmp_path)


def test_missing_empty_and_odd_folders_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="snnjax data get dvs-gesture"):
        dvs_gesture("train", tmp_path)
    with pytest.raises(DataError, match=r"holds no user<nn>_<light>/<label>\.npy"):
        gesture_recordings(tmp_path)
    for name in ("user1_led/0.npy", "user01_led/11.npy", "first/0.npy"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(b"")
        with pytest.raises(DataError, match=f"{name} is not named user<nn>"):
            gesture_recordings(tmp_path)
        (tmp_path / name).unlink()
        (tmp_path / name).parent.rmdir()
