"""What NIR cannot tell, and what a graph leaves open or says wrongly, is refused."""

from itertools import pairwise

import jax
import nir
import numpy as np
import pytest
from nir_made import DT, dense, drawn, full, leaky, lif, row

import snnjax as snn
from snnjax.interop import nir as our
from snnjax.networks import convolution, delay, flatten, graph, layer_norm, pool

IMAGE = (6, 6, 2)


def told(net, **options):
    weights = net.init(jax.random.key(0))
    return our.to_nir(net, weights, dt=DT, **options)


def plain(cell, n=3):
    return snn.chain(dense(n, 3), cell)


def params(**constants):
    return snn.LIFParams(**constants)


EULER = our.circuit(3, our.CircuitParams(v_threshold=1.0), method="euler")
OUTWARD = {  # a network, options, and the refusal
    "refractory": (
        *(plain(snn.lif(3, params(refractory=2e-3))), {}),
        "1: NIR knows no refractory time",
    ),
    "subtract": (
        *(plain(snn.lif(3, reset="subtract")), {}),
        '1: NIR resets to v_reset; .* say reset="subtract"',
    ),
    "no reset": (
        *(plain(snn.lif(3, reset="none")), {"reset": "subtract"}),
        "1: NIR resets every neuron that fires",
    ),
    "not all subtract": (
        *(plain(lif(3)), {"reset": "subtract"}),
        "1: .*all neurons must be made so, this one has 'zero'",
    ),
    "euler": (
        *(plain(EULER), {}),
        "1: this neuron is integrated by 'euler'.* say meth",
    ),
    "exact": (
        *(plain(lif(3)), {"method": "euler"}),
        "1: this neuron is integrated by 'exact'.*leave method out",
    ),
    "adaptive": (*(plain(snn.alif(3)), {}), "1: NIR has no node for alif; it has"),
    "norm": (*(plain(layer_norm(3)), {}), "1: NIR has no node for layer_norm"),
    "function": (
        *(plain(snn.stateless(jax.nn.relu)), {}),
        "1: NIR has no node for the function 'relu' of stateless",
    ),
    "by hand": (
        *(
            plain(snn.Cell(lambda key: (), lambda x: (), lambda w, s, x, dt: (s, x))),
            {},
        ),
        "1 is hand-written",
    ),
    "maximum": (
        *(snn.chain(pool("max", (2, 2)), flatten()), {"shape": IMAGE}),
        "0: NIR has no pooling by the maximum",
    ),
    "pool of lines": (
        *(snn.chain(pool("sum", (2,)), flatten(1)), {"shape": (6, 2)}),
        "0: NIR pools images only",
    ),
    "padded mean": (
        *(snn.chain(pool("mean", (3, 3), stride=1, padding="same")), {"shape": IMAGE}),
        "0: NIR does not say how a window counts",
    ),
    "one side": (
        snn.chain(convolution(2, 3, kernel=(3, 3), stride=2), lif(3)),
        {"shape": IMAGE},
        r"0: its map \(6, 6\) gets .*zeros in front and behind",
    ),
    "shape": (
        *(snn.chain(convolution(2, 3, kernel=(3, 3)), lif(3)), {}),
        r"0 does not tell the shape .*shape=\(28, 28, 1\)",
    ),
    "order of a map": (
        *(snn.chain(convolution(2, 3, kernel=(3, 3)), flatten()), {"shape": IMAGE}),
        r"1: NIR flattens channel by channel.* nir.channels_first\(\)",
    ),
    "voltages": (
        snn.chain(w=dense(3, 3), n=lif(3), outputs=("n", "n.v")),
        *({}, "The network puts out 'n.v', which NIR has no edge for"),
    ),
    "voltages inside": (
        snn.chain(r=snn.recurrent(lif(3), dense(3, 3), outputs="v"), d=dense(3, 2)),
        *({}, "r puts out 'v', which NIR has no edge for"),
    ),
}


@pytest.mark.parametrize("name", OUTWARD)
def test_what_nir_cannot_tell_is_refused_by_name(name):
    net, options, why = OUTWARD[name]
    with pytest.raises(ValueError, match=why):
        told(net, **options)


