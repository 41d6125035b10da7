"""An emulated neuromorphic chip: analogue circuits, no two of which are alike.

A program of its own, started by its path, that needs numpy alone: nothing of the
library can leak into the chip. It answers questions about leaky neurons,

    τm dv/dt = -(v - E) + κ i        τs di/dt = -i        v > θ: spike, v ← R

whose τm, τs, threshold θ, gain κ, reset R and rest E differ from circuit to circuit by
a pattern that its serial number fixes. Time runs in exact sub-steps of a bin: input
jumps the current at the start of the bin, spikes pass from population to population
within a sub-step, and reach their own population at the next one. Modelled after the
analogue chip of Cramer et al. (2022), doi:10.1073/pnas.2109194119.

A question and its answer are a line of JSON, whose ``"arrays"`` says dtypes and shapes,
and then these arrays, raw. Spikes travel as bits along the last axis.
"""

import json
import secrets
import sys
import time
import zlib
from functools import cache
from statistics import NormalDist
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

F32 = np.float32
DRIFTING = ("tau_mem", "tau_syn", "threshold", "gain")
LONGEST = 2**31  # trials of a drift
FARTHEST = np.log(1000.0)  # of a drift


def draws(serial, *words):
    """Randomness that depends on the serial number and on these words alone."""
    known = (zlib.crc32(w.encode()) if isinstance(w, str) else w for w in words)
    return np.random.Generator(np.random.SFC64([serial, *known]))


@cache
def quantiles():
    """Numbers of equal chance of the normal distribution, for 16 bits of randomness."""
    chances = (np.arange(2**16) + 0.5) / 2**16
    return np.array([NormalDist().inv_cdf(chance) for chance in chances], F32)


def normal(rng, shape):
    """Standard normal numbers, drawn three times as fast as numpy's."""
    return quantiles().take(rng.integers(0, 2**16, shape, np.uint16))


def log_normal(x, spread):
    """Factors of mean 1 and standard deviation ``spread``, of standard normals."""
    variance = np.log1p(spread**2)
    return np.exp(np.sqrt(variance) * x - 0.5 * variance)


def namespace(settings):
    """Settings as they came in JSON, by attribute; what is imperfect as ``flaws``."""
    rest = {k: v for k, v in settings.items() if k != "imperfections"}
    flaws = SimpleNamespace(**settings["imperfections"])
    return SimpleNamespace(**rest, flaws=flaws)


class Pattern(NamedTuple):
    """What is fixed about one population; factors of mean 1 where not said."""

    tau_mem: np.ndarray  # each [n]
    tau_syn: np.ndarray
    threshold: np.ndarray
    gain: np.ndarray  # of the current
    v_reset: np.ndarray  # offset, in units of the threshold
    rest: np.ndarray  # offset, in units of the threshold
    alive: np.ndarray  # 1, or 0 of a neuron that never does anything
    adc_gain: np.ndarray
    adc_offset: np.ndarray  # in units of the threshold
    synapses: np.ndarray  # [rows, n], 0 where broken


def pattern_of(settings, population):
    """Draws the pattern of a population; each constant depends on its name alone."""
    n, rows = settings.sizes[population + 1], rows_of(settings, population)
    fires = population < len(settings.sizes) - 2

    def drawn(name, shape, how):
        rng = draws(settings.serial, name, population)
        return how(rng, shape, getattr(settings.flaws, name))

    def factors(rng, shape, spread):
        return log_normal(rng.standard_normal(shape), spread)

    def offsets(rng, shape, spread):
        return spread * rng.standard_normal(shape)

    def whole(rng, shape, chance):
        return (rng.random(shape) >= chance).astype(float)

    return Pattern(
        **{name: drawn(name, n, factors) for name in (*DRIFTING, "adc_gain")},
        **{name: drawn(name, n, offsets) for name in ("v_reset", "rest", "adc_offset")},
        alive=drawn("dead", n, whole) if fires else np.ones(n),
        synapses=drawn("synapses", (rows, n), factors)
        * drawn("broken", (rows, n), whole),
    )


