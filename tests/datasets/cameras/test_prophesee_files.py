"""Files of cameras and of other people's software, against what is known of each."""

import json

import numpy as np
import pytest

from snnjax import datasets
from snnjax.datasets import DataError

READERS = {  # by the begin of a path
    "dat/": datasets.read_prophesee_dat,
    "dat_ncars/": datasets.read_prophesee_dat,
    "odd/dat_": datasets.read_prophesee_dat,
    "evt2/": datasets.read_prophesee_evt2,
    "evt21/": datasets.read_prophesee_evt2,
    "odd/evt2_": datasets.read_prophesee_evt2,
    "evt3/": datasets.read_prophesee_evt3,
    "odd/evt3_": datasets.read_prophesee_evt3,
    "odd/expelliarmus_written_evt3": datasets.read_prophesee_evt3,
    "es/": datasets.read_event_stream,
}
REFUSED = {  # by all of them, and why
    "odd/lfs_pointer.dat": "is sound, but .* a pointer of Git LFS",
    "odd/pynn_text_spikes_L5I.dat": "is sound, but .* plain text",
    "odd/aedat1_no_header.dat": r"perhaps AEDAT 1\.0|it begins with b'\\x1d",
}
SKIPPED = {
    "odd/dat_truncated_record.dat": {"bytes at the end": 5},
    "odd/evt2_events_before_first_time_high.raw": {"events before the first time": 431},
    "es/event_stream_atis.es": {"threshold crossings": 500},
}
ATIS, GENERIC = "es/event_stream_atis.es", "es/faery_generic.es"
REWRITTEN = {  # and which event of the camera's file is the first
    "evt3/faery_evt3_rewritten.raw": 0,
    "evt3/evutils_evt3.raw": 0,
    "odd/expelliarmus_written_evt3.raw": 0,  # its first row comes before a time
    "odd/evt3_evk4_header.raw": 0,
    "evt21/evutils_evt21.raw": 100_000,
}
TALLER = "evt21/prophesee_fpga_tracker_evt21.raw"  # than its header says


@pytest.fixture
def folder(data_folder):
    return data_folder("recordings")


def numbers(recorded):
    """What ``truth.json`` tells of a file."""
    t, x, y, p = recorded[:4]
    if not len(t):
        return {"n": 0}
    polarities, counts = np.unique(p, return_counts=True)
    return {
        **{"n": len(t), "t0": t[0], "t1": t[-1], "tmin": t.min(), "tmax": t.max()},
        "back": np.count_nonzero(np.diff(t) < 0),
        **{"x": [x.min(), x.max()], "y": [y.min(), y.max()]},
        "p": dict(zip(polarities.tolist(), counts.tolist(), strict=True)),
    }


def expected(entry):
    told = entry["num"]
    if not told["n"]:
        return {"n": 0}
    named = {name: told[name] for name in ("n", "t0", "t1", "tmin", "tmax", "back")}
    p = {max(int(k), 0): n for k, n in told["p"].items()}  # some say -1 for 0
    return {**named, "x": told["x"], "y": told["y"], "p": p}


def test_every_file_holds_what_is_known_of_it(folder, tmp_path):
    entries = json.loads((folder / "truth.json").read_text())
    seen = 0
    for entry in entries:
        name = entry["path"]
        readers = [read for begin, read in READERS.items() if name.startswith(begin)]
        if not readers:
            continue
        path = folder / name
        if name == TALLER:
            raw = path.read_bytes().replace(b"height=720", b"height=1280")
            path = tmp_path / "taller.raw"
            path.write_bytes(raw)
        if name == GENERIC:
            with pytest.raises(DataError, match=r"is sound, but .* generic"):
                readers[0](path)
            seen += 1
            continue
        recorded = readers[0](path)
        if name == ATIS:  # of which the other reader counts threshold crossings as well
            crossings = recorded.skipped["threshold crossings"]
            assert len(recorded.t) + crossings == entry["num"]["n"]
            entry["num"] |= {"n": 4500, "p": {"0": 3520, "1": 980}}  # as faery reads
        assert numbers(recorded) == expected(entry), name
        assert dict(recorded.skipped) == SKIPPED.get(name, {}), name
        kinds = [column.dtype for column in recorded[:4]]
        assert kinds == [np.int64, np.uint16, np.uint16, np.uint8], name
        seen += 1
    assert seen == 24


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_of_another_kind_is_refused_and_why(name, folder):
    for reader in set(READERS.values()):
        with pytest.raises(DataError, match=REFUSED[name]):
            reader(folder / name)


def test_a_pattern_that_is_taller_than_its_header_says_is_refused(folder):
    with pytest.raises(DataError, match=r"event 14 lies at pixel \(1, 856\)"):
        datasets.read_prophesee_evt2(folder / TALLER)


def test_both_byte_orders_of_evt21_give_the_same_events(folder):
    legacy, little = (
        datasets.read_prophesee_evt2(folder / "evt21" / name)
        for name in ("evutils_evt21.raw", "evt21_little_endian.raw")
    )
    for one, other in zip(legacy[:4], little[:4], strict=True):
        np.testing.assert_array_equal(one, other)


def test_what_was_rewritten_as_dat_is_what_evt2_held(folder):
    camera = datasets.read_prophesee_evt2(folder / "evt2" / "faery_evt2.raw")
    for name in ("evutils_dat.dat", "faery_dat2.dat"):
        written = datasets.read_prophesee_dat(folder / "dat" / name)
        for one, other in zip(written[:4], camera[:4], strict=True):
            np.testing.assert_array_equal(one, other[: len(one)])


def test_what_other_software_rewrote_is_what_the_camera_sent(folder):
    camera = datasets.read_prophesee_evt3(folder / "evt3/expelliarmus_evt3_sample.raw")
    for name, begin in REWRITTEN.items():
        (read,) = {f for k, f in READERS.items() if name.startswith(k)}
        written = read(folder / name)
        for one, other in zip(written[:4], camera[:4], strict=True):
            rows = other[begin : begin + len(one)]
            np.testing.assert_array_equal(one, rows, err_msg=name)
