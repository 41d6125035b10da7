import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.neurons import (
    LIFState,
    LIState,
    adlif,
    homeostatic_lif,
    izhikevich,
    smooth_lif,
)
from snnjax.neurons.leaky import constants_of, flow
from snnjax.surrogate import Boxcar, Scaled, StraightThrough, SuperSpike

TAU_MEM, TAU_SYN, DT = 20e-3, 5e-3, 1e-3
BARE = snn.LIFParams(TAU_MEM, None)  # no synapse: the input is the current itself
B = np.exp(-DT / TAU_MEM)
every_dt = pytest.mark.parametrize("dt", [1e-4, 1e-3, 5e-3])
every_reset = pytest.mark.parametrize("reset", ["zero", "subtract", "none"])


def voltages(cell, xs, dt=DT, state=None):
    """Voltages after the reset, and spikes, of one neuron."""
    record = lambda state, y: (state.v[..., 0], y[..., 0])  # noqa: E731
    xs = np.asarray(xs, jnp.result_type(float))[:, None]
    run = lambda: snn.unroll(cell, (), xs, dt=dt, state=state, record=record)[1]  # noqa: E731
    v, s = jax.jit(run)()
    return np.asarray(v), np.asarray(s)


def kernel(t, tau_mem=TAU_MEM, tau_syn=TAU_SYN):
    """The PSP of a unit jump, solved by hand."""
    difference = np.exp(-t / tau_syn) - np.exp(-t / tau_mem)
    return np.where(t < 0, 0.0, tau_syn / (tau_syn - tau_mem) * difference)


def test_a_constant_given_beside_its_tuple_is_told_where_it_belongs():
    place = r"takes tau_mem as a part of params: params=LIFParams\(tau_mem=…\)"
    with pytest.raises(TypeError, match=place):
        snn.lif(3, tau_mem=20e-3)


@pytest.mark.parametrize(
    ("make", "given", "told"),
    [
        (snn.lif, {"beta": 0.9}, r"lif\(\) takes no beta; it is params= here.*tau_mem"),
        (snn.li, {"beta": 0.9}, r"li\(\) takes no beta; it is params= here"),
        (snn.lif, {"spike_grad": abs}, "it is surrogate= here"),
        (snn.lif, {"surrogate_function": abs}, "it is surrogate= here"),
        (snn.lif, {"reset_mechanism": "zero"}, "it is reset= here: 'zero', 'subtract'"),
        (snn.lif, {"detach_reset": True}, "it is reset_gradient= here"),
        (snn.lif, {"init_hidden": True}, "a state goes into every run and comes out"),
        (snn.lif, {"num_steps": 25}, r"time is the first axis .*\[T, \*batch, n\]"),
        (snn.dense, {"in_features": 3}, "it is n_in= here"),
        (snn.lif, {"v_th": 0.5}, "it is params= here: its threshold"),
        (snn.li, {"v_th": 0.5}, "unexpected keyword argument 'v_th'"),
        (izhikevich, {"beta": 0.9}, "unexpected keyword argument 'beta'"),
        (adlif, {"alpha": 0.9}, "unexpected keyword argument 'alpha'"),
        (snn.li, {"spike_grad": abs}, "unexpected keyword argument 'spike_grad'"),
        (snn.lif, {"speed": 3}, "unexpected keyword argument 'speed'"),
    ],
)
def test_an_option_of_another_library_is_told_as_it_is_here(make, given, told):
    with pytest.raises(TypeError, match=told):
        make(3, **given)


def test_parts_may_be_called_as_options_of_others_are():
    net = snn.chain(beta=snn.dense(3, 2), output=snn.li(2))
    assert [*net.about.parts] == ["beta", "output"]


@every_dt
@pytest.mark.parametrize("neuron", [snn.li, lambda *a: snn.lif(*a, reset="none")])
def test_a_constant_current_charges_the_membrane_exponentially(neuron, dt, x64):
    steps, drive = round(60e-3 / dt), 1.7
    v, _ = voltages(neuron(1, BARE), np.full(steps, drive), dt)
    t = dt * np.arange(1, steps + 1)
    np.testing.assert_allclose(v, drive * -np.expm1(-t / TAU_MEM), rtol=1e-12)


