"""What each rule keeps of the gradient: all of it where it must, less where it must."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.learning import running_max
from snnjax.learning.online import (
    Rule,
    factored,
    gradients,
    per_unit,
    rank_one,
    rtrl,
    stack,
    train,
    truncated,
    window,
)
from snnjax.networks import normal
from snnjax.neurons import AdLIFParams, HomeostasisParams, adlif, homeostatic_lif

T, B, M, N, DT = 60, 3, 4, 5, 1e-3
FAST = snn.LIFParams(5e-3, 2e-3, 0.5)
SLOW = snn.ALIFParams(*FAST, tau_adapt=30e-3, beta=0.3)
QUICK = HomeostasisParams(target=100.0, tau_rate=5e-3, speed=30.0)
dense = partial(snn.dense, init=normal, backend="xla")
lif = partial(snn.lif, N, FAST, backend="xla")
recurrent = partial(snn.recurrent, init=normal, init_recurrent=normal)


def behind(neuron):
    return snn.chain(dense(M, N, bias=True), neuron)


def leaky_tanh(n, alpha=0.3):
    """A neuron that nobody listed: what it forgets depends on where it is."""

    def step(weights, state, x, dt):
        state = (1 - alpha) * state + alpha * jnp.tanh(x + 0.5 * state)
        return state, state

    return snn.Cell(lambda key: (), lambda x: jnp.zeros_like(x), step)


UNCOUPLED = {
    "leaky": behind(snn.li(N)),
    "to zero": behind(lif()),
    "to zero, gradient": behind(lif(reset_gradient=True)),
    "subtract": behind(lif(reset="subtract")),
    "subtract, gradient": behind(lif(reset="subtract", reset_gradient=True)),
    "none": behind(lif(reset="none")),
    "refractory": behind(snn.lif(N, FAST._replace(refractory=2e-3), backend="xla")),
    "homeostatic": behind(homeostatic_lif(N, FAST, QUICK, reset="subtract")),
    "tanh": behind(leaky_tanh(N)),
    "srm": behind(snn.srm(N, FAST)),
    "alif": behind(snn.alif(N, SLOW)),
    "alif, gradients": behind(
        snn.alif(N, SLOW._replace(refractory=2e-3), reset="zero", reset_gradient=True)
    ),
    "alif, no jump": behind(snn.alif(N, SLOW, adaptation_gradient=False)),
    "adlif": behind(adlif(N, AdLIFParams(5e-3, 20e-3, 0.5, 0.3, 0.3))),
    "learned": behind(
        snn.learn(
            lambda tau, theta: snn.lif(
                N, snn.LIFParams(tau, 2e-3, theta), backend="xla"
            ),
            tau=np.linspace(4e-3, 6e-3, N),
            theta=1.0,
        )
    ),
    "recurrence left out": recurrent(
        M, N, lif(reset="subtract"), bias=True, recurrent_gradient=False
    ),
    "feedback left out": snn.chain(
        dense(M, N),
        snn.recurrent(lif(reset="subtract"), dense(N, N), recurrent_gradient=False),
    ),
    "van Rossum": snn.chain(dense(M, N), lif(), snn.li(N)),
}
COUPLED = {
    "recurrent": recurrent(M, N, lif()),
    "recurrent alif": recurrent(M, N, snn.alif(N, SLOW)),
    "recurrent, gradient": recurrent(M, N, lif(reset="subtract", reset_gradient=True)),
    "tanh network": recurrent(M, N, leaky_tanh(N)),
    "two layers": snn.chain(
        recurrent(M, N, lif()), dense(N, N), lif(), dense(N, 2), snn.li(2)
    ),
    "maximum": snn.chain(dense(M, N), lif(), dense(N, 2), snn.li(2), running_max(2)),
}
FACTOR = (
    *("leaky", "subtract", "none", "homeostatic", "srm", "alif, no jump"),
    "recurrence left out",
)


def task(cell, drive=1.5):
    """Weights, inputs, and what each output is worth."""
    key_w, key_x, key_t = jax.random.split(jax.random.key(0), 3)
    weights = jax.tree.map(np.float64, jax.jit(cell.init)(key_w))
    xs = drive * np.asarray(jax.random.normal(key_x, (T, B, M), jnp.float64))
    worth = jax.random.normal(key_t, (T, B, N), jnp.float64)
    return weights, xs + 0.5 * drive, np.asarray(worth)


def loss(y, worth):
    worth = worth[..., : y.shape[-1]]
    return jnp.sum(y.astype(worth.dtype) * worth)


def exact(cell):
    """``(weights, xs, worth)`` -> loss, gradient through time, and what is put out."""

    def run(weights, xs, worth):
        def total(weights):
            ys = snn.unroll(cell, weights, xs, dt=DT)[1]
            return loss(ys, worth), ys

        (value, ys), grads = jax.value_and_grad(total, has_aux=True)(weights)
        return value, grads, ys

    return run


def by(rule, block=12):
    """``(weights, xs, worth)`` -> loss and gradient, as a rule finds them."""

    def run(weights, xs, worth):
        return gradients(rule, weights, xs, loss, worth, dt=DT, block=block)[:2]

    return run


def all_of(given, *runs):
    """What several find, from one program."""
    return jax.jit(lambda *given: [run(*given) for run in runs])(*given)


def bptt(cell, *given):
    return jax.jit(exact(cell))(*given)


def found(rule, *given):
    return jax.jit(by(rule, *given[3:]))(*given[:3])


def off(found, expected):
    """The largest error of any array of weights, relative to its largest number."""
    pairs = zip(*map(jax.tree.leaves, (found, expected)), strict=True)
    pairs = [(np.asarray(a), np.asarray(b)) for a, b in pairs]
    return max(float(np.max(np.abs(a - b)) / np.max(np.abs(b))) for a, b in pairs)


@pytest.mark.parametrize("name", [*UNCOUPLED, *COUPLED])
def test_all_that_crosses_is_backpropagation_through_time(name, x64):
    cell = (UNCOUPLED | COUPLED)[name]
    given = task(cell)
    whole = [by(rtrl(cell))]
    if name in UNCOUPLED:
        whole.append(by(per_unit(cell)))
    if name in FACTOR:
        whole += [by(factored(cell), block) for block in (1, 12)]
    (value, expected, ys), (_, part), *every = all_of(
        given, exact(cell), by(truncated(cell)), *whole
    )
    assert np.any(ys != 0)
    np.testing.assert_allclose(every[0][0], value, 1e-12)
    for _, grads in every:
        assert off(grads, expected) < 1e-12
    assert off(part, expected) > 0.01
    if name not in UNCOUPLED:
        with pytest.raises(ValueError, match=r"act on each other|of n units"):
            per_unit(cell).init(given[0], given[1][0])
    elif name not in FACTOR:
        with pytest.raises(ValueError, match=r"do not factor|learned|needs a layer"):
            factored(cell).init(given[0], given[1][0])


@pytest.mark.parametrize("block", [1, 7, T])
def test_blocks_of_any_length_give_the_same(block, x64):
    cell = UNCOUPLED["recurrence left out"]
    whole = rtrl(cell), per_unit(cell), factored(cell), window(cell, T)
    rules = *whole, window(cell, 5), truncated(cell)
    runs = [by(rule, block) for rule in rules]
    (_, expected, ys), *every = all_of(task(cell), exact(cell), *runs)
    assert 0.05 < np.mean(ys) < 0.5
    *whole, short, none = (off(grads, expected) for _, grads in every)
    assert max(whole) < 1e-12
    assert (short < 1e-12) == (none < 1e-12) == (block == T)
    assert block == T or abs(short - none) > 1e-3


@pytest.mark.parametrize("batch", [(), (2, 2)])
def test_any_batch_and_rasters_of_bytes(batch):
    cell = UNCOUPLED["recurrence left out"]
    weights = jax.jit(cell.init)(jax.random.key(0))
    rng = np.random.default_rng(1)
    xs = (rng.random((T, *batch, M)) < 0.3).astype(np.uint8)
    worth = rng.normal(size=(T, *batch, N)).astype(np.float32)
    rules = rtrl(cell), per_unit(cell), factored(cell), window(cell, T)
    (_, expected, _), *every = all_of(
        (weights, xs, worth), exact(cell), *map(by, rules)
    )
    for _, grads in every:
        assert off(grads, expected) < 1e-5


@pytest.mark.parametrize("name", ["none", "subtract", "leaky", "srm"])
def test_at_one_step_the_gradient_is_one_product_where_one_array_is_read(name):
    m, n, batch = 60, 40, 8
    neuron = {
        "none": snn.lif(n, FAST, reset="none", backend="xla"),
        "subtract": snn.lif(n, FAST, reset="subtract", backend="xla"),
        "leaky": snn.li(n, FAST),
        "srm": snn.srm(n, FAST),  # puts out a sum of two
    }[name]
    cell = snn.chain(dense(m, n), neuron)
    weights = jax.eval_shape(cell.init, jax.random.key(0))
    rule = factored(cell)
    x = np.ones((batch, m), np.float32)
    carry = jax.eval_shape(rule.init, weights, x)

    def step(weights, carry, x, worth):
        carry, _, pull = rule.run(weights, carry, x, DT)
        return carry, pull(worth)[0]

    given = weights, carry, x[None], np.ones((1, batch, n), np.float32)
    flops = jax.jit(step).lower(*given).compile().cost_analysis()["flops"]
    products = flops / (2 * batch * m * n)  # that of the input is another
    assert products > 4.0 if name == "srm" else 2.0 < products < 2.5


def layers():
    hidden = UNCOUPLED["recurrence left out"]
    output = snn.chain(dense(N, 2), snn.li(2))
    return hidden, output


def test_a_stack_credits_within_a_block_and_keeps_little_at_one_step(x64):
    hidden, output = layers()
    cell = snn.chain(hidden, output)
    rule = stack(factored(hidden), factored(output))
    assert rule.leaves_out == ("memory across layers",)
    every_entry = stack(rtrl(hidden), rtrl(output))
    (_, expected, _), (_, whole), (_, online), (_, dear) = all_of(
        task(cell), exact(cell), by(rule, T), by(rule, 1), by(every_entry, 1)
    )
    assert off(whole, expected) < 1e-12
    assert off(online[1], expected[1]) < 1e-12
    norms = jax.jit(lambda *trees: [*map(optax.tree.norm, trees)])
    one, other = norms(online[0], expected[0])
    assert one / other < 0.2
    assert off(dear[0], online[0]) < 1e-12


def test_what_is_filtered_first_is_exact_behind_a_readout(x64):
    hidden, _ = layers()
    below = snn.chain(hidden, snn.li(N))
    cell = snn.chain(below, dense(N, 2))
    rule = stack(per_unit(below), truncated(dense(N, 2)))
    (_, expected, _), *every = all_of(
        task(cell), exact(cell), by(rule, 1), by(rule, 12)
    )
    for _, grads in every:
        assert off(grads, expected) < 1e-12


def test_recurrence_left_out_is_not_the_whole_gradient(x64):
    whole = recurrent(M, N, lif(reset="subtract"), bias=True)
    part = UNCOUPLED["recurrence left out"]
    given = task(whole)
    assert off(found(factored(part), *given)[1], found(rtrl(whole), *given)[1]) > 0.05
    alone = given[0]._replace(recurrent=0.0 * given[0].recurrent)
    given = alone, *given[1:]
    inner = lambda grads: grads.input  # noqa: E731
    one, other = (inner(found(r, *given)[1]) for r in (factored(part), rtrl(whole)))
    assert off(one, other) < 1e-12


def test_the_cut_of_a_reset_to_zero_is_no_small_thing(x64):
    cut, uncut = lif(), lif(reset="none")

    def step(weights, state, x, dt):
        """Resets to zero, and its gradient knows nothing of it."""
        after, s = cut.step(weights, state, x, dt)
        seen, _ = uncut.step(weights, state, x, dt)
        stop = jax.lax.stop_gradient
        return jax.tree.map(lambda a, b: b + stop(a - b), after, seen), s

    ignoring = behind(cut._replace(step=step, run=None, loop=None))
    given = task(UNCOUPLED["to zero"], 3.0)
    exact = found(per_unit(UNCOUPLED["to zero"]), *given)
    without = found(per_unit(ignoring), *given)
    np.testing.assert_allclose(without[0], exact[0], 1e-10)
    assert off(without[1], exact[1]) >= 1.0


def test_other_feedback_is_what_it_says(x64):
    hidden, output = layers()
    given = task(snn.chain(hidden, output))
    both = factored(hidden), factored(output)
    by_weights = found(stack(*both), *given, 1)[1]
    true = given[0][1][0].w.T  # the readout's own, without the filter of its synapse
    replaced = stack(*both, feedback=[true])
    assert "the true feedback" in replaced.leaves_out
    grads = found(replaced, *given, 1)[1]
    assert off(grads[1], by_weights[1]) < 1e-12
    kept = jax.tree.leaves(grads[0])[0], jax.tree.leaves(by_weights[0])[0]
    cosine = jnp.vdot(*kept) / jnp.linalg.norm(kept[0]) / jnp.linalg.norm(kept[1])
    assert cosine > 0.99
    none = found(stack(*both, feedback=[0.0 * true]), *given, 1)[1]
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(none[0]))


def test_local_losses_learn_each_layer_alone(x64):
    hidden, output = layers()
    weights, xs, worth = task(snn.chain(hidden, output))
    own = jax.random.normal(jax.random.key(5), (T, B, N), jnp.float64)
    rule = stack(factored(hidden), factored(output), every=True, feedback="local")
    of_both = lambda ys, at: loss(ys[0], at[0]) + loss(ys[1], at[1])  # noqa: E731
    run = partial(gradients, rule, weights, xs, of_both, (own, worth), dt=DT)
    _, grads, _ = jax.jit(run)()
    _, alone, _ = bptt(hidden, weights[0], xs, own)
    assert off(grads[0], alone) < 1e-12
    with pytest.raises(ValueError, match='"local" with every=True'):
        stack(factored(hidden), factored(output), feedback="local")


def test_names_make_a_stack_of_a_chain_with_names(x64):
    hidden, output = layers()
    cell = snn.chain(hidden=hidden, output=output)
    given = task(cell)
    rule = stack(hidden=factored(hidden), output=factored(output))
    assert off(found(rule, *given, T)[1], bptt(cell, *given)[1]) < 1e-12


def test_a_sketch_is_right_on_average_and_never_alone(x64, monkeypatch):
    cell = recurrent(1, 2, snn.lif(2, FAST._replace(tau_syn=None), backend="xla"))
    weights = jax.tree.map(
        lambda w: jnp.abs(w).astype(jnp.float64), cell.init(jax.random.key(3))
    )
    xs = jnp.asarray([[[2.0]], [[6.0]], [[1.0]]], jnp.float64)
    worth = jax.random.normal(jax.random.key(1), (3, 1, 2), jnp.float64)
    rule = rank_one(cell, jax.random.key(0))
    carry = rule.init(weights, xs[0])
    size = carry.past[0].shape[1]

    def one(signs):
        left = iter(signs)
        monkeypatch.setattr(
            jax.random, "bernoulli", lambda key, p, shape: next(left)[None] > 0
        )
        total, at = None, carry
        for x, w in zip(xs, worth, strict=True):
            at, ys, pull = rule.run(weights, at, x[None], DT)
            grads = pull(jax.grad(lambda ys, w=w: loss(ys, w[None]))(ys))[0]
            total = grads if total is None else optax.tree.add(total, grads)
        return total

    every = itertools.product([-1.0, 1.0], repeat=2 * size)
    signs = jnp.asarray([*every]).reshape(-1, 2, size)
    signs = jnp.concatenate([signs, jnp.ones_like(signs[:, :1])], axis=1)
    draws = jax.jit(jax.vmap(one))(signs)
    _, expected, ys = bptt(cell, weights, xs, worth)
    assert 0.0 < ys.mean() < 1.0
    mean = jax.tree.map(lambda g: g.mean(axis=0), draws)
    assert off(mean, expected) < 1e-12
    assert off(jax.tree.map(lambda g: g[0], draws), expected) > 0.05


def test_learning_within_a_sequence_is_learning_block_by_block(x64):
    cell = UNCOUPLED["recurrence left out"]
    weights, xs, worth = task(cell)
    rule, optimizer = factored(cell), optax.sgd(1e-3)
    opt_state = optimizer.init(weights)
    run = partial(train, rule, optimizer, dt=DT, block=25)
    learned = jax.jit(lambda w, o: run(w, o, xs, loss, worth))(weights, opt_state)
    assert learned.values.shape == (3,)
    carry, values = rule.init(weights, xs[0]), []

    @jax.jit
    def one(weights, opt_state, carry, xs, worth):
        value, grads, carry = gradients(
            rule, weights, xs, loss, worth, dt=DT, block=25, carry=carry
        )
        change, opt_state = optimizer.update(grads, opt_state, weights)
        return optax.apply_updates(weights, change), opt_state, carry, value

    for k in range(0, T, 25):
        part = xs[k : k + 25], worth[k : k + 25]
        weights, opt_state, carry, value = one(weights, opt_state, carry, *part)
        values.append(value)
    np.testing.assert_allclose(learned.values, values, 1e-10)
    assert off(learned.weights, weights) < 1e-10


def test_a_pull_leaves_a_jit(x64):
    cell = UNCOUPLED["subtract"]
    weights, xs, worth = task(cell)
    rule = factored(cell)
    step = jax.jit(lambda carry, x: rule.run(weights, carry, x[None], DT))
    credit = jax.jit(lambda pull, dys, sum: optax.tree.add(pull(dys[None])[0], sum))
    carry, grads = rule.init(weights, xs[0]), jax.tree.map(np.zeros_like, weights)
    for x, w in zip(xs, worth, strict=True):
        carry, _, pull = step(carry, x)  # acted; now something comes of it
        grads = credit(pull, w, grads)
    assert off(grads, bptt(cell, weights, xs, worth)[1]) < 1e-12


RULES = {"truncated": truncated, "rtrl": rtrl, "per_unit": per_unit}
RULES |= {"factored": factored, "window": lambda cell: window(cell, 8)}
RULES |= {"rank_one": lambda cell: rank_one(cell, jax.random.key(0))}


@pytest.mark.parametrize("name", RULES)
def test_memory_does_not_depend_on_time(name):
    cell = UNCOUPLED["subtract"]
    weights = jax.jit(cell.init)(jax.random.key(0))

    def needed(steps):
        given = [jax.ShapeDtypeStruct((steps, B, n), jnp.float32) for n in (M, N)]
        run = lambda xs, worth: gradients(  # noqa: E731
            RULES[name](cell), weights, xs, loss, worth, dt=DT, block=5
        )[1]
        compiled = jax.jit(run).lower(*given).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert abs(needed(4000) / needed(250) - 1) < 0.01


def test_without_memory_nothing_crosses_and_every_rule_is_exact(x64):
    cell = dense(M, N)
    rules = rtrl(cell), truncated(cell), window(cell, 5), RULES["rank_one"](cell)
    (_, expected, _), *every = all_of(task(cell), exact(cell), *map(by, rules))
    for _, grads in every:
        assert off(grads, expected) < 1e-12


def test_what_a_rule_cannot_treat_is_refused():
    x, weights = jnp.ones((B, M)), lambda cell: cell.init(jax.random.key(0))
    wide = snn.chain(dense(M, M), snn.lif(M), dense(M, M), snn.lif(M))
    with pytest.raises(ValueError, match="act on each other"):
        per_unit(wide).init(weights(wide), x)
    li = snn.li(N)
    above = stack(truncated(behind(lif())), truncated(li))
    with pytest.raises(ValueError, match="remembers and has no weights"):
        above.init((weights(behind(lif())), ()), x)
    learned = behind(snn.learn(lambda tau: snn.lif(N, snn.LIFParams(tau)), tau=5e-3))
    with pytest.raises(ValueError, match="learned constants"):
        factored(learned).init(weights(learned), x)
    with pytest.raises(ValueError, match="needs a layer"):
        factored(snn.lif(N))
    with pytest.raises(ValueError, match="expects rules"):
        stack()
    with pytest.raises(ValueError, match="1 matrices"):
        stack(truncated(li), truncated(li), feedback=[])
    for make in (truncated, rtrl, per_unit, factored):
        with pytest.raises(ValueError, match="must be a cell"):
            make([li])
    cell = behind(snn.li(N))
    given = truncated(cell), weights(cell)
    for xs, more, message in (
        (jnp.ones((0, B, M)), {}, "T > 0"),
        (jnp.ones((3, B, M)), {"block": 0}, "block"),
        (jnp.ones((3, B, M)), {"dt": -1.0}, "dt"),
    ):
        worth = jnp.ones((len(xs), B, N))
        with pytest.raises(ValueError, match=message):
            gradients(*given, xs, loss, worth, **({"dt": DT} | more))
    with pytest.raises(ValueError, match="with T = 3"):
        gradients(*given, jnp.ones((3, B, M)), loss, jnp.ones((2, B, N)), dt=DT)


def test_where_constants_are_traced_a_wrong_rule_gives_nan():
    def swept(reset, tau):
        params = snn.LIFParams(tau, None)
        cell = snn.chain(dense(M, N), snn.lif(N, params, reset=reset, backend="xla"))
        weights = cell.init(jax.random.key(0))
        xs, worth = jnp.ones((T, B, M)), jnp.ones((T, B, N))
        grads = gradients(factored(cell), weights, xs, loss, worth, dt=DT)[1]
        return jax.tree.leaves(grads)[0]

    run = jax.jit(swept, static_argnums=0)
    assert np.isnan(run("zero", 5e-3)).all()
    assert np.isfinite(run("subtract", 5e-3)).all()


def test_rules_say_what_they_leave_out():
    cell = UNCOUPLED["subtract"]
    told = {name: make(cell).leaves_out for name, make in RULES.items()}
    assert all(isinstance(make(cell), Rule) for make in RULES.values())
    assert not told["rtrl"] + told["per_unit"] + told["factored"]
    assert all(told[name] for name in ("truncated", "window", "rank_one"))
