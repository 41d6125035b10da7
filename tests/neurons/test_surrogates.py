"""What is no surrogate is refused by every factory, when it is given."""

import inspect

import jax
import jax.numpy as jnp
import pytest

import snnjax.networks
import snnjax.neurons
from snnjax.surrogate import MultiGaussian, Sigmoid, SuperSpike

GIVEN = {"n": 4, "key": jax.random.key(0), "v": jnp.zeros(4)}
FACTORIES = {
    (name, argument): function
    for package in (snnjax.neurons, snnjax.networks)
    for name, function in vars(package).items()
    if inspect.isfunction(function) and name in package.__all__
    for argument in ("surrogate", "noise")
    if argument in inspect.signature(function).parameters
}


def made(function, **options):
    known = inspect.signature(function).parameters
    return function(**{k: v for k, v in GIVEN.items() if k in known}, **options)


def test_there_are_factories_that_take_a_surrogate_or_a_noise():
    taken = [argument for _, argument in FACTORIES]
    assert taken.count("surrogate") >= 3
    assert taken.count("noise") >= 3


@pytest.mark.parametrize(("name", "argument"), FACTORIES)
def test_what_is_no_shape_is_refused_where_it_is_given(name, argument):
    function = FACTORIES[name, argument]
    made(function, **{argument: Sigmoid(5.0)})
    made(function, **{argument: Sigmoid(jnp.ones(4))})
    bad = ["superspike", SuperSpike, 3.0, lambda: 0.0, lambda v: v.sum()]
    bad += [MultiGaussian()] * (argument == "noise")
    for shape in bad:
        with pytest.raises(ValueError, match=r"SuperSpike\(\)|\(4,\)|density"):
            made(function, **{argument: shape})