def rows_of(settings, population):
    """Rows of weights of a population: those below it, and itself if recurrent."""
    below, own = settings.sizes[population : population + 2]
    return below + own * settings.recurrent[population]


def walk(serial, trial, shape):
    """A random walk with steps of variance 1 after ``trial`` steps, wherever it starts.

    Halves the time until it meets the trial (a Brownian bridge), so that no step
    depends on what was asked before.
    """

    def drawn(when):
        return draws(serial, "drift", when).standard_normal(shape)

    if trial == 0:
        return np.zeros(shape)
    low, high = 0, LONGEST
    at_low, at_high = np.zeros(shape), np.sqrt(LONGEST) * drawn(LONGEST)
    while low != trial:
        middle = (low + high) // 2
        between = 0.5 * (at_low + at_high)
        between = between + 0.5 * np.sqrt(high - low) * drawn(middle)
        if trial < middle:
            high, at_high = middle, between
        else:
            low, at_low = middle, between
    return at_low


def drifted(settings, patterns, trial):
    """The patterns after so many trials: factors exp(δ W - δ² t / 2) of mean 1.

    None drifts further than a thousandfold.
    """
    drift = settings.flaws.drift
    if drift == 0:
        return patterns
    ends = np.cumsum(settings.sizes[1:])
    w = walk(settings.serial, trial, (len(DRIFTING), ends[-1]))
    factors = np.exp(np.clip(drift * w - 0.5 * drift**2 * trial, -FARTHEST, FARTHEST))
    return [
        old._replace(**{k: getattr(old, k) * f[j] for j, k in enumerate(DRIFTING)})
        for old, f in zip(patterns, np.split(factors, ends[:-1], axis=1), strict=True)
    ]


class Circuit(NamedTuple):
    """One sub-step of a population, each ``[n]``; voltages relative to rest."""

    mem: np.ndarray  # what is left of the voltage
    syn: np.ndarray  # what is left of the current
    gain: np.ndarray  # voltage that a unit of current brings
    threshold: np.ndarray
    reset: np.ndarray
    rest: np.ndarray
    noise: np.ndarray  # that one bin adds, so that a resting membrane keeps its own


def circuit_of(settings, pattern):
    """Works out the exact flow of a sub-step."""
    dt = settings.dt / settings.flaws.substeps
    tau_mem = settings.tau_mem * pattern.tau_mem
    tau_syn = settings.tau_syn * pattern.tau_syn
    mem, syn = np.exp(-dt / tau_mem), np.exp(-dt / tau_syn)
    near = np.abs(dt / tau_mem - dt / tau_syn) < 1e-6
    apart = np.where(near, 1.0, tau_syn - tau_mem)
    gain = np.where(near, dt / tau_mem * mem, tau_syn * (syn - mem) / apart)
    alive = pattern.alive > 0
    lost = -np.expm1(-2.0 * settings.dt / tau_mem)  # of a variance, in one bin
    threshold = np.where(alive, pattern.threshold - pattern.rest, np.inf)
    values = {
        **{"mem": mem, "syn": syn, "gain": alive * gain, "threshold": threshold},
        **{"reset": pattern.v_reset - pattern.rest, "rest": pattern.rest},
        "noise": alive * settings.flaws.noise * np.sqrt(lost),
    }
    return Circuit(**{name: x.astype(F32) for name, x in values.items()})


def rounded(weights, bits, step):
    """Weights as synapses hold them, and the share of those beyond their range."""
    if bits is None or weights.size == 0:
        return weights, 0.0
    most = 2 ** (bits - 1) - 1
    steps = np.rint(weights / step)
    return np.clip(steps, -most, most) * F32(step), float(np.mean(abs(steps) > most))


