"""R27: a surrogate gradient is the gradient of what a noisy neuron does on average.

One neuron fires if its voltage and a random noise together pass the threshold. The
gradient of its expected output is measured by Monte Carlo, without any surrogate, and
compared with the surrogate gradient of the noiseless neuron whose shape is the density
of that noise. With one layer more the two must part: there the surrogate gradient is
not the gradient of an expectation (Gygax & Zenke 2025, doi:10.1162/neco_a_01752).

Then networks that draw their spikes are trained on random manifolds, beside networks
that do not.
"""

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.criterion import above, at_most
from benchmarks.report import emit, tell
from benchmarks.studies.shared.manifolds import (
    PARAMS,
    Manifolds,
    data,
    draw,
    readout,
    train,
)
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.neurons import escape_noise, stochastic_lif
from snnjax.surrogate import Gaussian, Sigmoid, SuperSpike, normalized, spike
from snnjax.training import sweep

SLOPE = 4.0
INPUTS = np.array([0.9, -0.4, 0.6])
WEIGHTS = np.array([0.8, 0.5, 0.3])
FROM_THRESHOLD = -0.3  # of the neuron at these weights


class Noise(NamedTuple):
    """A noise on the voltage, by numpy alone, and the shape that is its density."""

    shape: Any
    draw: Callable[[np.random.Generator, int], np.ndarray]
    score: Callable[[np.ndarray], np.ndarray]  # -p'(x) / p(x) of its density p


def superspike(rng, n):
    """By inversion of the fast sigmoid."""
    x = rng.uniform(-1.0, 1.0, n)
    return x / (1.0 - np.abs(x)) / SLOPE


NOISES = {
    "logistic": Noise(
        Sigmoid(SLOPE),
        lambda rng, n: rng.logistic(0.0, 1.0 / SLOPE, n),
        lambda x: SLOPE * np.tanh(SLOPE * x / 2.0),
    ),
    "Gaussian": Noise(
        Gaussian(SLOPE),
        lambda rng, n: rng.normal(0.0, 1.0 / SLOPE, n),
        lambda x: SLOPE**2 * x,
    ),
    "SuperSpike": Noise(
        SuperSpike(SLOPE),
        superspike,
        lambda x: 2.0 * SLOPE * np.sign(x) / (1.0 + SLOPE * np.abs(x)),
    ),
}


class Size(NamedTuple):
    task: Manifolds = Manifolds()
    hidden: int = 100
    slope: float = 10.0  # of the logistic noise
    rates: tuple[float, ...] = (5e-3, 2e-2)
    seeds: int = 5
    draws: int = 1_000_000


FULL = Size(task=Manifolds(samples=1000, epochs=50), draws=100_000_000)


def monte_carlo(noise: Noise, draws: int) -> tuple[float, float]:
    """∂E[s]/∂v and its standard error, by the score of the noise.

    E[s] = ∫ 1[x > 0] p(x - v) dx, so that ∂E[s]/∂v = E[s · score]: no derivative of a
    spike is in it, pretended or not.
    """
    rng, left, total, square = np.random.default_rng(27), draws, 0.0, 0.0
    while left > 0:
        x = noise.draw(rng, min(left, 1_000_000))
        left -= len(x)
        terms = (FROM_THRESHOLD + x > 0) * noise.score(x)
        total, square = total + terms.sum(), square + (terms**2).sum()
    mean = total / draws
    return mean, float(np.sqrt((square / draws - mean**2) / draws))


def one_neuron(draws: int) -> dict[str, dict]:
    """Surrogate gradient of a noiseless neuron against Monte Carlo of a noisy one."""
    found, threshold = {}, WEIGHTS @ INPUTS - FROM_THRESHOLD
    for name, noise in NOISES.items():
        with jax.enable_x64(True):
            shape = normalized(noise.shape, "area")
            by_weight = jax.grad(
                lambda w, shape=shape: spike(w @ INPUTS - threshold, shape)
            )
            surrogate = np.asarray(by_weight(jnp.asarray(WEIGHTS)))
        slope, error = monte_carlo(noise, draws)
        away = (slope * INPUTS - surrogate) / (error * np.abs(INPUTS))
        found[name] = {
            "surrogate_gradient": surrogate.round(5).tolist(),
            "monte_carlo": (slope * INPUTS).round(5).tolist(),
            "standard_error": (error * np.abs(INPUTS)).round(5).tolist(),
            "standard_errors_apart": round(float(np.abs(away).max()), 2),
        }
        emit(noise=name, **found[name])
    return found


