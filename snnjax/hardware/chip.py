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
from typing import NamedTuple

import numpy as np

F32 = np.float32
DRIFTING = ("tau_mem", "tau_syn", "threshold", "gain")
LONGEST = 2**31  # trials of a drift
EMPTY = {"sizes": (0,), "recurrent": ()}


def draws(serial, *words):
    """Randomness that depends on the serial number and on these words alone."""
    known = (zlib.crc32(w.encode()) if isinstance(w, str) else w for w in words)
    return np.random.Generator(np.random.SFC64([serial, *known]))


def log_normal(normal, spread):
    """Factors of mean 1 and standard deviation ``spread``, from standard normals."""
    variance = np.log1p(spread**2)
    return np.exp(np.sqrt(variance) * normal - 0.5 * variance)


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


def pattern_of(settings, population, rows):
    """Draws the pattern of a population; each constant depends on its name alone."""
    n = settings["sizes"][population + 1]

    def normal(name, *shape):
        return draws(settings["serial"], name, population).standard_normal(shape or n)

    def factors(name, *shape):
        return log_normal(normal(name, *shape), settings["imperfections"][name])

    def offsets(name):
        return settings["imperfections"][name] * normal(name)

    def whole(name, *shape):
        chance = draws(settings["serial"], name, population).random(shape)
        return (chance >= settings["imperfections"][name]).astype(float)

    fires = population < len(settings["sizes"]) - 2
    return Pattern(
        **{name: factors(name) for name in (*DRIFTING, "adc_gain")},
        **{name: offsets(name) for name in ("v_reset", "rest", "adc_offset")},
        alive=whole("dead", n) if fires else np.ones(n),
        synapses=factors("synapses", rows, n) * whole("broken", rows, n),
    )


def walk(serial, trial, shape):
    """A random walk with steps of variance 1 after ``trial`` steps, wherever it starts.

    Halves the time until it meets the trial (a Brownian bridge), so that no step
    depends on what was asked before.
    """

    def normal(when):
        return draws(serial, "drift", when).standard_normal(shape)

    if trial == 0:
        return np.zeros(shape)
    low, high = 0, LONGEST
    at_low, at_high = np.zeros(shape), np.sqrt(LONGEST) * normal(LONGEST)
    while low != trial:
        middle = (low + high) // 2
        between = 0.5 * (at_low + at_high)
        between = between + 0.5 * np.sqrt(high - low) * normal(middle)
        if trial < middle:
            high, at_high = middle, between
        else:
            low, at_low = middle, between
    return at_low


def drifted(settings, patterns, trial):
    """The patterns after so many trials: factors exp(δ W - δ² t / 2) of mean 1."""
    drift = settings["imperfections"]["drift"]
    if drift == 0:
        return patterns
    ends = np.cumsum(settings["sizes"][1:])[:-1]
    w = walk(settings["serial"], trial, (len(DRIFTING), sum(settings["sizes"][1:])))
    factors = np.exp(drift * w - 0.5 * drift**2 * trial)
    return [
        old._replace(**{k: getattr(old, k) * f[j] for j, k in enumerate(DRIFTING)})
        for old, f in zip(patterns, np.split(factors, ends, axis=1), strict=True)
    ]


class Circuit(NamedTuple):
    """One sub-step of a population, each ``[n]``; voltages relative to rest."""

    mem: np.ndarray  # what is left of the voltage
    syn: np.ndarray  # what is left of the current
    gain: np.ndarray  # voltage that a unit of current brings
    threshold: np.ndarray
    reset: np.ndarray
    rest: np.ndarray
    noise: np.ndarray  # standard deviation that one bin adds


def circuit_of(settings, pattern):
    """Works out the exact flow of a sub-step."""
    dt = settings["dt"] / settings["imperfections"]["substeps"]
    tau_mem = settings["tau_mem"] * pattern.tau_mem
    tau_syn = settings["tau_syn"] * pattern.tau_syn
    mem, syn = np.exp(-dt / tau_mem), np.exp(-dt / tau_syn)
    near = np.abs(dt / tau_mem - dt / tau_syn) < 1e-6
    apart = np.where(near, 1.0, tau_syn - tau_mem)
    gain = np.where(near, dt / tau_mem * mem, tau_syn * (syn - mem) / apart)
    alive = pattern.alive > 0
    return Circuit(
        mem=mem.astype(F32),
        syn=syn.astype(F32),
        gain=np.where(alive, gain, 0.0).astype(F32),
        threshold=np.where(alive, pattern.threshold - pattern.rest, np.inf).astype(F32),
        reset=(pattern.v_reset - pattern.rest).astype(F32),
        rest=pattern.rest.astype(F32),
        noise=_added(settings, tau_mem),
    )


def _added(settings, tau_mem):
    """Noise that keeps a resting membrane at its standard deviation, bin by bin."""
    lost = -np.expm1(-2.0 * settings["dt"] / tau_mem)
    return (settings["imperfections"]["noise"] * np.sqrt(lost)).astype(F32)


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
                v += circuit.noise * rng.standard_normal((B, n), dtype=F32)
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