@every_dt
@pytest.mark.parametrize("tau_mem", [20e-3, 3e-3])
def test_two_jumps_draw_the_sum_of_their_psps_at_any_dt(tau_mem, dt, x64):
    xs = np.zeros(round(60e-3 / dt))
    xs[0], xs[round(15e-3 / dt)] = 2.0, -0.5
    v, _ = voltages(snn.li(1, snn.LIParams(tau_mem, TAU_SYN)), xs, dt)
    t = dt * np.arange(1, len(xs) + 1)
    expected = 2.0 * kernel(t, tau_mem) - 0.5 * kernel(t - 15e-3, tau_mem)
    np.testing.assert_allclose(v, expected, rtol=1e-10, atol=1e-12)


@every_dt
def test_equal_time_constants_draw_the_alpha_function(dt, x64):
    jump = np.zeros(round(60e-3 / dt))
    jump[0] = 1.0
    v, _ = voltages(snn.li(1, snn.LIParams(10e-3, 10e-3)), jump, dt)
    t = dt * np.arange(1, len(jump) + 1)
    np.testing.assert_allclose(v, t / 10e-3 * np.exp(-t / 10e-3), rtol=1e-12)


def test_an_impulse_into_a_readout_decays_geometrically(x64):
    jump = np.zeros(50)
    jump[0] = 1.0
    v, _ = voltages(snn.li(1, snn.LIParams(TAU_MEM, None)), jump)
    np.testing.assert_allclose(v, (1 - B) * B ** np.arange(50), rtol=1e-12)


def test_left_alone_a_neuron_decays_from_where_it_was(x64):
    start = LIState(v=np.array([0.8]), i=np.array([3.0]))
    v, _ = voltages(snn.li(1), np.zeros(40), state=start)
    t = DT * np.arange(1, 41)
    expected = 0.8 * np.exp(-t / TAU_MEM) + 3.0 * kernel(t)
    np.testing.assert_allclose(v, expected, rtol=1e-10)


@pytest.mark.parametrize("tau_syn", [5e-3, 20e-3, None])
def test_two_short_flows_are_one_long_flow(tau_syn, x64):
    params = snn.LIParams(TAU_MEM, tau_syn)
    v, i = jnp.float64(0.3), None if tau_syn is None else jnp.float64(-1.1)
    held = 0.7 if tau_syn is None else 0.0
    short, long = (constants_of(params, "current", dt, v.dtype) for dt in (1e-3, 2e-3))
    twice = flow(short, *flow(short, v, i, held), held)
    once = flow(long, v, i, held)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-13), twice, once)


def test_voltages_superpose_below_threshold(rng, x64):
    a, b = 0.2 * rng.normal(size=(2, 100))
    neuron = snn.lif(1)
    (va, sa), (vb, sb) = voltages(neuron, a), voltages(neuron, b)
    v, s = voltages(neuron, 3.0 * a - 2.0 * b)
    assert not np.any([sa, sb, s])
    np.testing.assert_allclose(v, 3.0 * va - 2.0 * vb, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("drive", "steps"), [(1.05, 61), (1.5, 22), (3.0, 9)])
def test_intervals_under_constant_current_are_the_textbook_ones(drive, steps, x64):
    _, s = voltages(snn.lif(1, BARE), np.full(200, drive))
    assert steps == np.ceil(TAU_MEM / DT * np.log(drive / (drive - 1)))
    fired = np.flatnonzero(s)
    assert fired[0] == steps - 1
    assert set(np.diff(fired)) == {steps}


@pytest.mark.parametrize("dt", [1e-4, 2e-3])
@pytest.mark.parametrize("threshold", [0.7, 1.3])
def test_intervals_follow_the_threshold_and_the_step(threshold, dt, x64):
    drive = 2.1
    params = BARE._replace(threshold=threshold)
    _, s = voltages(snn.lif(1, params), np.full(round(80e-3 / dt), drive), dt)
    steps = np.ceil(TAU_MEM / dt * np.log(drive / (drive - threshold)))
    assert set(np.diff(np.flatnonzero(s))) == {steps}


def test_a_current_below_threshold_never_fires():
    _, s = voltages(snn.lif(1, BARE), np.full(1000, 0.99))
    assert not np.any(s)


@pytest.mark.parametrize(
    ("in_steps", "lost"), [(0.0, 0), (0.4, 0), (0.6, 1), (2.4, 2), (2.6, 3), (40, 40)]
)
def test_refractoriness_lengthens_intervals_by_whole_steps(in_steps, lost, x64):
    params = BARE._replace(refractory=in_steps * DT)
    _, s = voltages(snn.lif(1, params), np.full(300, 1.5))
    assert set(np.diff(np.flatnonzero(s))) == {22 + lost}