def run_population(circuit, weights, events, reset, substeps, rng):
    """Runs one population through all bins.

    Args:
        circuit: its constants.
        weights: from below ``[m, n]``, and from itself ``[n, n]`` or None.
        events: spikes from below, ``[T, 1 or substeps, B, m]``.
        reset: ``"zero"``, ``"subtract"``, or ``"none"`` where nothing fires.
        substeps: of a bin.
        rng: membrane noise, or None.

    Returns:
        Spikes ``[T, substeps, B, n]`` and voltages at the end of each bin
        ``[T, B, n]``.
    """
    below, own = weights
    T, given, B, m = events.shape
    n = below.shape[1]
    fired = np.zeros((T, substeps, B, n), bool)
    voltages = np.empty((T, B, n), F32)
    v, i, by_current = (np.zeros((B, n), F32) for _ in range(3))
    before = np.zeros((B, n), bool)
    for t in range(T):
        x = (events[t].reshape(-1, m).astype(F32) @ below).reshape(given, B, n)
        for k in range(substeps):
            if k < given:
                i += x[k]
            if own is not None:
                i += before.astype(F32) @ own
            np.multiply(i, circuit.gain, out=by_current)
            v *= circuit.mem
            v += by_current
            i *= circuit.syn
            if rng is not None and k == substeps - 1:
                v += circuit.noise * normal(rng, (B, n))
            before = fire(circuit, v, reset, fired[t, k])
        np.add(v, circuit.rest, out=voltages[t])
    return fired, voltages


def fire(circuit, v, reset, fired):
    """Spikes and resets in place."""
    if reset != "none":
        np.greater(v, circuit.threshold, out=fired)
    if reset == "zero":
        np.copyto(v, circuit.reset, where=fired)
    elif reset == "subtract":
        depth = np.where(circuit.threshold < np.inf, circuit.threshold, 0.0)
        v -= fired * (depth - circuit.reset).astype(F32)
    return fired


def sampled(flaws, pattern, v, rng):
    """Voltages ``[T, B, n]`` as an ADC tells them, and the share of codes at a rail."""
    gain, offset = pattern.adc_gain.astype(F32), pattern.adc_offset.astype(F32)
    bits, (low, high) = flaws.adc_bits, flaws.adc_range
    told, at_rail = np.empty(v.shape, F32 if bits is None else np.uint8), 0
    for seen, kept in zip(v, told, strict=True):
        volts = seen * gain + offset
        if flaws.adc_noise:
            volts += F32(flaws.adc_noise) * normal(rng, volts.shape)
        if np.isnan(volts).any():
            raise FloatingPointError("A voltage is not a number.")
        if bits is None:
            kept[...] = volts
            continue
        top = 2**bits - 1
        codes = np.rint((volts - F32(low)) * F32(top / (high - low)))
        np.clip(codes, 0, top, out=codes)
        at_rail += int(np.count_nonzero((codes == 0) | (codes == top)))
        kept[...] = codes
    return told, at_rail / max(told.size, 1)


def limited(events, limit, rng):
    """Events ``[T, B, n]``, at most so many a bin, drawn by lot; and how many lost."""
    if limit is None or limit >= events.shape[-1]:
        return events, 0
    over = events.sum(axis=-1) > limit
    lots = np.where(events[over], rng.random(events[over].shape), 2.0)
    last = np.partition(lots, limit - 1, axis=-1)[:, limit - 1 : limit]
    kept = events.copy()
    kept[over] = lots <= last
    return kept, int(events.sum()) - int(kept.sum())


