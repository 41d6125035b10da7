"""R10: how much a membrane fluctuates can be told from its weights.

Random weights onto membranes that never fire, under Poisson input. Measured is the
variance of each membrane over time, averaged over neurons, and over draws of weights
and input: one draw of 6 s is off by a few percent, the mean of many by a fraction of
one (each result has its standard error). Theory is for the kernel as simulated and for
spikes that come one a step at most. It knows nothing of the finite time T, over which a
variance about the mean is smaller by 2 (τm + τs) / T: half a percent of σ_U in 6 s.

The kernel of continuous time is another matter, and the size of its error belongs to
the update order. In the order of the authors' code (the current decays and jumps, then
moves the membrane by 1 - e^(-dt/τm)) it is 5 % in σ_U at 20/10 ms and steps of 1 ms.
Exact integration makes an error of one in a million there, and of -8 % in steps as
long as τm. Both are measured.

Beside the plain connection: feed-forward and recurrent inputs that share the variance
(Poisson spikes stand for the recurrent ones), and a convolution. Last, the same weights
with neurons that fire.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.criterion import above, at_most, near
from benchmarks.report import emit, tell
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.analysis import membrane_statistics
from snnjax.inputs import poisson
from snnjax.networks import (
    DenseWeights,
    convolution,
    poisson_drive,
    predict_membrane,
    weight_moments,
)
from snnjax.neurons import kernel_integrals
from snnjax.training import sweep

RATE, ALPHA = 15.8, 0.9  # [Hz]; share of feed-forward input
TAUS = ((20e-3, 10e-3), (10e-3, 5e-3), (20e-3, 5e-3))  # τm, τs [s]
XIS = (1.0, 2.0, 3.0)
COLORS = ("#0072b2", "#d55e00", "#009e73")


class Size(NamedTuple):
    inputs: int = 100
    neurons: int = 200
    steps: int = 6000
    seeds: int = 10
    burn_in: int = 200  # the membranes forget their rest
    image: int = 7  # side of the images that a convolution sees


FULL = Size(neurons=1000, steps=20_000, seeds=20, image=16)


def draw(key, n_in, n_out, params, xi, dt, **options):
    return snn.fluctuation_driven(
        key, n_in, n_out, rate=RATE, xi=xi, params=params, dt=dt, **options
    )


def spikes(key, size: Size, n: int, dt: float):
    return poisson(key, jnp.full(n, RATE), steps=size.steps, dt=dt)


def run_dense(w, cell, raster, dt):
    net = snn.chain(snn.dense(*w.shape), cell)
    return snn.unroll(net, (DenseWeights(w, None), ()), raster, dt=dt)[1]


def statistics(v, size: Size):
    """Variance over time, variance over time and neurons, and mean."""
    found = membrane_statistics(v, burn_in=size.burn_in).population
    return found.deviation**2, found.pooled**2, found.mean


def plain(size: Size, tau_mem, tau_syn, xi, key):
    """A dense connection, simulated and drawn at 1 ms; and its neurons firing."""
    params, dt = snn.LIFParams(tau_mem, tau_syn), 1e-3
    key_w, key_x = jax.random.split(key)
    w = draw(key_w, size.inputs, size.neurons, params, xi, dt, binary=True)
    raster = spikes(key_x, size, size.inputs, dt)
    v = run_dense(w, snn.li(size.neurons, params), raster, dt)
    fired = run_dense(w, snn.lif(size.neurons, params), raster, dt)
    return *statistics(v, size), fired.mean() / dt


def continuous(size: Size, tau_mem, tau_syn, dt, key):
    """Weights drawn for continuous time, ξ = 1, simulated in steps."""
    params = snn.LIFParams(tau_mem, tau_syn)
    key_w, key_x = jax.random.split(key)
    w = draw(key_w, size.inputs, size.neurons, params, 1.0, None)
    raster = spikes(key_x, size, size.inputs, dt)
    ours = run_dense(w, snn.li(size.neurons, params), raster, dt)
    a, b = jnp.exp(-dt / tau_syn), jnp.exp(-dt / tau_mem)

    def authors_order(state, x):
        v, i = state
        i = a * i + x
        v = b * v + (1.0 - b) * i
        return (v, i), v

    rest = jnp.zeros(size.neurons), jnp.zeros(size.neurons)
    theirs = jax.lax.scan(authors_order, rest, raster @ w)[1]
    binary = 1.0 - RATE * dt
    return tuple(statistics(v, size)[0] / binary for v in (ours, theirs))


def shared(size: Size, key):
    """Two connections onto the same membranes, α and 1-α of the variance; ξ = 1."""
    params, dt = snn.LIFParams(*TAUS[0]), 1e-3
    keys = jax.random.split(key, 4)
    n = size.neurons
    w = draw(keys[0], size.inputs, n, params, 1.0, dt, share=ALPHA, binary=True)
    r = draw(keys[1], n, n, params, 1.0, dt, share=1.0 - ALPHA, binary=True)
    below = spikes(keys[2], size, size.inputs, dt)
    beside = spikes(keys[3], size, n, dt)
    both = jnp.concatenate([below, beside], axis=-1)
    v = run_dense(jnp.concatenate([w, r]), snn.li(n, params), both, dt)
    return statistics(v, size)[0]


def convolved(size: Size, key):
    """A convolution of 3x3 over images of 8 channels, without a border; ξ = 1."""
    params, dt, kernel, channels = snn.LIFParams(*TAUS[0]), 1e-3, (3, 3), (8, 16)
    key_w, key_x = jax.random.split(key)

    def init(key, n_in, n_out):
        return draw(key, n_in, n_out, params, 1.0, dt, binary=True)

    net = snn.chain(
        convolution(*channels, kernel=kernel, padding="valid", init=init),
        snn.li(channels[1], params),
    )
    rates = jnp.full((size.image, size.image, channels[0]), RATE)
    raster = poisson(key_x, rates, steps=size.steps, dt=dt)
    v = snn.unroll(net, net.init(key_w), raster, dt=dt)[1]
    return statistics(v.reshape(len(v), -1), size)[0]


def row(variances, predicted, **case):
    """One result: root of the mean over seeds, its standard error, and theory."""
    found = float(np.sqrt(variances.mean()))
    error = float(variances.std()) / max(len(variances) - 1, 1) ** 0.5 / (2.0 * found)
    numbers = {"deviation": found, "standard_error": error, "predicted": predicted}
    made = case | {name: round(float(x), 4) for name, x in numbers.items()}
    emit(**made)
    tell(f"     σ_U {found:.3f} ± {error:.3f}, theory {predicted:.3f}: {case}")
    return made


def kernel_errors(taus, dt):
    """σ_U over target for weights of continuous time: in our steps, in the authors'."""
    tau_mem, tau_syn = taus
    with jax.enable_x64(True):
        whole = float(kernel_integrals(tau_mem, tau_syn)[1])
        ours = float(kernel_integrals(tau_mem, tau_syn, dt=dt)[1])
    a, b = np.exp(-dt / tau_syn), np.exp(-dt / tau_mem)
    theirs = dt * (1 - b) ** 2 * (1 + a * b)
    theirs /= (1 - a**2) * (1 - b**2) * (1 - a * b)
    return np.sqrt([ours / whole, theirs / whole])


