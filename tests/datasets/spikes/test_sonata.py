import gzip
import json
import re
import struct
import tracemalloc

import numpy as np
import pytest

from snnjax.datasets import DataError, read_sonata, read_spike_text
from snnjax.datasets.spikes.hdf5_spikes import is_sonata

h5py = pytest.importorskip("h5py")

TIMES, NODES = np.array([7.5, 0.25, 3.0]), np.array([3, 0, 3])


@pytest.fixture
def write(tmp_path):
    """A file of populations: times [ms] and neurons of each."""

    def written(populations, sorting="none", units="ms", **packed):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            for name, (times, nodes) in populations.items():
                group = file.create_group(f"spikes/{name}")
                group.attrs["sorting"] = sorting
                group.create_dataset("timestamps", data=times, **packed)
                group.create_dataset("node_ids", data=nodes, **packed)
                if units:
                    group["timestamps"].attrs["units"] = units
        return tmp_path / "a.h5"

    return written


@pytest.mark.parametrize("kind", ["i8", "u8", "u4", "u1", ">i4"])
@pytest.mark.parametrize(
    "sorting", ["by_time", np.bytes_("by_id"), np.uint8(2), "none"], ids=str
)
def test_spikes_are_read_in_the_order_of_the_file(kind, sorting, write):
    found = read_sonata(write({"V1": (TIMES, NODES.astype(kind))}, sorting))
    assert found.times.tolist() == [0.0075, 0.00025, 0.003]
    assert found.units.tolist() == [3, 0, 3]
    assert [each.dtype for each in found[:3]] == ["f8", "i8", "i8"]
    assert (found.populations, found.source) == (("V1",), "SONATA")


def test_a_sorting_that_is_an_enumeration_is_no_matter(tmp_path, write):
    path = write({"V1": (TIMES, NODES)})
    kind = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")
    with h5py.File(path, "a") as file:
        del file["spikes/V1"].attrs["sorting"]
        file["spikes/V1"].attrs.create("sorting", 2, dtype=kind)
    assert read_sonata(path).units.tolist() == [3, 0, 3]


def test_populations_share_numbers_and_are_told_apart(write):
    none = np.zeros(0), np.zeros(0, np.int64)
    path = write({"V1": (TIMES, NODES), "LGN": (TIMES + 1, NODES), "off": none})
    found = read_sonata(path)
    assert found.populations == ("LGN", "V1", "off")
    assert found.population.tolist() == [0, 0, 0, 1, 1, 1]
    one = read_sonata(path, population="V1")
    assert (one.times.tolist(), one.populations) == ([0.0075, 0.00025, 0.003], ("V1",))
    assert len(read_sonata(path, population="off").times) == 0
    with pytest.raises(DataError, match="populations LGN, V1, off, none called 'v1'"):
        read_sonata(path, population="v1")


@pytest.mark.parametrize(
    ("units", "factor"), [("ms", 1e-3), ("s", 1.0), ("us", 1e-6), ("", 1e-3)]
)
def test_times_are_in_milliseconds_unless_the_file_says_otherwise(units, factor, write):
    found = read_sonata(write({"V1": (TIMES, NODES)}, units=units))
    np.testing.assert_allclose(found.times, TIMES * factor, rtol=1e-15)


def test_packed_files_and_those_without_populations_are_read(tmp_path, write):
    path = write({"V1": (TIMES, NODES)}, compression="gzip", shuffle=True)
    assert read_sonata(path).units.tolist() == [3, 0, 3]
    (tmp_path / "b.h5.gz").write_bytes(gzip.compress(path.read_bytes()))
    assert read_sonata(tmp_path / "b.h5.gz").units.tolist() == [3, 0, 3]
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["spikes/timestamps"], file["spikes/gids"] = TIMES, NODES
    found = read_sonata(tmp_path / "c.h5")
    assert (found.units.tolist(), found.populations) == ([3, 0, 3], ("",))


@pytest.mark.parametrize(
    ("times", "nodes", "units", "message"),
    [
        (TIMES, NODES[:2], "ms", "V1 has 3 times, 2 units"),
        (TIMES, NODES, "minutes", "in 'minutes', no unit of time that is known"),
        (TIMES * np.nan, NODES, "ms", "spike 0 of spikes/V1/timestamps is at nan"),
        (TIMES, NODES + 0.5, "ms", "spikes/V1/node_ids of type float64"),
        (TIMES, NODES.astype("u8") + 2**63, "ms", "node_ids has a neuron 92233"),
        (TIMES[None], NODES, "ms", r"timestamps of type float64, shape \(1, 3\)"),
    ],
)
def test_what_contradicts_itself_is_refused(times, nodes, units, message, write):
    with pytest.raises(DataError, match=message):
        read_sonata(write({"V1": (times, nodes)}, units=units))