@every_reset
def test_a_frozen_neuron_goes_on_as_if_no_time_had_passed(reset, x64):
    drive = np.full(300, 1.5)
    _, free = voltages(snn.lif(1, BARE, reset=reset), drive)
    params = BARE._replace(refractory=4e-3)
    _, s = voltages(snn.lif(1, params, reset=reset), drive)
    intervals, stretched = np.diff(np.flatnonzero(free)), np.diff(np.flatnonzero(s))
    np.testing.assert_array_equal(stretched, intervals[: len(stretched)] + 4)


@pytest.mark.parametrize("backend", ["auto", "xla"])
@pytest.mark.parametrize("steps", [1000, 100_000])
def test_many_refractory_steps_do_not_drift_in_single_precision(steps, backend):
    dt, params = 1e-6, BARE._replace(refractory=steps * 1e-6)
    neuron = snn.lif(1, params, reset="none", backend=backend)
    _, s = snn.unroll(neuron, (), jnp.full((3 * steps + 4, 1), 1e6), dt=dt)
    expected = [0, steps + 1, 2 * steps + 2, 3 * steps + 3]
    np.testing.assert_array_equal(np.flatnonzero(s), expected)


def test_refractory_times_may_be_traced_and_swept():
    def intervals(refractory):
        neuron = snn.lif(2, BARE._replace(refractory=refractory))
        return snn.unroll(neuron, (), jnp.full((300, 2), 1.5), dt=DT)[1]

    lost = np.array([[0, 3], [5, 40]])
    for spikes, steps in zip(jax.vmap(intervals)(lost * DT), lost, strict=True):
        for k in range(2):
            fired = np.diff(np.flatnonzero(spikes[:, k]))
            assert set(fired) == {22 + steps[k]}


@pytest.mark.parametrize("refractory", [None, 3e-3])
@pytest.mark.parametrize("v_reset", [-0.7, 0.0, 0.4])
def test_intervals_begin_where_the_reset_leaves_the_voltage(v_reset, refractory, x64):
    drive, theta = 1.5, 0.9
    params = snn.LIFParams(TAU_MEM, None, theta, refractory, v_reset)
    v, s = voltages(snn.lif(1, params), np.full(300, drive))
    steps = np.ceil(TAU_MEM / DT * np.log((drive - v_reset) / (drive - theta)))
    fired = np.flatnonzero(s)
    assert set(np.diff(fired)) == {steps + (0 if refractory is None else 3)}
    assert fired[0] == np.ceil(TAU_MEM / DT * np.log(drive / (drive - theta))) - 1
    np.testing.assert_array_equal(v[fired], v_reset)


def test_a_jump_of_the_voltage_decays_alike_at_any_dt(x64):
    found = {}
    for dt in (1e-3, 1e-4):
        jump = np.zeros(round(50e-3 / dt))
        jump[round(5e-3 / dt)] = 1.0
        neuron = snn.li(1, snn.LIParams(TAU_MEM, None), input="voltage")
        v, _ = voltages(neuron, jump, dt)
        t = dt * np.arange(1, len(v) + 1) - 5e-3
        expected = np.where(t > 0.5 * dt, np.exp(-t / TAU_MEM), 0.0)
        np.testing.assert_allclose(v, expected, rtol=1e-11)
        assert abs(v.max() - 1.0) < 0.05
        found[dt] = v[round(1e-3 / dt) - 1 :: round(1e-3 / dt)]
    np.testing.assert_allclose(found[1e-3], found[1e-4], rtol=1e-11)


@every_reset
def test_jumps_above_threshold_fire_at_once(reset, x64):
    neuron = snn.lif(1, BARE, reset=reset, input="voltage")
    v, s = voltages(neuron, [0.6, 0.6, 0.0, 3.0])
    before = np.array([0.6 * B, 0.6 * B * (1 + B)])
    left = {"zero": 0.0, "subtract": before[1] - 1.0, "none": before[1]}[reset]
    np.testing.assert_array_equal(s[:3], [0, 1, reset == "none"])
    np.testing.assert_allclose(v[:2], [before[0], left], rtol=1e-13, atol=1e-15)
    assert s[3] == 1.0


