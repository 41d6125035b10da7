"""Gradients in the loop: of software on an ideal chip, of the formulas on others."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from test_contract import CELLS, every_cell

import snnjax as snn
from snnjax.hardware import (
    Seen,
    coverage,
    distorted,
    in_the_loop,
    populations,
    show,
    splice,
)
from snnjax.kernels import build
from snnjax.networks import dense, graph, normal, recurrent
from snnjax.parts import rebuild
from snnjax.probes import watched

T, B, N_IN, N, DT = 24, 6, 12, 9, 1e-3
RESETS = "zero", "subtract"
needs_native = pytest.mark.skipif(bool(build.load()), reason="kernels are not built")


def neurons(n, reset="zero", backend="xla", **options):
    return snn.lif(n, snn.LIFParams(10e-3, 4e-3), reset=reset, backend=backend)


def layered(reset, backend, neuron=neurons):
    connect = partial(dense, init=normal, backend=backend)
    return snn.chain(
        hidden=snn.chain(connect(N_IN, N), neuron(N, reset, backend)),
        again=snn.chain(connect(N, N), neuron(N, reset, backend)),
        out=snn.chain(connect(N, 3), snn.li(3)),
    )


def looped(reset, backend):
    hidden = recurrent(
        N_IN, N, neurons(N, reset, backend), init=normal, init_recurrent=normal
    )
    out = snn.chain(dense(N, 3, init=normal, backend=backend), snn.li(3))
    return snn.chain(hidden=hidden, out=out)


def wired(reset, backend):
    connect = partial(dense, init=normal, backend=backend)
    wires = {
        "input->e": connect(N_IN, N),
        "e->i": connect(N, N),
        "i->e": connect(N, N),
        "i->i": connect(N, N),
        "e->out": connect(N, 3),
    }
    cells = {"e": neurons(N, reset, backend), "i": neurons(N, reset, backend)}
    return graph({**cells, "out": snn.li(3)}, wires, outputs="out")


NETS = {"layers": layered, "recurrent": looped, "graph": wired}


@cache
def example(kind, reset, backend="xla"):
    """A network that fires, its weights, inputs and a target."""
    net = NETS[kind](reset, backend)
    keys = jax.random.split(jax.random.key(3), 3)
    weights = jax.tree.map(lambda w: 4.0 * w, net.init(keys[0]))
    xs = jax.random.bernoulli(keys[1], 0.2, (T, B, N_IN)).astype(jnp.float32)
    return net, weights, xs, jax.random.normal(keys[2], (T, B, 3))


def partials():
    """What may be measured: name of the population, what it showed -> what is known."""
    every_other = np.arange(N) % 2 == 0
    fourth = (np.arange(T) % 4 == 3)[:, None, None]
    return {
        "everything": lambda name, seen: seen,
        "spikes": lambda name, seen: (
            seen._replace(v=None) if "out" not in name else None
        ),
        "voltages": lambda name, seen: seen._replace(spikes=None),
        "half the neurons": lambda name, seen: (
            seen if "out" in name else seen._replace(known=every_other)
        ),
        "every fourth step": lambda name, seen: seen._replace(known=fourth),
        "outputs": lambda name, seen: seen if "out" in name else None,
    }


PARTIALS = partials()


@partial(jax.jit, static_argnums=0)
def software(net, weights, xs, target):
    def loss(w):
        return jnp.mean((snn.unroll(net, w, xs, dt=DT)[1] - target) ** 2)

    return jax.value_and_grad(loss)(weights)


@partial(jax.jit, static_argnums=0)
def looped_gradient(net, weights, xs, target, seen):
    def loss(w):
        return jnp.mean((in_the_loop(net, w, xs, seen, dt=DT)[1] - target) ** 2)

    return jax.value_and_grad(loss)(weights)


def known(seen, how):
    return {name: how(name, each) for name, each in seen.items()}


def apart(a, b):
    """How far arrays are from others, relative to how long they are."""
    each = zip(*(map(np.asarray, jax.tree.leaves(t)) for t in (a, b)), strict=True)
    norm = lambda x: np.linalg.norm(np.ravel(x))  # noqa: E731
    return max(float(norm(x - y) / (norm(x) or 1.0)) for x, y in each)


def fresh(f, net):
    """Compiled anew: programs as users run them have other bits than quick ones."""
    return jax.jit(lambda *given: f.__wrapped__(net, *given))


every_net = pytest.mark.parametrize(
    ("kind", "reset"),
    [
        *(("layers", "zero"), ("layers", "subtract")),
        *(("recurrent", "zero"), ("graph", "subtract")),
    ],
)


@pytest.mark.usefixtures("optimized")
@every_net
def test_an_ideal_chip_gives_the_software_gradient_in_every_bit(kind, reset):
    net, *given = example(kind, reset)
    seen = jax.jit(partial(show, net, dt=DT))(*given[:2])
    assert set(seen) == set(populations(net))
    assert min(np.mean(e.spikes) for e in seen.values() if e.spikes is not None) > 0.05
    expected = jax.tree.leaves(fresh(software, net)(*given))
    assert min(np.abs(grad).max() for grad in expected) > 0
    run = fresh(looped_gradient, net)
    for name, how in PARTIALS.items():
        found = jax.tree.leaves(run(*given, known(seen, how)))
        for a, b in zip(expected, found, strict=True):
            np.testing.assert_array_equal(a, b, err_msg=name)


@needs_native
@every_net
def test_so_does_native_code_to_rounding(kind, reset):
    given = example(kind, reset, "native")
    seen = jax.jit(partial(show, given[0], dt=DT))(*given[1:3])
    for name, how in PARTIALS.items():
        found = looped_gradient(*given, known(seen, how))
        assert apart(software(*given), found) <= 1e-6, name


def on_chip(kind, reset, spread=0.5, backend="xla"):
    """What a chip whose neurons all differ shows of the same weights."""
    net, weights, xs, _ = example(kind, reset, backend)
    keys = iter(jax.random.split(jax.random.key(11), 99))

    def odd(x):
        return x * jnp.exp(spread * jax.random.normal(next(keys), (N,)))

    def changed(name, cell):
        if "out" in name or name not in populations(net):
            return cell
        params = snn.LIFParams(odd(10e-3), odd(4e-3), odd(1.0))
        return snn.lif(N, params, reset=reset, backend="xla")

    return show(rebuild(net, changed), weights, xs, dt=DT)


def by_hand(seen, reset, weights, xs, target):
    """The layered network by the formulas of the derivation, in double precision."""

    def decay(tau):
        return np.exp(-DT / tau)

    b, a = decay(10e-3), decay(4e-3)
    gain = 4e-3 / (10e-3 - 4e-3) * (b - a)
    slope = snn.SuperSpike()

    def measured(value, model):  # the value of one, the gradient of the other
        @jax.custom_vjp
        def spliced(model, value):
            return value

        spliced.defvjp(lambda model, value: (value, None), lambda _, g: (g, None))
        return spliced(model, value)

    @jax.custom_vjp
    def fire(v):
        return (v > 1.0).astype(v.dtype)

    fire.defvjp(lambda v: (fire(v), v), lambda v, g: (g * slope(v - 1.0),))

    def layer(w, ys, name):
        each = seen.get(name) or Seen()
        at = None
        if each.v is not None:
            whole = True if each.known is None else each.known
            at = jnp.broadcast_to(whole, each.v.shape)

        def step(before, now):
            (v, i), (y, spikes, seen_v, at) = before, now
            i = i + y @ w
            model = b * v + gain * i
            s = model > 1.0 if spikes is None else spikes > 0
            u = model if at is None else jnp.where(at & ~s, seen_v, model)
            above = jnp.maximum(model, jnp.nextafter(jnp.ones((), u.dtype), jnp.inf))
            v = measured(jnp.where(s, above, jnp.minimum(u, 1.0)), model)
            s = fire(v)
            cut = jax.lax.stop_gradient(s)
            v = v * (1.0 - cut) if reset == "zero" else v - cut
            if at is not None:
                v = measured(jnp.where(at, seen_v, v), v)
            return (v, a * i), s

        start = (jnp.zeros((B, w.shape[1]), ys.dtype),) * 2
        return jax.lax.scan(step, start, (ys, each.spikes, each.v, at))[1]

    def loss(weights):
        ys = layer(weights["hidden"][0].w, xs, "hidden.1")
        ys = layer(weights["again"][0].w, ys, "again.1")
        v = i = jnp.zeros((B, 3), xs.dtype)
        vs = []
        li = snn.LIParams()
        c, d = decay(li.tau_mem), decay(li.tau_syn)
        g = li.tau_syn / (li.tau_mem - li.tau_syn) * (c - d)
        for y in ys:
            i = i + y @ weights["out"][0].w
            v, i = c * v + g * i, d * i
            vs.append(v)
        return jnp.mean((jnp.stack(vs) - target) ** 2)

    return jax.jit(jax.value_and_grad(loss))(weights)


@pytest.mark.parametrize("reset", RESETS)
def test_a_chip_of_unlike_neurons_gives_the_gradient_of_the_formulas(reset, x64):
    net, *rest = example("layers", reset)

    def wide(tree):
        return jax.tree.map(lambda x: jnp.asarray(x, jnp.float64), tree)

    weights, xs, target = wide(rest)
    seen = wide(on_chip("layers", reset))
    del seen["out.1"]
    for name, how in PARTIALS.items():
        if name != "outputs":
            given = known(seen, how)
            expected = by_hand(given, reset, weights, xs, target)
            found = looped_gradient(net, weights, xs, target, given)
            assert apart(expected, found) < 1e-12, name
    model = software(net, weights, xs, target)
    assert apart(model, found) > 0.05  # the chip does something else


@needs_native
@pytest.mark.parametrize("kind", NETS)
def test_native_code_agrees_with_xla_on_such_a_chip(kind):
    seen = on_chip(kind, "zero")
    plain, native = example(kind, "zero"), example(kind, "zero", "native")
    for how in PARTIALS.values():
        given = known(seen, how)
        found = looped_gradient(*native, given)
        assert apart(looped_gradient(*plain, given), found) <= 2e-6


@pytest.mark.parametrize("reset", RESETS)
def test_voltages_agree_with_the_spikes_that_were_seen(reset):
    net, weights, xs, _ = example("layers", reset)
    seen = on_chip("layers", reset)
    names = "hidden.1", "hidden.1.v", "hidden.1.v_before"
    looking = snn.chain(**net.about.parts, outputs=names)
    for how in PARTIALS.values():
        given = known(seen, how)
        ys = in_the_loop(looking, weights, xs, given, dt=DT)[1]
        spikes, v, before = (ys[name] for name in names)
        np.testing.assert_array_equal(spikes, before > 1.0)
        each = given["hidden.1"] or Seen()
        if each.spikes is not None:
            np.testing.assert_array_equal(spikes, each.spikes)
        if each.v is not None:
            at = np.broadcast_to(True if each.known is None else each.known, v.shape)
            np.testing.assert_array_equal(v[at], each.v[at])


def test_the_sampled_trace_is_not_the_voltage_before_the_reset():
    """The published rule, even on an ideal chip."""
    net, weights, xs, target = example("layers", "zero")
    seen = show(net, weights, xs, dt=DT)

    def loss(w):
        ys = xs
        for key in ("hidden", "again"):
            each = seen[f"{key}.1"]
            cell = snn.lif(N, snn.LIFParams(10e-3, 4e-3), backend="xla")
            cell = watched(cell, ("v_before",))
            _, (_, shown) = snn.unroll(cell, (), ys @ w[key][0].w, dt=DT)
            v = splice(shown["v_before"], each.v)
            slope = snn.SuperSpike()(v - 1.0)
            s = slope * (v - jax.lax.stop_gradient(v))
            ys = splice(s, each.spikes)
        out = snn.unroll(snn.li(3), (), ys @ w["out"][0].w, dt=DT)[1]
        return jnp.mean((out - target) ** 2)

    exact = software(net, weights, xs, target)
    naive = jax.jit(jax.value_and_grad(loss))(weights)
    np.testing.assert_allclose(naive[0], exact[0], rtol=1e-5)
    for key, least in {"hidden": 0.2, "again": 0.1}.items():
        a, b = exact[1][key][0].w, naive[1][key][0].w
        assert jnp.linalg.norm(a - b) > least * jnp.linalg.norm(a)


def test_adding_the_difference_is_not_the_measured_value():
    rng = np.random.default_rng(0)
    model, value = rng.normal(size=(2, 1000)).astype(np.float32)
    added = model + (value - model)
    assert 0.3 < np.mean(added == value) < 0.9
    found, slope = jax.value_and_grad(lambda m: splice(m, value).sum())(model)
    np.testing.assert_array_equal(splice(jnp.asarray(model), jnp.asarray(value)), value)
    np.testing.assert_array_equal(slope, np.ones(1000))
    assert float(found) == pytest.approx(value.sum(), rel=1e-4)


@needs_native
def test_a_plain_prediction_would_mislead_native_code():
    """It tells spikes from voltages, which must therefore agree with what was seen."""
    net, weights, xs, target = example("layers", "zero", "native")
    seen = on_chip("layers", "zero")

    def loss(w):
        ys = xs
        for key in ("hidden", "again"):
            cell = watched(neurons(N, "zero", "native"), ("v_before",))
            _, (s, _) = snn.unroll(cell, (), ys @ w[key][0].w, dt=DT)
            ys = splice(s, seen[f"{key}.1"].spikes)
        out = snn.unroll(snn.li(3), (), ys @ w["out"][0].w, dt=DT)[1]
        return jnp.mean((out - target) ** 2)

    plain = jax.jit(jax.grad(loss))(weights)
    given = known(seen, PARTIALS["spikes"])
    rule = looped_gradient(net, weights, xs, target, given)[1]
    off = jnp.linalg.norm(plain["hidden"][0].w - rule["hidden"][0].w)
    assert off / jnp.linalg.norm(rule["hidden"][0].w) > 0.1


NOT_LEARNED = {"learn"}  # a device cannot be given other constants


@pytest.mark.walks
@every_cell
def test_every_cell_runs_as_it_recorded_itself(name):
    cell = CELLS[name]
    weights = cell.init(jax.random.key(0))
    xs = 3.0 * jax.random.uniform(jax.random.key(1), (8, 2, 3))
    if name in NOT_LEARNED:
        with pytest.raises(ValueError, match="given others"):
            in_the_loop(cell, weights, xs, {}, dt=DT)
        return
    if "event prop" in name:
        with pytest.raises(ValueError, match="no recording shows"):
            in_the_loop(cell, weights, xs, show(cell, weights, xs, dt=DT), dt=DT)
        return
    if not populations(cell):
        assert not show(cell, weights, xs, dt=DT)
        with pytest.raises(ValueError, match="nothing"):
            in_the_loop(cell, weights, xs, (), dt=DT)
        return

    def total(run):
        def loss(weights, xs, seen):
            state, ys = run(weights, xs, seen)
            return sum(jnp.sum(y * y) for y in jax.tree.leaves(ys)), (state, ys)

        return jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))

    seen = show(cell, weights, xs, dt=DT)
    plain = total(lambda w, xs, _: snn.unroll(cell, w, xs, dt=DT))
    replay = total(lambda w, xs, seen: in_the_loop(cell, w, xs, seen, dt=DT))
    close = partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-5)
    jax.tree.map(close, plain(weights, xs, seen), replay(weights, xs, seen))
    others = coverage(cell, seen)
    assert not others.simulated
    assert not others.on_model


def test_coverage_names_what_rests_on_a_model():
    net, weights, xs, _ = example("layers", "zero")
    seen = show(net, weights, xs, dt=DT)
    found = coverage(net, known(seen, PARTIALS["half the neurons"]))
    assert found.measured["hidden.1"] == {"spikes": 1.0, "v": pytest.approx(5 / 9)}
    assert found.simulated == ()
    found = coverage(net, {"again.1": seen["again.1"], "out.1": seen["out.1"]})
    assert found.simulated == ("hidden.1",)
    assert found.on_model == ("again.0",)
    found = coverage(net, known(seen, PARTIALS["outputs"]))
    assert found.on_model == ("again.0", "out.0")
    found = coverage(net, known(seen, PARTIALS["spikes"]))
    assert found.simulated == ("out.1",)
    loop, weights, xs, _ = example("graph", "zero")
    seen = show(loop, weights, xs, dt=DT)
    found = coverage(loop, {"e": seen["e"]})
    assert found.simulated == ("i", "out")
    assert set(found.on_model) == {"i->e", "i->i"}


def other(seen, **changed):
    return {**seen, "hidden.1": seen["hidden.1"]._replace(**changed)}


REFUSED = {
    "nothing that was measured": lambda seen: {},
    "one entry for each population": lambda seen: (seen["hidden.1"],),
    "is nothing that can be seen": lambda seen: {"elsewhere": seen["hidden.1"]},
    "must be Seen": lambda seen: {"hidden.1": seen["hidden.1"].spikes},
    "must have shape": lambda seen: other(seen, spikes=seen["hidden.1"].spikes[:, :1]),
    "must have the 24 steps": lambda seen: other(
        seen, v=None, spikes=np.ones((T + 1, B, N))
    ),
    "must be 0 or 1": lambda seen: other(seen, spikes=2.0 * seen["hidden.1"].spikes),
    "must be finite": lambda seen: other(seen, v=seen["hidden.1"].v * np.nan),
    "must broadcast": lambda seen: other(seen, known=np.ones((3, 2), bool)),
    "known, of what was seen of hidden.1, must be an array": lambda seen: other(
        seen, known="some"
    ),
    "True or False": lambda seen: other(seen, known=np.full(N, 0.5)),
    "no v that it is about": lambda seen: other(seen, v=None, known=np.ones(N, bool)),
    "li does not fire": lambda seen: {"out.1": Seen(spikes=np.ones((T, B, 3)))},
    "floating point": lambda seen: other(seen, v=np.ones((T, B, N), np.int8)),
}


@pytest.mark.parametrize("said", REFUSED)
def test_recordings_that_do_not_fit_are_refused(said):
    net, weights, xs, _ = example("layers", "zero")
    seen = REFUSED[said](show(net, weights, xs, dt=DT))
    with pytest.raises(ValueError, match=said):
        in_the_loop(net, weights, xs, seen, dt=DT)
    with pytest.raises(ValueError, match=said):
        jax.jit(lambda w: in_the_loop(net, w, xs, seen, dt=DT))(weights)


@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
def test_frozen_neurons_are_silent_wherever_they_are(reset):
    """A refractory neuron may lie above the threshold."""
    params = snn.LIFParams(10e-3, 4e-3, refractory=3e-3)
    neuron = lambda n, reset, backend: snn.lif(  # noqa: E731
        n, params, reset=reset, backend=backend
    )
    net = layered(reset, "xla", neuron)
    _, *given = example("layers", "zero")
    seen = jax.jit(partial(show, net, dt=DT))(*given[:2])
    expected = software(net, *given)
    for name, how in PARTIALS.items():
        found = looped_gradient(net, *given, known(seen, how))
        assert apart(expected, found) < 1e-6, name


def test_edges_of_a_graph_are_not_seen():
    net, weights, xs, _ = example("graph", "zero")
    seen = show(net, weights, xs, dt=DT)
    with pytest.raises(ValueError, match="nothing that can be seen; there are e, i, o"):
        in_the_loop(net, weights, xs, {"e->i": seen["e"]}, dt=DT)
    with pytest.raises(ValueError, match="What is seen is of e, i, out, got e->i"):
        snn.unroll(net.replay, weights, (xs, {"e->i": seen["e"]}), dt=DT)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint8, np.float16])
def test_spikes_may_come_as_any_numbers(dtype):
    net, *given = example("layers", "zero")
    seen = on_chip("layers", "zero")
    cast = {
        k: each
        if each.spikes is None
        else each._replace(spikes=np.asarray(each.spikes).astype(dtype))
        for k, each in seen.items()
    }
    expected = looped_gradient(net, *given, seen)
    assert apart(expected, looped_gradient(net, *given, cast)) < 1e-6


def test_second_derivatives_pass_what_was_seen(x64):
    """Also in a scan, where JAX would forget a rule of its own."""
    m = jnp.asarray([0.5, 0.9])

    def body(total, k, w):
        return total + jnp.sin(splice(w * k, 0.7 * k) ** 2)

    def scanned(w):
        add = lambda total, k: (body(total, k, w), None)  # noqa: E731
        return jax.lax.scan(add, jnp.zeros(()), m)[0]

    def unrolled(w):
        return body(body(jnp.zeros(()), m[0], w), m[1], w)

    for twice in (lambda f: jax.grad(jax.grad(f)), jax.hessian):
        expected = twice(unrolled)(0.7)
        np.testing.assert_allclose(twice(scanned)(0.7), expected, rtol=1e-12)
        assert abs(expected) > 1.0


def test_nan_where_nothing_was_measured_does_not_matter():
    net, *given = example("layers", "zero")
    seen = on_chip("layers", "zero")
    every_other = known(seen, PARTIALS["half the neurons"])
    at = np.broadcast_to(every_other["hidden.1"].known, seen["hidden.1"].v.shape)
    odd = other(every_other, v=jnp.where(at, seen["hidden.1"].v, jnp.nan))
    expected = looped_gradient(net, *given, every_other)
    jax.tree.map(
        np.testing.assert_array_equal, expected, looped_gradient(net, *given, odd)
    )


def test_voltages_of_what_has_no_place_for_them_are_refused():
    cell = CELLS["alif"]
    xs = jnp.ones((8, 2, 3))
    seen = show(cell, (), xs, dt=DT)["alif"]
    with pytest.raises(ValueError, match="Leave v out"):
        in_the_loop(cell, (), xs, {"alif": seen._replace(v=seen.spikes)}, dt=DT)


def test_constants_and_the_time_step_have_no_gradient_in_the_loop():
    xs = jnp.ones((8, 2, 3))
    seen = show(snn.lif(3), (), xs, dt=DT)

    def total(tau, dt):
        cell = snn.lif(3, snn.LIFParams(tau))
        return jnp.sum(in_the_loop(cell, (), xs, seen, dt=dt)[1])

    for argnums in (0, 1):
        with pytest.raises(ValueError, match="nothing about constants"):
            jax.jit(jax.grad(total, argnums))(0.02, DT)
    assert np.isfinite(jax.jit(total)(0.02, DT))


def test_a_run_may_be_cut_and_steps_left_out():
    net, weights, xs, _ = example("layers", "zero")
    seen = on_chip("layers", "zero")
    run = partial(in_the_loop, net, weights, dt=DT)
    state, ys = run(xs, seen)
    middle, first = run(*jax.tree.map(lambda x: x[: T // 2], (xs, seen)))
    rest = jax.tree.map(lambda x: x[T // 2 :], (xs, seen))
    end, second = run(*rest, state=middle)
    np.testing.assert_array_equal(np.concatenate([first, second]), ys)
    jax.tree.map(np.testing.assert_array_equal, end, state)
    mask = np.arange(T)[:, None] < np.asarray([T, T // 2, 0, T, T, T])
    short, ended = run(xs, seen, mask=mask)
    np.testing.assert_allclose(ended[: T // 2, 1], ys[: T // 2, 1], atol=1e-5)
    np.testing.assert_array_equal(ended[:, 2], 0.0)
    assert jax.tree.structure(short) == jax.tree.structure(state)


def test_checkpoints_change_neither_values_nor_gradients():
    net, weights, xs, target = example("recurrent", "zero")
    seen = on_chip("recurrent", "zero")

    @jax.jit
    def kept(weights, seen):
        def loss(w):
            how = {"dt": DT, "checkpoint": 6}
            return jnp.mean((in_the_loop(net, w, xs, seen, **how)[1] - target) ** 2)

        return jax.value_and_grad(loss)(weights)

    expected = looped_gradient(net, weights, xs, target, seen)
    assert apart(expected, kept(weights, seen)) < 1e-6


def test_many_recordings_are_one_program():
    net, weights, xs, target = example("layers", "zero")
    chips = [on_chip("layers", "zero", spread) for spread in (0.0, 0.3)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *chips)

    def grad(seen):
        return looped_gradient(net, weights, xs, target, seen)

    together = jax.vmap(grad)(stacked)
    for k, seen in enumerate(chips):
        one = jax.tree.map(lambda x, k=k: x[k], together)
        assert apart(grad(seen), one) < 1e-5


def test_a_chip_of_distorted_cells_shows_what_the_model_takes():
    """Sixteen chips, trained in the loop, are one program."""
    net, weights, xs, target = example("recurrent", "subtract")
    traced = []

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None))
    def grads(key, spread):
        traced.append(1)
        seen = show(distorted(key, net, spread), weights, xs, dt=DT)

        def loss(w):
            return jnp.mean((in_the_loop(net, w, xs, seen, dt=DT)[1] - target) ** 2)

        return jax.value_and_grad(loss)(weights), coverage(net, seen).simulated == ()

    keys = jax.random.split(jax.random.key(0), 16)
    ideal, _ = grads(keys, 0.0)
    assert (
        apart(software(net, weights, xs, target), jax.tree.map(lambda x: x[3], ideal))
        < 1e-5
    )
    (losses, _), covered = grads(keys, 0.3)
    assert covered.all()
    assert len(traced) == 1
    assert jnp.std(losses) > 0