def test_links_out_of_the_file_are_not_followed(tmp_path, write):
    other = write({"V1": (TIMES, NODES)}).rename(tmp_path / "b.h5")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spikes/V1/node_ids"] = NODES
        file["spikes/V1/timestamps"] = h5py.ExternalLink(
            str(other), "spikes/V1/timestamps"
        )
    with pytest.raises(DataError, match="spikes/V1/timestamps as a link"):
        read_sonata(tmp_path / "a.h5")


def test_an_attribute_that_claims_much_takes_nothing(write):
    path = write({"V1": (TIMES, NODES)})
    raw = bytearray(path.read_bytes())
    heap = struct.pack("<Q", raw.find(b"GCOL"))
    at = raw.find(heap, raw.find(b"units\0"))
    struct.pack_into("<I", raw, at - 4, 2**28)
    path.write_bytes(raw)
    tracemalloc.start()
    with pytest.raises(DataError, match="an attribute units claims 268435456 bytes"):
        read_sonata(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


def test_attributes_of_other_types_are_refused(write):
    path = write({"V1": (TIMES, NODES)}, units="")
    for value in (["ms", "ms"], np.array([b"ms", b"s"]), h5py.Empty("f4")):
        with h5py.File(path, "a") as file:
            file["spikes/V1/timestamps"].attrs["units"] = value
        with pytest.raises(DataError, match="an attribute units of"):
            read_sonata(path)


def test_other_trees_are_told_by_their_names(tmp_path, write):
    with h5py.File(write({"V1": (TIMES, NODES)}), "r") as tree:
        assert is_sonata(tree)
    with h5py.File(tmp_path / "b.h5", "w") as tree:
        tree["spikes/times"] = TIMES
        assert not is_sonata(tree)
        tree["Block_0/segments/Segment_0/spiketrains/x"] = TIMES
    with pytest.raises(DataError, match="NeoHdf5IO of old versions of Neo") as told:
        read_sonata(tmp_path / "b.h5")
    assert told.value.sound


def test_files_of_others_are_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    rows = json.loads((folder / "truth.json").read_text())
    rows = [row for row in rows if row["path"].startswith("sonata/")]
    assert len(rows) == 5
    for row in rows:
        whole = read_sonata(folder / row["path"])
        told = re.findall(
            r'population "(\w+)": (.*?)(?=; population|$)',
            row["content"].replace(",", ""),
        )
        assert whole.populations == tuple(sorted(name for name, _ in told))
        for name, true in told:
            found = read_sonata(folder / row["path"], population=name)
            where = whole.population == whole.populations.index(name)
            np.testing.assert_array_equal(found.times, whole.times[where])
            n = int(re.match(r"(\d+) spikes", true)[1])
            assert len(found.times) == n
            if n:
                units, low, high, least, most, first = re.search(
                    r"(\d+) units with spikes ids (\d+)\.\.(\d+); "
                    r"t (\S+) \.\. (\S+) ms; first row t=([\d.]+)",
                    true,
                ).groups()
                assert len({*found.units.tolist()}) == int(units)
                assert [found.units.min(), found.units.max()] == [int(low), int(high)]
                ends = [found.times.min(), found.times.max(), found.times[0]]
                true_ends = [float(t) / 1e3 for t in (least, most, first)]
                np.testing.assert_allclose(ends, true_ends, rtol=1e-8)
    text = read_spike_text(folder / "csv_spikes" / "bmtk_lgn_spikes.poisson.csv")
    tree = read_sonata(folder / "sonata" / "bmtk_lgn_spikes.poisson.h5")
    np.testing.assert_array_equal(text.times, tree.times)
    np.testing.assert_array_equal(text.units, tree.units)
    with pytest.raises(DataError, match="Block_0/segments"):
        read_sonata(folder / "odd" / "old_neo_hdf5_spikes_L6E.h5")
    with pytest.raises(DataError, match="is sound, but"):
        read_sonata(folder / "odd" / "old_neo_hdf5_subset.h5")
