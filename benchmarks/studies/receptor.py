"""A leaky integrate-and-fire neuron is fitted to a real auditory receptor.

A grasshopper heard a tone whose loudness fluctuated at random, for ten seconds twice,
and the spikes of one receptor were recorded (Rokem et al. 2006,
doi:10.1152/jn.00689.2005). A neuron with escape noise hears the same loudness through a
learned filter and learns, by surrogate gradients, filter, bias, time constant and
noise, so that its smoothed spikes follow the recorded ones (van Rossum distance). It is
judged on the other recording, by the correlation of its rate with the recorded spike
counts in bins of 5 ms, beside a linear filter that predicts these counts directly.
"""

import os
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.criterion import above
from benchmarks.report import emit, tell
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.neurons import stochastic_lif
from snnjax.training import init_train_state, make_step

DT = 0.5e-3
BIN = 10  # steps, 5 ms
SPIKE_WIDTH = 3e-3  # [s], the shortest interval of the receptor; the refractory time
SMOOTH = 5e-3  # [s], of the van Rossum distance


class Size(NamedTuple):
    seconds: float = 10.0
    lags: int = 40  # steps of loudness that the filter sees
    copies: int = 8  # of the neuron, each with its own noise
    epochs: int = 400
    seeds: int = 3


class Recording(NamedTuple):
    loudness: np.ndarray  # in standard deviations, newest last, [T, lags]
    spikes: np.ndarray  # counts, [T]


def recordings(size: Size) -> list[Recording]:
    """Both trials, in steps of ``DT``.

    Raises:
        FileNotFoundError: if ``SNNJAX_DATA`` does not lead to the data.
    """
    folder = Path(os.environ.get("SNNJAX_DATA", "")) / "grasshopper"
    if "SNNJAX_DATA" not in os.environ or not folder.is_dir():
        raise FileNotFoundError(
            "The receptor's recordings are looked for in SNNJAX_DATA/grasshopper. They "
            "come with the package nitime, in nitime/data (grasshopper_*.txt)."
        )
    return [recording(folder, trial, size) for trial in (1, 2)]


def recording(folder: Path, trial: int, size: Size) -> Recording:
    steps = round(size.seconds / DT)
    amplitude = np.loadtxt(folder / f"grasshopper_stimulus{trial}.txt")[:, 1]
    spikes = np.loadtxt(folder / f"grasshopper_spike_times{trial}.txt") * 1e-6
    loudness = 20.0 * np.log10(amplitude)  # [dB], a normal noise around -18 ± 6
    level = (loudness.reshape(-1, 10).mean(axis=1)[:steps] + 18.0) / 6.0  # each 0.5 ms
    padded = np.concatenate([np.zeros(size.lags - 1), level])
    windows = np.lib.stride_tricks.sliding_window_view(padded, size.lags)
    counts = np.bincount((spikes / DT).astype(int), minlength=steps)[:steps]
    return Recording(windows.astype(np.float32), counts.astype(np.float32))


def binned(x: np.ndarray) -> np.ndarray:
    return x.reshape(-1, BIN, *x.shape[1:]).sum(axis=1)


def linear_filter(train: Recording, test: Recording) -> np.ndarray:
    """Counts predicted by ridge regression; its penalty is chosen on the last fifth."""
    x, y = train.loudness[BIN - 1 :: BIN].astype(float), binned(train.spikes)
    kept = len(x) * 4 // 5

    def solve(x, y, penalty):
        far = x - x.mean(axis=0)
        w = np.linalg.solve(far.T @ far + penalty * np.eye(x.shape[1]), far.T @ y)
        return w, y.mean() - x.mean(axis=0) @ w

    def score(penalty):
        w, _ = solve(x[:kept], y[:kept], penalty)
        return correlation(x[kept:] @ w, y[kept:])

    w, bias = solve(x, y, max(10.0 ** np.arange(-2, 5), key=score))
    return test.loudness[BIN - 1 :: BIN] @ w + bias


def neuron(weights, key):
    params = snn.LIFParams(
        tau_mem=jnp.exp(weights["log_tau"]), tau_syn=None, refractory=SPIKE_WIDTH
    )
    noise = snn.Sigmoid(jnp.exp(weights["log_slope"]))
    return stochastic_lif(1, params, key=key, noise=noise)


def respond(weights, loudness, copies, key):
    """Spikes of every copy, ``[T, B, copies]``, for loudness ``[T, B, lags]``."""
    current = loudness @ weights["filter"] + weights["bias"]
    currents = jnp.repeat(current[..., None], copies, axis=-1)[..., None]
    _, spikes = snn.unroll(neuron(weights, key), (), currents, dt=DT)
    return spikes[..., 0]


def smoothed(spikes):
    """Rates after an exponential kernel, ``[T, ...]`` [1/step]."""
    kept = np.float32(np.exp(-DT / SMOOTH))
    step = lambda y, x: (kept * y + (1 - kept) * x,) * 2  # noqa: E731
    return jax.lax.scan(step, jnp.zeros_like(spikes[0]), spikes)[1]


