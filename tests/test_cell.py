from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.surrogate import SuperSpike

T, B, DT = 11, 2, 1e-3
TAU_MEM, TAU_SYN, THETA, K = 10e-3, 4e-3, 0.5, 3.0
MEM, SYN = np.exp(-DT / TAU_MEM), np.exp(-DT / TAU_SYN)
GAIN = TAU_SYN / (TAU_SYN - TAU_MEM) * (SYN - MEM)
LEAK = snn.LIFParams(TAU_MEM, TAU_SYN, THETA)


def network(reset="zero", attached=False, refractory=None):
    hidden = snn.lif(
        4,
        LEAK._replace(refractory=refractory),
        surrogate=SuperSpike(K),
        reset=reset,
        reset_gradient=attached,
    )
    return snn.chain(snn.dense(3, 4), hidden, snn.dense(4, 2), snn.li(2, LEAK))


def drawn(net, rng):
    weights = jax.tree.map(lambda w: 2.0 * w, net.init(jax.random.key(3)))
    return weights, jnp.asarray(rng.normal(0.5, 2.0, size=(T, B, 3)))


def by_hand(weights, xs, reset="zero", attached=False, silent=0, border=T):
    """The same network as a plain loop, its spikes a step on the slope of v/(1+k|v|).

    Every ``border`` steps the gradient through the state is cut.
    """
    stop = jax.lax.stop_gradient
    v = i = u = j = left = 0.0
    outputs, spikes = [], []
    for step, x in enumerate(xs):
        if step % border == 0:
            v, i, u, j = (stop(z) for z in (v, i, u, j))
        i = i + x @ weights[0].w
        v = jnp.where(left > 0, v, MEM * v + GAIN * i)
        above = v - THETA
        smooth = above / (1 + K * jnp.abs(above))
        s = jnp.where(
            left > 0, 0.0, (above > 0).astype(v.dtype) + smooth - stop(smooth)
        )
        left = jnp.where(s > 0.5, silent, left - 1)
        cut = s if attached else stop(s)
        v = {"zero": v * (1 - cut), "subtract": v - THETA * cut, "none": v}[reset]
        i = SYN * i
        j = j + s @ weights[2].w
        u, j = MEM * u + GAIN * j, SYN * j
        outputs.append(u)
        spikes.append(s)
    return jnp.stack(outputs), jnp.stack(spikes)


def values_and_gradients(run, weights, xs):
    def loss(weights, xs):
        ys = run(weights, xs)
        shades = jnp.cos(jnp.arange(ys.size)).reshape(ys.shape)
        return jnp.sum(ys * shades), ys

    graded = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))
    (_, ys), grads = graded(weights, xs)
    return ys, grads


def close(a, b, rtol=1e-10, atol=1e-12):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol, atol), a, b)


@pytest.mark.parametrize(
    ("reset", "attached", "silent"),
    [
        ("zero", False, 0),
        ("zero", True, 2),
        ("subtract", False, 2),
        ("subtract", True, 0),
        ("none", False, 2),
    ],
)
def test_values_and_gradients_are_those_of_a_plain_loop(
    reset, attached, silent, rng, x64
):
    net = network(reset, attached, silent * DT or None)
    weights, xs = drawn(net, rng)

    def loop(weights, xs):
        return by_hand(weights, xs, reset, attached, silent)

    def run(weights, xs):
        return snn.unroll(net, weights, xs, dt=DT)[1]

    assert np.all(jax.jit(loop)(weights, xs)[1].sum((0, 1)) > 0)
    expected = values_and_gradients(lambda *args: loop(*args)[0], weights, xs)
    close(values_and_gradients(run, weights, xs), expected)


@pytest.mark.parametrize("recorded", [False, True])
def test_recomputing_every_four_steps_gives_the_plain_loop_too(recorded, rng, x64):
    net = network("subtract", True)
    weights, xs = drawn(net, rng)
    record = (lambda state, y: y) if recorded else None

    def run(weights, xs):
        return snn.unroll(net, weights, xs, dt=DT, record=record, checkpoint=4)[1]

    expected = values_and_gradients(
        lambda *args: by_hand(*args, "subtract", True)[0], weights, xs
    )
    close(values_and_gradients(run, weights, xs), expected)


