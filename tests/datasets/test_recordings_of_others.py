"""Files of other people's software, and what is truly in them."""

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from snnjax import datasets
from snnjax.datasets import DataError, read_aedat1
from snnjax.events import Events, Recorded

OPEN = {  # what a file leaves open, and a person has to know
    "evt21/prophesee_fpga_tracker_evt21.raw": {"outside": "drop"},
    "mat_spikes/cell_array_spikes.mat": {"unit": "s"},
    "nest/nest3.10_spikes_steps-22-0.dat": {"resolution": 1e-4},
    "odd/davis346_y_out_of_range.aedat": {"outside": "drop"},
    "odd/spike_times_big_endian.npy": {"rate": 1.0},
    "phy/chiyu_spike_times.npy": {"unit": "s"},
}
DROPPED = {  # events outside the sensor that the file itself tells
    "evt21/prophesee_fpga_tracker_evt21.raw": 4770,
    "odd/davis346_y_out_of_range.aedat": 3,
}
REFUSED = {
    "dvs_gesture/user01_fluorescent_layout_labels.csv": "plain text",
    "es/faery_generic.es": "generic events; those of a DVS or an ATIS are read",
    "hdf5/prophesee_layout_ecf_filter_unreadable.hdf5": "36559 .ECF of Prophesee",
    "mat_spikes/mrunfeldt_spikes.mat": "arrays spikes; read_spike_mat reads one",
    "nwb/nwb-explorer_test_Clustering.nwb": "an old interface of clusters in acquisit",
    "nwb/pynwb_no_units.nwb": "without spike_times in a table of units",
    "odd/aedat1_no_header.dat": "may be AEDAT 1.0.* read_aedat1",
    "odd/empty.txt": "nothing, it is empty",
    "odd/evutils_written.aedat4": "as evutils writes it and no software of iniVation",
    "odd/integer_steps.gdf": "columns='time unit' or 'unit time' which is which",
    "odd/lfs_pointer.aedat4": "a pointer of Git LFS",
    "odd/lfs_pointer.dat": "a pointer of Git LFS",
    "odd/old_neo_hdf5_spikes_L6E.h5": "NeoHdf5IO of old versions of Neo",
    "odd/old_neo_hdf5_subset.h5": "groups or arrays nothing",
    "odd/prose_spikes.gdf": "plain text",
    "odd/text_polarity_0_to_3.txt": "its polarities are 0, 1, 2, 3",
    "refuse_pickle/neo_pickle.pkl": "a pickle of Neo.* never read",
}
PER_SECOND = {"ms": 1e3, "s": 1.0}


def pytest_generate_tests(metafunc):
    if "entry" in metafunc.fixturenames:
        entries = listed()
        names = [each["path"] for each in entries]
        metafunc.parametrize("entry", entries or [None], ids=names or ["no data"])


def listed():
    path = Path(os.environ.get("SNNJAX_DATA", "none")) / "recordings" / "truth.json"
    return json.loads(path.read_text()) if path.is_file() else []


def number(text):
    return float(text.replace(",", ""))


def told_events(entry):
    """Count, first and last time [µs], ranges of x and y, of a camera's events."""
    known, told = entry["num"] or {}, entry["content"]
    if "t0" in known and "x" in known:
        times = known["t0"], known["t1"]
        return known["n"], times, known["x"], known["y"], sorted(known["p"].values())
    hit = re.match(
        r"([\d,]+) events; t (\S+) \.\. (\S+?)(?: \(min.*?\))?;.*?"
        r"x (\d+)\.\.(\d+), y (\d+)\.\.(\d+); p ([^;(]*)",
        told,
    )
    if hit is None:
        return None
    us = re.search(r"in us: (\d+) \.\. (\d+)", told)
    if us is None and "float64 seconds" in told:
        times = tuple(round(number(hit[k]) * 1e6) for k in (2, 3))
    else:
        times = tuple(map(number, us.groups() if us else hit.group(2, 3)))
    counts = [int(number(n)) for n in re.findall(r"-?\d: ([\d,]+)", hit[8])]
    sides = [int(n) for n in hit.group(4, 5, 6, 7)]
    return int(number(hit[1])), times, sides[:2], sides[2:], sorted(counts)


def check_events(found, entry, dropped):
    told = told_events(entry)
    if told is None:
        assert len(found.t) == (entry["num"] or {}).get("n", 0) or "2346" in str(entry)
        return
    n, times, x, y, counts = told
    crossings = found.skipped.get("threshold crossings", 0)
    assert len(found.t) == n - dropped - crossings
    if dropped:
        return
    np.testing.assert_allclose([found.t[0], found.t[-1]], times, atol=1)
    assert [found.x.min(), found.x.max()] == list(x)
    assert [found.y.min(), found.y.max()] == list(y)
    if crossings:
        return
    assert sorted(np.unique(found.p, return_counts=True)[1].tolist()) == counts


def check_spikes(found, entry):
    told = entry["content"]
    counts = [int(number(n)) for n in re.findall(r"(\d[\d,]*) spikes", told)]
    assert len(found.times) == sum(counts)
    units = [int(number(n)) for n in re.findall(r"([\d,]+) units with spikes", told)]
    pairs = {*zip(found.population.tolist(), found.units.tolist(), strict=True)}
    if units:
        assert len(pairs) == sum(units)
    hits = re.findall(r"t ([\d.]+) \.\. ([\d.]+) (ms|s\b)?", told)
    if "sample_rate" in told:  # first as samples, then in seconds
        hits = [hit for hit in hits if hit[2]]
    if hits and len(found.times):
        unit = hits[0][2] or "s"
        ends = [number(x) / PER_SECOND[unit] for hit in hits for x in hit[:2]]
        np.testing.assert_allclose(found.times.min(), min(ends), rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.times.max(), max(ends), rtol=1e-6)


def test_it_is_read_with_what_is_in_it_or_refused_with_the_reason(entry, data_folder):
    folder = data_folder("recordings")
    path, name = folder / entry["path"], entry["path"]
    if name in REFUSED:
        with pytest.raises(DataError, match=REFUSED[name]):
            datasets.read(path)
        return
    dropped = DROPPED.get(name, 0)
    if dropped:
        with pytest.warns(UserWarning, match=f"Dropped {dropped}"):
            found = datasets.read(path, **OPEN[name])
    else:
        found = datasets.read(path, **OPEN.get(name, {}))
    if isinstance(found, Recorded):
        check_events(found, entry, dropped)
    elif isinstance(found, Events):
        assert name.startswith("ntidigits")
        assert np.diff(found.offsets).tolist() == [300, 350]
    else:
        check_spikes(found, entry)


@pytest.mark.parametrize(
    ("name", "said", "count"),
    [
        ("mat_spikes/mrunfeldt_spikes.mat", {"unit": "s", "variable": "spikes"}, 8702),
        ("odd/integer_steps.gdf", {"unit": "ms", "columns": "time unit"}, 23996),
    ],
)
@pytest.mark.filterwarnings("ignore:.*step back 99 times")
def test_what_tells_too_little_is_read_once_it_is_said(name, said, count, data_folder):
    found = datasets.read(data_folder("recordings") / name, **said)
    assert len(found.times) == count


def test_what_has_no_sign_is_read_by_name(data_folder):
    found = read_aedat1(data_folder("recordings") / "odd" / "aedat1_no_header.dat")
    assert (len(found.t), found.t[-1], found.x.min(), found.y.max()) == (
        *(2000, 8136, 53),
        127,
    )