def test_what_is_said_is_done():
    net = plain(snn.lif(3, reset="subtract"))
    graph = told(net, reset="subtract")
    assert graph.metadata["reset"] == "subtract"
    cell = our.from_nir(graph).network.about.parts["1"]
    assert cell.about.options.arguments["reset"] == "subtract"
    found = our.from_nir(told(plain(EULER), method="euler"))
    cell = found.network.about.parts["1"]
    assert cell.about.options.arguments["method"] == "euler"
    for option in ({"reset": "zero"}, {"method": "exact"}, {"dt": 2e-3}):
        if option != {"method": "exact"}:
            with pytest.raises(ValueError, match="is another network"):
                our.from_nir(graph, **option)
    with pytest.raises(ValueError, match="written for method='euler'"):
        our.from_nir(told(plain(EULER), method="euler"), method="exact")


def within(inner, name="sub", **beside):
    """A graph around another one, perhaps with nodes behind it."""
    names = "input", name, *beside, "output"
    ends = {"input": nir.Input(np.array([3])), "output": nir.Output(np.array([3]))}
    return nir.NIRGraph(
        {**ends, name: inner, **beside},
        list(pairwise(names)),
        type_check=False,
    )


def test_what_was_written_of_a_subgraph_counts_for_all_of_it_or_is_refused():
    subtracting = told(plain(snn.lif(3, reset="subtract")), reset="subtract")
    by_euler = told(plain(EULER), method="euler")
    for inner, said in (
        (subtracting, {"reset": "subtract"}),
        (by_euler, {"method": "euler"}),
    ):
        ((name, value),) = said.items()
        why = f"Subgraph 'sub' was written for {name}='{value}'.*if you say so"
        with pytest.raises(ValueError, match=why):
            our.from_nir(within(inner))
        found = our.from_nir(within(inner), **said)
        assert found.dt == DT
        options = [
            part.about.options.arguments for part in found.network.about.parts.values()
        ]
        assert value in [each.get(name) for each in options]
        with pytest.raises(ValueError, match="Subgraph 'sub' was written for dt"):
            our.from_nir(within(inner), dt=2 * DT, **said)
    with pytest.raises(ValueError, match=r"Subgraph 'sub\.sub' was written for reset"):
        our.from_nir(within(within(subtracting)), reset="zero")


def test_a_node_that_reads_as_one_of_a_subgraph_is_refused():
    inner = within(leaky("LIF"), "l")
    for name in ("sub.l", "sub.other", "sub.input"):
        with pytest.raises(ValueError, match=f"'{name}' beside the subgraph 'sub'"):
            our.from_nir(within(inner, **{name: leaky("LIF")}))
    found = our.from_nir(within(inner, **{"subl.l": leaky("LIF", v_threshold=50.0)}))
    assert len(found.network.about.parts) == 2


def test_a_rebuilt_layer_no_longer_tells_what_it_puts_out():
    from snnjax import parts

    net = snn.recurrent(lif(3), dense(3, 3))
    with pytest.raises(ValueError, match="The network does not tell what it puts out"):
        told(parts.rebuild(net, lambda name, cell: cell), shape=(3,))


def test_an_order_that_no_graph_has_is_refused():
    """A step late to the front, at once to the back, and both of each other's cycle."""
    inner = graph(
        {"b": lif(3), "a": lif(3)},
        {"input->a": None, "input->b": None, "a->b": dense(3, 3), "b->a": dense(3, 3)},
        outputs=("a", "b"),
    )
    net = snn.chain(dense(3, 3), inner)
    assert told(net).metadata["order"]


# the other way


def broken(**changes):
    """A sound graph with one thing changed, as a dict."""
    graph = row(nir.Linear(np.eye(3, dtype=np.float32)), leaky("CubaLIF")).to_dict()
    for place, value in changes.items():
        *way, last = place.split("__")
        at = graph
        for key in way:
            at = at[key]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return graph


def change(**changes):
    return lambda: broken(**changes)


def image(*nodes, shape=(2, 6, 6)):
    return lambda: row(*nodes, shape=shape)


def wired(nodes, edges):
    ports = {"input": nir.Input(np.array([3])), "output": nir.Output(np.array([3]))}
    return lambda: nir.NIRGraph({**ports, **nodes}, edges, type_check=False)


