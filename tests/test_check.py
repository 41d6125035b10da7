from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax import check


class Weights(NamedTuple):
    w: object
    b: object


class State(NamedTuple):
    v: object
    i: object


class Kernel(NamedTuple):
    w: object


SHAPES = {"w": (3, 5), "b": (5,)}
GOOD = Weights(jnp.ones((3, 5)), jnp.ones(5))


@pytest.mark.parametrize(
    "weights",
    [
        GOOD,
        jax.tree.map(np.asarray, GOOD),
        jax.tree.map(lambda x: x.astype(jnp.bfloat16), GOOD),
        jax.eval_shape(lambda: GOOD),
    ],
)
def test_weights_as_expected_pass(weights):
    check.weights("it", weights, Weights, SHAPES)


def test_weights_being_traced_are_checked_by_shape():
    def run(w):
        check.weights("it", GOOD._replace(w=w), Weights, SHAPES)
        return w

    jax.jit(jax.vmap(run))(jnp.ones((7, 3, 5)))
    with pytest.raises(ValueError, match=r"got w float32 \[4, 5\]"):
        jax.jit(run)(jnp.ones((4, 5)))


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([jnp.ones((3, 5)), jnp.ones(5)], "got a list"),
        (tuple(GOOD), "got a tuple"),
        (GOOD._asdict(), "got a dict"),
        (GOOD.w, r"got float32 \[3, 5\]"),
        (None, "got None"),
        (GOOD._replace(b=None), "got b None"),
        (GOOD._replace(b=1.0), "got b 1.0"),
        (GOOD._replace(b=jnp.ones((5, 1))), r"got b float32 \[5, 1\]"),
        (GOOD._replace(b=jnp.ones(1)), r"got b float32 \[1\]"),
        (GOOD._replace(w=[[1.0] * 5] * 3), "got w a list"),
        (GOOD._replace(w=jnp.ones((5, 3))), r"got w .* it looks transposed"),
        (GOOD._replace(w=jnp.ones((3, 1))), r"got w float32 \[3, 1\]\."),
        (
            GOOD._replace(w=jnp.ones((3, 5), int)),
            "point dtype, got float32, int32",
        ),
        (jax.tree.map(lambda x: x.astype(int), GOOD), "dtype, got int32"),
        (jax.tree.map(lambda x: x.astype(bool), GOOD), "dtype, got bool"),
        (jax.tree.map(lambda x: x.astype(complex), GOOD), "dtype, got complex64"),
        (GOOD._replace(b=jnp.ones(5, jnp.bfloat16)), "dtype, got bfloat16, float32"),
    ],
)
def test_other_weights_are_refused_with_what_was_expected(weights, words):
    expected = r"it expects weights Weights\(w \[3, 5\], b \[5\]\)"
    with pytest.raises(ValueError, match=f"{expected}.*{words}"):
        check.weights("it", weights, Weights, SHAPES)


def test_a_bias_that_is_not_expected_is_refused():
    check.weights("it", GOOD._replace(b=None), Weights, SHAPES | {"b": None})
    with pytest.raises(ValueError, match=r"b None\), got b float32 \[5\]"):
        check.weights("it", GOOD, Weights, SHAPES | {"b": None})


def test_a_transposed_kernel_is_told():
    with pytest.raises(ValueError, match="looks transposed"):
        check.weights("it", Kernel(jnp.ones((2, 2, 5, 3))), Kernel, {"w": (2, 2, 3, 5)})


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (
            State(jnp.ones((2, 5)), jnp.ones((3, 5))),
            r"got \.i \(3, 5\) float32",
        ),
        (State(jnp.ones((2, 5)), None), r"got \.v \(2, 5\) float32"),
        ((), r"got a tuple"),
        ((jnp.ones((2, 5)), jnp.ones((2, 5))), r"got \[0\] \(2, 5\)"),
        (
            State(jnp.ones((2, 5)), jnp.ones((2, 5), jnp.bfloat16)),
            r"\.i \(2, 5\) bfloat16",
        ),
    ],
)
def test_another_state_is_refused_with_what_was_expected(state, words):
    whole = jnp.ones((2, 5))
    like = State(whole, whole)
    check.state("it", like, jax.eval_shape(lambda: like))
    with pytest.raises(
        ValueError, match=rf"(?s){words}.*expected \.v \(2, 5\) float32"
    ):
        check.state("it", state, like)