def sampled(settings, pattern, v, rng):
    """Voltages ``[T, B, n]`` as an ADC tells them, and the share of codes at a rail."""
    gain, offset = pattern.adc_gain.astype(F32), pattern.adc_offset.astype(F32)
    bits, (low, high) = (
        settings["imperfections"]["adc_bits"],
        settings["imperfections"]["adc_range"],
    )
    codes = np.empty(v.shape, F32 if bits is None else np.uint8)
    top = F32(1.0 if bits is None else 2**bits - 1)
    scale, at_rail = F32(1.0 if bits is None else top / (high - low)), 0
    for seen, code in zip(v, codes, strict=True):
        told = seen * gain + offset
        if rng is not None:
            told += F32(settings["imperfections"]["adc_noise"]) * rng.standard_normal(
                told.shape, F32
            )
        if bits is not None:
            told = np.clip(np.rint((told - F32(low)) * scale), 0, top)
            at_rail += int(np.count_nonzero((told == 0) | (told == top)))
        code[...] = told
    return codes, at_rail / max(codes.size, 1)


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
        self.settings = settings
        sizes, recurrent = settings["sizes"], settings["recurrent"]
        pairs = zip(sizes[:-1], sizes[1:], recurrent, strict=True)
        rows = [below + (own if closed else 0) for below, own, closed in pairs]
        self.patterns = [pattern_of(settings, p, r) for p, r in enumerate(rows)]
        self.weights, self.saturated, self.trial = (), (), 0

    def program(self, weights):
        """Takes weights ``[rows, n]`` of each population, as its synapses can."""
        bits, step = (
            self.settings["imperfections"]["weight_bits"],
            self.settings["imperfections"]["weight_step"],
        )
        held = [rounded(w, bits, step) for w in weights]
        self.weights, self.saturated = zip(*held, strict=True)

    def run(self, events, trial):
        """Input ``[T, B, n_in]`` -> spikes, voltages of each population, and notes."""
        s, began = self.settings, time.perf_counter()
        self.trial = self.trial if trial is None else trial
        seed = LONGEST + secrets.randbits(64) if trial is None else trial
        noise = lambda what, p: draws(s["serial"], what, p, seed)  # noqa: E731
        came, lost_in = limited(
            events, s["imperfections"]["events_in"], noise("events_in", 0)
        )
        spikes, voltages, notes = [], [], {}
        patterns, below = drifted(s, self.patterns, self.trial), came[:, None]
        for p, pattern in enumerate(patterns):
            fires = p < len(patterns) - 1
            below, v = run_population(
                circuit_of(s, pattern),
                self.effective(p, pattern),
                below,
                s["reset"] if fires else "none",
                s["imperfections"]["substeps"],
                noise("membrane", p) if s["imperfections"]["noise"] else None,
            )
            adc_noise = noise("adc", p) if s["imperfections"]["adc_noise"] else None
            codes, notes[f"at_rail.{p}"] = sampled(s, pattern, v, adc_noise)
            notes[f"saturated.{p}"] = self.saturated[p]
            voltages.append(codes)
            spikes += [below.any(axis=1)] if fires else []
        spikes, events_out, lost_out = self.sent(spikes, noise("events_out", 0))
        notes |= {"events_in": int(events.sum()), "lost_in": lost_in}
        notes |= {"events_out": events_out, "lost_out": lost_out}
        notes["seconds"] = time.perf_counter() - began
        return spikes, voltages, notes

    def effective(self, p, pattern):
        """What a spike does through each synapse: from below, and from itself."""
        w = (self.weights[p] * (pattern.synapses * pattern.gain)).astype(F32)
        m = self.settings["sizes"][p]
        return w[:m], w[m:] if self.settings["recurrent"][p] else None

    def sent(self, spikes, rng):
        """Spikes that get out through one link for all populations, and counts."""
        if not spikes:
            return [], 0, 0
        events = np.concatenate(spikes, axis=-1)
        kept, lost = limited(events, self.settings["imperfections"]["events_out"], rng)
        ends = np.cumsum([s.shape[-1] for s in spikes])[:-1]
        return np.split(kept, ends, axis=-1), int(events.sum()), lost


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
    chip = Chip(EMPTY)
    while line := source.readline():
        asked = json.loads(line)
        arrays = read_arrays(source, asked["arrays"])
        if asked["do"] == "start":
            chip = Chip(asked["settings"])
            answer(sink, asked["number"])
        elif asked["do"] == "program":
            chip.program(arrays)
            answer(sink, asked["number"])
        else:
            n_in = chip.settings["sizes"][0]
            events = np.unpackbits(arrays[0], axis=-1, count=n_in).astype(bool)
            spikes, voltages, notes = chip.run(events, asked["trial"])
            bits = [np.packbits(s, axis=-1) for s in spikes]
            answer(sink, asked["number"], notes, [*bits, *voltages])


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
