import json
import re

import numpy as np
import pytest

from snnjax.datasets import DataError, read_nwb
from snnjax.datasets.spikes.hdf5_spikes import is_nwb

h5py = pytest.importorskip("h5py")

TIMES = np.array([0.5, 2.0, -0.25, 1.0, 3.0])
SESSION, REFERENCE = "2026-03-01T10:00:00+01:00", "2026-03-01T09:59:00+01:00"


@pytest.fixture
def write(tmp_path):
    def written(**places):
        with h5py.File(tmp_path / "a.nwb", "w") as file:
            file.attrs["nwb_version"] = "2.6.0"
            file["units/spike_times"] = TIMES
            file["units/spike_times_index"] = np.array([2, 2, 5], np.uint8)
            file["units/id"] = np.array([10, 3, 7])
            for place, value in places.items():
                place = place.replace("__", "/")
                if place in file:
                    del file[place]
                if value is not None:
                    file[place] = value
        return tmp_path / "a.nwb"

    return written


def test_spikes_are_read_unit_by_unit_and_silent_ones_are_known(write):
    found = read_nwb(write())
    np.testing.assert_array_equal(found.times, TIMES)
    assert found.units.tolist() == [10, 10, 7, 7, 7]
    assert found.known[0].tolist() == [10, 3, 7]
    assert (found.source, found.populations) == ("NWB 2.6.0", ("",))
    assert (found.span, found.zero, dict(found.skipped)) == (None, None, {})


def test_units_without_numbers_are_counted_from_zero(write):
    found = read_nwb(write(units__id=None))
    assert found.units.tolist() == [0, 0, 2, 2, 2]
    assert found.known[0].tolist() == [0, 1, 2]


def test_the_date_of_zero_is_the_reference_or_the_begin_of_the_session(write):
    assert read_nwb(write(session_start_time=SESSION)).zero == SESSION
    both = {"session_start_time": SESSION, "timestamps_reference_time": REFERENCE}
    assert read_nwb(write(**both)).zero == REFERENCE


def test_other_columns_are_counted_and_intervals_tell_the_span(write):
    found = read_nwb(
        write(
            units__quality=["good", "mua", "good"],
            units__electrodes=np.arange(4),
            units__electrodes_index=np.array([1, 2, 4]),
            units__obs_intervals=np.array([[0.5, 4.0], [-1.0, 2.0], [0.0, 9.5]]),
            units__obs_intervals_index=np.array([1, 2, 3]),
        )
    )
    columns = ("electrodes", "obs_intervals", "quality")
    assert dict(found.skipped) == {f"column {name}": 3 for name in columns}
    assert found.span == (-1.0, 9.5)


def test_a_table_of_no_spikes_and_of_no_units_is_read(write):
    none = np.zeros(0)
    silent = read_nwb(
        write(units__spike_times=none, units__spike_times_index=[0, 0, 0])
    )
    assert (len(silent.times), silent.known[0].tolist()) == (0, [10, 3, 7])
    kind = np.zeros(0, np.int64)
    empty = write(
        units__spike_times=none, units__spike_times_index=kind, units__id=kind
    )
    assert len(read_nwb(empty).known[0]) == 0


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("units__spike_times_index", [2, 1, 5], "does not rise from 0 to 5"),
        ("units__spike_times_index", [2, 2, 4], "does not rise from 0 to 5"),
        ("units__spike_times_index", None, "spike_times without units/spike_times_ind"),
        ("units__id", [1, 2], "2 units have a number, 3 spikes"),
        ("units__id", [1, 2, 1], "two units have the same number"),
        ("units__spike_times", [0.0, 1.0, np.inf, 0.0, 1.0], "spike 2 of .* is at inf"),
        ("units__spike_times", None, "an NWB file without spike_times in a table of"),
        ("units__obs_intervals", [[1.0, 0.0]], "obs_intervals are no intervals"),
        ("timestamps_reference_time", [1.0, 2.0], "timestamps_reference_time of type"),
    ],
)
def test_what_contradicts_itself_is_refused(place, value, message, write):
    with pytest.raises(DataError, match=message):
        read_nwb(write(**{place: value}))


@pytest.mark.parametrize("place", ["acquisition/Clustering", "processing/ecephys/C"])
def test_an_old_interface_of_clusters_is_named(place, write):
    inside = {
        f"{place.replace('/', '__')}__{k}": np.arange(3.0) for k in ("times", "num")
    }
    with pytest.raises(
        DataError, match=f"no table of units, but .* in {place}, "
    ) as told:
        read_nwb(write(units=None, **inside))
    assert told.value.sound


def test_trees_are_told_by_what_they_hold(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as tree:
        assert not is_nwb(tree)
        tree["units/spike_times"] = TIMES
        assert is_nwb(tree)
    with h5py.File(tmp_path / "b.h5", "w") as tree:
        tree["spikes/V1/timestamps"] = tree["spikes/V1/node_ids"] = TIMES
    with pytest.raises(DataError, match="spikes of SONATA, which read_sonata reads"):
        read_nwb(tmp_path / "b.h5")


def test_files_of_others_are_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    rows = json.loads((folder / "truth.json").read_text())
    rows = [row for row in rows if row["path"].startswith("nwb/")]
    assert len(rows) == 4
    for row in rows:
        path, told = folder / row["path"], row["content"]
        if "no /units table" in told:
            where = "acquisition/Clustering" if "Clustering" in told else "units"
            with pytest.raises(DataError, match=f"is sound, but .*{where}"):
                read_nwb(path)
            continue
        ids, counts = (
            json.loads(re.search(rf"{what} (\[[^\]]*\])", told)[1])
            for what in ("ids", "spikes per unit")
        )
        least, most = re.search(r"; t (\S+) \.\. (\S+) s;", told).groups()
        found = read_nwb(path)
        assert found.known[0].tolist() == ids
        assert [np.count_nonzero(found.units == k) for k in ids] == counts
        ends = [found.times.min(), found.times.max()]
        np.testing.assert_allclose(ends, [float(least), float(most)], rtol=1e-8)
        assert found.zero == "2026-01-01T00:00:00+00:00"