def deep(levels):
    graph = row(nir.Scale(full(1.0))).to_dict()
    for _ in range(levels):
        ports = row(nir.Scale(full(1.0))).to_dict()
        graph = {**ports, "nodes": {**ports["nodes"], "scale": graph}}
    return graph


LIN = nir.Linear(np.eye(3, dtype=np.float32))
MAP = np.arange(72.0, dtype=np.float32).reshape(2, 6, 6)
ONE = [np.float32(k) for k in (9e-3, 1.0, 0.0)]
SMALL = nir.SumPool2d(*map(np.array, ((2, 2), (1, 1), (0, 0)))).to_dict()
SIZES = [np.array(k) for k in ((2, 2), (2, 2), (1, 0))]
INWARD = {  # a graph, options, and the refusal
    "no dt": (change(), {"dt": None}, "'cubalif': CubaLIF: .*give dt="),
    "no dt for a delay": (
        *(lambda: row(nir.Delay(full(1e-3))), {"dt": None}),
        "'delay': Delay: .*give dt=",
    ),
    "tau": (
        change(nodes__cubalif__tau_mem=full(-1.0)),
        *({}, "'cubalif': .*tau_mem .s. must be positive"),
    ),
    "NaN": (
        change(nodes__cubalif__r=full(np.nan)),
        *({}, "'cubalif': .*r must be finite"),
    ),
    "shapes": (
        change(nodes__cubalif__r=full(1.0, 4)),
        *({}, "all fields must have one shape"),
    ),
    "reset": (
        change(nodes__cubalif__v_reset=full(2.0)),
        *({}, "v_reset must lie below"),
    ),
    "missing": (
        change(nodes__cubalif__tau_syn=None),
        *({}, "must tell tau_syn"),
    ),
    "unknown field": (
        change(nodes__cubalif__alpha=full(1.0)),
        *({}, "a field 'alpha'"),
    ),
    "unknown kind": (
        change(nodes__cubalif__type="Izhikevich"),
        *({}, "the type 'Izhikevich'"),
    ),
    "text": (
        change(nodes__cubalif__r="one"),
        *({}, "r is the text 'one', not numbers"),
    ),
    "complex": (
        change(nodes__cubalif__r=full(1j, dtype=complex)),
        *({}, "r is of complex128, not numbers"),
    ),
    "width": (
        change(nodes__linear__weight=np.ones((4, 3), "f4")),
        *({}, "CubaLIF is of shape .3,., what comes in is .4,"),
    ),
    "rank": (
        change(nodes__linear__weight=np.ones(3, "f4")),
        *({}, "weight must be .n_out, n_in"),
    ),
    "no weights": (
        change(nodes__linear__weight=np.ones((0, 3), "f4")),
        *({}, "weight must be .n_out, n_in"),
    ),
    "nowhere": (
        change(edges=[("input", "moon")]),
        *({}, "names 'moon', which is no node"),
    ),
    "no edges": (
        change(edges=[]),
        *({}, "lies on no way from an Input to an Output"),
    ),
    "no nodes": (
        change(nodes={}),
        *({}, "the graph has no nodes"),
    ),
    "twice": (
        change(edges=[("input", "linear")] * 2),
        *({}, "edge .* is there twice"),
    ),
    "no input": (
        change(nodes__input=None, edges=[("linear", "cubalif")]),
        {},
        "no node of the type Input",
    ),
    "huge": (change(nodes__input__shape=np.array([2**20, 2**20])), {}, "is more than"),
    "fraction": (change(nodes__input__shape=np.array([2.5])), {}, "whole numbers"),
    "float64": (
        lambda: row(nir.Linear(np.eye(3))),
        *({}, 'float64, which JAX would narrow .*dtype="float32"'),
    ),
    "cycle": (
        wired(
            {"a": LIN, "b": LIN},
            [("input", "a"), ("a", "b"), ("b", "a"), ("a", "output")],
        ),
        *({}, "A cycle through 'a', 'b' has no neuron and no Delay"),
    ),
    "short loop": (
        wired(
            {"a": leaky("LIF"), "d": nir.Delay(full(1e-4))},
            [("input", "a"), ("a", "d"), ("d", "a"), ("a", "output")],
        ),
        *({}, "Node 'd': a delay of 0.0001 s closes a cycle"),
    ),
    "long delay": (lambda: row(nir.Delay(full(1e6))), {}, "more than 1000000"),
    "negative delay": (lambda: row(nir.Delay(full(-1.0))), {}, "cannot be negative"),
    "two shapes": (
        wired(
            {"a": LIN, "b": nir.Linear(np.ones((4, 3), "f4")), "c": nir.LI(*ONE)},
            [("input", "a"), ("input", "b"), ("a", "c"), ("b", "c"), ("c", "output")],
        ),
        *({}, "What arrives at 'c' differs in shape"),
    ),
    "out of an output": (
        wired({"a": LIN}, [("input", "a"), ("a", "output"), ("output", "a")]),
        *({}, "leads into an Input or out of one"),
    ),
    "deep": (lambda: deep(40), {}, "more than 32 levels deep"),
    "over space": (
        image(leaky("LI", r=MAP, tau=MAP + 1.0, v_leak=0 * MAP)),
        *({}, "'li': LI: tau differs from place to place"),
    ),
    "padded mean": (image(nir.AvgPool2d(*SIZES)), {}, "'avgpool2d': .*whether zeros"),
    "part of a map": (
        image(nir.Flatten(np.array([2, 6, 6]), 1, -1)),
        *({}, "'flatten': Flatten joins axes 1 to 2"),
    ),
    "small map": (
        change(
            nodes__linear={**SMALL, "kernel_size": np.array([9, 9])},
            nodes__input__shape=np.array([2, 6, 6]),
        ),
        *({}, "a map of .* is smaller than its kernel"),
    ),
    "overshoot": (
        lambda: row(leaky("LIF", tau=1e-4)),
        *({"method": "euler"}, "a step of Euler, 0.001 s, is longer than tau_mem"),
    ),
    "order": (
        change(metadata={"author": "snnjax", "order": ["a"]}),
        *({}, "order names"),
    ),
    "metadata": (
        change(metadata={"author": "snnjax", "dt": np.float64(-1.0)}),
        *({"dt": None}, r"metadata: dt \[s\] must be positive"),
    ),
    "no graph": (lambda: {"type": "LIF"}, {}, "the graph is of the type 'LIF'"),
    "anything": (lambda: 3, {}, "graph must be a nir.NIRGraph, got 3"),
}


