"""What is written twice has the same bytes, whatever the clock says."""

import time

import jax
import numpy as np
import public

import snnjax as snn
from snnjax import datasets
from snnjax.interop import nir, weights

NET = snn.chain(snn.dense(3, 4), snn.lif(4))


def drawn():
    return NET.init(jax.random.key(0))


def arrays():
    return {f"w{k}": np.full((3, k + 1), k, np.float32) for k in range(8)}


def text(folder):
    (folder / "a.csv").write_bytes(b"t,x@4,y@3,on\n5,0,0,1\n7,1,1,1\n")
    return folder / "a.csv"


WRITERS = {  # name -> writes files of some names into a folder
    "saving.save": lambda to: snn.save(
        to / "a.safetensors", drawn(), network=NET, notes={"b": 1, "a": 2, "c": 3}
    ),
    "interop.nir.save": lambda to: nir.save(to / "a.nir", NET, drawn(), dt=1e-3),
    "interop.weights.write_state_dict": lambda to: [
        weights.write_state_dict(to / name, arrays())
        for name in ("b.safetensors", "b.npz")
    ],
    "datasets.write_shd": lambda to: datasets.write_shd(to / "a.h5", public.samples()),
    "datasets.write_events": lambda to: datasets.write_events(
        to / "a.npz", public.samples()
    ),
    "datasets.write_sonata": lambda to: datasets.write_sonata(
        to / "b.h5", public.neurons()
    ),
    "datasets.convert": lambda to: [
        datasets.convert(text(to), to / name) for name in ("c.h5", "c.es")
    ],
}
OTHERWISE = {  # who else is called so
    "datasets.write_camera_hdf5": "by convert",
    "datasets.write_event_stream": "by convert",
}


def test_every_writer_is_known():
    found = {
        name
        for name in public.everything()
        if name.rpartition(".")[2].startswith(("save", "write_", "convert"))
    }
    assert found == {*WRITERS, *OTHERWISE}


def test_what_is_written_twice_has_the_same_bytes(tmp_path):
    for k in range(2):
        time.sleep(1.1 * k)  # a second later, which files could tell
        for name, write in WRITERS.items():
            (tmp_path / str(k) / name).mkdir(parents=True)
            write(tmp_path / str(k) / name)
    first, second = (
        {p.relative_to(tmp_path / k): p.read_bytes() for p in files(tmp_path / k)}
        for k in "01"
    )
    assert len(first) >= len(WRITERS) + 2
    assert [str(name) for name in first if first[name] != second[name]] == []
    assert first.keys() == second.keys()


def files(folder):
    return [path for path in folder.rglob("*") if path.is_file()]
