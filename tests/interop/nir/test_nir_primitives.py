"""Each primitive beside neurons does what its definition says, worked out in loops."""

import jax.numpy as jnp
import nir
import numpy as np
import pytest
from nir_made import DT, full, leaky, row, run

import snnjax as snn
from snnjax.interop import nir as our

RNG = np.random.default_rng(3)


def numbers(*shape):
    return RNG.integers(-4, 5, shape).astype(np.float32)


def given(*shape, steps=4):
    """A sequence as NIR has it, channels first."""
    return numbers(steps, *shape)


def last(xs):
    return jnp.asarray(np.moveaxis(xs, 1, -1) if xs.ndim > 2 else xs)


def first(ys):
    return np.moveaxis(ys, -1, 1) if ys.ndim > 2 else ys


def through(node, xs, **options):
    return first(run(row(node, shape=xs.shape[1:]), last(xs), **options))


def test_affine_and_linear():
    w, b, xs = numbers(5, 3), numbers(5), given(3)
    np.testing.assert_array_equal(through(nir.Affine(w, b), xs), xs @ w.T + b)
    np.testing.assert_array_equal(through(nir.Linear(w), xs), xs @ w.T)


@pytest.mark.parametrize("shape", [(3,), (2, 4, 5)])
def test_scale(shape):
    s, xs = numbers(*shape), given(*shape)
    np.testing.assert_array_equal(through(nir.Scale(s), xs), s * xs)


def test_threshold_is_strict():
    theta, xs = np.array([-1.0, 0.0, 2.0], np.float32), given(3, steps=30)
    found = through(nir.Threshold(theta), xs)
    np.testing.assert_array_equal(found, (xs > theta).astype(np.float32))
    assert (xs == theta).any()


def slid(x, w, stride, pads, dilation, groups):
    """A convolution as a sum over all taps, ``[c, h, w]``."""
    c_out, inner, *kernel = w.shape
    x = np.pad(x, [(0, 0), *[(p, p) for p in pads]])
    sizes = [
        (n - d * (k - 1) - 1) // s + 1
        for n, k, s, d in zip(x.shape[1:], kernel, stride, dilation, strict=True)
    ]
    y = np.zeros((c_out, *sizes))
    for o, *at in np.ndindex(y.shape):
        begin = o // (c_out // groups) * inner
        for i, *tap in np.ndindex(inner, *kernel):
            place = [
                s * a + d * t
                for s, a, d, t in zip(stride, at, dilation, tap, strict=True)
            ]
            y[(o, *at)] += x[(begin + i, *place)] * w[(o, i, *tap)]
    return y


CONVOLUTIONS = {  # weight, stride, padding, dilation, groups
    "plain": ((4, 2, 3, 3), 1, 0, 1, 1),
    "same size": ((4, 2, 3, 3), 1, 1, 1, 1),
    "padded and strided": ((4, 2, 3, 3), 2, 1, 1, 1),
    "not square": ((4, 2, 3, 2), (2, 1), (1, 2), (1, 2), 1),
    "dilated": ((4, 2, 2, 2), 1, 0, 3, 1),
    "in groups": ((4, 1, 3, 3), 1, 1, 1, 2),
    "in depth": ((6, 1, 2, 2), (1, 2), 0, 1, 2),
}


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolution_of_images(name):
    shape, stride, padding, dilation, groups = CONVOLUTIONS[name]
    w, b, xs = numbers(*shape), numbers(shape[0]), given(2, 7, 8)
    options = [(k, k) if isinstance(k, int) else k for k in (stride, padding, dilation)]
    node = nir.Conv2d((7, 8), w, *options, groups, b)
    graph = nir.NIRGraph(
        {
            "input": nir.Input(np.array([2, 7, 8])),
            "conv": node,
            "output": nir.Output(np.array([1])),  # the package takes kernels as square
        },
        [("input", "conv"), ("conv", "output")],
        type_check=False,
    )
    wanted = np.stack([slid(x, w, *options, groups) for x in xs])
    graph.nodes["output"] = nir.Output(np.array((*w.shape[:1], *wanted.shape[2:])))
    found = first(run(graph, last(xs)))
    np.testing.assert_allclose(found, wanted + b[:, None, None], rtol=1e-5)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("length", [2, 3])
