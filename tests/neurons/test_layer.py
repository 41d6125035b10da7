from itertools import product

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.surrogate import ForwardMode, Gaussian, SuperSpike

T, B, N_IN, N = 25, 3, 6, 5
DT = 1e-3


def tilted(tree):
    """A sum in which every entry counts differently."""
    leaves = [jnp.ravel(leaf) for leaf in jax.tree.leaves(tree)]
    flat = jnp.concatenate(leaves)
    return jnp.sum(flat * jnp.cos(1.0 + jnp.arange(flat.size, dtype=flat.dtype)))


def spikes_in():
    return (jax.random.uniform(jax.random.key(0), (T, B, N_IN)) < 0.3).astype(float)


def anywhere(cell):
    """A state with something in every entry."""
    key = jax.random.key(3)
    rest = cell.rest(spikes_in()[0])
    return jax.tree.map(lambda x: 0.1 * jax.random.normal(key, x.shape), rest)


def setting(reset, reset_gradient, recurrent_gradient, synapse, self_connections):
    def make(tau_mem, tau_syn, threshold, slope):
        params = snn.LIFParams(tau_mem, tau_syn if synapse else None, threshold)
        neuron = snn.lif(
            N,
            params,
            surrogate=snn.SuperSpike(slope),
            reset=reset,
            reset_gradient=reset_gradient,
        )
        return snn.recurrent(
            N_IN,
            N,
            neuron,
            bias=True,
            recurrent_gradient=recurrent_gradient,
            self_connections=self_connections,
        )

    numbers = (
        jnp.linspace(4e-3, 6e-3, N),
        jnp.asarray(2e-3),
        jnp.full(N, 0.3),
        jnp.asarray(5.0),
    )
    cell = make(*numbers)
    return make, (cell.init(jax.random.key(1)), anywhere(cell), numbers)


def gradients(make, arguments, record):
    def loss(weights, state, numbers, xs):
        cell = make(*numbers)
        end, ys = snn.unroll(cell, weights, xs, dt=DT, state=state, record=record)
        return tilted((end, ys)), ys

    graded = jax.value_and_grad(loss, (0, 1, 2, 3), has_aux=True)
    return jax.jit(graded)(*arguments, spikes_in())


OPTIONS = [  # each value of one meets each of every other
    (*options, options[2] != options[3])
    for options in product(["zero", "subtract", "none"], *[[False, True]] * 3)
]


@pytest.mark.parametrize("options", OPTIONS)
def test_the_written_gradient_is_that_of_stepping(options, x64):
    make, arguments = setting(*options)
    (_, ys), fast = gradients(make, arguments, None)
    (_, zs), slow = gradients(make, arguments, lambda state, y: y)
    assert 0.01 < ys.mean() < 0.5
    np.testing.assert_array_equal(ys, zs)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-10, 1e-12), fast, slow
    )


def test_second_derivatives_are_those_of_stepping(x64):
    make, arguments = setting("subtract", True, True, True, True)
    weights, state, numbers = arguments

    def slope_of_gradient(record):
        def grad_norm(weights):
            def loss(weights):
                cell = make(*numbers)
                _, ys = snn.unroll(
                    cell, weights, spikes_in(), dt=DT, state=state, record=record
                )
                return tilted(ys)

            return tilted(jax.grad(loss)(weights))

        return jax.jit(jax.grad(grad_norm))(weights)

    fast, slow = slope_of_gradient(None), slope_of_gradient(lambda state, y: y)
    assert max(jnp.abs(leaf).max() for leaf in jax.tree.leaves(slow)) > 0.1
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-9, 1e-9), fast, slow)


