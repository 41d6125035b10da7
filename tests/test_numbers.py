"""What type numbers come in changes neither what they mean nor how precise results are.

All public functions are walked (``public.py``), those that read rasters, times or rates
with every type that such data are kept in, and all of them in both modes of precision.
"""

from contextlib import nullcontext, suppress

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from public import B, N, Numbers, T, call, functions, parameters, result

RASTERS = {  # arguments that hold what happens over time, or when
    *("audio", "chance", "contrast", "counts", "deflection", "events", "hidden"),
    *("inputs", "intensity", "raster", "rates", "scores", "signal", "spikes", "t"),
    *("times", "v", "velocity", "voltages", "x", "xs", "y"),
}
READERS = [name for name in functions() if parameters(name) & RASTERS]
EVERY = [name for name in functions() if not name.startswith("plot.")]
WHOLE = (jnp.uint8, jnp.bool_, jnp.int32)
HALF = (jnp.float16, jnp.bfloat16)


def numbers_of(tree):
    leaves = [leaf for leaf in jax.tree.leaves(tree) if not isinstance(leaf, str)]
    return [np.asarray(leaf, np.float64) for leaf in leaves]


def floats_of(name, a):
    """The floating-point types of what comes out on the device; traced if it can be."""

    def arrays():
        return [x for x in jax.tree.leaves(result(name, a)) if isinstance(x, jax.Array)]

    try:
        found = jax.eval_shape(arrays)
    except (TypeError, ValueError):  # it asks for values
        found = arrays()
    return {str(x.dtype) for x in found if is_float(x)}


def is_float(x):
    return jnp.issubdtype(x.dtype, jnp.floating)


def same(found, expected, rtol=1e-5):
    for x, y in zip(numbers_of(found), numbers_of(expected), strict=True):
        np.testing.assert_allclose(x, y, rtol, 1e-6)


@pytest.mark.walks
@pytest.mark.parametrize("name", READERS)
def test_narrow_types_give_the_values_of_single_precision_or_are_refused(name):
    for dtypes, binary in ((WHOLE, True), (HALF, False)):
        expected = result(name, Numbers(jnp.float32, binary))
        for dtype in dtypes:
            refused = suppress(ValueError) if dtype in WHOLE else nullcontext()
            with refused:
                same(result(name, Numbers(dtype, binary)), expected)


@pytest.mark.walks
@pytest.mark.parametrize("name", EVERY)
def test_double_precision_elsewhere_widens_nothing(name, x64):
    a = Numbers(jnp.float32)
    floats = floats_of(name, a)
    given = a.used or name.startswith("inputs.batches.")  # times are in single
    assert floats <= {"float32" if given else "float64"}, floats


@pytest.mark.walks
@pytest.mark.parametrize("name", EVERY)
def test_double_precision_stays_what_it_is(name, x64):
    single = name.startswith("inputs.batches.")
    wanted = {"float32" if single else "float64"}
    assert floats_of(name, Numbers(jnp.float64)) <= wanted


@pytest.mark.walks
@pytest.mark.parametrize("name", EVERY)
def test_double_precision_of_the_host_is_single_on_the_device_without_a_warning(name):
    a = Numbers(np.float64, make=np.asarray)
    found = result(name, a)
    if a.used:
        same(found, result(name, Numbers(jnp.float32)), 1e-4)


MASKED = [name for name in EVERY if "mask" in parameters(name)]
LENGTHS = np.array([T, 9])


def with_mask(name, padding, mask=None):
    """Value and gradients of a function whose padding holds something."""
    valid = jnp.arange(T)[:, None] < LENGTHS[None]

    def made(values, dtype):
        values = jnp.asarray(values, dtype)
        if values.shape[:2] != (T, B):
            return values
        return jnp.where(valid[..., None], values, padding)

    def total(shift):
        a = Numbers(jnp.float32, make=lambda v, d: made(jnp.float32(v) + shift, d))
        known = valid if mask is None else mask
        if name == "learning.cross_entropy" or name == "learning.accuracy":
            labels = jnp.where(valid, 1, -7)
            found = functions()[name](a(T, B, N), labels, known)
        else:
            found = call(name, a, mask=known)
        leaves = [jnp.sum(x) for x in jax.tree.leaves(found) if is_float(x)]
        return sum(leaves), found

    if "steps" in parameters(name):  # it descends, or searches: no gradient passes
        return total(0.0)[1]
    return jax.value_and_grad(total, has_aux=True)(0.0)


@pytest.mark.walks
@pytest.mark.parametrize("name", MASKED)
def test_what_padding_holds_reaches_neither_value_nor_gradient(name):
    clean = with_mask(name, 0.0)
    for odd in (jnp.nan, jnp.inf, -jnp.inf, 1e30):
        for x, y in zip(
            numbers_of(with_mask(name, odd)), numbers_of(clean), strict=True
        ):
            np.testing.assert_array_equal(x, y)
    assert all(np.isfinite(x).all() for x in numbers_of(clean))


@pytest.mark.parametrize("name", [n for n in MASKED if n.startswith("learning.")])
def test_a_traced_mask_that_leaves_nothing_makes_nan(name):
    if "steps" in parameters(name):
        pytest.skip("it descends: its rates say what they are")
    nothing = jnp.zeros((T, B), bool)
    value = jax.jit(lambda mask: with_mask(name, 0.0, mask)[0][0])(nothing)
    assert np.isnan(value)


def test_whatever_is_read_over_time_in_learning_has_a_mask():
    over_time = {"spikes", "y", "v", "xs"}
    learning = [n for n in EVERY if n.startswith("learning.")]
    # a loss of each step is told beside which steps count
    learning = [n for n in learning if not n.startswith("learning.online.")]
    without = {n for n in learning if parameters(n) & over_time} - {*MASKED}
    assert not without


TRACED = [
    name for name, f in functions().items() if not name.startswith(("plot.", "events."))
]


@pytest.mark.walks
@pytest.mark.parametrize("name", TRACED)
def test_a_traced_nan_makes_nan_or_its_function_says_what_it_does(name):
    kept = Numbers()

    def run(nan):
        def spoiled(values, dtype):
            array = jnp.asarray(values, dtype)
            return jnp.full_like(array, nan)

        a = Numbers(jnp.float32, make=spoiled)
        found = result(name, a)
        kept.used = a.used
        return found

    try:
        found = jax.jit(run)(jnp.nan)
    except (ValueError, TypeError):
        return  # on the host, or refused
    known = functions()[name].__doc__
    told = "jit" in known or "traced" in known or "NaN" in known
    assert told or not kept.used or any(np.isnan(x).any() for x in numbers_of(found))