@pytest.mark.parametrize("make", [snn.li, snn.lif])
def test_a_jump_of_the_voltage_has_no_synapse_to_pass(make):
    with pytest.raises(ValueError, match=r"tau_syn=None, got tau_syn=0\.005"):
        make(1, input="voltage")
    with pytest.raises(ValueError, match=r"input must be one of .*, got 'charge'"):
        make(1, BARE, input="charge")


@pytest.mark.parametrize("reset", ["zero", "subtract"])
def test_refractory_voltage_is_frozen_while_the_current_goes_on(reset, x64):
    xs = np.zeros((12, 1))
    xs[0], xs[6] = 9.0, 1.0  # the second arrives in the silence
    params = snn.LIFParams(refractory=5e-3)
    _, (state, s) = snn.unroll(
        snn.lif(1, params, reset=reset), (), xs, dt=DT, record=lambda *both: both
    )
    first = np.flatnonzero(s)[0]
    above = 9.0 * kernel(DT * (first + 1)) - 1.0
    stays = {"zero": 0.0, "subtract": above}[reset]
    assert first == 3
    np.testing.assert_allclose(state.v[first : first + 6, 0], stays, rtol=1e-10)
    assert np.count_nonzero(s[: first + 6]) == 1
    assert state.v[first + 6, 0] != stays
    t = DT * np.arange(1, 13)
    current = 9.0 * np.exp(-t / TAU_SYN)
    current[6:] += np.exp(-(t[6:] - 6e-3) / TAU_SYN)
    np.testing.assert_allclose(state.i[:, 0], current, rtol=1e-12)


def test_no_gradient_passes_a_refractory_step(x64):
    params = BARE._replace(refractory=3e-3)
    cell = snn.lif(1, params, surrogate=StraightThrough())
    xs = jnp.full((7, 1), 1e2).at[4:].set(0.5)

    def readout(xs):
        state, s = snn.unroll(cell, (), xs, dt=DT)
        return state.v.sum() + s[1:].sum()

    grads = np.asarray(jax.grad(readout)(xs))[:, 0]
    np.testing.assert_array_equal(grads[:4], 0.0)
    assert np.all(grads[4:] > 0)


def test_subtracted_charge_balances_what_came_in(rng, x64):
    xs = rng.normal(2.0, 2.0, size=400)
    params = BARE._replace(threshold=0.8)
    v, s = voltages(snn.lif(1, params, reset="subtract"), xs)
    before = np.concatenate([[0.0], v[:-1]])
    balance = (1 - B) * (xs.mean() - before.mean()) - v[-1] / 400
    assert s.sum() > 20
    np.testing.assert_allclose(0.8 * s.mean(), balance, rtol=1e-10)


def test_a_subtracting_neuron_is_its_psps_minus_fading_resets(rng, x64):
    xs, theta = rng.normal(1.0, 3.0, size=150), 0.6
    v, s = voltages(snn.lif(1, snn.LIFParams(threshold=theta), reset="subtract"), xs)
    drawn = np.convolve(xs, kernel(DT * np.arange(1, 151)))[:150]
    resets = np.convolve(s, theta * B ** np.arange(150))[:150]
    assert 10 < s.sum() < 140
    np.testing.assert_allclose(v, drawn - resets, rtol=1e-10, atol=1e-11)


@every_reset
def test_reset_does_to_the_voltage_what_its_name_says(reset, x64):
    start = LIFState(v=jnp.array([2.5, 0.5]), i=None, refractory=None)
    cell = snn.lif(2, BARE, reset=reset)
    state, s = cell.step((), start, jnp.zeros(2), DT)
    left = {"zero": 0.0, "subtract": 2.5 * B - 1.0, "none": 2.5 * B}[reset]
    np.testing.assert_array_equal(s, [1.0, 0.0])
    np.testing.assert_allclose(state.v, [left, 0.5 * B], rtol=1e-13)


def test_an_input_can_fire_a_neuron_in_its_own_step():
    _, s = voltages(snn.lif(1), [1e3, 0.0])
    assert s[0] == 1.0


