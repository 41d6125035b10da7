"""What is written comes back: the same weights to the last bit, the same activity."""

from functools import partial

import jax
import nir
import numpy as np
import pytest
from nir_made import DT, NETWORKS, SHAPES, drawn, inputs

import snnjax as snn
from snnjax import parts
from snnjax.interop import nir as our

CLOSE = {"rtol": 1e-5, "atol": 1e-6}
CHANGED = ("two recurrent layers", "residual")  # a diagonal of zeros, a scale of ones


def there_and_back(name, path):
    shape = SHAPES.get(name)
    our.save(path, NETWORKS[name], drawn(name), dt=DT, shape=shape)
    return our.load(path)


@partial(jax.jit, static_argnums=0)
def ran(network, weights, xs):
    return snn.unroll(network, weights, xs, dt=DT)[1]


def close(now, was):
    """Spikes are the same; sums may be rounded in another order."""

    def one(a, b):
        spikes = {*np.unique(b)} <= {0.0, 1.0}
        np.testing.assert_allclose(a, b, **({"rtol": 0} if spikes else CLOSE))

    jax.tree.map(one, now, was)


def numbers(weights, name=None):
    """All arrays of weights, whatever tree they are in."""
    if name == "learned":
        weights = weights[0]  # the others are constants
    return sorted(np.asarray(w).tobytes() for w in jax.tree.leaves(weights))


def check_same(name, path):
    found = there_and_back(name, path)
    xs = inputs(name)
    was = ran(NETWORKS[name], drawn(name), xs)
    now = ran(found.network, found.weights, xs)
    assert found.dt == DT
    assert jax.tree.structure(was) == jax.tree.structure(now)
    close(now, was)
    if name not in CHANGED:
        assert numbers(found.weights) == numbers(drawn(name), name)
    for y in jax.tree.leaves(was):
        assert np.abs(y).max() > 0.1  # something happened


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back_bit_for_bit(name, tmp_path):
    check_same(name, tmp_path / "net.nir")


@pytest.mark.parametrize(
    "name", ["chain", "e and i", "closed with a delay", "convolutional to the end"]
)
def test_and_in_double_precision(name, tmp_path, x64):
    check_same(name, tmp_path / "net.nir")
    node = nir.read(tmp_path / "net.nir").nodes
    kinds = {type(each).__name__: each for each in node.values()}
    assert kinds.get("Linear", kinds.get("Affine")).weight.dtype == np.float64


@pytest.mark.parametrize("name", ["e and i", "three layers of feedback", "skip"])
def test_the_networks_fire_some_and_their_wiring_matters(name):
    """Controls: silence and another order would not be noticed."""
    spikes = ran(NETWORKS[name], drawn(name), inputs(name))
    fired = next(y for k, y in spikes.items() if k != "out")
    assert 0.05 < fired.mean() < 0.5
    if name == "three layers of feedback":
        other = ran(NETWORKS["nothing at once"], drawn(name), inputs(name))
        assert np.abs(other["out"] - spikes["out"]).max() > 0.1


@pytest.mark.parametrize("name", NETWORKS)
def test_the_package_reads_and_writes_what_we_wrote(name, tmp_path):
    there_and_back(name, tmp_path / "net.nir")
    square = name not in ("convolutional",)  # whose kernel it takes to be square
    graph = nir.read(tmp_path / "net.nir", type_check=square)
    if square:
        nir.write(tmp_path / "again.nir", graph)
        again = our.load(tmp_path / "again.nir")
        first = our.load(tmp_path / "net.nir")
        jax.tree.map(np.testing.assert_array_equal, again.weights, first.weights)
        assert repr(again.network) == repr(first.network)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_came_back_goes_out_again(name, tmp_path):
    found = there_and_back(name, tmp_path / "net.nir")
    shape = SHAPES.get(name)
    again = our.to_nir(found.network, found.weights, dt=DT, shape=shape)
    last = our.from_nir(again)
    xs = inputs(name)
    was = ran(found.network, found.weights, xs)
    close(ran(last.network, last.weights, xs), was)


def test_a_chain_is_a_chain_and_a_loop_has_its_own_way():
    chain = our.from_nir(our.to_nir(NETWORKS["chain"], drawn("chain"), dt=DT))
    assert chain.network.about.make is snn.chain
    assert list(chain.weights) == ["0", "1", "2", "3"]
    name = "one recurrent layer"
    looped = our.from_nir(our.to_nir(NETWORKS[name], drawn(name), dt=DT)).network
    assert looped.about.make is snn.graph
    cells, edges = (parts.options_of("", looped)[each] for each in ("cells", "edges"))
    assert list(cells) == ["0_neuron", "2"]
    assert edges["0_neuron->0_neuron"].about.matrix is not None


def test_names_with_dots_and_arrows_are_told_in_the_metadata():
    name = "e and i"
    net = snn.chain(pop=NETWORKS[name], **{"all": snn.stateless(both)})
    with pytest.raises(ValueError, match="all: NIR has no node for the function"):
        our.to_nir(net, net.init(jax.random.key(0)), dt=DT)
    graph = our.to_nir(NETWORKS[name], drawn(name), dt=DT)
    assert {"e", "i", "out", "e_to_i", "i_to_e", "input_to_e"} < {*graph.nodes}
    assert graph.nodes["e_to_i"].metadata == {"name": "e->i"}
    looped = our.to_nir(
        NETWORKS["two recurrent layers"], drawn("two recurrent layers"), dt=DT
    )
    assert looped.nodes["first_neuron"].metadata == {"name": "first.neuron"}