@pytest.mark.parametrize(("border", "checkpoint"), [(1, None), (4, None), (4, 3)])
def test_truncation_is_a_loop_that_forgets_at_the_borders(border, checkpoint, rng, x64):
    net = network()
    weights, xs = drawn(net, rng)

    def run(weights, xs, border=border):
        options = {"truncate": border, "checkpoint": checkpoint}
        return snn.unroll(net, weights, xs, dt=DT, **options)[1]

    def loop(border):
        return lambda *args: by_hand(*args, border=border)[0]

    cut, whole = (values_and_gradients(loop(b), weights, xs) for b in (border, T))
    assert np.max(np.abs(cut[1][0][0].w - whole[1][0][0].w)) > 1e-3
    close(values_and_gradients(run, weights, xs), cut)
    close(values_and_gradients(lambda *args: run(*args, T), weights, xs), whole)


def test_no_gradient_crosses_a_border(x64):
    cell = snn.li(1)
    run = lambda xs: snn.unroll(cell, (), xs, dt=DT, truncate=4)[1][-1, 0]  # noqa: E731
    grads = np.asarray(jax.grad(run)(jnp.ones((10, 1))))[:, 0]
    np.testing.assert_array_equal(grads[:8], 0.0)
    assert np.all(grads[8:] > 0)


def test_checkpoints_keep_less_for_the_backward_pass():
    net, xs = snn.chain(snn.lif(50), snn.li(50)), jnp.ones((400, 50))

    def kept(checkpoint):
        run = lambda xs: snn.unroll(net, ((), ()), xs, dt=DT, checkpoint=checkpoint)[0]  # noqa: E731
        _, backward = jax.vjp(run, xs)
        return sum(leaf.nbytes for leaf in jax.tree.leaves(backward))

    assert kept(20) - xs.nbytes < 0.1 * kept(None)


def test_a_record_may_be_anything(x64):
    xs = jnp.full((20, 2, 3), 3.0)
    keep = lambda state, y: {"v": state.v, "rate": y.mean()}  # noqa: E731
    _, kept = snn.unroll(snn.lif(3, LEAK), (), xs, dt=DT, record=keep)
    whole = snn.unroll(snn.lif(3, LEAK), (), xs, dt=DT)[1]
    assert kept["v"].shape == (20, 2, 3)
    np.testing.assert_allclose(kept["rate"], np.mean(whole, (1, 2)))


@pytest.mark.parametrize("truncate", [None, 3, 4, 6, 9])
def test_truncation_keeps_the_gradient_of_the_start_in_the_first_steps(truncate):
    neuron, xs = snn.li(2), jnp.ones((6, 1, 2))
    start = neuron.rest(xs[0])

    def loss(v, steps, **options):
        state = start._replace(v=v)
        return snn.unroll(neuron, (), xs[:steps], dt=DT, state=state, **options)[
            1
        ].sum()

    found = jax.grad(loss)(start.v, 6, truncate=truncate)
    expected = jax.grad(loss)(start.v, min(truncate or 6, 6))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("options", [{"checkpoint": 3}, {"truncate": 3}])
def test_a_record_survives_chunks_that_do_not_divide_the_time(options):
    xs, cell = jnp.full((11, 3), 3.0), snn.lif(3, LEAK)
    record = lambda state, y: (state.v, {"i": state.i})  # noqa: E731
    plain = snn.unroll(cell, (), xs, dt=DT, record=record)
    close(snn.unroll(cell, (), xs, dt=DT, record=record, **options), plain, 1e-6)


@pytest.mark.parametrize(("threshold", "heard"), [(1e-3, True), (1.0, False)])
def test_a_spike_passes_a_whole_chain_in_its_own_step(threshold, heard):
    follower = snn.lif(1, snn.LIFParams(threshold=threshold))
    net = snn.chain(snn.lif(1), follower, snn.li(1))
    jump = jnp.zeros((3, 1)).at[0].set(1e3)
    _, v = snn.unroll(net, ((), (), ()), jump, dt=DT)
    assert (v[0, 0] > 0) == heard


def test_links_of_a_chain_draw_their_own_weights():
    first, second = snn.chain(snn.dense(3, 3), snn.dense(3, 3)).init(jax.random.key(0))
    assert np.all(first.w != second.w)


def test_a_chain_of_one_is_that_cell(x64):
    xs = jnp.full((20, 3), 3.0)
    (state,), ys = snn.unroll(snn.chain(snn.lif(3)), ((),), xs, dt=DT)
    close((state, ys), snn.unroll(snn.lif(3), (), xs, dt=DT))