def test_convolution_of_lines(padding, length):
    w, b, xs = numbers(4, 2, length), numbers(4), given(2, 9)
    node = nir.Conv1d(9, w, 1, padding, 1, 1, b)
    pads = ((length - 1) // 2, length // 2) if padding == "same" else (0, 0)
    wide = np.pad(xs, [(0, 0), (0, 0), pads])
    wanted = np.stack([slid(x, w, [1], [0], [1], 1) for x in wide])
    np.testing.assert_allclose(through(node, xs), wanted + b[:, None], rtol=1e-6)


@pytest.mark.parametrize("padding", [(0, 0), (1, 2)])
def test_pools(padding):
    xs = given(3, 6, 8)
    sizes = [np.array(k) for k in ((2, 3), (2, 2), padding)]
    one = np.zeros((3, 3, 2, 3), np.float32)
    one[[0, 1, 2], [0, 1, 2]] = 1.0
    wanted = np.stack([slid(x, one, (2, 2), padding, (1, 1), 1) for x in xs])
    np.testing.assert_array_equal(through(nir.SumPool2d(*sizes), xs), wanted)
    if padding == (0, 0):
        mean = through(nir.AvgPool2d(*sizes), xs)
        np.testing.assert_allclose(mean, wanted / 6.0, rtol=1e-6)


def flattened(*behind, shape=(2, 3, 4)):
    return row(nir.Flatten(np.array(shape), 0, -1), *behind, shape=shape)


def test_a_layer_behind_a_flattened_map_reads_it_channel_by_channel():
    xs, w = given(2, 3, 4), numbers(5, 24)
    found = run(flattened(nir.Linear(w)), last(xs))
    np.testing.assert_array_equal(found, xs.reshape(4, 24) @ w.T)
    made = our.from_nir(flattened(nir.Linear(w))).network.about.parts
    assert made["flatten"].about.make is snn.networks.flatten


def test_so_do_neurons_and_their_constants(x64):
    xs, w = given(2, 3, 4, steps=20), numbers(5, 24)
    scale = np.linspace(0.5, 2.0, 24)
    tau = np.linspace(5e-3, 50e-3, 24)
    node = leaky("LI", 24, np.float64, tau=tau)
    graph = flattened(nir.Scale(scale), node, nir.Linear(w.astype(float)))
    v, wanted = np.zeros(24), []
    for x in xs.reshape(20, 24).astype(float):
        keep = np.exp(-DT / tau)
        v = keep * v + (1.0 - keep) * scale * x
        wanted.append(w @ v)
    np.testing.assert_allclose(run(graph, last(xs)), wanted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("behind", ["output", "loop"])
def test_what_cannot_change_its_order_is_flattened_as_nir_does(behind):
    xs, one = given(2, 3, 4), numbers(24, 24)
    nodes = {
        **{"input": nir.Input(np.array([2, 3, 4])), "a": nir.Linear(one)},
        "flat": nir.Flatten(np.array([2, 3, 4]), 0, -1),
        **{"other": nir.Input(np.array([24])), "output": nir.Output(np.array([24]))},
    }
    if behind == "output":
        found = run(flattened(), last(xs))
        np.testing.assert_array_equal(found, xs.reshape(4, 24))
        return
    edges = [("input", "flat"), ("flat", "a"), ("other", "a"), ("a", "output")]
    graph = nir.NIRGraph(nodes, edges)
    more = given(24)
    found = run(graph, {"input": last(xs), "other": jnp.asarray(more)})
    np.testing.assert_array_equal(found, (xs.reshape(4, 24) + more) @ one.T)


def test_delays_are_in_seconds_and_held_signals_are_shared_between_steps():
    xs, by = given(3, steps=12), np.array([0.0, 3e-3, 1.5e-3], np.float32)
    found = through(nir.Delay(by), xs)
    late = np.pad(xs, [(4, 0), (0, 0)])
    np.testing.assert_array_equal(found[:, 0], xs[:, 0])
    np.testing.assert_array_equal(found[:, 1], late[1:13, 1])
    np.testing.assert_allclose(
        found[:, 2], (late[3:15, 2] + late[2:14, 2]) / 2.0, rtol=1e-5
    )


def test_fields_may_be_one_number_for_all_neurons():
    w, xs = np.abs(numbers(5, 3)), np.abs(given(3, steps=30))
    one = nir.LIF(*(np.float32(k) for k in (10e-3, 1.0, 0.0, 0.5)))
    alone = nir.NIRGraph(
        {
            **{"input": nir.Input(np.array([3])), "w": nir.Linear(w), "lif": one},
            "output": nir.Output(np.array([5])),
        },
        [("input", "w"), ("w", "lif"), ("lif", "output")],
        type_check=False,
    )
    each = row(nir.Linear(w), leaky("LIF", 5, v_threshold=0.5))
    found = run(alone, jnp.asarray(xs))
    np.testing.assert_array_equal(found, run(each, jnp.asarray(xs)))
    assert found.any()


def test_a_batch_of_one_that_was_tried_is_left_out():
    w = numbers(5, 3)
    shapes = {
        "input": nir.Input(np.array([1, 3])),
        "output": nir.Output(np.array([1, 5])),
    }
    graph = nir.NIRGraph(
        {**shapes, "w": nir.Linear(w)},
        [("input", "w"), ("w", "output")],
        type_check=False,
    )
    xs = given(3)
    np.testing.assert_array_equal(run(graph, jnp.asarray(xs)), xs @ w.T)


def test_subgraphs_are_opened():
    w = numbers(3, 3)
    layer = nir.NIRGraph(
        {
            **{"input": nir.Input(np.array([3])), "lif": leaky("LIF", v_threshold=0.2)},
            **{"back": nir.Linear(w), "output": nir.Output(np.array([3]))},
        },
        [("input", "lif"), ("lif", "back"), ("back", "lif"), ("lif", "output")],
        metadata={"made": "elsewhere"},
    )
    inner = nir.NIRGraph(
        {
            **{"input": nir.Input(np.array([3])), "layer": layer},
            "output": nir.Output(np.array([3])),
        },
        [("input", "layer"), ("layer", "output")],
    )
    whole = nir.NIRGraph(
        {
            **{"input": nir.Input(np.array([3])), "deep": inner},
            **{"read": nir.Linear(w), "output": nir.Output(np.array([3]))},
        },
        [("input", "deep"), ("deep", "read"), ("read", "output")],
    )
    found = our.from_nir(whole)
    assert {"deep_layer_lif", "deep_layer_lif->deep_layer_lif", "read"} == {
        *found.weights
    }
    assert found.metadata["deep.layer"] == {"made": "elsewhere"}
    flat = nir.NIRGraph(
        {
            **{"input": nir.Input(np.array([3])), "lif": leaky("LIF", v_threshold=0.2)},
            **{"back": nir.Linear(w), "read": nir.Linear(w)},
            "output": nir.Output(np.array([3])),
        },
        [
            *(("input", "lif"), ("lif", "back"), ("back", "lif")),
            *(("lif", "read"), ("read", "output")),
        ],
    )
    xs = jnp.abs(jnp.asarray(given(3, steps=40)))
    np.testing.assert_array_equal(run(whole, xs), run(flat, xs))
    assert run(flat, xs).any()


def test_a_delay_on_a_loop_counts_the_step_that_a_loop_takes(x64):
    """An impulse comes round after the delay, to the step."""
    for steps in (0, 1, 2, 5):
        graph = nir.NIRGraph(
            {
                "input": nir.Input(np.array([1])),
                "v": nir.Threshold(np.full(1, 0.5)),
                "d": nir.Delay(np.full(1, steps * DT)),
                "n": leaky("IF", 1, np.float64, r=1.0 / DT, v_threshold=0.5),
                "output": nir.Output(np.array([1])),
            },
            [("input", "n"), ("n", "d"), ("d", "v"), ("v", "n"), ("n", "output")],
        )
        xs = jnp.zeros((20, 1)).at[2].set(1.0)
        fired = np.flatnonzero(run(graph, xs)[:, 0])
        np.testing.assert_array_equal(fired, np.arange(2, 20, max(steps, 1)))


def test_a_delay_with_two_targets_is_one_for_each():
    w, xs = numbers(3, 3), given(3, steps=8)
    graph = nir.NIRGraph(
        {
            **{"input": nir.Input(np.array([3])), "d": nir.Delay(full(2e-3))},
            **{"a": nir.Linear(w), "b": nir.Linear(2 * w)},
            "output": nir.Output(np.array([3])),
        },
        [("input", "d"), ("d", "a"), ("d", "b"), ("a", "output"), ("b", "output")],
    )
    late = np.pad(xs, [(2, 0), (0, 0)])[:8]
    np.testing.assert_array_equal(run(graph, jnp.asarray(xs)), late @ (3 * w).T)


def test_two_ways_between_the_same_two_add_up():
    w, xs = numbers(3, 3), given(3, steps=8)
    graph = nir.NIRGraph(
        {
            **{"input": nir.Input(np.array([3])), "a": nir.Linear(w)},
            **{"b": nir.Linear(2 * w), "li": leaky("LI")},
            "output": nir.Output(np.array([3])),
        },
        [("input", "a"), ("input", "b"), ("a", "li"), ("b", "li"), ("li", "output")],
    )
    wanted = run(row(nir.Linear(3 * w), leaky("LI")), jnp.asarray(xs))
    np.testing.assert_allclose(run(graph, jnp.asarray(xs)), wanted, rtol=1e-5)