def two_layers(draws: int) -> dict[str, float]:
    """The mean surrogate gradient of layer 1 against that of the expected output.

    Two hidden neurons and one output, all with logistic noise: the four patterns of
    hidden spikes can be counted out, so the expected output is known in closed form.
    """
    with jax.enable_x64(True):
        noise, bias = Sigmoid(SLOPE), -0.2
        w = jnp.asarray([[0.8, 0.4], [0.5, -0.3], [0.3, 0.9]])
        u = jnp.asarray([0.9, -0.7])
        patterns = jnp.asarray(list(product((0.0, 1.0), repeat=2)))

        def expected(w):
            p = noise.cdf(INPUTS @ w - 1.0)[None]
            chance = jnp.prod(jnp.where(patterns > 0, p, 1.0 - p), axis=1)
            return jnp.sum(chance * noise.cdf(patterns @ u + bias))

        def sample(w, key):
            below, above = jax.random.split(key)
            return escape_noise(
                above, escape_noise(below, INPUTS @ w - 1.0, noise) @ u + bias, noise
            )

        keys = jax.random.split(jax.random.key(27), min(draws, 1_000_000))
        each = jax.jit(jax.vmap(jax.grad(sample), (None, 0)))(w, keys)
        exact = jax.grad(expected)(w)
        mean, error = each.mean(0), each.std(0) / len(keys) ** 0.5
        return {
            "relative_error": round(
                float(jnp.linalg.norm(mean - exact) / jnp.linalg.norm(exact)), 4
            ),
            "standard_errors_apart": round(
                float(jnp.max(jnp.abs(mean - exact) / error)), 1
            ),
        }


def networks(size: Size) -> dict[str, dict]:
    """Test accuracies ``[seeds]`` of networks that draw their spikes, and that do not.

    Both have the same shape in the backward pass, of area 1; the learning rate of each
    is chosen on validation data.
    """
    noise, found = Sigmoid(size.slope), {}
    plain = snn.lif(size.hidden, PARAMS, surrogate=normalized(noise, "area"))
    neurons = {
        "stochastic": lambda key: stochastic_lif(
            size.hidden, PARAMS, key=key, noise=noise
        ),
        "deterministic": lambda key: plain,
    }
    for name, neuron in neurons.items():

        def one(rate, seed, neuron=neuron):
            key_data, key = jax.random.split(
                jax.random.fold_in(jax.random.key(27), seed)
            )

            def net(key):
                first = draw(size.task.input_rate)
                return snn.chain(
                    input=snn.dense(size.task.inputs, size.hidden, init=first),
                    hidden=neuron(key),
                    **readout(size.task, size.hidden),
                )

            trained = train(size.task, net, data(size.task, key_data), rate, key)
            return trained.validation, trained.test

        validation, test = sweep(one, rate=size.rates, seed=range(size.seeds)).grid()
        best = int(np.argmax(validation.mean(axis=1)))
        found[name] = {
            "test_accuracies": test[best].astype(float).round(4).tolist(),
            "test_accuracy": round(float(test[best].mean()), 4),
            "learning_rate": size.rates[best],
        }
        emit(neurons=name, **found[name])
        tell(f"     {name:<14} test accuracy {found[name]['test_accuracy']:.3f}")
    return found


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    single, double = one_neuron(size.draws), two_layers(size.draws)
    trained = networks(size)
    apart = max(row["standard_errors_apart"] for row in single.values())
    behind = 100 * (
        trained["deterministic"]["test_accuracy"]
        - trained["stochastic"]["test_accuracy"]
    )
    bias = double["standard_errors_apart"]
    return Finding(
        {"one_neuron": single, "two_layers": double, **trained},
        [
            at_most("one neuron, 3 noises: standard errors apart", apart, 3, 1),
            above("two layers, where they must differ: standard errors apart", bias, 3),
            at_most(
                "points a network that draws is behind one that does not", behind, 3
            ),
        ],
        figure(),
    )


def figure():
    """Chance to fire and its derivative: drawn, counted, pretended."""
    drawn, axes = plot.figure(1, 2, (9.0, 3.4))
    v, rng = np.linspace(-1.2, 1.2, 25), np.random.default_rng(0)
    for (name, noise), color in zip(
        NOISES.items(), ("#d55e00", "#009e73", "#0072b2"), strict=True
    ):
        x = noise.draw(rng, 400_000)
        fires = v[:, None] + x > 0
        chance = np.asarray(noise.shape.cdf(v))
        slope = np.asarray(normalized(noise.shape, "area")(v))
        left, right = axes[0]
        left.plot(v, fires.mean(axis=1), "o", ms=3, color=color)
        left.plot(v, chance, color=color, label=name)
        right.plot(v, (fires * noise.score(x)).mean(axis=1), "o", ms=3, color=color)
        right.plot(v, slope, color=color)
    axes[0, 0].set(xlabel="distance to threshold", ylabel="chance to fire")
    axes[0, 1].set(xlabel="distance to threshold", ylabel="∂E[s]/∂v")
    axes[0, 1].set_title("dots: Monte Carlo; lines: the surrogate", fontsize=10)
    axes[0, 0].legend(frameon=False)
    return drawn


STUDY = Study(
    id="R27",
    claim="For one noisy neuron the surrogate is the gradient of its expected output, "
    "in two layers it is not; networks that draw their spikes train as well.",
    source="Gygax & Zenke 2025, doi:10.1162/neco_a_01752",
    minutes=1,
    run=run,
)