def test_a_chain_puts_out_what_each_of_its_cells_does(x64):
    cells = snn.dense(3, 4), snn.lif(4), snn.dense(4, 2), snn.li(2)
    net = snn.chain(*cells, outputs=("0", "1", "2", "3"))
    weights = net.init(jax.random.key(0))
    xs = 3.0 * jax.random.normal(jax.random.key(1), (20, 5, 3))
    _, ys = snn.unroll(net, weights, xs, dt=DT)
    for k in range(4):
        _, upto = snn.unroll(snn.chain(*cells[: k + 1]), weights[: k + 1], xs, dt=DT)
        close(ys[str(k)], upto)
    assert ys["1"].any()

    def loss(weights, net, pick):
        return jnp.sum(pick(snn.unroll(net, weights, xs, dt=DT)[1]))

    by_part = jax.grad(loss)(weights, net, lambda ys: ys["1"])
    alone = jax.grad(loss)(weights[:2], snn.chain(*cells[:2]), lambda y: y)
    close(by_part[:2], alone)
    state, first = snn.unroll(net, weights, xs[:7], dt=DT)
    _, second = snn.unroll(net, weights, xs[7:], dt=DT, state=state)
    close(ys, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, second))


def test_learned_constants_start_where_they_were_put(x64):
    tau_mem, theta = np.array([5e-3, 20e-3]), 0.3
    cell = snn.learn(
        lambda tau_mem, theta: snn.lif(
            2, snn.LIFParams(tau_mem=tau_mem, threshold=theta)
        ),
        tau_mem=tau_mem,
        theta=theta,
    )
    weights = cell.init(jax.random.key(0))
    close(weights.logs, {"tau_mem": np.log(tau_mem), "theta": np.log(theta)})
    assert not any(log.weak_type for log in jax.tree.leaves(weights))
    xs = jnp.full((30, 2), 0.8)
    given = snn.lif(2, snn.LIFParams(tau_mem, threshold=theta))
    ys = snn.unroll(cell, weights, xs, dt=DT)[1]
    assert ys.sum() > 2
    np.testing.assert_array_equal(ys, snn.unroll(given, (), xs, dt=DT)[1])


def test_constants_are_learned_among_others_that_stay_as_they_are(x64):
    params = snn.LIFParams(tau_mem=7e-3, tau_syn=3e-3, threshold=0.3)
    taus, xs = np.array([5e-3, 20e-3]), jnp.full((30, 2), 0.8)
    found = snn.learn(partial(snn.lif, 2), params, tau_mem=taus)
    by_hand = lambda tau_mem: snn.lif(2, params._replace(tau_mem=tau_mem))  # noqa: E731
    same = snn.learn(by_hand, tau_mem=taus)
    weights = found.init(jax.random.key(0))
    assert jax.tree.all(
        jax.tree.map(jnp.array_equal, weights, same.init(jax.random.key(0)))
    )
    ys = snn.unroll(found, weights, xs, dt=DT)[1]
    assert ys.sum() > 2
    np.testing.assert_array_equal(ys, snn.unroll(same, weights, xs, dt=DT)[1])
    for wrong in ({"tau_mem": 1e-3}, "nonsense", params._replace):
        with pytest.raises(ValueError, match="params must have _replace, tau_mem"):
            snn.learn(partial(snn.lif, 2), wrong, tau_mem=taus)
    with pytest.raises(ValueError, match=r"params must have .* without tau"):
        snn.learn(partial(snn.lif, 2), params, tau=taus)


def test_learning_the_logarithm_scales_the_slope_by_the_constant(rng, x64):
    xs = jnp.asarray(rng.normal(size=(25, 2)))
    taus = {"tau_mem": np.array([8e-3, 20e-3]), "tau_syn": np.array([8e-3, 5e-3])}
    cell = snn.learn(lambda **taus: snn.li(2, snn.LIParams(**taus)), **taus)

    def loss(cell, weights):
        return jnp.sum(snn.unroll(cell, weights, xs, dt=DT)[1] ** 2)

    grads = jax.grad(lambda w: loss(cell, w))(cell.init(jax.random.key(0)))
    for name, tau in taus.items():
        for k, h in enumerate(1e-6 * np.diag(tau)):
            up, down = (
                loss(snn.li(2, snn.LIParams(**taus | {name: tau + c * h})), ())
                for c in (1, -1)
            )
            slope = tau[k] * (up - down) / (2 * h[k])
            np.testing.assert_allclose(grads.logs[name][k], slope, rtol=1e-6)


