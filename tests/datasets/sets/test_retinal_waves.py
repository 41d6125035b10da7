import numpy as np
import pytest

from snnjax.datasets import retinal_waves

h5py = pytest.importorskip("h5py")

COUNTS = {
    "Kirkby2013": (22, 629_594),
    "Wong1993": (11, 179_916),
    "Xu2011": (30, 607_063),
}


def write(path):
    """One unit that fires once."""
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        file["spikes"], file["sCount"] = np.array([0.5]), np.array([1])
        file["epos"] = np.zeros((2, 1))


def test_a_folder_is_read_by_study(tmp_path, monkeypatch):
    write(tmp_path / "data" / "rgc-waverepo" / "Xu2011" / "two.h5")
    monkeypatch.setenv("SNNJAX_DATA", str(tmp_path / "data"))
    assert list(retinal_waves()) == ["two"]
    assert list(retinal_waves(tmp_path / "data")) == ["two"]
    study = tmp_path / "data" / "rgc-waverepo" / "Xu2011"
    assert list(retinal_waves(study)) == list(retinal_waves(study.parent)) == ["two"]
    with pytest.raises(FileNotFoundError, match="snnjax data get retinal-waves"):
        retinal_waves(tmp_path / "elsewhere")


def test_the_repository_holds_what_its_readme_counts(data_folder):
    found = retinal_waves(data_folder("rgc-waverepo").parent)
    studies = {name: [] for name in COUNTS}
    for name, recording in found.items():
        studies[name.split("_")[0]].append(recording)
        assert recording.about["key"] == name.split("_")[0]
        assert recording.positions.shape == (recording.events.n_units, 2)
    counted = {
        name: (len(each), sum(len(r.events.times) for r in each))
        for name, each in studies.items()
    }
    assert counted == COUNTS
    ages = {r.about["age"] for r in studies["Kirkby2013"]}
    assert ages == {4, 5, 6, 7}
    assert {r.about["species"] for r in studies["Wong1993"]} == {"ferret"}
