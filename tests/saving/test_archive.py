"""A network in one file: it opens elsewhere as it was, or says what is wrong."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from safetensors.numpy import save as write

import snnjax as snn
from snnjax.networks import graph
from snnjax.training import fit, init_train_state, make_step

DT = 1e-3


def network():
    hidden = snn.recurrent(5, 8, snn.lif(8, backend="xla"))
    readout, out = snn.dense(8, 2, backend="xla"), snn.li(2, backend="xla")
    return snn.chain(hidden=hidden, readout=readout, out=out)


def weights_of(net, seed=0):
    return net.init(jax.random.key(seed))


def rasters(steps=20, batch=3):
    return jax.random.bernoulli(jax.random.key(1), 0.5, (steps, batch, 5)).astype(float)


def ran(net, weights):
    return jax.jit(lambda w, x: snn.unroll(net, w, x, dt=DT)[1])(weights, rasters())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "network.safetensors"


def test_a_saved_network_opens_without_the_code_that_made_it(path):
    net, notes = network(), {"dt": DT, "classes": ["yes", "no"]}
    weights = weights_of(net)
    snn.save(path, weights, network=net, notes=notes)
    found = snn.load(path)
    assert repr(found.network) == repr(net)
    assert found.notes == notes
    assert jax.tree.structure(found.weights) == jax.tree.structure(weights)
    expected = ran(net, weights)
    assert jnp.any(expected != 0)
    np.testing.assert_array_equal(ran(found.network, found.weights), expected)


def test_the_same_network_gives_the_same_bytes(path):
    net, notes = network(), {"τ": "ü", "dt": DT, "classes": ["a", "b"]}
    files = set()
    for _ in range(8):
        snn.save(path, weights_of(net), network=net, notes=notes)
        files.add(path.read_bytes())
    assert len(files) == 1
    assert snn.load(path).notes == notes


def test_weights_alone_open_with_a_network(path):
    net = snn.chain(snn.dense(5, 2), network_by_hand())
    weights = weights_of(net)
    snn.save(path, weights)
    with pytest.raises(ValueError, match="give it, load"):
        snn.load(path)
    found = snn.load(path, network=net)
    jax.tree.map(np.testing.assert_array_equal, found.weights, weights)
    assert found.network is net


def network_by_hand():
    return snn.Cell(lambda key: (), lambda x: (), lambda w, s, x, dt: (s, x))


def test_arrays_of_any_precision_keep_their_bits(path, x64):
    net = graph(
        {"a": snn.lif(3), "b": snn.li(2)},
        {"input->a": snn.dense(5, 3), "a->b": snn.dense(3, 2), "b->a": snn.dense(2, 3)},
        outputs="b",
    )
    for dtype in (jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64):
        weights = jax.tree.map(lambda w, dtype=dtype: w.astype(dtype), weights_of(net))
        snn.save(path, weights, network=net)
        found = snn.load(path).weights
        jax.tree.map(np.testing.assert_array_equal, found, weights)
        assert {w.dtype for w in jax.tree.leaves(found)} == {jnp.dtype(dtype)}


def test_what_jax_would_narrow_is_refused(path, x64):
    snn.save(path, jax.tree.map(lambda w: w.astype(jnp.float64), weights_of(network())))
    with jax.enable_x64(False), pytest.raises(ValueError, match="would narrow"):
        snn.load(path, network=network())


def test_the_best_weights_of_a_run_open_by_the_same_call(tmp_path):
    net = network()

    def loss(weights, xs, y):
        out = snn.unroll(net, weights, xs, dt=DT)[1]
        return jnp.mean((out[-1] - y) ** 2), {}

    optimizer = optax.adam(1e-2)
    step = jax.jit(make_step(loss, optimizer, has_aux=True))
    batch = rasters(), jnp.ones((3, 2))
    done = fit(
        step,
        init_train_state(weights_of(net), optimizer),
        lambda epoch: [batch],
        epochs=2,
        validate=lambda weights: {"loss": loss(weights, *batch)[0]},
        **{"monitor": "loss", "mode": "min", "folder": tmp_path, "progress": False},
    )
    with pytest.raises(ValueError, match="give it, load"):
        snn.load(tmp_path)
    found = snn.load(tmp_path, network=net).weights
    jax.tree.map(np.testing.assert_array_equal, found, done.best_weights)
    with pytest.raises(ValueError, match=r"weights .* are not those of the network"):
        snn.load(tmp_path, network=snn.chain(hidden=snn.dense(5, 8)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="no checkpoint"):
        snn.load(tmp_path / "empty", network=net)


def test_a_folder_of_a_training_says_where_its_networks_are(path, tmp_path):
    inside = tmp_path / "mine" / "seed0" / "network.safetensors"
    inside.parent.mkdir(parents=True)
    snn.save(inside, weights_of(network()), network=network())
    with pytest.raises(ValueError, match=r"no checkpoint.*seed0/network.safetensors"):
        snn.load(tmp_path / "mine")


def test_weights_of_another_network_are_refused_by_name(path):
    net = network()
    weights = weights_of(net)
    narrow = weights | {"readout": weights["readout"]._replace(w=jnp.zeros((8, 3)))}
    for given, told in (
        (narrow, r"readout.w must be float32\[8, 2\], got float32\[8, 3\]"),
        ({"hidden": weights["hidden"]}, "readout.w is in one alone"),
        (weights | {"more": jnp.zeros(2)}, "more is in one alone"),
        (jax.tree.map(lambda w: w.astype(jnp.int32), weights), "must be float32"),
        (jax.tree.map(lambda w: w > 0, weights), "must be float32"),
    ):
        with pytest.raises(ValueError, match=told):
            snn.save(path, given, network=net)
        assert not path.exists()
        snn.save(path, given)
        with pytest.raises(ValueError, match=told):
            snn.load(path, network=net)
        path.unlink()


@pytest.mark.parametrize(
    "notes", [{"dt": np.float32(1)}, {"rate": float("nan")}, {1: 2}, {"a": (1, 2)}, [1]]
)
def test_notes_that_would_come_back_otherwise_are_refused(path, notes):
    with pytest.raises(ValueError, match="notes"):
        snn.save(path, weights_of(network()), notes=notes)


def test_traced_weights_are_refused(path):
    with pytest.raises(ValueError, match="outside of jit"):
        jax.jit(lambda w: snn.save(path, w))(weights_of(network()))


def test_what_was_there_stays_if_saving_fails(path, monkeypatch):
    snn.save(path, weights_of(network()), network=network())
    before = path.read_bytes()

    def full(*given):
        raise OSError("No space left on device")

    monkeypatch.setattr("pathlib.Path.write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        snn.save(path, weights_of(network(), 1))
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_damaged_file_is_refused_whatever_is_wrong_with_it(path):
    net = network()
    snn.save(path, weights_of(net), network=net)
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    refused = []
    for k in range(300):
        damaged = bytearray(whole)
        if k % 3 == 0:
            damaged = damaged[: rng.integers(0, len(whole))]
        for at in rng.integers(0, max(len(damaged), 1), 1 + k % 4)[: len(damaged)]:
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(bytes(damaged))
        try:
            found = snn.load(path)
        except ValueError as error:
            refused.append(str(error))
        else:  # numbers alone were hit
            assert jax.tree.structure(found.weights) == jax.tree.structure(
                weights_of(net)
            )
    assert len(refused) > 150
    assert all("network" in told for told in refused)


def test_other_files_are_refused_as_what_they_are(path, tmp_path):
    with pytest.raises(FileNotFoundError):
        snn.load(path)
    for raw in (b"", b"text", write({"w": np.zeros(2)}), write({}, {"format": "pt"})):
        path.write_bytes(raw)
        with pytest.raises(ValueError, match=r"no file of snnjax\.save"):
            snn.load(path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="it is a pipe"):
        snn.load(tmp_path / "pipe")


def test_a_recipe_of_a_huge_network_takes_no_memory(path):
    recipe = (
        '{"make": "snnjax.dense", "options": {"n_in": 2000000000, "n": 2000000000}}'
    )
    header = {"format": "snnjax 1", "notes": "{}", "network": recipe}
    path.write_bytes(write({"weights.w": np.zeros(2)}, header))
    with pytest.raises(ValueError, match=r"network|must be"):
        snn.load(path)


BARE = """
import sys
import numpy as np
from jax import export

program = export.deserialize(open(sys.argv[1], "rb").read())
np.save(sys.argv[3], program.call(np.load(sys.argv[2])))
assert not [name for name in sys.modules if name.startswith("snnjax")]
"""


def test_a_saved_network_runs_in_a_process_with_jax_alone(path, tmp_path):
    snn.save(path, weights_of(network()), network=network())
    net, weights, _ = snn.load(path)
    run = jax.jit(lambda xs: snn.unroll(net, weights, xs, dt=DT)[1])
    blob = jax.export.export(run)(rasters()).serialize()
    files = [tmp_path / name for name in ("program", "in.npy", "out.npy")]
    files[0].write_bytes(blob)
    np.save(files[1], rasters())
    subprocess.run([sys.executable, "-c", BARE, *map(str, files)], check=True)
    np.testing.assert_allclose(np.load(files[2]), run(rasters()), 1e-5, 1e-6)