def test_a_learned_cell_is_a_link_like_any_other(rng, x64):
    xs = jnp.asarray(rng.normal(0.5, 2.0, size=(T, B, 3)))
    made = lambda tau: snn.lif(4, LEAK._replace(tau_mem=tau), surrogate=SuperSpike(K))  # noqa: E731
    net = snn.chain(snn.dense(3, 4), snn.learn(made, tau=TAU_MEM), snn.dense(4, 2))
    weights = net.init(jax.random.key(3))
    loss = lambda w: jnp.sum(snn.unroll(net, w, xs, dt=DT)[1])  # noqa: E731

    def plain(tau):
        net = snn.chain(snn.dense(3, 4), made(tau), snn.dense(4, 2))
        kept = (weights[0], (), weights[2])
        return jnp.sum(snn.unroll(net, kept, xs, dt=DT)[1])

    grads = jax.grad(loss)(weights)
    slope = TAU_MEM * jax.grad(plain)(TAU_MEM)
    assert abs(slope) > 1e-2
    np.testing.assert_allclose(grads[1].logs["tau"], slope, rtol=1e-10)


def test_constants_of_a_cell_with_weights_are_learned_beside_them():
    def make(tau):
        return snn.recurrent(3, 4, snn.lif(4, snn.LIFParams(tau_mem=tau)))

    cell, key = snn.learn(make, tau=TAU_MEM), jax.random.key(1)
    close(cell.init(key).weights, make(TAU_MEM).init(key))


@pytest.mark.filterwarnings("ignore:Times are in seconds")
def test_a_step_of_any_size_leaves_a_constant_positive():
    cell = snn.learn(lambda tau: snn.li(2, snn.LIParams(tau_mem=tau)), tau=TAU_MEM)
    weights = cell.init(jax.random.key(0))
    for stride in (-20.0, 20.0):
        moved = jax.tree.map(lambda log, stride=stride: log + stride, weights)
        state, _ = snn.unroll(cell, moved, jnp.ones((5, 2)), dt=DT)
        assert not any(snn.nonfinite(state).values())


@pytest.mark.parametrize("odd", [jnp.nan, jnp.inf])
def test_a_lost_neuron_is_named_though_its_output_looks_fine(odd):
    net = snn.chain(snn.lif(3), snn.lif(3))
    weights, xs = ((), ()), jnp.ones((6, 2, 3))
    state, _ = snn.unroll(net, weights, xs, dt=DT)
    assert not any(snn.nonfinite(state).values())
    gone = state[1]._replace(v=state[1].v.at[0, 1].set(odd))
    end, ys = snn.unroll(net, weights, xs, dt=DT, state=(state[0], gone))
    assert np.all(np.isfinite(ys))
    for check in (snn.nonfinite, jax.jit(snn.nonfinite)):
        assert [name for name, gone in check(end).items() if gone] == ["[1].v"]


def test_lost_looks_at_floating_point_only():
    state = {"key": jax.random.key(0), "count": jnp.arange(3), "v": jnp.zeros(2)}
    assert list(snn.nonfinite(state)) == ["['v']"]


@pytest.mark.parametrize(
    ("change", "odd"),
    [
        (lambda s: jax.tree.map(lambda x: x[:1], s), r"\(1, 3\) float32"),
        (lambda s: jax.tree.map(lambda x: x[0], s), r"\(3,\) float32"),
        (lambda s: jax.tree.map(lambda x: x[:, :2], s), r"\(2, 2\) float32"),
        (lambda s: jax.tree.map(lambda x: x.astype(int), s), r"int32"),
        (lambda s: s._replace(refractory=s.v), r"\.refractory \(2, 3\)"),
        (lambda s: s._replace(i=None), "1 arrays"),
        (lambda s: (s.v, s.i), r"\[0\] \(2, 3\)"),
        (lambda s: (), "0 arrays"),
    ],
)
def test_a_state_of_something_else_is_refused(change, odd):
    cell, xs = snn.lif(3), jnp.zeros((5, 2, 3))
    state, _ = snn.unroll(cell, (), xs, dt=DT)
    with pytest.raises(ValueError, match=rf"does not fit .* got .*{odd}.*, expected"):
        snn.unroll(cell, (), xs, dt=DT, state=change(state))


def test_a_state_of_another_batch_is_refused_inside_jit_too():
    cell = snn.li(3)
    state = cell.rest(jnp.zeros((2, 3)))
    run = jax.jit(lambda xs: snn.unroll(cell, (), xs, dt=DT, state=state)[1])
    with pytest.raises(ValueError, match="does not fit this cell"):
        run(jnp.zeros((5, 4, 3)))