def both(x):
    return x


def test_two_names_that_become_one_stay_two():
    net = snn.chain(
        **{"a_b": snn.chain(c=snn.dense(3, 3)), "a": snn.chain(b_c=snn.lif(3))}
    )
    graph = our.to_nir(net, net.init(jax.random.key(0)), dt=DT)
    assert {"a_b_c", "a_b_c_2"} < {*graph.nodes}


def test_names_of_others_become_names_of_cells(tmp_path):
    graph = nir.NIRGraph(
        {
            **{"x->": nir.Input(np.array([3])), "l.1": nir.Linear(np.eye(3))},
            **{"l_1": nir.Threshold(np.zeros(3)), "y": nir.Output(np.array([3]))},
        },
        [("x->", "l.1"), ("l.1", "l_1"), ("l_1", "y")],
    )
    nir.write(tmp_path / "a.nir", graph)
    found = our.load(tmp_path / "a.nir", dtype="float32")
    assert list(found.weights) == ["l_1_2", "l_1"]


def test_metadata_go_along(tmp_path):
    net, weights = NETWORKS["chain"], drawn("chain")
    notes = {"": {"by": "me", "year": 2026}, "1": {"table": np.arange(3.0)}}
    our.save(tmp_path / "a.nir", net, weights, dt=DT, metadata=notes)
    found = our.load(tmp_path / "a.nir").metadata
    assert found[""]["by"] == "me"
    assert found[""]["year"] == 2026
    assert found[""]["dt"] == DT
    assert found[""]["method"] == "exact"
    assert found[""]["reset"] == "zero"
    np.testing.assert_array_equal(found["1"]["table"], np.arange(3.0))
    with pytest.raises(ValueError, match="metadata name 'hidden', which is no leaf"):
        our.to_nir(net, weights, dt=DT, metadata={"hidden": {}})
    for odd in ({"": {"dt": 1.0}}, {"": {"a/b": 1}}, {"1": {"f": print}}):
        with pytest.raises(ValueError, match="metadata of"):
            our.to_nir(net, weights, dt=DT, metadata=odd)


def test_learned_constants_are_those_that_are_written():
    name = "learned"
    weights = list(drawn(name))
    logs = {"tau": np.log(np.linspace(3e-3, 3e-2, 6, dtype="float32"))}
    weights[1] = weights[1]._replace(logs=logs)
    graph = our.to_nir(NETWORKS[name], tuple(weights), dt=DT)
    np.testing.assert_allclose(
        graph.nodes["1_cell"].tau_mem, np.linspace(3e-3, 3e-2, 6), rtol=1e-6
    )


@pytest.mark.parametrize("neuron", ["li", "lif"])
def test_an_input_that_jumps_the_voltage_is_a_current_of_another_gain(neuron, x64):
    given = {"params": snn.LIFParams(10e-3, None, 0.7), "input": "voltage"}
    net = snn.chain(dense_of(5, 6), getattr(snn, neuron)(6, **given))
    weights = net.init(jax.random.key(0))
    found = our.from_nir(our.to_nir(net, weights, dt=DT))
    xs = inputs("chain")
    np.testing.assert_allclose(
        ran(found.network, found.weights, xs), ran(net, weights, xs), rtol=1e-9
    )


def dense_of(n_in, n_out):
    return snn.dense(n_in, n_out, init=snn.networks.normal)


def test_other_linear_connections_are_matrices():
    from snnjax.networks import fan_in, fan_out, learned_delay, low_rank, sparse

    targets = fan_out(fan_in(jax.random.key(1), 5, 6, 2), 5)
    net = snn.chain(
        sparse(targets, 1.0 + np.arange(targets.size).reshape(targets.shape), 6),
        snn.lif(6),
        learned_delay(6, 4),
        low_rank(6, 3, 2, init=snn.networks.normal),
        snn.li(3),
    )
    weights = net.init(jax.random.key(0))
    found = our.from_nir(our.to_nir(net, weights, dt=DT))
    xs = inputs("chain")
    np.testing.assert_allclose(
        ran(found.network, found.weights, xs),
        ran(net, weights, xs),
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_network_that_came_in_can_be_saved_as_one_of_ours(tmp_path):
    name = "convolutional to the end"
    found = there_and_back(name, tmp_path / "net.nir")
    snn.save(tmp_path / "a.safetensors", found.weights, network=found.network)
    again = snn.load(tmp_path / "a.safetensors")
    xs = inputs(name)
    close(ran(again.network, again.weights, xs), ran(found.network, found.weights, xs))


def test_half_a_file_is_never_left(tmp_path, monkeypatch):
    path = tmp_path / "net.nir"
    path.write_text("what was there")

    def full_disk(new, graph):
        new.write_text("half")
        raise OSError("no space left")

    monkeypatch.setattr(nir, "write", full_disk)
    with pytest.raises(OSError, match="no space"):
        our.save(path, NETWORKS["chain"], drawn("chain"), dt=DT)
    assert path.read_text() == "what was there"
    assert [*tmp_path.iterdir()] == [path]