@pytest.mark.parametrize("name", INWARD)
def test_a_graph_that_makes_no_sense_is_refused_by_the_node(name):
    make, options, why = INWARD[name]
    with pytest.raises(ValueError, match=why):
        our.from_nir(make(), **{"dt": DT, **options})


def test_the_sound_graph_is_taken():
    assert our.from_nir(broken(), dt=DT).dt == DT
    assert our.from_nir(row(leaky("LIF"))).dt is None


def test_weights_of_double_precision_are_narrowed_on_request():
    found = our.from_nir(row(nir.Linear(np.eye(3) / 3)), dtype="float32")
    assert found.weights["linear"].w.dtype == np.float32


def test_whole_weights_become_numbers_if_none_is_lost():
    found = our.from_nir(row(nir.Linear(np.eye(3, dtype=int))))
    assert found.weights["linear"].w.dtype == np.float32
    with pytest.raises(ValueError, match="not all of them as float32"):
        our.from_nir(row(nir.Linear(np.full((3, 3), 2**24 + 1))))


def test_other_metadata_are_not_believed():
    """A dt of another author is a text like any other."""
    graph = broken(metadata={"dt": np.float64(5e-3), "order": "abc"})
    assert our.from_nir(graph, dt=DT).dt == DT


def test_a_delay_longer_than_the_step_is_needed_before_it_is_allocated():
    found = our.from_nir(row(nir.Delay(full(900.0))), dt=DT)
    assert found.network.about.parts["delay"].about.make is delay


def test_without_the_packages_it_is_said_what_to_install(monkeypatch, tmp_path):
    import sys

    net, weights = plain(lif(3)), drawn("chain")
    monkeypatch.setitem(sys.modules, "nir", None)
    with pytest.raises(ImportError, match=r'pip install "snnjax\[interop\]"'):
        our.save(tmp_path / "a.nir", net, weights, dt=DT)
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r'pip install "snnjax\[interop\]"'):
        our.load(tmp_path / "a.nir")