class Chip:
    """One chip: what is fixed about it, what was programmed, and how old it is."""

    def __init__(self, settings):
        self.settings = namespace(settings)
        populations = range(len(self.settings.sizes) - 1)
        self.patterns = [pattern_of(self.settings, p) for p in populations]
        self.weights, self.saturated, self.trial = (), (), 0

    def program(self, weights):
        """Takes weights ``[rows, n]`` of each population, as its synapses can."""
        flaws = self.settings.flaws
        held = [rounded(w, flaws.weight_bits, flaws.weight_step) for w in weights]
        self.weights, self.saturated = zip(*held, strict=True)

    def run(self, events, trial):
        """Input ``[T, B, n_in]`` -> spikes, voltages of each population, and notes."""
        began, flaws = time.perf_counter(), self.settings.flaws
        rng = self.randomness(trial)
        came, lost_in = limited(events, flaws.events_in, rng("events_in"))
        patterns = drifted(self.settings, self.patterns, self.trial)
        fired, voltages = self.flow(patterns, came, rng)
        told, at_rail = [], []
        for p, (pattern, v) in enumerate(zip(patterns, voltages, strict=True)):
            codes, share = sampled(flaws, pattern, v, rng("adc", p))
            told.append(codes)
            at_rail.append(share)
        sent, lost_out = self.sent(fired, rng("events_out"))
        notes = {"events_in": int(events.sum()), "lost_in": lost_in}
        notes["events_out"] = lost_out + sum(int(s.sum()) for s in sent)
        notes["lost_out"] = lost_out
        for name, shares in (("at_rail", at_rail), ("saturated", self.saturated)):
            notes |= {f"{name}.{p}": share for p, share in enumerate(shares)}
        return sent, told, notes | {"seconds_on_chip": time.perf_counter() - began}

    def randomness(self, trial):
        """Of a trial, ``(what, population) -> generator``; nobody else's for None."""
        self.trial = self.trial if trial is None else trial
        seed = LONGEST + secrets.randbits(64) if trial is None else trial
        return lambda what, p=0: draws(self.settings.serial, what, p, seed)

    def flow(self, patterns, events, rng):
        """Spikes and voltages of each population, one after the other."""
        s, fired, voltages, below = self.settings, [], [], events[:, None]
        for p, pattern in enumerate(patterns):
            last = p == len(patterns) - 1
            weights = self.effective(p, pattern)
            noise = rng("membrane", p) if s.flaws.noise else None
            reset = "none" if last else s.reset
            circuit, k = circuit_of(s, pattern), s.flaws.substeps
            below, v = run_population(circuit, weights, below, reset, k, noise)
            voltages.append(v)
            fired += [] if last else [below]
        return fired, voltages

    def effective(self, p, pattern):
        """What a spike does through each synapse: from below, and from itself."""
        w = (self.weights[p] * (pattern.synapses * pattern.gain)).astype(F32)
        m = self.settings.sizes[p]
        return w[:m], w[m:] if self.settings.recurrent[p] else None

    def sent(self, fired, rng):
        """Spikes of each bin that get out, through one link, and how many do not."""
        if not fired:
            return [], 0
        events = np.concatenate([f.any(axis=1) for f in fired], axis=-1)
        kept, lost = limited(events, self.settings.flaws.events_out, rng)
        ends = np.cumsum(self.settings.sizes[1:-1])[:-1]
        return np.split(kept, ends, axis=-1), lost


def read_arrays(source, heads):
    """The arrays that follow a line of JSON."""
    arrays = []
    for dtype, shape in heads:
        dtype = np.dtype(dtype)
        raw = source.read(int(np.prod(shape)) * dtype.itemsize)
        arrays.append(np.frombuffer(raw, dtype).reshape(shape))
    return arrays


def answer(sink, number, notes=None, arrays=()):
    """Writes a line of JSON and arrays."""
    arrays = [np.ascontiguousarray(a) for a in arrays]
    heads = [[a.dtype.str, a.shape] for a in arrays]
    head = {"number": number, "notes": notes or {}, "arrays": heads}
    sink.write(json.dumps(head).encode() + b"\n")
    for a in arrays:
        sink.write(a.data if a.size else b"")
    sink.flush()


def serve(source, sink):
    """Answers questions until there are no more."""
    chip: Any = None
    found: Any
    while line := source.readline():
        asked = json.loads(line)
        arrays = read_arrays(source, asked["arrays"])
        notes, found = None, ()
        if asked["do"] == "start":
            chip = Chip(asked["settings"])
        elif asked["do"] == "program":
            chip.program(arrays)
        else:
            n_in = chip.settings.sizes[0]
            events = np.unpackbits(arrays[0], axis=-1, count=n_in).astype(bool)
            spikes, voltages, notes = chip.run(events, asked["trial"])
            found = [*(np.packbits(s, axis=-1) for s in spikes), *voltages]
        answer(sink, asked["number"], notes, found)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