@pytest.mark.parametrize("surrogate", [Gaussian(), lambda v: jnp.exp(-jnp.abs(v))])
def test_any_shape_may_stand_in_for_the_derivative(surrogate, x64):
    neuron = snn.lif(N, snn.LIFParams(5e-3, 2e-3, 0.3), surrogate=surrogate)
    cell = snn.chain(snn.dense(N_IN, N), neuron)
    weights = cell.init(jax.random.key(0))

    def loss(weights, record):
        return tilted(snn.unroll(cell, weights, spikes_in(), dt=DT, record=record)[1])

    fast = jax.grad(loss)(weights, None)
    slow = jax.grad(loss)(weights, lambda state, y: y)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-10, 1e-12), fast, slow
    )


def test_gradients_of_many_slopes_and_seeds_are_one_program():
    make, (_, state, numbers) = setting("zero", True, True, True, True)
    traces = []

    def gradient(key, slope):
        traces.append(1)
        weights = make(*numbers).init(key)

        def loss(weights):
            cell = make(*numbers[:3], slope)
            return tilted(snn.unroll(cell, weights, spikes_in(), dt=DT, state=state)[1])

        return jax.grad(loss)(weights)

    keys, slopes = jax.random.split(jax.random.key(5), 3), jnp.array([1.0, 5.0, 20.0])
    sweep = jax.jit(jax.vmap(gradient))
    grads = sweep(keys, slopes)
    sweep(keys, 2 * slopes)
    assert len(traces) == 1
    gradient = jax.jit(gradient)
    for k in range(3):
        alone = gradient(keys[k], slopes[k])
        for a, b in zip(jax.tree.leaves(grads), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[k], b, 1e-4, 1e-5)


def test_a_layer_keeps_less_for_its_gradient_than_a_scan():
    xs = jnp.zeros((200, 32, 20))
    cell = snn.recurrent(20, 64, snn.lif(64, backend="xla"))
    weights = cell.init(jax.random.key(0))

    def bytes_kept(cell):
        def loss(weights):
            return snn.unroll(cell, weights, xs, dt=DT)[1].sum()

        compiled = jax.jit(jax.grad(loss)).lower(weights).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    stepping = snn.recurrent(20, 64, snn.lif(64)._replace(loop=None))
    assert bytes_kept(cell) < 0.9 * bytes_kept(stepping)


@pytest.mark.parametrize("looped", [False, True])
@pytest.mark.parametrize("surrogate", [SuperSpike(2.0), ForwardMode(SuperSpike(2.0))])
def test_second_derivatives_of_a_run_are_those_of_steps_in_a_row(
    looped, surrogate, x64
):
    """Not of scanned steps: JAX forgets a rule of its own in a scan."""
    params = snn.LIFParams(5e-3, 2e-3, 0.3)
    neuron = snn.lif(4, params, surrogate=surrogate, reset="subtract", backend="xla")
    first = (
        snn.recurrent(3, 4, neuron) if looped else snn.chain(snn.dense(3, 4), neuron)
    )
    net = snn.chain(first, snn.dense(4, 2), snn.li(2))
    xs = 3.0 * jax.random.uniform(jax.random.key(0), (6, 2, 3))
    target = jax.random.normal(jax.random.key(5), (6, 2, 2))
    drawn = jax.tree.map(lambda w: 2.0 * w, net.init(jax.random.key(1)))
    weights, unravel = jax.flatten_util.ravel_pytree(drawn)

    def run(w):
        return jnp.mean((snn.unroll(net, unravel(w), xs, dt=1e-3)[1] - target) ** 2)

    def steps(w):
        state, ys = net.rest(xs[0]), []
        for x in xs:
            state, y = net.step(unravel(w), state, x, 1e-3)
            ys.append(y)
        return jnp.mean((jnp.stack(ys) - target) ** 2)

    expected = jax.jit(jax.jacrev(jax.grad(steps)))(weights)
    assert jnp.abs(expected).max() > 0.1
    twice = [lambda f: jax.jacrev(jax.grad(f))]
    twice += [jax.hessian] if isinstance(surrogate, ForwardMode) else []
    for derive in twice:
        found = jax.jit(derive(run))(weights)
        np.testing.assert_allclose(found, expected, atol=1e-12)