@pytest.mark.parametrize("shape", [(), (5,)])
def test_inputs_without_time_and_channels_are_refused(shape):
    with pytest.raises(ValueError, match=r"expects inputs \[T, \*batch, n_in\]"):
        snn.unroll(snn.li(5), (), jnp.zeros(shape), dt=DT)


@pytest.mark.parametrize("dtype", [jnp.int32, jnp.uint8, bool, jnp.complex64])
def test_inputs_that_are_not_floating_point_are_refused(dtype):
    words = "must be an array" if dtype is jnp.complex64 else "floating point.*astype"
    with pytest.raises(ValueError, match=words):
        snn.unroll(snn.li(3), (), jnp.zeros((5, 3), dtype), dt=DT)


@pytest.mark.parametrize("dt", [0.0, -1e-3, np.nan, np.inf])
def test_a_step_that_is_not_positive_is_refused(dt):
    with pytest.raises(ValueError, match=r"dt \[s\] must be finite and positive"):
        snn.unroll(snn.li(3), (), jnp.zeros((5, 3)), dt=dt)


def test_a_truth_value_is_no_step():
    with pytest.raises(ValueError, match="dt must be a number, got True"):
        snn.unroll(snn.li(3), (), jnp.zeros((5, 3)), dt=True)


def test_many_steps_at_once_are_refused():
    with pytest.raises(ValueError, match=r"dt must be one number .* shape \(3,\)"):
        snn.unroll(snn.li(3), (), jnp.zeros((5, 3)), dt=jnp.full(3, DT))


@pytest.mark.parametrize("name", ["checkpoint", "truncate"])
@pytest.mark.parametrize("length", [0, -3, 2.5, True])
def test_chunks_below_one_whole_step_are_refused(name, length):
    with pytest.raises(ValueError, match=f"{name} must be"):
        snn.unroll(snn.li(3), (), jnp.zeros((5, 3)), dt=DT, **{name: length})


def test_an_empty_chain_is_refused():
    with pytest.raises(ValueError, match="at least one cell"):
        snn.chain()


def test_links_that_do_not_fit_are_refused():
    net = snn.chain(snn.dense(3, 4), snn.lif(5))
    weights = net.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"lif expects 5 channels .* shape \(2, 4\)"):
        snn.unroll(net, weights, jnp.zeros((6, 2, 3)), dt=DT)


def test_learning_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one constant by name"):
        snn.learn(lambda: snn.li(3))


@pytest.mark.parametrize("bad", [0.0, -20e-3, np.nan, np.array([1e-3, -1e-3])])
def test_learning_what_has_no_logarithm_is_refused(bad):
    with pytest.raises(ValueError, match="tau must be finite and positive"):
        snn.learn(lambda tau: snn.li(2, snn.LIParams(tau)), tau=bad)


def long_network(backend="xla"):
    neuron = snn.lif(40, snn.LIFParams(5e-3, 2e-3, 0.3), backend=backend)
    return snn.chain(snn.recurrent(20, 40, neuron), snn.dense(40, 5, backend=backend))


def gradient_of(net, weights, xs, **options):
    def loss(weights):
        return jnp.sum(jnp.sin(snn.unroll(net, weights, xs, dt=1e-3, **options)[1]))

    return jax.jit(jax.value_and_grad(loss))


def temp_bytes(net, weights, xs, **options):
    compiled = gradient_of(net, weights, xs, **options).lower(weights).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_a_budget_of_memory_is_kept_at_the_same_gradient(x64):
    xs = jax.random.bernoulli(jax.random.key(0), 0.2, (400, 8, 20)).astype(float)
    net = long_network()
    weights = net.init(jax.random.key(1))
    plain = gradient_of(net, weights, xs)(weights)
    whole, outputs = temp_bytes(net, weights, xs), 2 * 400 * 8 * 5 * 8
    for budget in (1e6, 5e5):
        found = gradient_of(net, weights, xs, memory=budget)(weights)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-10), found, plain)
        assert temp_bytes(net, weights, xs, memory=budget) < budget + outputs < whole
    assert temp_bytes(net, weights, xs, memory=1e9) == whole


