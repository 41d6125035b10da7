"""``from_library`` as one calls it: names, refusals, weights, saving, composition."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import parts
from snnjax.cell import run_cell
from snnjax.interop import presets
from snnjax.interop.presets import described, from_library, supported
from snnjax.interop.presets.registry import PRESETS
from snnjax.learning import online
from snnjax.networks import delay, graph
from snnjax.probes import watched
from snnjax.saving import from_recipe, to_recipe
from snnjax.surrogate import ForwardMode, SuperSpike
from snnjax.surrogate import from_library as surrogate_of

N, T, B, DT = 3, 40, 2, 1e-3
NEEDED = {
    **dict.fromkeys(("beta", "tau_mem_exp"), 0.9),
    **dict.fromkeys(("alpha", "tau_syn_exp"), 0.95),
    **{"tau_adapt": 20.0, "threshold": 1.0, "input_size": N},
    **{"current_decay": 0.2, "voltage_decay": 0.1},
}
EVERY = pytest.mark.parametrize("name", supported())


def required(name):
    """What a preset cannot do without."""
    found = PRESETS[name].parameters
    given = {
        k: NEEDED[k] for k, p in found.items() if p.default is p.empty and k in NEEDED
    }
    seconds = described(name).clock == "seconds"
    taus = {"tau_mem": 10e-3 if seconds else 10.0, "tau_syn": 5e-3 if seconds else 5.0}
    given |= {
        k: taus[k] for k, p in found.items() if p.default is p.empty and k in taus
    }
    if name == "snntorch.Lapicque":
        given["beta"] = 0.9
    if "beta" in given and name == "snntorch.Alpha":
        given["beta"] = 0.8
    return given


def made(name, **options):
    return from_library(name, N, **required(name) | options)


def inputs(scale=1.0):
    return scale * np.asarray(jax.random.normal(jax.random.key(1), (T, B, N)))


@EVERY
def test_every_preset_is_made_of_what_it_needs_runs_and_tells_what_it_is(name):
    cell, told = made(name), described(name)
    weights = cell.init(jax.random.key(0))
    state, y = snn.unroll(cell, weights, inputs(3.0), dt=DT)
    assert y.shape == (T, B, N)
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(state))
    assert told.name == name
    assert told.library in str(told)
    assert told.version in str(told)
    assert told.step in str(told)
    assert repr(cell).startswith(f"from_library('{name}', {N}")


@EVERY
def test_what_is_recorded_can_be_watched(name):
    cell = made(name)
    inner = "neuron.recorded" if "neuron" in cell.about.parts else "recorded"
    look = watched(cell, (inner,))
    weights = look.init(jax.random.key(0))
    _, (_, seen) = run_cell(look, weights, look.rest(inputs()[0]), inputs(), DT)
    assert seen[inner].shape == (T, B, N)


@EVERY
def test_a_file_says_it_again(name):
    cell = made(name)
    recipe, arrays = to_recipe(cell)
    again = from_recipe(recipe, arrays)
    weights = cell.init(jax.random.key(0))
    first, second = (
        snn.unroll(c, weights, inputs(3.0), dt=DT)[1] for c in (cell, again)
    )
    np.testing.assert_array_equal(first, second)


@EVERY
def test_a_clock_of_steps_has_no_use_for_dt(name):
    cell = made(name)
    weights = cell.init(jax.random.key(0))
    ends = [snn.unroll(cell, weights, inputs(3.0), dt=dt)[0] for dt in (1e-3, 2e-3)]
    same = [
        np.array_equal(*pair) for pair in zip(*map(jax.tree.leaves, ends), strict=True)
    ]
    assert all(same) == (described(name).clock == "steps")


@EVERY
def test_unknown_parameters_are_refused_with_what_there_is(name):
    with pytest.raises(ValueError, match=f"{name} has no parameter 'nonsense'"):
        made(name, nonsense=1.0)
    for option, why in PRESETS[name].unused.items():
        with pytest.raises(ValueError, match=f"{name} takes no {option}: ") as told:
            made(name, **{option: None})
        assert why in str(told.value)


NONSENSE = {
    **{"word": "nonsense", "NaN": np.nan, "complex": 1j, "shape": np.ones(7)},
    **{"list": [1, "a"], "dict": {}, "flag": 3.5},
}


@EVERY
def test_nonsense_is_refused_by_the_name_of_the_parameter(name):
    for option, p in PRESETS[name].parameters.items():
        for what, value in NONSENSE.items():
            if what == "flag" and not isinstance(p.default, bool):
                continue
            if (name, what) == ("snntorch.Lapicque", "flag"):
                continue  # a number, where the default is False
            with pytest.raises(ValueError, match=option):
                made(name, **{option: value})


@pytest.mark.parametrize(
    ("told", "call"),
    [
        ("Unknown preset name 'snntorch.Leeky'. Did you mean snntorch.Leaky", {}),
        ("Of norse there are norse.LIF, ", {"name": "norse.AdEx"}),
        ("There are presets of snntorch, .*presets.stepped", {"name": "brian.LIF"}),
        (
            "That class is the preset 'spikingjelly.PLIF'",
            {"name": "spikingjelly.ParametricLIFNode"},
        ),
        (r"from_library\('snntorch.fast_sigmoid'\)", {"surrogate": "fast_sigmoid"}),
        (r"from_library\('snntorch.atan'\)", {"surrogate": "nonsense"}),
        ("'bta'. Did you mean beta", {"name": "snntorch.Leaky", "bta": 0.9}),
        ("needs beta, as Leaky", {"name": "snntorch.Leaky"}),
        ("spike_grad: give it as surrogate=", {"spike_grad": None}),
        ("linear_features must be n=3, got 4", {"linear_features": 4}),
        ("dt: give it to the run", {"name": "norse.LIF", "dt": 1e-3}),
        ("surrogate must be an instance", {"surrogate": SuperSpike}),
        ("does not fire", {"name": "spyx.LI", "surrogate": SuperSpike()}),
        ("not both", {"name": "norse.LIF", "alpha": 1.0, "surrogate": SuperSpike()}),
        ("tau must be above 1", {"name": "spikingjelly.LIF", "tau": 1.0}),
        (
            "alpha must be greater",
            {"name": "snntorch.Alpha", "alpha": 0.7, "beta": 0.8},
        ),
        ("two of beta, R and C", {"name": "snntorch.Lapicque"}),
        (
            "not all three",
            {"name": "snntorch.Lapicque", "beta": 0.9, "R": 1.0, "C": 2.0},
        ),
        ("reset_mechanism", {"beta": 0.9, "reset_mechanism": "hard"}),
        ("learn_alpha: with it", {"name": "snntorch.Alpha", "learn_alpha": True}),
        ("reset_delay", {"name": "snntorch.RSynaptic", "reset_delay": False}),
        (
            "no parameter 'value'",
            {"name": "sinabs.IAF", "reset_fn": ("MembraneReset", {"value": 1})},
        ),
        ("spike_fn", {"name": "sinabs.IAF", "spike_fn": "DoubleSpike"}),
        ("spike_fn", {"name": "sinabs.IAF", "spike_fn": 3}),
        (
            "threshold must be above 0",
            {"name": "sinabs.IAF", "spike_threshold": [1.0, 0.0, 1.0]},
        ),
        (
            "learn_tau starts at tau",
            {"name": "sparx.LIF", "learn_tau": True, "decay": 0.9},
        ),
        ("tau must be above dt", {"name": "jaxpike.LIF", "tau": 1.0}),
        (
            "rec_connect must be a cell",
            {"name": "sinabs.IAFRecurrent", "rec_connect": 1},
        ),
    ],
)
def test_what_cannot_be_is_refused(told, call):
    name = call.pop("name", "snntorch.Leeky" if not call else "snntorch.RLeaky")
    with pytest.raises(ValueError, match=told):
        from_library(name, N, **call)


def test_a_preset_is_told_by_its_call():
    with pytest.raises(ValueError, match="Unknown preset name 'leaky'"):
        described("leaky")
    with pytest.raises(ValueError, match="one of presets"):
        described(3)
    assert described("snntorch.Leaky").call.startswith("Leaky(beta, threshold=1.0")


def test_weights_are_what_the_library_learns_by_its_names():
    weights = lambda name, **o: made(name, **o).init(jax.random.key(0))  # noqa: E731
    assert weights("snntorch.Leaky") == ()
    learned = weights("snntorch.Leaky", learn_beta=True, learn_threshold=True)
    assert {*learned} == {"beta", "threshold"}
    assert {*weights("sinabs.LIF", tau_syn=3.0)} == {"tau_mem", "tau_syn"}
    assert {*weights("sinabs.LIF", train_alphas=True)} == {"alpha_mem"}
    np.testing.assert_allclose(
        weights("spikingjelly.PLIF", init_tau=3.0)["w"], -np.log(2)
    )
    np.testing.assert_allclose(weights("jaxpike.LIF", tau=5.0)["log_tau"], np.log(5.0))
    logit = weights("sparx.LIF", tau=4.0, learn_tau=True)["decay"]
    np.testing.assert_allclose(jax.nn.sigmoid(logit), np.full(N, np.exp(-0.25)), 1e-6)
    assert weights("spyx.LIF")["beta"].shape == (N,)
    assert weights("spyx.LIF", beta=0.9)["beta"].shape == ()


def test_sinabs_has_a_surrogate_as_wide_as_a_share_of_its_threshold(x64):
    xs = inputs(3.0).astype(float)

    def slope(**options):
        cell = made("sinabs.LIF", spike_threshold=0.5, **options)
        weights = {"tau_mem": np.asarray(3.0)}
        run = lambda xs: snn.unroll(cell, weights, xs, dt=DT)[1].sum()  # noqa: E731
        return jax.jit(jax.grad(run))(xs)

    told = surrogate_of("sinabs.SingleExponential", threshold=0.5)
    np.testing.assert_allclose(slope(), slope(surrogate=told), rtol=1e-12)
    fixed = surrogate_of("sinabs.SingleExponential", threshold=1.0)
    assert not np.allclose(slope(), slope(surrogate=fixed))
    wrapped = slope(surrogate=ForwardMode(presets.RelativeExponential()))
    np.testing.assert_allclose(slope(), wrapped, rtol=1e-12)


def test_a_step_longer_than_a_time_constant_is_refused_by_those_of_euler():
    cell = made("norse.LIF", tau_syn_inv=1000.0)
    with pytest.raises(ValueError, match="dt must not exceed the time constant"):
        snn.unroll(cell, (), inputs(), dt=2e-3)
    assert snn.unroll(cell, (), inputs(), dt=1e-3)


def test_spyx_draws_around_a_half_within_two_sigma():
    cell = from_library("spyx.LIF", 20_000)
    beta = cell.init(jax.random.key(0))["beta"]
    assert beta.min() >= 0.0
    assert beta.max() <= 1.0
    np.testing.assert_allclose(beta.mean(), 0.5, atol=0.01)
    np.testing.assert_allclose(beta.std(), 0.25 * 0.8796, atol=0.01)


def test_constants_are_data_many_are_one_program():
    xs, traces = inputs(), []

    @jax.jit
    def sweep(betas, thresholds):
        def one(beta, threshold):
            traces.append(1)
            cell = from_library("snntorch.Leaky", N, beta=beta, threshold=threshold)
            return snn.unroll(cell, (), xs, dt=DT)[1]

        return jax.vmap(one)(betas, thresholds)

    betas, thresholds = np.float32([0.8, 0.9, 0.95]), np.float32([0.5, 0.7, 1.0])
    found = np.asarray(sweep(betas, thresholds))
    sweep(betas / 2, thresholds / 2)
    assert len(traces) == 1
    for k in range(3):
        given = {"beta": float(betas[k]), "threshold": float(thresholds[k])}
        alone = from_library("snntorch.Leaky", N, **given)
        expected = snn.unroll(alone, (), xs, dt=DT)[1]
        np.testing.assert_array_equal(found[k], expected)


def test_another_surrogate_by_rebuilding_changes_gradients_alone():
    net = snn.chain(snn.dense(N, N), made("sinabs.LIF", tau_mem=3.0))
    other = parts.rebuild(net, wider)
    weights, xs = jax.jit(net.init)(jax.random.key(0)), inputs(4.0)

    @partial(jax.jit, static_argnums=0)
    @partial(jax.value_and_grad, argnums=1)
    def graded(net, weights):
        return jnp.sum(snn.unroll(net, weights, xs, dt=DT)[1])

    first, second = (graded(each, weights) for each in (net, other))
    assert first[0] == second[0] > 0
    assert np.any(np.asarray(first[1][0].w) != second[1][0].w)


def wider(name, leaf):
    options = parts.options_of(name, leaf)
    if "surrogate" not in options:
        return leaf
    return leaf.about.make(**options | {"surrogate": SuperSpike(0.1)})


def test_a_preset_stands_in_chains_loops_and_graphs():
    """The same layer three ways, with the step late that two of them have."""
    neuron = made("spikingjelly.LIF", v_threshold=0.5)
    loop = snn.recurrent(neuron, snn.dense(N, N))
    wired = graph(
        {"neuron": neuron},
        {"input->neuron": None, "neuron->neuron": snn.dense(N, N)},
        outputs="neuron",
    )
    weights = loop.init(jax.random.key(2))
    of_graph = {"neuron": (), "neuron->neuron": weights.feedback}
    first = snn.unroll(loop, weights, inputs(3.0), dt=DT)[1]
    second = snn.unroll(wired, of_graph, inputs(3.0), dt=DT)[1]
    assert first.sum() > 20
    np.testing.assert_array_equal(first, second)
    net = snn.chain(snn.dense(N, N), delay(N, DT, 1), made("stork.LIFGroup"))
    late = snn.unroll(net, net.init(jax.random.key(0)), inputs(9.0), dt=DT)[1]
    assert late.sum() > 5


def in_double(net):
    weights = jax.jit(net.init)(jax.random.key(0))
    return jax.tree.map(lambda w: np.asarray(w, float), weights)


ONLINE = ("snntorch.Leaky", "norse.LSNN", "spyx.ALIF", "sinabs.LIF", "nest.eprop_iaf")


@pytest.mark.parametrize("rule", [online.per_unit, online.rtrl])
@pytest.mark.parametrize("name", ONLINE)
def test_online_rules_learn_what_backpropagation_through_time_does(rule, name, x64):
    options = {"E_L": 0.0, "V_th": 0.5} if name.startswith("nest") else {}
    net = snn.chain(snn.dense(N, N), made(name, surrogate=SuperSpike(2.0), **options))
    weights, xs = in_double(net), inputs(4.0).astype(float)

    def loss(ys):
        shades = np.arange(ys.size, dtype=ys.dtype).reshape(ys.shape)
        return jnp.sum(np.sin(shades) * ys)

    through = jax.grad(lambda w: loss(snn.unroll(net, w, xs, dt=DT)[1]))
    expected = jax.jit(through)(weights)
    learner = rule(net)
    carry = learner.init(weights, xs[0])

    @jax.jit
    def learned(weights, carry):
        _, ys, pull = learner.run(weights, carry, xs, DT)
        return pull(jax.grad(loss)(ys))[0]

    found = learned(weights, carry)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-9, 1e-12), found, expected
    )
    assert np.any(np.asarray(expected[0].w) != 0)


def test_online_in_blocks_of_one_step_is_backpropagation_through_all(x64):
    net = snn.chain(
        snn.dense(N, N), made("snntorch.Synaptic", surrogate=SuperSpike(2.0))
    )
    weights, xs = in_double(net), inputs(1.0).astype(float)[:10]
    shades = np.sin(np.arange(xs.size, dtype=float)).reshape(xs.shape)

    def loss(w):
        return jnp.sum(shades * snn.unroll(net, w, xs, dt=DT)[1])

    learner = online.per_unit(net)
    carry, total = learner.init(weights, xs[0]), None

    @jax.jit
    def block(carry, x, shade):
        carry, _, pull = learner.run(weights, carry, x, DT)
        return carry, pull(shade)[0]

    for t in range(len(xs)):
        carry, step = block(carry, xs[t : t + 1], shades[t : t + 1])
        step = jax.tree.map(np.asarray, step)
        total = step if total is None else jax.tree.map(np.add, total, step)
    expected = jax.jit(jax.grad(loss))(weights)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-9, 1e-12), total, expected
    )


def test_units_that_act_on_each_other_are_refused_by_their_own_traces():
    """Spyx brings spikes back within the step: no rule for single units."""
    cell = made("spyx.RLIF")
    with pytest.raises(ValueError, match="act on each other"):
        online.per_unit(cell).init(cell.init(jax.random.key(0)), inputs()[0])


def test_a_start_has_no_gradient_but_where_the_library_has_one():
    def end(name, option, value):
        cell = from_library(name, N, **{option: value})
        return jnp.sum(cell.rest(inputs()[0]).v)

    at = jnp.float32(0.25)
    assert jax.grad(lambda v: end("norse.LIF", "v_leak", v))(at) == 0
    assert jax.grad(lambda v: end("norse.IAF", "v_reset", v))(at) == B * N
    assert end("norse.LIF", "v_leak", at) == B * N * 0.25


def test_a_matrix_of_snntorch_starts_from_a_bias_of_zero_and_weights_as_told():
    wired = from_library("snntorch.RLeaky", N, beta=0.9, all_to_all=False, V=0.5)
    assert wired.init(jax.random.key(0)).feedback.V == 0.5
    assert from_library("snntorch.RLeaky", N, beta=0.9, linear_features=N)


def test_presets_are_a_room_of_their_own():
    assert presets.from_library is from_library
    assert len(supported()) > 50


@pytest.mark.parametrize(
    ("name", "numbers", "x", "expected"),
    [
        (
            *("sinabs.IAF", {"min_v_mem": -1.0}, [-2.0, 0.0, 0.0, 1.5, 0.5]),
            [0.00495750435333272, 0.0732625555549367, 0.109893833332405, 5.58544670594],
        ),
        (
            *("sinabs.LIF", {"tau_mem": 10.0, "min_v_mem": 0.0}),
            [0.0, 0.0, 12.0, -3.0, 15.0],
            [0.0257577099672616, 0.0515154199345232, 0.395417932603133, 0.07525918761],
        ),
    ],
)
def test_no_gradient_passes_a_voltage_on_its_floor(name, numbers, x, expected, x64):
    # what sinabs 3.1.3 returned, of the sum of (t + 1) s, with spikes in float32
    cell = presets.from_library(name, 1, spike_fn="SingleSpike", **numbers)
    weights = cell.init(jax.random.key(0))

    def weighted(x):
        _, s = snn.unroll(cell, weights, x[:, None], dt=1e-3)
        return jnp.sum(np.arange(1.0, 6.0) * s[:, 0])

    grad = jax.jit(jax.grad(weighted))(np.array(x))
    np.testing.assert_allclose(np.asarray(grad)[:4], expected, rtol=1e-6)
