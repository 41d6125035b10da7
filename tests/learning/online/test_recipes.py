"""The recipes of the page on rules: each runs, and keeps what the table says it keeps.

``python tests/learning/online/test_recipes.py`` prints the column that is measured.
"""

import re
from functools import cache, partial
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

import snnjax as snn
from snnjax.learning.online import alignment, gradients

PAGE = Path(__file__).parents[3] / "docs/explanation/learning-online.md"
TEXT = PAGE.read_text()
BEGIN = re.search(r"```python\n(.*?)```", TEXT, re.DOTALL)[1]
RECIPES = dict(re.findall(r"### (.*?)\n.*?```python\n(.*?)```", TEXT, re.DOTALL))
ROWS = {
    name: bias
    for name, bias in re.findall(r"^\| (.*?) \|.*\| (.*?) \|$", TEXT, re.MULTILINE)
    if name != "name"
}
EXACT = {"RTRL", "SuperSpike", "OTPE"}
T, B, DT = 100, 8, 1e-3


def squared(ys, told):
    pairs = zip(jax.tree.leaves(ys), jax.tree.leaves(told), strict=True)
    return sum(jnp.mean((y - t.astype(y.dtype)) ** 2) for y, t in pairs)


@cache
def made(name):
    scope = {}
    exec(BEGIN, scope)
    exec(RECIPES[name], scope)
    return scope["net"], scope["rule"], scope["n_in"]


def through_time(net, weights, xs, targets):
    def total(weights):
        return jnp.sum(
            jax.vmap(squared)(snn.unroll(net, weights, xs, dt=DT)[1], targets)
        )

    return jax.grad(total)(weights)


@cache
def measured(name):
    """Gradients of the rule at c = 1 and of BPTT, and how they lie to each other."""
    net, rule, n_in = made(name)
    if name == "DECOLLE":  # a loss for each layer: the truth is that of both
        net = snn.chain(*net.about.parts.values(), outputs=("0", "1"))
    key_w, key_x, key_t = jax.random.split(jax.random.key(0), 3)
    weights = jax.tree.map(lambda w: w.astype(jnp.float64), net.init(key_w))
    fired = jax.random.bernoulli(key_x, 0.1, (T, B, n_in))
    xs = fired.astype(jnp.float64)

    def both(weights):
        ys = snn.unroll(net, weights, xs, dt=DT)[1]
        leaves = jax.tree.leaves(ys)
        keys = jax.random.split(key_t, len(leaves))
        each = [
            jax.random.normal(k, y.shape, y.dtype)
            for k, y in zip(keys, leaves, strict=True)
        ]
        targets = jax.tree.unflatten(jax.tree.structure(ys), each)
        if name == "DECOLLE":
            targets = tuple(targets.values())
        one = partial(gradients, rule, weights, xs, squared, targets, dt=DT)
        told = dict(zip("01", targets, strict=True)) if name == "DECOLLE" else targets
        return one()[1], through_time(net, weights, xs, told), ys

    found, expected, ys = jax.jit(both)(weights)
    assert all(jnp.any(y != 0) for y in jax.tree.leaves(ys))
    return alignment(found, expected)


def first(tree):
    """Of the input weights of the first layer."""
    return float(jax.tree.leaves(tree)[0])


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_keeps_what_the_table_says(name, x64):
    found = measured(name)
    error = max(map(float, jax.tree.leaves(found.error)))
    assert (error < 1e-10) == (name in EXACT)
    alone = name in {"RTRL", "SuperSpike"}  # a stack cannot know that nothing is lost
    assert bool(made(name)[1].leaves_out) != alone
    told = re.fullmatch(r"(exact)|cos (.*), norm (.*)", ROWS[name])
    assert (told[1] is not None) == (name in EXACT)
    if not told[1]:
        assert abs(float(told[2]) - first(found.cosine)) < 0.02
        assert abs(float(told[3]) / first(found.norm) - 1) < 0.05


def test_every_row_has_its_recipe():
    assert list(ROWS) == list(RECIPES)


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    for each in RECIPES:
        found = measured(each)
        print(f"{each}: cos {first(found.cosine):.2f}, norm {first(found.norm):.2g}")
        print("    ", [f"{float(e):.2g}" for e in jax.tree.leaves(found.error)])