def key(*numbers):
    """Randomness of its own for every case and seed."""
    found = jax.random.key(10)
    for number in numbers:
        found = jax.random.fold_in(found, number)
    return found


def over_grid(size: Size):
    """Every pair of time constants, every ξ: one row each."""
    tau, xis = jnp.asarray(TAUS), jnp.asarray(XIS)
    variance, pooled, mean, rates = sweep(
        lambda k, j, seed: plain(size, *tau[k], xis[j], key(0, k, j, seed)),
        **{"k": range(len(TAUS)), "j": range(len(XIS)), "seed": range(size.seeds)},
    ).grid()
    rows = []
    for k, j in np.ndindex(len(TAUS), len(XIS)):
        params = snn.LIFParams(*TAUS[k])
        inputs = poisson_drive(
            size.inputs, rate=RATE, params=params, dt=1e-3, binary=True
        )
        theory = predict_membrane(inputs, *weight_moments(inputs, xi=XIS[j]))
        others = {
            "pooled": np.sqrt(pooled[k, j].mean()),
            "pooled_predicted": theory.pooled,
            "mean": mean[k, j].mean(),
            "rate": rates[k, j].mean(),
        }
        others = {name: round(float(x), 3) for name, x in others.items()}
        case = {"taus": TAUS[k], "xi": XIS[j], **others}
        rows.append(row(variance[k, j], theory.deviation, **case))
    return rows