@pytest.mark.parametrize("options", [{}, {"reset": "subtract", "reset_gradient": True}])
def test_per_neuron_constants_are_separate_neurons(options, rng, x64):
    constants = {
        "tau_mem": np.array([5e-3, 20e-3, 8e-3]),
        "tau_syn": np.array([5e-3, 2e-3, 10e-3]),
        "threshold": np.array([0.2, 0.5, 0.3]),
        "refractory": np.array([0.0, 3e-3, 1e-3]),
    }
    xs = jnp.asarray(rng.normal(0.6, 0.8, size=(80, 3)))

    def run(n, params, xs):
        out = lambda x: snn.unroll(snn.lif(n, params, **options), (), x, dt=DT)  # noqa: E731

        def both(xs):
            state, s = out(xs)
            return (*state, s), jax.grad(lambda x: jnp.sum(out(x)[1] * x**2))(xs)

        return jax.tree.map(np.asarray, jax.jit(both)(xs))

    together = run(3, snn.LIFParams(**constants), xs)
    for k in range(3):
        params = snn.LIFParams(**{name: c[k] for name, c in constants.items()})
        alone = run(1, params, xs[:, k : k + 1])
        assert alone[0][-1].sum() > 3
        jax.tree.map(
            lambda a, b, k=k: np.testing.assert_allclose(
                a[..., k : k + 1], b, rtol=1e-11, atol=1e-14
            ),
            together,
            alone,
        )


@every_reset
@pytest.mark.parametrize("attached", [False, True])
def test_stretching_all_times_changes_neither_spikes_nor_gradients(
    reset, attached, rng, x64
):
    xs = rng.binomial(1, 0.3, size=(60, 5)).astype(float)
    w = rng.normal(0.6, 0.6, size=(5, 4))

    def run(c):
        params = snn.LIFParams(c * 10e-3, c * 4e-3, 0.7, c * 2e-3)
        cell = snn.lif(4, params, reset=reset, reset_gradient=attached)

        def loss(w):
            s = snn.unroll(cell, (), xs @ w, dt=c * DT)[1]
            return jnp.sum(s * jnp.arange(240.0).reshape(60, 4)), s

        return jax.jit(jax.grad(loss, has_aux=True))(w)

    (grads, spikes), (stretched, same) = run(1.0), run(2.7)
    assert spikes.sum() > 10
    np.testing.assert_array_equal(spikes, same)
    np.testing.assert_allclose(grads, stretched, rtol=1e-10)


