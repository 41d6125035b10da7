import struct

import numpy as np
import pytest

from snnjax.datasets import (
    DataError,
    dvs_gesture,
    gesture_recordings,
    read_aedat31,
)


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


HEAD = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
TRIALS = [(7, 1000, 2000), (0, 5000, 9000), (7, 9000, 9500)]  # label, begin, end [µs]
EVENTS = [(900, 1, 2, 1), (1000, 3, 4, 0), (1999, 5, 6, 1), (2000, 7, 8, 1)]
EVENTS += [(5001, 127, 0, 1), (8999, 0, 127, 0), (9000, 9, 9, 1), (9499, 8, 8, 0)]


def release(folder, users):
    """Recordings of users as released, all of the same events."""
    for user in users:
        word = [x << 17 | y << 2 | p << 1 | 1 for _, x, y, p in EVENTS]
        rows = struct.pack(
            f"<{2 * len(EVENTS)}I",
            *(
                n
                for pair in zip(word, [t for t, *_ in EVENTS], strict=True)
                for n in pair
            ),
        )
        n = len(EVENTS)
        packet = struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, n, n, n)
        name = f"user{user:02d}_fluorescent_led"
        (folder / f"{name}.aedat").write_bytes(HEAD + packet + rows)
        lines = [f"{label + 1},{begin},{end}" for label, begin, end in TRIALS]
        text = "\n".join(["class,startTime_usec,endTime_usec", *lines, ""])
        (folder / f"{name}_labels.csv").write_text(text)
    for part, some in (("train", users[:-1]), ("test", users[-1:])):
        names = [f"user{user:02d}_fluorescent_led.aedat" for user in some]
        (folder / f"trials_to_{part}.txt").write_text("\n".join([*names, "", ""]))


def test_a_release_gives_what_its_conversion_does(tmp_path):
    release(tmp_path, [3, 21, 24])
    for user, part in ((3, "Train"), (21, "Train"), (24, "Test")):
        light = tmp_path / "converted" / f"ibmGesture{part}" / f"user{user:02d}_led"
        light.mkdir(parents=True)
        for label, begin, end in TRIALS[:2]:  # it has one file for each label
            rows = [
                (x, y, p, (t - begin) / 1e3)
                for t, x, y, p in EVENTS
                if begin <= t < end
            ]
            np.save(light / f"{label}.npy", np.array(rows, np.float64))
    for split, user in (("train", 3), ("validation", 21), ("test", 24)):
        released = dvs_gesture(split, tmp_path)
        converted = dvs_gesture(split, tmp_path / "converted")
        assert released.group.tolist() == [user] * 3
        assert released.labels.tolist() == [0, 7, 7]
        assert converted.labels.tolist() == [0, 7]
        cut = converted.offsets[-1]
        assert cut == 4
        np.testing.assert_array_equal(released.times[:cut], converted.times)
        np.testing.assert_array_equal(released.units[:cut], converted.units)
        np.testing.assert_allclose(released.times[cut:], [0, 499e-6], rtol=1e-12)
        assert (released.n_units, released.n_classes) == (32_768, 11)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class,", "label,", "is sound, but .* do not begin with 'class,startTime"),
        ("8,1000,2000", "12,1000,2000", "line 2 is '12,1000,2000', not a class of 1"),
        ("8,1000,2000", "0,1000,2000", "line 2 is '0,1000,2000'"),
        ("8,1000,2000", "8,2000,2000", "a time before another"),
        ("8,1000,2000", "8,1000", "line 2 is '8,1000'"),
        ("8,1000,2000", "8,1000,x", "line 2 is '8,1000,x'"),
        (
            "8,1000,2000",
            "8,10000,20000",
            r"no event of gesture 7, at 10000 to 20000 µs",
        ),
    ],
)
def test_damaged_trials_are_refused_and_named(old, new, message, tmp_path):
    release(tmp_path, [3, 24])
    path = tmp_path / "user03_fluorescent_led_labels.csv"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(DataError, match=message) as caught:
        dvs_gesture("train", tmp_path)
    assert "user03_fluorescent_led" in str(caught.value)


def test_recordings_that_are_missing_or_lack_their_trials_are_refused(tmp_path):
    release(tmp_path, [3, 24])
    (tmp_path / "user03_fluorescent_led_labels.csv").unlink()
    with pytest.raises(DataError, match=r"has no user03_fluorescent_led_labels\.csv"):
        dvs_gesture("train", tmp_path)
    (tmp_path / "user03_fluorescent_led.aedat").unlink()
    with pytest.raises(DataError, match=r"names user03_\S+, which is missing"):
        dvs_gesture("train", tmp_path)
    assert dvs_gesture("test", tmp_path).group.tolist() == [24] * 3
    (tmp_path / "first.aedat").write_bytes(b"")
    with pytest.raises(DataError, match=r"first\.aedat is not named user<nn>_<light>"):
        gesture_recordings(tmp_path)


def test_a_recording_that_cannot_be_read_is_left_out_if_asked_for(tmp_path):
    release(tmp_path, [3, 4, 24])
    (tmp_path / "user03_fluorescent_led.aedat").write_bytes(HEAD + b"\1")
    with pytest.raises(DataError, match="user03"):
        dvs_gesture("train", tmp_path)
    with pytest.warns(UserWarning, match=r"1 of 2 files are left out"):
        events = dvs_gesture("train", tmp_path, skip_bad=True)
    assert events.group.tolist() == [4] * 3
    (tmp_path / "user03_fluorescent_led_labels.csv").write_text("nothing")
    with pytest.warns(UserWarning, match=r"1 of 2 files are left out:\n.*_labels\.csv"):
        events = dvs_gesture("train", tmp_path, skip_bad=True)
    assert events.group.tolist() == [4] * 3


def test_files_laid_out_as_the_release_are_read(data_folder, tmp_path):
    folder = data_folder("recordings") / "dvs_gesture"
    for name in ("", "_labels"):
        ending = ".csv" if name else ".aedat"
        raw = (folder / f"user01_fluorescent_layout{name}{ending}").read_bytes()
        (tmp_path / f"user01_fluorescent{name}{ending}").write_bytes(raw)
    (tmp_path / "trials_to_train.txt").write_text("user01_fluorescent.aedat\n")
    events = dvs_gesture("train", tmp_path)
    assert events.labels.tolist() == [0, 1, 2, 3, 4, 5]
    assert set(events.group.tolist()) == {1}
    recorded = read_aedat31(folder / "user01_fluorescent_layout.aedat")
    inside = [(80001000 + 950910 * k, 80949910 + 950910 * k) for k in range(6)]
    counts = [int(((recorded.t >= a) & (recorded.t < b)).sum()) for a, b in inside]
    assert np.diff(events.offsets).tolist() == counts
