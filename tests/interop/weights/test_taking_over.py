"""Weights of another library become ours by name, and nothing is lost or guessed."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import networks, parts
from snnjax.interop.presets import from_library
from snnjax.interop.weights import from_state_dict, propose, to_state_dict

RNG = np.random.default_rng(0)
NAMES = {"fc1.weight": "hidden.w", "fc1.bias": "hidden.b", "fc2.weight": "out.w"}


def net(n=6, **options):
    return snn.chain(
        hidden=snn.dense(5, n, bias=True),
        lif=snn.lif(n, snn.LIFParams(20e-3, threshold=0.5)),
        out=snn.dense(n, 3),
        **options,
    )


def arrays(n=6, dtype=np.float32):
    """Of PyTorch: [out, in]."""
    shapes = {"fc1.weight": (n, 5), "fc1.bias": (n,), "fc2.weight": (3, n)}
    return {k: RNG.normal(size=shape).astype(dtype) for k, shape in shapes.items()}


def refused(message, *given, **options):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_state_dict(*given, **{"layout": "torch", **options})


def test_a_dense_layer_computes_what_that_of_pytorch_does(x64):
    given = arrays(5, np.float64)  # as many in as out, so that no shape tells
    weights = from_state_dict(net(5), given, NAMES, layout="torch")
    x = RNG.normal(size=5)
    dense = snn.dense(5, 5, bias=True)
    _, y = dense.step(weights["hidden"], (), jnp.asarray(x), 1e-3)
    by_hand = [
        sum(w * v for w, v in zip(row, x, strict=True)) for row in given["fc1.weight"]
    ]
    np.testing.assert_allclose(y, np.array(by_hand) + given["fc1.bias"], atol=1e-14)


def test_the_stated_layout_alone_decides_what_is_turned():
    given = arrays(5)
    torch = from_state_dict(net(5), given, NAMES, layout="torch")
    given["fc2.weight"] = given["fc2.weight"].T
    flax = from_state_dict(net(5), given, NAMES, layout="flax")
    np.testing.assert_array_equal(torch["hidden"].w, flax["hidden"].w.T)
    assert not np.array_equal(torch["hidden"].w, flax["hidden"].w)


def torch_convolution(x, w, stride):
    """As PyTorch defines it: [c, h, w] with [out, in, kh, kw], no padding."""
    out, _, kh, kw = w.shape
    rows, columns = (
        (n - k) // stride + 1 for n, k in zip(x.shape[1:], (kh, kw), strict=True)
    )
    y = np.zeros((out, rows, columns))
    for i in range(rows):
        for j in range(columns):
            patch = x[:, i * stride : i * stride + kh, j * stride : j * stride + kw]
            y[:, i, j] = np.tensordot(w, patch, 3)
    return y


def test_convolutions_and_flattened_maps_are_read_channels_first(x64):
    cell = snn.chain(
        conv=networks.convolution(2, 3, kernel=(2, 3), stride=2, padding="valid"),
        flatten=networks.flatten(),
        fc=snn.dense(3 * 3 * 2, 4, bias=True),
    )
    given = {
        "conv.weight": RNG.normal(size=(3, 2, 2, 3)),
        "fc.weight": RNG.normal(size=(4, 18)),
        "fc.bias": RNG.normal(size=4),
    }
    names = {"conv.weight": "conv.w", "fc.weight": "fc.w", "fc.bias": "fc.b"}
    layout = {"layout": "torch", "flattened": {"fc": (3, 3, 2)}}
    weights = from_state_dict(cell, given, names, **layout)
    image = RNG.normal(size=(2, 6, 6))
    expected = (
        given["fc.weight"] @ torch_convolution(image, given["conv.weight"], 2).ravel()
    )
    _, y = snn.unroll(cell, weights, jnp.moveaxis(image, 0, -1)[None], dt=1e-3)
    np.testing.assert_allclose(y[0], expected + given["fc.bias"], atol=1e-13)
    back = to_state_dict(cell, weights, names, **layout)
    for name, array in given.items():
        np.testing.assert_array_equal(back[name], array)


def test_what_stands_on_a_flattened_map_is_in_the_same_order():
    cell = snn.chain(flatten=networks.flatten(), bn=networks.batch_norm(12))
    names = {"gain": "bn.gain", "bias": "bn.bias", "m": "bn.statistics.mean"}
    names["v"] = "bn.statistics.variance"
    given = dict.fromkeys(names, np.arange(12.0, dtype=np.float32))
    flattened = {"bn": (3, 2, 2)}
    weights = from_state_dict(cell, given, names, layout="torch", flattened=flattened)
    maps = np.arange(12.0).reshape(3, 2, 2)
    np.testing.assert_array_equal(
        weights["bn"].statistics.mean, np.moveaxis(maps, 0, -1).ravel()
    )
    with pytest.raises(ValueError, match="bn reads a flattened map"):
        from_state_dict(cell, given, names, layout="torch")


def test_batch_normalisation_takes_its_statistics():
    cell = networks.batch_norm(4)
    given = {
        "bn.weight": RNG.normal(size=4),
        "bn.bias": RNG.normal(size=4),
        "bn.running_mean": RNG.normal(size=4),
        "bn.running_var": RNG.uniform(0.5, 2.0, 4),
    }
    proposal = propose(cell, given, layout="torch")
    assert proposal.open_theirs == proposal.open_ours == ()
    names = proposal.names | {
        "bn.weight": "batch_norm.gain",
        "bn.bias": "batch_norm.bias",
    }
    weights = from_state_dict(cell, given, names, layout="torch", dtype="float32")
    x = RNG.normal(size=(7, 4)).astype(np.float32)
    _, y = cell.step(weights, (), jnp.asarray(x), 1.0)
    expected = (x - given["bn.running_mean"]) / np.sqrt(given["bn.running_var"] + 1e-5)
    np.testing.assert_allclose(
        y, given["bn.weight"] * expected + given["bn.bias"], atol=1e-5
    )


def test_both_kinds_of_recurrent_layers_are_reached():
    closed = snn.recurrent(snn.lif(4), snn.dense(4, 4))
    short = snn.recurrent(3, 4, snn.lif(4))
    w, r = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 4))
    taken = from_state_dict(
        *(closed, {"r": r}, {"r": "feedback.w"}), layout="torch", dtype="float32"
    )
    np.testing.assert_array_equal(taken.feedback.w, r.T.astype(np.float32))
    names = {"w": "input.w", "r": "feedback.w"}
    both = from_state_dict(
        *(short, {"w": w, "r": r}, names), layout="torch", dtype="float32"
    )
    np.testing.assert_array_equal(both.recurrent, r.T.astype(np.float32))
    np.testing.assert_array_equal(both.input.w, w.T.astype(np.float32))


def test_cells_and_edges_of_a_graph_are_reached():
    net = snn.graph(
        {"e": snn.lif(4), "i": snn.lif(2)},
        {
            "input->e": snn.dense(3, 4),
            "e->i": snn.dense(4, 2),
            "i->e": snn.dense(2, 4),
        },
        outputs="e",
    )
    shapes = {"input->e.w": (4, 3), "e->i.w": (2, 4), "i->e.w": (4, 2)}
    given = {f"their.{k}": RNG.normal(size=v) for k, v in shapes.items()}
    names = {f"their.{k}": k for k in shapes}
    told = {"layout": "torch"}
    weights = from_state_dict(net, given, names, dtype="float32", **told)
    named = parts.flat(net, weights).leaves
    for name in shapes:
        w = named[name.removesuffix(".w")].weights.w
        np.testing.assert_array_equal(w, given[f"their.{name}"].T.astype(np.float32))
    back = to_state_dict(net, weights, names, **told)
    assert all(np.allclose(back[k], v, atol=1e-6) for k, v in given.items())


def test_weights_of_neurons_of_other_libraries_are_reached():
    from snnjax.interop.presets import from_library

    cell = snn.chain(rlif=from_library("snntorch.RLeaky", 4, beta=0.9))
    given = {
        "rlif.recurrent.weight": RNG.normal(size=(4, 4)).astype(np.float32),
        "rlif.recurrent.bias": RNG.normal(size=4).astype(np.float32),
        "rlif.beta": np.float32(0.9),
    }
    names = {
        "rlif.recurrent.weight": "rlif.feedback.w",
        "rlif.recurrent.bias": "rlif.feedback.b",
    }
    same = {"rlif.beta": "rlif.neuron.numbers.mem"}
    shown = propose(cell, given, layout="torch")
    assert set(shown.names.items()) == set(names.items())
    taken = from_state_dict(*(cell, given, names), layout="torch", constants=same)
    np.testing.assert_array_equal(
        taken["rlif"].feedback.w, given["rlif.recurrent.weight"].T
    )
    given["rlif.beta"] = np.float32(0.8)
    refused("is 0.8", cell, given, names, constants=same)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, jnp.bfloat16])
def test_what_was_taken_over_comes_back_bit_for_bit(dtype):
    given = arrays(dtype=dtype)
    weights = from_state_dict(net(), given, NAMES, layout="torch")
    back = to_state_dict(net(), weights, NAMES, layout="torch")
    assert [*back] == [*NAMES]
    for name, array in given.items():
        assert back[name].dtype == dtype
        np.testing.assert_array_equal(back[name], array)


def test_every_name_of_theirs_and_of_ours_is_accounted_for():
    given = arrays()
    extra = given | {"bn.num_batches_tracked": np.array(3)}
    refused("num_batches_tracked int64 [] (counts batches", net(), extra, NAMES)
    from_state_dict(
        *(net(), extra, NAMES), layout="torch", leave_out=["bn.num_batches_tracked"]
    )
    fewer = {k: v for k, v in NAMES.items() if v != "hidden.b"}
    refused("fc1.bias float32 [6]", net(), given, fewer)
    refused(
        "Nothing is said of hidden.b [6]", net(), given, fewer, leave_out=["fc1.bias"]
    )
    refused(
        "leave_out has 'fc1.bais', which is not among",
        net(),
        given,
        NAMES,
        leave_out=["fc1.bais"],
    )
    refused("Did you mean fc1.bias", net(), given, NAMES, leave_out=["fc1.bais"])
    refused(
        "both in names and in leave_out", net(), given, NAMES, leave_out=["fc1.bias"]
    )
    refused("not among theirs", net(), given, NAMES | {"fc3.weight": "out.w"})
    refused(
        "'hidden.c' is not among the weights",
        net(),
        given,
        NAMES | {"fc1.bias": "hidden.c"},
    )
    refused(
        "'hidden.w' is named twice", net(), given, NAMES | {"fc2.weight": "hidden.w"}
    )
    refused("leave_out must be a list", net(), given, NAMES, leave_out="fc1.bias")


@pytest.mark.parametrize(
    ("name", "shape", "reason"),
    [
        ("fc1.weight", (5, 6), "It is transposed"),
        ("fc1.weight", (30,), "as many numbers"),
        ("fc1.weight", (7, 5), "another layer"),
        ("fc1.bias", (), "One number for all"),
    ],
)
def test_another_shape_is_refused_with_both_and_the_probable_reason(
    name, shape, reason
):
    given = arrays() | {name: np.zeros(shape, np.float32)}
    refused(f"{name} is {[*shape]}, where", net(), given, NAMES)
    refused(reason, net(), given, NAMES)


def test_gates_are_refused_by_name():
    given = {"lstm.weight_ih_l0": np.zeros((24, 5), np.float32)}
    cell = snn.chain(hidden=snn.dense(5, 6), lif=snn.lif(6))
    refused("gates of an LSTM or GRU", cell, given, {"lstm.weight_ih_l0": "hidden.w"})
    refused("recurrent net with gates", cell, given, {})


def test_other_numbers_are_refused_or_rounded_where_it_is_said():
    whole = arrays() | {"fc1.bias": np.zeros(6, int)}
    refused("fc1.bias is int64", net(), whole, NAMES)
    odd = arrays()
    odd["fc1.weight"][2, 3] = np.nan
    refused("fc1.weight has 1 numbers that are not finite", net(), odd, NAMES)
    double = arrays(dtype=np.float64)
    refused("JAX would narrow to float32", net(), double, NAMES)
    weights = from_state_dict(net(), double, NAMES, layout="torch", dtype="float32")
    np.testing.assert_array_equal(
        weights["out"].w, double["fc2.weight"].T.astype(np.float32)
    )
    huge = arrays() | {"fc1.bias": np.full(6, 1e6, np.float32)}
    refused("too large for float16", net(), huge, NAMES, dtype="float16")
    refused("dtype must be", net(), double, NAMES, dtype="int8")
    refused(
        "arrays['fc1.bias'] must be numbers", net(), arrays() | {"fc1.bias": "a"}, NAMES
    )


def test_constants_are_compared_with_those_that_the_neuron_was_given():
    given = arrays() | {"lif.threshold": np.float32(0.5)}
    theta = {"lif.threshold": "lif.params.threshold"}
    from_state_dict(net(), given, NAMES, layout="torch", constants=theta)
    given["lif.threshold"] = np.full(6, 0.5, np.float32)
    from_state_dict(net(), given, NAMES, layout="torch", constants=theta)
    given["lif.threshold"][3] = 0.75
    refused("here, as lif.params.threshold", net(), given, NAMES, constants=theta)
    wrong = {"lif.threshold": "lif.params.theta"}
    refused("lif was not given 'params.theta'", net(), given, NAMES, constants=wrong)
    nowhere = {"lif.threshold": "gone.threshold"}
    refused("must be a leaf of the network", net(), given, NAMES, constants=nowhere)


@pytest.mark.parametrize(
    "theirs", [np.int32(0), np.bool_(False), np.zeros(0, np.float32), np.float16(0.5)]
)
def test_other_kinds_of_numbers_are_no_excuse_for_another_constant(theirs):
    net = snn.chain(l=snn.lif(2, snn.LIFParams(threshold=0.1)))
    with pytest.raises(ValueError, match=r"0\.1 here, as l\.params\.threshold"):
        from_state_dict(
            *(net, {"l.threshold": theirs}, {}),
            constants={"l.threshold": "l.params.threshold"},
            layout="torch",
        )


def test_what_a_preset_was_not_given_is_as_its_library_has_it():
    net = snn.chain(l=from_library("snntorch.Leaky", 2, beta=0.9))
    given = {"constants": {"l.threshold": "l.threshold"}, "layout": "torch"}
    from_state_dict(net, {"l.threshold": np.float32(1.0)}, {}, **given)
    with pytest.raises(ValueError, match=r"is 0\.5 there, and 1\.0 here"):
        from_state_dict(net, {"l.threshold": np.float32(0.5)}, {}, **given)


def test_a_whole_number_is_compared_as_it_is():
    net = snn.chain(l=snn.lif(2, snn.LIFParams(threshold=2.0)))
    given = {"constants": {"l.threshold": "l.params.threshold"}, "layout": "torch"}
    from_state_dict(net, {"l.threshold": np.int64(2)}, {}, **given)


def test_a_flattened_map_is_told_or_refused():
    cell = snn.chain(flatten=networks.flatten(), lif=snn.lif(12), fc=snn.dense(12, 2))
    given, names = {"w": np.zeros((2, 12), np.float32)}, {"w": "fc.w"}
    refused("fc reads a flattened map", cell, given, names)
    refused("has 6 entries", cell, given, names, flattened={"fc": (3, 2, 1)})
    refused("must be (channels", cell, given, names, flattened={"fc": 12})
    refused("none of fc", cell, given, names, flattened={"out": (3, 2, 2)})
    seen = snn.chain(
        conv=networks.convolution(1, 3, kernel=(1, 1)),
        fire=snn.lif(3),
        flatten=networks.flatten(),
        fc=snn.dense(12, 2),
    )
    both = given | {"conv.weight": np.zeros((3, 1, 1, 1), np.float32)}
    all_names = names | {"conv.weight": "conv.w"}
    options = {"layout": "torch", "flattened": {"fc": (3, 2, 2)}}
    from_state_dict(seen, both, all_names, **options)
    wrong = {"fc": (2, 2, 3)}
    refused("before it puts out 3", seen, both, all_names, flattened=wrong)
    weights = from_state_dict(
        cell, {"w": given["w"].T}, names, layout="flax"
    )  # channels are last there too
    assert weights["fc"].w.shape == (12, 2)
    refused(
        "flax flattens as we do",
        cell,
        given,
        names,
        layout="flax",
        flattened={"fc": (3, 2, 2)},
    )
    later = snn.chain(
        flatten=networks.flatten(), fc=snn.dense(12, 4), out=snn.dense(4, 2)
    )
    both = {"a": np.zeros((4, 12), np.float32), "b": np.zeros((2, 4), np.float32)}
    from_state_dict(
        *(later, both, {"a": "fc.w", "b": "out.w"}),
        layout="torch",
        flattened={"fc": (3, 2, 2)},
    )
    looped = snn.chain(
        flatten=networks.flatten(), layer=snn.recurrent(snn.lif(12), snn.dense(12, 12))
    )
    refused("which order they have is not known", looped, {}, {})


def test_parts_may_stay_as_they_were():
    start = net().init(jax.random.key(0))
    given = {k: v for k, v in arrays().items() if k.startswith("fc1")}
    names = {k: v for k, v in NAMES.items() if k.startswith("fc1")}
    weights = from_state_dict(
        *(net(), given, names), layout="torch", keep=["out.w"], start=start
    )
    np.testing.assert_array_equal(weights["out"].w, start["out"].w)
    np.testing.assert_array_equal(weights["hidden"].w, given["fc1.weight"].T)
    refused("keep needs start", net(), given, names, keep=["out.w"])
    refused(
        "must be those of the network", net(), given, names, keep=["out.w"], start=3
    )


def test_on_the_way_back_nothing_of_ours_is_lost():
    weights = from_state_dict(net(), arrays(), NAMES, layout="torch")
    fewer = {k: v for k, v in NAMES.items() if v != "hidden.b"}
    with pytest.raises(ValueError, match=r"Nothing is said of hidden\.b"):
        to_state_dict(net(), weights, fewer, layout="torch")
    back = to_state_dict(net(), weights, fewer, layout="torch", leave_out=["hidden.b"])
    assert [*back] == ["fc1.weight", "fc2.weight"]
    with pytest.raises(ValueError, match="must be those of the network"):
        to_state_dict(
            snn.dense(2, 2), weights, NAMES | {"a": "dense.w"}, layout="torch"
        )


def test_connections_without_a_like_elsewhere_are_refused():
    cell = networks.low_rank(5, 6, 2)
    name = next(iter(propose(cell, {}, layout="flax").ours))
    with pytest.raises(ValueError, match=r"is not known\. Bring theirs"):
        from_state_dict(
            *(cell, {"u": np.zeros((5, 2), np.float32)}, {"u": name}),
            layout="torch",
            keep=[p for p in propose(cell, {}, layout="flax").ours if p != name],
            start=cell.init(jax.random.key(0)),
        )
    learned = snn.learn(
        lambda tau_mem: snn.lif(3, snn.LIFParams(tau_mem)), tau_mem=1e-2
    )
    refused("logarithms of constants", learned, {}, {})


ONLY = "the only one that fits: check it"
REST = "where the rest of its module goes: check it"


def test_a_proposal_goes_by_name_then_by_the_only_place_and_uses_nothing():
    given = arrays()
    shown = propose(net(), given, layout="torch")
    assert shown.names == NAMES
    assert set(shown.reasons.values()) == {ONLY, REST}
    alike = snn.chain(a=snn.dense(4, 4), lif=snn.lif(4), b=snn.dense(4, 4))
    square = {"x.weight": np.zeros((4, 4)), "b.weight": np.zeros((4, 4))}
    by_name = propose(alike, square, layout="torch")
    assert by_name.names == {"b.weight": "b.w", "x.weight": "a.w"}
    assert by_name.reasons["b.weight"] == "same name"
    unknown = {"x.weight": np.zeros((4, 4)), "y.weight": np.zeros((4, 4))}
    open_ones = propose(alike, unknown, layout="torch")
    assert open_ones.names == {}
    assert open_ones.open_theirs == ("x.weight", "y.weight")
    assert open_ones.open_ours == ("a.w", "b.w")
    lines = str(open_ones).splitlines()
    assert len(lines) == 5
    assert "x.weight  [4, 4]  ?" in lines[1]


def test_a_bias_is_proposed_where_its_matrix_goes():
    cell = snn.chain(
        first=snn.dense(3, 4, bias=True),
        norm=networks.batch_norm(4),
        second=snn.dense(4, 4, bias=True),
    )
    theirs = {
        **{"0.weight": np.zeros((4, 3)), "0.bias": np.zeros(4)},
        **{"2.weight": np.zeros(4), "2.bias": np.zeros(4)},
        **{"10.weight": np.zeros((4, 4)), "10.bias": np.zeros(4)},
    }
    given = {name: theirs[name] for name in sorted(theirs)}
    found = propose(cell, given, layout="torch")
    assert found.names == {
        **{"0.weight": "first.w", "0.bias": "first.b"},
        **{"2.weight": "norm.gain", "2.bias": "norm.bias"},
        **{"10.weight": "second.w", "10.bias": "second.b"},
    }
    assert found.reasons["0.bias"] == found.reasons["10.bias"] == REST
    assert [line.split()[0] for line in str(found).splitlines()[1:7]] == [
        *("0.bias", "0.weight", "2.bias", "2.weight", "10.bias", "10.weight")
    ]
