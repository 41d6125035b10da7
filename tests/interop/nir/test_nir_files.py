"""Files that would do harm are refused by name, at once and within memory."""

import h5py
import nir
import numpy as np
import pytest
from nir_made import DT, NETWORKS, drawn, full, leaky, row

from benchmarks.fuzz.bombs import measure
from snnjax.datasets import DataError
from snnjax.interop import nir as our


@pytest.fixture
def sound(tmp_path):
    path = tmp_path / "net.nir"
    nir.write(path, row(nir.Linear(np.eye(3, dtype=np.float32)), leaky("CubaLIF")))
    return path


def loaded(path):
    return our.load(path, dt=DT)


def test_every_file_that_is_cut_short_is_refused(sound):
    raw = sound.read_bytes()
    for size in np.linspace(0, len(raw) - 1, 60).astype(int):
        sound.write_bytes(raw[:size])
        with pytest.raises(DataError, match=r"net\.nir"):
            loaded(sound)


def to_another_file(node, path):
    node["nodes/linear/weight"] = h5py.ExternalLink("other.h5", "/weight")


def to_another_place(node, path):
    node["nodes/linear/weight"] = h5py.SoftLink("/node/nodes/cubalif/r")


def elsewhere(node, path):
    kept = path.parent / "raw.bin"
    kept.write_bytes(np.eye(3, dtype=np.float32).tobytes())
    external = [(str(kept), 0, 36)]
    node.create_dataset("nodes/linear/weight", (3, 3), "f4", external=external)


def virtual(node, path):
    layout = h5py.VirtualLayout((3, 3), "f4")
    layout[:] = h5py.VirtualSource("other.h5", "weight", (3, 3))
    node.create_virtual_dataset("nodes/linear/weight", layout)


def a_group(node, path):
    node.create_group("nodes/linear/weight")


def nothing(node, path):
    node.create_dataset("nodes/linear/weight", data=h5py.Empty("f4"))


def objects(node, path):
    node["nodes/linear/weight"] = node["nodes/cubalif/r"].ref


def too_large(node, path):
    node.create_dataset(
        "nodes/linear/weight", (2**20, 2**20), "f4", chunks=(1024, 1024)
    )


def long_name(node, path):
    node.move("nodes/linear", f"nodes/{'n' * 300}")
    node["nodes/linear/weight"] = np.eye(3)


def many(node, path):
    for k in range(1001):
        node.create_group(f"nodes/{k}")
    node["nodes/linear/weight"] = np.eye(3)


ODD = {
    to_another_file: "a link to somewhere else",
    to_another_place: "a link to somewhere else",
    elsewhere: "data in another file",
    virtual: "data in another file",
    a_group: "as a group, not an array",
    nothing: "without a value",
    objects: "of type object",
    too_large: "would take more than",
    long_name: "names too long",
    many: "more than 1000 nodes",
}


@pytest.mark.parametrize("change", ODD, ids=lambda f: f.__name__)
def test_what_lies_elsewhere_or_is_too_much_is_refused(change, sound):
    with h5py.File(sound, "r+") as file:
        del file["node/nodes/linear/weight"]
        change(file["node"], sound)
    with pytest.raises(DataError, match=ODD[change]) as caught:
        loaded(sound)
    assert str(sound) in str(caught.value)


def test_memory_stays_within_what_is_allowed(sound):
    with h5py.File(sound, "r+") as file:
        node = file["node/nodes/linear"]
        del node["weight"]
        node.create_dataset("weight", (2**15, 2**15), "f4", chunks=(256, 256))
    row = measure(sound, "nir.load")
    assert row["told"] == "refused"
    assert row["peak_MB"] < 140


def test_more_may_be_allowed_by_hand(sound):
    with pytest.raises(DataError, match="pass limit="):
        our.load(sound, dt=DT, limit=1000)
    assert our.load(sound, dt=DT, limit=2**24).dt == DT


def test_other_files_are_told(tmp_path):
    path = tmp_path / "a.nir"
    with h5py.File(path, "w") as file:
        file["layer/weights"] = np.eye(3)
    with pytest.raises(
        DataError, match=r"is sound, but .* holds groups or arrays layer"
    ):
        our.load(path)
    nir.write(path, nir.LIF(*(full(k) for k in (0.01, 1.0, 0.0, 1.0))))
    with pytest.raises(DataError, match="one node of the type 'LIF', no graph"):
        our.load(path)
    path.write_bytes(b"<html>Please log in</html>")
    with pytest.raises(DataError, match="a page or XML"):
        our.load(path)
    with pytest.raises(FileNotFoundError):
        our.load(tmp_path / "none.nir")


def test_a_node_that_makes_no_sense_is_named_with_the_file(sound):
    with h5py.File(sound, "r+") as file:
        file["node/nodes/cubalif/tau_syn"][1] = np.nan
    with pytest.raises(DataError, match=r"net\.nir: Node 'cubalif': .*must be finite"):
        loaded(sound)


def test_a_file_of_old_versions_lacks_fields_and_is_read(tmp_path):
    """Resets to zero and gains of one were not told before version 1.0.2."""
    path = tmp_path / "net.nir"
    nir.write(path, row(leaky("CubaLIF", w_in=1.0)))
    with h5py.File(path, "r+") as file:
        for name in ("v_reset", "w_in"):
            del file[f"node/nodes/cubalif/{name}"]
        del file["version"]
    old = loaded(path)
    nir.write(path, row(leaky("CubaLIF", w_in=1.0)))
    assert repr(old.network) == repr(loaded(path).network)


def test_a_packed_file_is_read(tmp_path):
    import gzip

    our.save(tmp_path / "net.nir", NETWORKS["chain"], drawn("chain"), dt=DT)
    packed = tmp_path / "net.nir.gz"
    packed.write_bytes(gzip.compress((tmp_path / "net.nir").read_bytes()))
    assert repr(our.load(packed).network) == repr(
        our.load(tmp_path / "net.nir").network
    )