def continuous_kernels(size: Size):
    """σ_U over target for weights of continuous time, by order and step."""
    rows = []
    for k, (taus, dt) in enumerate(((TAUS[0], 1e-3), (TAUS[1], 10e-3))):
        both = sweep(
            lambda seed, k=k, t=taus, dt=dt: continuous(size, *t, dt, key(1, k, seed)),
            seed=range(size.seeds),
        ).grid()
        orders = zip(("exact", "authors'"), both, kernel_errors(taus, dt), strict=True)
        for order, variances, expected in orders:
            rows.append(row(variances, expected, order=order, taus=taus, dt=dt))
    return rows


def connections(size: Size):
    """Two kinds of input at once, and weights that are shared by many places."""
    cases = {"feed-forward and recurrent": shared, "convolution": convolved}
    rows = []
    for k, (name, measure) in enumerate(cases.items()):
        variances = sweep(
            lambda seed, k=k, f=measure: f(size, key(2, k, seed)),
            seed=range(size.seeds),
        ).grid()
        rows.append(row(variances, 1.0, connection=name))
    return rows


def off(rows):
    """Largest relative distance from theory [%]."""
    return round(max(100 * abs(r["deviation"] / r["predicted"] - 1) for r in rows), 2)


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    grid, kernels, more = over_grid(size), continuous_kernels(size), connections(size)
    summary = {"grid": grid, "continuous_kernel": kernels, "connections": more}
    return Finding(summary, criteria(grid, kernels, more), figure(grid, kernels, more))


def criteria(grid, kernels, more):
    _, authors, coarse, _ = kernels
    rates = np.reshape([r["rate"] for r in grid], (len(TAUS), len(XIS)))
    rise = float((rates[:, :-1] - rates[:, 1:]).min())
    signs = [
        near(
            f"continuous kernel, {name}: σ_U off by, %",
            *(100 * (r[which] - 1) for which in ("deviation", "predicted")),
            tolerance=1,
        )
        for name, r in (("authors' order, 1 ms", authors), ("ours, 10 ms", coarse))
    ]
    return [
        at_most("σ_U over time, 3 pairs of τ, 3 ξ: largest error, %", off(grid), 3),
        at_most(
            "with a recurrent share, in a convolution: largest error, %", off(more), 3
        ),
        *signs,
        above("least rise of the rate from one ξ to a smaller one, Hz", rise, 0),
    ]


def figure(grid, kernels, more):
    """Measured against predicted; over neurons too; and what the neurons then do."""
    drawn, axes = plot.figure(1, 3, (12.0, 3.8))
    against, pitfall, firing = axes[0]
    for taus, color, dot in zip(TAUS, COLORS, (10, 7, 4), strict=True):
        rows = [r for r in grid if r["taus"] == taus]
        of = {name: [r[name] for r in rows] for name in rows[0]}
        theory, label = (
            of["predicted"],
            "τm {:g}, τs {:g} ms".format(*1e3 * np.array(taus)),
        )
        against.plot(theory, of["deviation"], "o", ms=dot, color=color, label=label)
        pitfall.plot(theory, of["pooled"], "o", color=color)
        pitfall.plot(theory, of["pooled_predicted"], color=color)
        firing.plot(theory, of["rate"], "o-", color=color)
    for rows, mark, label in (
        (kernels[:-1], "x", "continuous kernel"),
        (more, "+", "recurrent share, convolution"),
    ):
        x, y = ([r[name] for r in rows] for name in ("predicted", "deviation"))
        against.plot(x, y, mark, ms=9, color="black", label=label)
    for ax in (against, pitfall):
        ax.axline((0, 0), slope=1, color="0.6", lw=1, zorder=0)
        ax.set(xlabel="predicted σ_U (θ)", xlim=(0, 1.2), ylim=(0, None))
    against.set(ylabel="measured σ_U (θ)", title="each neuron over time")
    pitfall.set(ylabel="measured σ (θ)", title="over neurons as well: not σ_U")
    firing.set(xlabel="predicted σ_U (θ)", xlim=(0, 1.2), ylim=(0, None))
    firing.set(ylabel="rate (Hz)", title="neurons that fire")
    against.legend(frameon=False, fontsize=8)
    return drawn


STUDY = Study(
    id="R10",
    claim="Weights tell how much membranes fluctuate; the more, the more they fire.",
    source="Rossbroich, Gygax & Zenke 2022, doi:10.1088/2634-4386/ac97bb",
    minutes=0.5,
    run=run,
)