def fit(size: Size, train: Recording, seed: int):
    """Learns from one recording, cut into seconds; weights and losses."""
    second = round(1.0 / DT)
    cut = lambda x: np.moveaxis(x.reshape(-1, second, *x.shape[1:]), 0, 1)  # noqa: E731
    loudness, goal = (
        jnp.asarray(cut(train.loudness)),
        smoothed(jnp.asarray(cut(train.spikes))),
    )
    weights = {
        "filter": jnp.full(size.lags, 1.0 / size.lags),
        "bias": jnp.ones(()),
        "log_tau": jnp.log(jnp.full((), 5e-3)),
        "log_slope": jnp.log(jnp.full((), 10.0)),
    }
    warm = round(50e-3 / DT)

    def loss(weights, key):
        spikes = respond(weights, loudness, size.copies, key)
        apart = smoothed(spikes).mean(axis=-1) - goal
        return 1e4 * jnp.mean(apart[warm:] ** 2)

    schedule = optax.cosine_decay_schedule(2e-2, size.epochs)
    optimizer = optax.adam(schedule)
    step = make_step(loss, optimizer)
    keys = jax.random.split(jax.random.key(seed), size.epochs)
    learn = jax.jit(lambda state: jax.lax.scan(step, state, keys))
    state, metrics = learn(init_train_state(weights, optimizer))
    return state.weights, np.asarray(metrics["loss"])


def predicted(weights, test: Recording, seed: int) -> np.ndarray:
    """Mean counts of 64 copies of the neuron, in bins."""
    key = jax.random.fold_in(jax.random.key(99), seed)
    spikes = respond(weights, jnp.asarray(test.loudness)[:, None], 64, key)
    return binned(np.asarray(spikes[:, 0].mean(axis=-1)))


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (Size(copies=32, epochs=2000, seeds=5) if full else Size())
    trials = recordings(size)
    rows = []
    for held_out in (1, 0):
        train, test = trials[1 - held_out], trials[held_out]
        truth = binned(test.spikes)
        linear = linear_filter(train, test)
        row = {
            "held_out": held_out + 1,
            "linear": correlation(linear, truth),
            "neuron": [],
        }
        for seed in range(size.seeds):
            weights, losses = fit(size, train, seed)
            guess = predicted(weights, test, seed)
            row["neuron"].append(correlation(guess, truth))
        row["tau_mem_ms"] = round(1e3 * float(jnp.exp(weights["log_tau"])), 2)
        row["rate_hz"] = round(float(guess.mean()) / (BIN * DT), 1)
        row["recorded_rate_hz"] = round(float(truth.mean()) / (BIN * DT), 1)
        emit(**row)
        tell(
            f"     held out: trial {row['held_out']}; neuron "
            f"{np.mean(row['neuron']):.3f}, linear filter {row['linear']:.3f}"
        )
        rows.append(row)
    ours = float(np.mean([row["neuron"] for row in rows]))
    theirs = float(np.mean([row["linear"] for row in rows]))
    return Finding(
        {"correlation": round(ours, 4), "linear": round(theirs, 4), "trials": rows},
        [
            above(
                "correlation with the held-out trial above a linear filter's",
                ours - theirs,
                0,
                digits=4,
            )
        ],
        figure(size, weights, losses, guess, linear, truth),
    )


def correlation(x, y):
    return round(float(np.corrcoef(x, y)[0, 1]), 4)


def figure(size, weights, losses, guess, linear, truth):
    drawn, axes = plot.figure(1, 3, (13.0, 3.4))
    filter_ax, loss_ax, rate_ax = axes[0]
    before = DT * 1e3 * (np.arange(size.lags) - size.lags + 1)
    filter_ax.plot(before, weights["filter"], color="#0072b2")
    filter_ax.set(xlabel="time before now, ms", ylabel="learned filter of loudness")
    loss_ax.plot(losses, color="#0072b2")
    loss_ax.set(xlabel="epoch", ylabel="van Rossum distance")
    shown = slice(100, 200)
    time = BIN * DT * np.arange(len(truth))[shown]
    hz = 1.0 / (BIN * DT)
    rate_ax.bar(time, truth[shown] * hz, BIN * DT, color="0.8", label="recorded")
    rate_ax.plot(time, linear[shown] * hz, color="#d55e00", label="linear filter")
    rate_ax.plot(time, guess[shown] * hz, color="#0072b2", label="neuron")
    rate_ax.set(xlabel="time, s", ylabel="rate, Hz")
    rate_ax.legend(frameon=False, fontsize=8)
    return drawn


STUDY = Study(
    id="receptor",
    claim="A leaky integrate-and-fire neuron learns a real auditory receptor's spikes.",
    source="recordings of Rokem et al. 2006, doi:10.1152/jn.00689.2005",
    minutes=2,
    run=run,
)
