import re

import numpy as np
import pytest

from snnjax.datasets import DataError, read_phy
from snnjax.datasets.spikes.phy import is_phy

SAMPLES, CLUSTERS = np.array([5, 300, 40, 60_000]), np.array([4, 0, 9, 4])


@pytest.fixture
def write(tmp_path):
    """A folder of phy; a value that is ``None`` takes a file away."""
    plain = {
        "spike_times.npy": SAMPLES,
        "spike_clusters.npy": CLUSTERS,
        "params.py": "dat_path = 'a.dat'\nsample_rate = 30000.\nhp_filtered = False\n",
    }

    def written(**files):
        files = {name.replace("__", "."): what for name, what in files.items()}
        for name, what in (plain | files).items():
            if isinstance(what, str):
                (tmp_path / name).write_text(what)
            elif what is not None:
                np.save(tmp_path / name, what)
        return tmp_path

    return written


@pytest.mark.parametrize("kind", ["<u8", ">i8", "i4", "f8"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_samples_become_seconds_whatever_their_type_and_shape(kind, shape, write):
    samples = np.asfortranarray(SAMPLES.astype(kind).reshape(shape))
    found = read_phy(write(spike_times__npy=samples))
    assert found.times.tolist() == [5 / 30_000, 300 / 30_000, 40 / 30_000, 2.0]
    assert found.units.tolist() == CLUSTERS.tolist()
    assert [each.dtype for each in found[:3]] == ["f8", "i8", "i8"]
    assert found.populations == ("",)
    assert found.source.endswith("clusters of spike_clusters.npy")


@pytest.mark.parametrize("name", ["cluster_group__tsv", "cluster_info__tsv"])
def test_groups_are_populations_and_no_cluster_is_lost(name, write):
    table = "cluster_id\tgroup\n4\tgood\n0\tnoise\n77\tmua\n"
    if "info" in name:
        table = "id\tamp\tgroup\n4\t1.5\tgood\n0\t.5\tnoise\n9\t1\t\n"
    found = read_phy(write(**{name: table}))
    assert found.populations == ("good", "noise", "unsorted")
    assert found.population.tolist() == [0, 1, 2, 0]
    good = read_phy(write(**{name: table}), population="good")
    assert (good.units.tolist(), good.populations) == ([4, 4], ("good",))
    assert good.population.tolist() == [0, 0]
    with pytest.raises(
        DataError, match="groups good, noise, unsorted, none called 'mua'"
    ):
        read_phy(write(**{name: table}), population="mua")


def test_a_table_of_clusters_that_nobody_looked_at_has_no_group(write):
    found = read_phy(write(cluster_info__tsv="cluster_id\tamp\n4\t1\n"))
    assert (found.populations, len(found.times)) == (("unsorted",), 4)


def test_templates_stand_in_for_clusters_that_nobody_sorted(write):
    path = write(spike_clusters__npy=None, spike_templates__npy=CLUSTERS[::-1])
    found = read_phy(path)
    assert found.units.tolist() == CLUSTERS[::-1].tolist()
    assert found.source.endswith("clusters of spike_templates.npy")


@pytest.mark.parametrize(
    ("line", "rate"),
    [
        ("sample_rate = 25000", 25_000.0),
        ("sample_rate=30_000.0  # Hz", 30_000.0),
        ("sample_rate = 3e4", 30_000.0),
        ("n = 1\r\nsample_rate = 24414.0625\r", 24_414.0625),
    ],
)
def test_parameters_are_read_as_text(line, rate, write):
    assert read_phy(write(params__py=line + "\n")).times[3] == 60_000 / rate


def test_parameters_are_never_run(write, tmp_path):
    trap = f"open({str(tmp_path / 'trap')!r}, 'w')\n"
    read_phy(write(params__py=f"{trap}sample_rate = 30000\n"))
    with pytest.raises(
        DataError, match="a sample_rate float\\(30000\\), not one number"
    ):
        read_phy(write(params__py=f"{trap}sample_rate = float(30000)\n"))
    assert not (tmp_path / "trap").exists()


def test_a_rate_that_no_file_tells_is_asked_for(write):
    for text in (None, "dtype = 'int16'\n"):
        path = write(params__py=text)
        with pytest.raises(DataError, match=r"rate=… says it \[Hz\]") as told:
            read_phy(path)
        assert told.value.sound
        assert read_phy(path, rate=1e4).times[3] == 6.0
    path = write(params__py="sample_rate = 30000\n")
    assert read_phy(path, rate=30_000).times[3] == 2.0
    with pytest.raises(DataError, match=r"says 30000.0 samples in a second, rate 1000"):
        read_phy(path, rate=1000)
    with pytest.raises(ValueError, match=r"rate \[Hz\] must be"):
        read_phy(path, rate=0)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"spike_clusters__npy": CLUSTERS[:3]}, "has 4 spikes, spike_clusters.npy 3"),
        (
            {"spike_times__npy": SAMPLES / 7},
            "spike_times.npy .* numbers that are not w",
        ),
        ({"spike_times__npy": SAMPLES.reshape(2, 2)}, r"an array \[2, 2\], not \[n\]"),
        ({"spike_times__npy": SAMPLES > 9}, "an array of bool"),
        ({"spike_times__npy": SAMPLES.astype("u8") + 2**63}, "has a neuron 9223372"),
        ({"params__py": "sample_rate = 1\nsample_rate = 2\n"}, "sample_rate 1, 2, not"),
        ({"params__py": "sample_rate = 0\n"}, "its sample_rate is 0.0 Hz"),
        ({"cluster_group__tsv": "a\tgroup\n1\tgood\n"}, "none of them cluster_id"),
        ({"cluster_group__tsv": "cluster_id\tgroup\nx\tgood\n"}, "line 2 has x, good"),
        (
            {"cluster_group__tsv": "cluster_id\tgroup\n1\tgood\n1\tmua\n"},
            "cluster 1 is mua, and was another",
        ),
        ({"spike_times__npy": None}, "is no folder of phy: it needs spike_times.npy"),
        (
            {"spike_clusters__npy": None},
            "is no folder of phy: it needs spike_times.npy",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(files, message, write):
    with pytest.raises(DataError, match=message):
        read_phy(write(**files))


def test_a_folder_is_told_by_what_is_in_it(write, tmp_path):
    assert not is_phy(tmp_path)
    assert is_phy(write())
    with pytest.raises(
        DataError, match=r"spike_times.npy .* it is a file, not a folder"
    ):
        read_phy(tmp_path / "spike_times.npy")
    with pytest.raises(FileNotFoundError, match="No file"):
        read_phy(tmp_path / "none")


def test_a_folder_of_others_is_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    found = read_phy(folder / "phy" / "phy-data-template")
    assert (len(found.times), len({*found.units.tolist()})) == (314, 62)
    assert [found.units.min(), found.units.max()] == [0, 63]
    assert [found.times.min(), found.times.max()] == [1006 / 25_000, 298_403 / 25_000]
    good = found.population == found.populations.index("good")
    assert {*found.units[good].tolist()} == {4}
    assert re.search("spike_clusters", found.source)