def test_a_budget_holds_the_copy_of_a_chunk_of_wide_inputs():
    xs, neurons = jnp.ones((400, 16, 700)), snn.lif(32, backend="xla")
    net = snn.chain(snn.recurrent(700, 32, neurons), snn.li(32))
    weights = net.init(jax.random.key(1))

    def temp(**options):
        def loss(weights, xs):
            return jnp.sum(jnp.sin(snn.unroll(net, weights, xs, dt=1e-3, **options)[1]))

        compiled = jax.jit(jax.grad(loss)).lower(weights, xs).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert temp(memory=4e6) < 4e6 < temp() < temp(checkpoint=200)


def test_a_budget_that_nothing_fits_into_is_refused_with_the_least():
    net, xs = long_network(), jnp.zeros((400, 8, 20))
    weights = net.init(jax.random.key(1))
    with pytest.raises(
        ValueError, match=r"No chunk.*fits into 1e\+03 bytes; the least"
    ):
        snn.unroll(net, weights, xs, dt=1e-3, memory=1e3)
    with pytest.raises(ValueError, match="memory"):
        snn.unroll(net, weights, xs, dt=1e-3, memory=-1.0)
    with pytest.raises(ValueError, match="not both"):
        snn.unroll(net, weights, xs, dt=1e-3, memory=1e6, checkpoint=5)


def test_a_small_raster_is_never_a_dense_one_in_floating_point():
    raster = jnp.zeros((500, 16, 200), jnp.uint8)
    net = snn.chain(snn.dense(200, 4, backend="xla"), snn.li(4))
    weights = net.init(jax.random.key(1))
    assert temp_bytes(net, weights, raster) < 500 * 16 * 200 * 4 / 4


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_a_step_that_looks_like_milliseconds_is_warned_of(dt):
    with pytest.warns(UserWarning, match=r"Times are in seconds: dt=.* dt=1e-3"):
        snn.unroll(snn.li(3), (), jnp.zeros((5, 3)), dt=dt)


def test_steps_below_a_tenth_of_a_second_and_traced_ones_pass_without_a_word():
    run = jax.jit(lambda dt: snn.unroll(snn.li(3), (), jnp.zeros((5, 3)), dt=dt)[1])
    run(1.0)
    snn.unroll(snn.li(3), (), jnp.zeros((5, 3)), dt=0.05)


def test_several_inputs_survive_chunks_of_any_length():
    def step(weights, state, x, dt):
        return state, x["a"] + x["b"]

    both = snn.Cell(lambda key: (), lambda x: (), step)
    xs = {"a": jnp.arange(11.0)[:, None], "b": jnp.ones((11, 1))}
    _, plain = snn.unroll(both, (), xs, dt=DT)
    for options in ({"checkpoint": 4}, {"truncate": 3}, {"memory": 1e9}):
        _, ys = snn.unroll(both, (), xs, dt=DT, **options)
        np.testing.assert_array_equal(ys, plain)


@pytest.mark.parametrize("made", [snn.stateless(jnp.tanh), snn.chain(snn.li(3))])
def test_a_function_is_a_cell_like_any_other(made):
    net = snn.chain(snn.dense(3, 3), made, snn.stateless(lambda x: 2.0 * x))
    weights = net.init(jax.random.key(0))
    state, ys = snn.unroll(net, weights, jnp.ones((5, 2, 3)), dt=DT)
    assert ys.shape == (5, 2, 3)
    assert state[0] == state[2] == ()


def test_what_is_no_function_makes_no_cell():
    with pytest.raises(ValueError, match="expects a function, got 3"):
        snn.stateless(3)


class Ones(NamedTuple):
    """Draws weights; has no hash, as it holds a list."""

    drawn: list
    shape: tuple

    def __call__(self, key):
        self.drawn.append(1)
        return jnp.ones(self.shape)


def test_shapes_of_weights_are_found_once_for_each_cell_that_can_be_told():
    drawn = []
    by_hand = Ones(drawn, (3, 2))
    found = [lambda key: by_hand(key), by_hand]
    for init, traced in zip(found, (1, 3), strict=True):
        drawn.clear()
        product = snn.Cell(init, lambda x: (), lambda w, s, x, dt: (s, x @ w))
        net = snn.chain(product, snn.li(2))
        for batch in (1, 4, 5):
            assert net.rest(jnp.ones((batch, 3)))[1].v.shape == (batch, 2)
        assert len(drawn) == traced
    with jax.enable_x64(True):  # weights are as precise as the input whatever is drawn
        assert net.rest(jnp.ones((1, 3)))[1].v.dtype == jnp.float64
        assert net.rest(jnp.ones((1, 3), jnp.float32))[1].v.dtype == jnp.float32
