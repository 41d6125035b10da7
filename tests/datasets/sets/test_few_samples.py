"""Every data set with no sample, with one and with two: a value, or a clear error."""

import pickle
import struct

import numpy as np
import pytest

from snnjax import datasets
from snnjax.datasets.layouts.braille_pickle import LETTERS
from snnjax.datasets.samples import SPLITS
from snnjax.events import from_rows

pytest.importorskip("h5py")
COUNTS = (0, 1, 2)


def _idx(path, shape):
    path.parent.mkdir(exist_ok=True)
    head = struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)
    path.write_bytes(head + bytes(int(np.prod(shape))))


def _images(folder, n):
    for part in ("train", "t10k"):
        _idx(folder / f"{part}-images-idx3-ubyte", (n, 28, 28))
        _idx(folder / f"{part}-labels-idx1-ubyte", (n,))


def _n_mnist(folder, n):
    for part in ("Train", "Test"):
        (folder / part / "3").mkdir(parents=True)
        for k in range(n):
            (folder / part / "3" / f"{k}.bin").write_bytes(bytes([1, 2, 128, 0, 9]))


def _gestures(folder, n):
    for part in ("ibmGestureTrain", "ibmGestureTest"):
        (folder / part).mkdir()
        for k in range(n):
            home = folder / part / f"user{k + 19}_led"
            home.mkdir()
            np.save(home / "3.npy", np.ones((k, 4)))


def _spikes(*names):
    def write(folder, n):
        events = from_rows([[0.5]] * n, [[1]] * n, range(n), n_units=700)
        for name in names:
            datasets.write_shd(folder / f"{name}.h5", events)

    return write


def _sounds(folder, n):
    (folder / "recordings").mkdir()
    for k in range(n):
        (folder / "recordings" / f"3_ann_{k}.wav").write_bytes(b"")


def _hd_audio(folder, n):
    (folder / "audio").mkdir()
    for part, speaker in (("train", 1), ("test", 2)):
        names = [
            f"lang-english_speaker-{speaker:02}_trial-{k}_digit-3.flac"
            for k in range(n)
        ]
        for name in names:
            (folder / "audio" / name).write_bytes(b"")
        (folder / f"{part}_filenames.txt").write_text("\n".join(names))


def _commands(folder, n):
    names = [f"yes/ann_nohash_{k}.wav" for k in range(n)]
    (folder / "yes").mkdir()
    for name in names:
        (folder / name).write_bytes(b"")
    (folder / "validation_list.txt").write_text("\n".join(names[1:]))
    (folder / "testing_list.txt").write_text("")


def _braille(folder, n):
    trial = {"letter": LETTERS[1], "taxel_data": np.zeros((1, 12))}
    trials = [trial | {"repetition": 36 * k} for k in range(n)]
    path = folder / "tutorial5_braille_spiking_data.pkl"
    path.write_bytes(pickle.dumps(trials, 4))


def _hearts(folder, n):
    from scipy.io import savemat

    x, y = np.zeros((n, 5, 4)), np.zeros((n, 5, 6))
    for part in ("train", "test"):
        columns = {"x": x, "y": y, "max_i": np.full((n, 1), 5.0)}
        savemat(folder / f"QTDB_{part}.mat", columns)


CUT = {
    "digits": None,  # the same 1797 images for everybody
    "mnist": _images,
    "fashion-mnist": _images,
    "n-mnist": _n_mnist,
    "dvs-gesture": _gestures,
    "spoken-digits": _spikes("shd_train", "shd_test"),
    "shd": _spikes("shd_train", "shd_test"),
    "ssc": _spikes("ssc_train", "ssc_valid", "ssc_test"),
    "hd-audio": _hd_audio,
    "fsdd": _sounds,
    "speech-commands": _commands,
    "braille": _braille,
    "qtdb": _hearts,
}


def count(part):
    return len(part[1] if isinstance(part, tuple) and len(part) == 2 else part.labels)


@pytest.mark.parametrize("name", datasets.names())
def test_a_set_of_few_samples_is_read_or_refused_by_name(name, tmp_path):
    if CUT[name] is None:
        assert all(count(datasets.load(name, split)) for split in SPLITS)
        return
    for n in COUNTS:
        folder = tmp_path / f"{n}"
        folder.mkdir()
        CUT[name](folder, n)
        parts, refused = {}, []
        for split in SPLITS:
            try:
                parts[split] = count(datasets.load(name, split, folder))
            except datasets.DataError as error:
                refused.append(str(error))
        assert n == 0 or not refused  # only nothing at all is refused
        assert all(str(folder) in told for told in refused)
        assert n == 0 or sum(parts.values()) >= n
        assert all(part <= 2 * n for part in parts.values())


@pytest.mark.parametrize(
    ("load", "write", "pattern"),
    [
        (lambda f, **o: datasets.n_mnist("test", f, **o), _n_mnist, "Test/*/0.bin"),
        (
            lambda f, **o: datasets.dvs_gesture("test", f, **o),
            *(_gestures, "ibmGestureTest/user19_led/3.npy"),
        ),
    ],
)
def test_one_bad_file_does_not_stop_a_folder(load, write, pattern, tmp_path):
    write(tmp_path, 3)
    (bad,) = tmp_path.glob(pattern)
    bad.write_bytes(b"bad")
    with pytest.raises(datasets.DataError, match=f"{bad} .* skip_bad=True leaves out"):
        load(tmp_path)
    with pytest.warns(UserWarning, match=f"1 of 3 files are left out:\n{bad}"):
        assert len(load(tmp_path, skip_bad=True).labels) == 2