def test_with_a_constant_surrogate_and_no_reset_gradients_are_linear(rng, x64):
    xs, shades = rng.normal(1.0, 2.0, size=(2, 40, 3))
    flat = snn.lif(3, surrogate=StraightThrough(), reset="none")

    def grads(cell):
        run = lambda xs: jnp.sum(shades * snn.unroll(cell, (), xs, dt=DT)[1])  # noqa: E731
        return jax.jit(jax.grad(run))(xs)

    expected = [
        sum(shades[k] * kernel((k - j + 1) * DT) for k in range(j, 40))
        for j in range(40)
    ]
    np.testing.assert_allclose(grads(flat), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(grads(snn.li(3)), expected, rtol=1e-10, atol=1e-12)


def test_a_zero_surrogate_teaches_the_readout_only(x64):
    silent = snn.lif(4, surrogate=Scaled(StraightThrough(), 0.0))
    net = snn.chain(snn.dense(3, 4), silent, snn.dense(4, 2), snn.li(2))
    weights = jax.tree.map(np.abs, jax.jit(net.init)(jax.random.key(0)))
    run = lambda w: snn.unroll(net, w, np.full((30, 3), 2.0), dt=DT)[1].sum()  # noqa: E731
    hidden, _, readout, _ = jax.jit(jax.grad(run))(weights)
    np.testing.assert_array_equal(hidden.w, 0.0)
    assert np.all(np.asarray(readout.w) > 0)


def jacobian(reset, attached, u, shape):
    """dV/dU of firing and resetting at U, worked out by hand."""
    s, h = u > 1.0, np.asarray(shape(jnp.asarray(u - 1.0))) * attached
    return {"zero": (1 - s) - u * h, "subtract": 1 - h, "none": 1.0 + 0 * u}[reset]


@every_reset
@pytest.mark.parametrize("attached", [False, True])
def test_three_steps_have_the_gradient_worked_out_by_hand(reset, attached, x64):
    shape = SuperSpike(2.0)
    cell = snn.lif(1, BARE, surrogate=shape, reset=reset, reset_gradient=attached)
    xs = np.array([18.0, 25.0, 3.0])  # silent, fires, silent

    u, v = [], 0.0
    for x in xs:
        u.append(B * v + (1 - B) * x)
        fired = u[-1] > 1.0
        v = {"zero": u[-1] * (1 - fired), "subtract": u[-1] - fired, "none": u[-1]}[
            reset
        ]
    np.testing.assert_array_equal(np.greater(u, 1.0)[:2], [False, True])
    j1, j2, j3 = (jacobian(reset, attached, np.array(x), shape) for x in u)
    voltage = [(1 - B) * j1 * B * j2 * B * j3, (1 - B) * j2 * B * j3, (1 - B) * j3]
    h1, h2, h3 = (float(shape(jnp.float64(x - 1))) for x in u)
    fires = [
        (1 - B) * (h1 + j1 * B * (h2 + j2 * B * h3)),
        (1 - B) * (h2 + j2 * B * h3),
        (1 - B) * h3,
    ]

    run = lambda xs: snn.unroll(cell, (), xs, dt=DT)  # noqa: E731
    by_voltage = jax.grad(lambda xs: run(xs)[0].v.sum())(jnp.asarray(xs)[:, None])
    by_spikes = jax.grad(lambda xs: run(xs)[1].sum())(jnp.asarray(xs)[:, None])
    np.testing.assert_allclose(by_voltage[:, 0], voltage, rtol=1e-12)
    np.testing.assert_allclose(by_spikes[:, 0], fires, rtol=1e-12)


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("shape", [SuperSpike(10.0), Boxcar(0.1), Boxcar(100.0)])
def test_the_reset_gradient_matters_where_the_surrogate_reaches(reset, shape, x64):
    start = jnp.linspace(0.5, 1.5, 201)
    u = np.asarray(B * start + (1 - B) * 1.2)

    def slope(attached):
        cell = snn.lif(201, BARE, surrogate=shape, reset=reset, reset_gradient=attached)
        state = LIFState(start, None, None)
        drive = jnp.full(201, 1.2)
        after = lambda v: cell.step((), state._replace(v=v), drive, DT)[0].v.sum()  # noqa: E731
        return np.asarray(jax.grad(after)(start))

    for attached in (False, True):
        expected = B * jacobian(reset, attached, u, shape)
        np.testing.assert_allclose(slope(attached), expected, rtol=1e-12, atol=1e-15)
    assert np.all(np.abs(slope(False)) <= B)
    differ = slope(False) != slope(True)
    np.testing.assert_array_equal(differ, np.asarray(shape(jnp.asarray(u - 1)) > 0))


@pytest.mark.parametrize(("peak", "largest"), [(1.0, 1.0), (10.0, 10.0), (1e2, 1e2)])
def test_attached_resets_explode_only_with_the_height_of_the_surrogate(
    peak, largest, x64
):
    start = jnp.linspace(0.5, 1.5, 20_001)
    shape = Scaled(SuperSpike(peak), peak)
    cell = snn.lif(20_001, BARE, surrogate=shape, reset_gradient=True)
    state = LIFState(start, None, None)
    drive = jnp.full(20_001, 1.2)
    after = lambda v: cell.step((), state._replace(v=v), drive, DT)[0].v.sum()  # noqa: E731
    slopes = np.abs(jax.grad(after)(start))
    np.testing.assert_allclose(slopes.max(), largest * B, rtol=1e-2)


def test_output_has_the_dtype_of_the_input_and_is_zero_or_one():
    xs = jnp.full((30, 1), 5.0, jnp.bfloat16)
    state, s = snn.unroll(snn.lif(1), (), xs, dt=DT)
    assert (s.dtype, state.v.dtype) == (jnp.bfloat16, jnp.float32)
    assert set(np.asarray(s, float).ravel()) == {0.0, 1.0}


@pytest.mark.parametrize("bad", [0.0, -1e-3, np.nan, np.inf, np.array([1e-3, 0.0])])
@pytest.mark.parametrize("name", ["tau_mem", "tau_syn", "threshold"])
def test_constants_that_are_not_positive_are_refused_by_name(name, bad):
    with pytest.raises(ValueError, match=f"{name} must be finite and positive"):
        snn.lif(2, snn.LIFParams(**{name: bad}))
    if name != "threshold":
        with pytest.raises(ValueError, match=f"{name} must be finite and positive"):
            snn.li(2, snn.LIParams(**{name: bad}))


@pytest.mark.parametrize("make", [snn.li, snn.lif, snn.srm, smooth_lif])
@pytest.mark.parametrize("tau", [20.0, 1.0, np.array([20e-3, 5.0])])
def test_a_membrane_of_seconds_warns_that_times_are_in_seconds(make, tau):
    with pytest.warns(UserWarning, match=r"in seconds: tau_mem=.* ms.* tau_mem=20e-3"):
        make(2, snn.LIFParams(tau_mem=tau))


def test_other_constants_and_traced_ones_do_not_warn():
    snn.lif(2, snn.LIFParams(tau_mem=0.99, tau_syn=5.0, threshold=2.0, refractory=3.0))
    make = lambda tau: snn.lif(2, snn.LIFParams(tau)).rest(jnp.ones(2)).v  # noqa: E731
    jax.jit(make)(20.0)


@pytest.mark.parametrize("v_reset", [1.0, 1.5, np.array([0.0, 1.0])])
def test_a_reset_at_or_above_threshold_is_refused(v_reset):
    with pytest.raises(ValueError, match=r"v_reset must lie below the threshold 1\.0"):
        snn.lif(2, snn.LIFParams(v_reset=v_reset))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_reset_that_is_not_finite_is_refused(bad):
    with pytest.raises(ValueError, match="v_reset must be finite"):
        snn.lif(2, snn.LIFParams(v_reset=bad))


@pytest.mark.parametrize("make", [smooth_lif, homeostatic_lif, snn.lif, snn.srm])
def test_a_reset_value_is_used_or_refused(make):
    params = snn.LIFParams(5e-3, None, 0.3, v_reset=-0.2)
    if make is not snn.srm:
        drive = jnp.full((4, 1), 9.0)
        v, w = (
            snn.unroll(make(1, p), (), drive, dt=DT, record=lambda s, y: s)[1]
            for p in (params, params._replace(v_reset=0.0))
        )
        v, w = (s.neuron.v if hasattr(s, "neuron") else s.v for s in (v, w))
        assert np.all(v < w - 0.1)
    options = {} if make is snn.srm else {"reset": "subtract"}
    with pytest.raises(ValueError, match=r"v_reset .* reset='subtract' does not use"):
        make(1, params, **options)


@pytest.mark.parametrize("bad", [-1e-3, np.nan, np.inf])
def test_a_negative_refractory_time_is_refused(bad):
    with pytest.raises(ValueError, match=r"refractory .* zero or positive"):
        snn.lif(2, snn.LIFParams(refractory=bad))


@pytest.mark.parametrize("name", snn.LIFParams._fields)
@pytest.mark.parametrize("shape", [(3,), (1,), (2, 1)])
def test_constants_of_another_shape_are_refused(name, shape):
    with pytest.raises(ValueError, match=rf"{name} .* shape \(\) or \(2,\), got"):
        snn.lif(2, snn.LIFParams(**{name: np.full(shape, 1e-3)}))


def test_traced_constants_are_refused_by_their_shape_too():
    def run(tau):
        return snn.lif(2, snn.LIFParams(tau_mem=tau)).rest(jnp.zeros(2)).v

    with pytest.raises(ValueError, match=r"tau_mem .* one per neuron"):
        jax.jit(run)(jnp.full(3, 1e-2))


def test_an_unknown_reset_is_refused():
    with pytest.raises(ValueError, match=r"reset must be one of .*, got 'hard'"):
        snn.lif(2, reset="hard")


@pytest.mark.parametrize("n", [0, -1, 2.0, True])
def test_a_number_of_neurons_is_a_whole_number(n):
    with pytest.raises(ValueError, match="n must be"):
        snn.lif(n)


@pytest.mark.parametrize("neuron", [snn.li, snn.lif])
def test_another_width_is_refused(neuron):
    cell = neuron(3)
    with pytest.raises(ValueError, match=r"expects 3 channels .* got shape \(2, 4\)"):
        snn.unroll(cell, (), jnp.zeros((5, 2, 4)), dt=DT)
    state = cell.rest(jnp.zeros((2, 3)))
    with pytest.raises(ValueError, match="expects 3 channels"):
        cell.step((), state, jnp.zeros((2, 1)), DT)
    with pytest.raises(ValueError, match="expects 3 channels"):
        cell.run((), state, jnp.zeros((5, 2, 1)), DT)
